"""The people who staff the desk."""

from django.contrib.auth.models import AbstractUser, Group, Permission
from django.db import models


class User(AbstractUser):
    """A member of staff. Visitors have no account: a signed token names their conversation."""


class GivenRight(models.Model):
    """A right that a group got from the product, once: who takes it away keeps it away."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="+")
    permission = models.ForeignKey(Permission, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group", "permission"], name="one_given_right")
        ]

    def __str__(self) -> str:
        return f"{self.group} {self.permission.codename}"

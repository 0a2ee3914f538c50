"""The people who staff the desk."""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A member of staff. Visitors have no account: a signed token names their conversation."""

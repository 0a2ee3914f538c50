"""Keys of the read API: each belongs to a person, and may read some tables."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone


class Readable(models.TextChoices):
    """What a token may be allowed to read."""

    CONVERSATIONS = "conversations", "Conversations"
    MESSAGES = "messages", "Messages"
    CLASSIFICATIONS = "classifications", "Classifications"
    EXTRACTIONS = "extractions", "Extracted details"
    REVIEWS = "reviews", "Reviews"

    @property
    def right(self) -> str:
        """The right that a person needs for the same."""
        return f"chat.view_{self.value.removesuffix('s')}"


class ApiToken(models.Model):
    """Only the digest of a token is kept: whoever reads the database cannot use it."""

    name = models.CharField(max_length=80, help_text="What it is for: the program that uses it.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        editable=False,
        help_text="The token reads what this person may read, and no longer than they may.",
    )
    rights = models.JSONField(default=list, help_text="The tables it may read.")
    beginning = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False)
    expires = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    revoked = models.DateTimeField(null=True, blank=True, editable=False)
    last_used = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API token"
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.name} ({self.beginning}…)"

    def clean(self) -> None:
        if not isinstance(self.rights, list) or set(self.rights) - set(Readable.values):
            raise ValidationError({"rights": f"Some of {', '.join(Readable.values)}."})

    @property
    def works(self) -> bool:
        """Neither revoked nor expired, and its owner still works here."""
        now = timezone.now()
        alive = self.revoked is None and (self.expires is None or self.expires > now)
        return alive and self.owner.is_active and self.owner.is_staff

    def may_read(self, table: str) -> bool:
        """Whether the token was given this table and its owner may still read it."""
        return table in self.rights and self.owner.has_perm(Readable(table).right)

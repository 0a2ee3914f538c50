"""The assistant's persona, as versions that staff edit in the admin."""

from django.db import models, transaction

from inference import presets


class ReplyPromptQuerySet(models.QuerySet):
    def current(self) -> "ReplyPrompt":
        """The version that answers now."""
        return self.get(active=True)

    @transaction.atomic
    def publish(self, **fields) -> "ReplyPrompt":
        """Add a version and make it the one that answers; conversations pick it up at once."""
        self.filter(active=True).update(active=False)
        return self.create(active=True, **fields)

    def install_default(self) -> None:
        if not self.exists():
            self.publish(
                bot_name=presets.BOT_NAME,
                greeting=presets.GREETING,
                greeting_zh=presets.GREETING_ZH,
                system=presets.REPLY_SYSTEM,
            )


class ReplyPrompt(models.Model):
    """One version of who the assistant is and what it must not promise."""

    bot_name = models.CharField(max_length=40)
    greeting = models.CharField(max_length=300, help_text="The first line a visitor reads.")
    greeting_zh = models.CharField(
        "greeting in Chinese", max_length=300, blank=True, help_text="Empty: the greeting above."
    )
    system = models.TextField(
        "system prompt", help_text="Persona, tone, and what must not be promised."
    )
    active = models.BooleanField(default=False, editable=False)
    author = models.ForeignKey(
        "chat.User", null=True, blank=True, editable=False, on_delete=models.PROTECT
    )
    created = models.DateTimeField(auto_now_add=True)

    objects = ReplyPromptQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["active"], condition=models.Q(active=True), name="one_active_reply_prompt"
            )
        ]

    def __str__(self) -> str:
        return f"Version {self.pk}: {self.bot_name}"

    def greeting_for(self, language: str) -> str:
        chinese = language.lower().startswith("zh")
        return (chinese and self.greeting_zh) or self.greeting

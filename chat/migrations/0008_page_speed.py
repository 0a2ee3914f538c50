import django.utils.timezone
from django.db import migrations, models


def mark_reviewed(apps, schema_editor):
    review = apps.get_model("chat", "Review")
    decided = review.objects.values("classification")
    apps.get_model("chat", "Classification").objects.filter(pk__in=decided).update(reviewed=True)


class Migration(migrations.Migration):
    dependencies = [("chat", "0007_alerts")]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="changed",
            field=models.DateTimeField(
                auto_now=True,
                default=django.utils.timezone.now,
                help_text="By any verb, labels included.",
            ),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(fields=["changed", "id"], name="chat_conver_changed_a7f3a9_idx"),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(fields=["language"], name="chat_conver_languag_b1a0ef_idx"),
        ),
        migrations.AddField(
            model_name="classification",
            name="reviewed",
            field=models.BooleanField(default=False, help_text="Somebody has decided on it."),
        ),
        migrations.RunPython(mark_reviewed, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="classification",
            index=models.Index(
                condition=models.Q(("flagged", True), ("reviewed", False)),
                fields=["-created"],
                name="open_flags",
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("flagged__gt", 0)),
                fields=["flagged"],
                name="flagged_conversations",
            ),
        ),
    ]

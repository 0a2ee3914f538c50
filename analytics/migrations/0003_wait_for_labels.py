from django.db import migrations, models


def count_anew(apps, schema_editor):
    """The waits that are stored lack those for labels; pages, or `count_conversations`, fill the
    tables again.
    """
    for name in ("ConversationHour", "ConversationLabel", "Watermark"):
        apps.get_model("analytics", name).objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("analytics", "0002_label_negative")]

    operations = [
        migrations.AlterField(
            model_name="conversationhour",
            name="first_token_ms",
            field=models.JSONField(default=list, help_text="Of every reply, from the message on."),
        ),
        migrations.RunPython(count_anew, migrations.RunPython.noop),
    ]

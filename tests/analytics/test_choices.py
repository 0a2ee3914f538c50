"""What the filters offer to choose from."""

import pytest
from django.core.management import call_command
from django.utils import timezone

from analytics import choices
from chat.models import Conversation
from tests.analytics.overview import URL
from tests.chat.desk import conversation, says, staff

pytestmark = pytest.mark.django_db


def offered() -> list[str]:
    return [language for language, _ in choices.languages() if language]


def spoken(language: str, conversations: int = 1) -> None:
    for _ in range(conversations):
        says(conversation(language=language), "Hello", "Neutral")


def test_languages_are_offered_in_the_order_of_the_alphabet():
    spoken("zh", 2)
    spoken("en")
    assert offered() == ["en", "zh"]


def test_a_language_in_which_nobody_wrote_is_not_offered():
    spoken("en")
    conversation(language="a00")
    assert offered() == ["en"]


def test_made_up_languages_do_not_push_out_those_that_are_spoken(client):
    spoken("en", 2)
    written = {"message_count": 1, "last_message_at": timezone.now()}
    Conversation.objects.bulk_create(
        Conversation(language=f"a{i:02}", **written) for i in range(60)
    )
    assert len(offered()) == choices.MOST_LANGUAGES
    assert offered()[-1] == "en"
    client.force_login(staff("lead"))
    call_command("count_conversations")
    assert client.get(URL, {"language": "en"}).context["overview"].total.conversations == 2

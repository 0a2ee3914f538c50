"""The demo: scripts and dates by chance, replies and moods by the model, aggregates right."""

import io
import json
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from chat import demo
from chat.demo.plan import SCRIPTS, plan
from chat.models import (
    Alert,
    Classification,
    Conversation,
    Message,
    MoodCount,
    Review,
    User,
)
from inference import resident
from inference.errors import EngineRefusal
from tests.inference.scripted import ScriptedEngine

NOW = datetime(2026, 3, 29, 3, 0, tzinfo=UTC)


def by_words(task) -> str:
    """A mood from the message, so that tests see that it is the message's own."""
    if "Negative" not in task.labels:
        return task.labels[0]
    return mood_of(task.messages[-1].content)


def all_negative(task) -> str:
    return "Negative" if "Negative" in task.labels else task.labels[0]


def mood_of(said: str) -> str:
    if any(word in said for word in ("furious", "outrageous", "投诉", "angry")):
        return "Negative"
    return "Positive" if "thank" in said.lower() or "谢谢" in said else "Neutral"


@pytest.fixture
def engine():
    engine = ScriptedEngine(reply="Could you give me the order number?", label=by_words)
    before = resident.install(engine)
    yield engine
    resident.install(before)


class TestThePlan:
    def test_has_scripts_enough_in_two_languages(self):
        assert len({script.name for script in SCRIPTS}) == len(SCRIPTS) >= 40
        assert {script.language for script in SCRIPTS} == {"en", "zh"}

    def test_tells_every_script_once_before_any_twice(self):
        stories = plan(NOW, 30, len(SCRIPTS), Random(1))
        assert len({story.lines[0].text for story in stories}) == len(SCRIPTS)

    @settings(max_examples=40, deadline=None)
    @given(days=st.integers(1, 60), count=st.integers(1, 60), seed=st.integers())
    def test_lies_in_the_past_and_in_order(self, days, count, seed):
        stories = plan(NOW, days, count, Random(seed))
        assert len(stories) == count
        for story in stories:
            times = [line.at for line in story.lines]
            assert times == sorted(times)
            assert NOW - timedelta(days=days + 1) <= times[0] <= times[-1] <= NOW
            assert all(line.text and "{" not in line.text for line in story.lines)

    def test_repeats_itself_with_the_same_seed_only(self):
        assert plan(NOW, 30, 9, Random(4)) == plan(NOW, 30, 9, Random(4))
        assert plan(NOW, 30, 9, Random(4)) != plan(NOW, 30, 9, Random(5))


@pytest.mark.django_db
class TestSeeding:
    def test_answers_and_labels_every_visitor_message(self, engine):
        report = demo.seed(engine, conversations=12)
        said = Message.objects.from_visitor()
        assert report.conversations == Conversation.objects.count() == 12
        assert report.messages == Message.objects.count() == 2 * said.count()
        assert sum(report.labels.values()) == said.count()
        assert Classification.objects.count() == said.count() * (1 + len(demo.TASKS))
        assert not Message.objects.running().exists()

    def test_takes_moods_from_the_model(self, engine):
        report = demo.seed(engine, conversations=12)
        assert len(report.labels) == 3
        for message in Message.objects.from_visitor():
            assert message.label == mood_of(message.text)

    def test_dates_everything_back(self, engine):
        demo.seed(engine, conversations=12)
        for talk in Conversation.objects.all():
            times = list(talk.messages.order_by("seq").values_list("created", flat=True))
            assert times == sorted(times)
            assert talk.created == times[0]
            assert talk.last_message_at == times[-1]
            assert times[-1] < timezone.now()

    def test_keeps_the_aggregates_right(self, engine):
        demo.seed(engine, conversations=12)
        for talk in Conversation.objects.all():
            before = (talk.message_count, talk.flagged, talk.mood_score, talk.mood_trend)
            rows = Classification.objects.filter(message__conversation=talk)
            talk.refresh_mood()
            counted = (talk.messages.count(), rows.flagged().count())
            assert before == (*counted, talk.mood_score, talk.mood_trend)

    def test_opens_with_conversations_in_trouble_now_and_alerts(self, engine):
        sure = ScriptedEngine(reply="I am sorry.", label=by_words, confidence=0.97)
        demo.seed(sure, conversations=40)
        trouble = Conversation.objects.filter(
            status="waiting", last_message_at__gte=timezone.now() - timedelta(hours=1)
        )
        assert trouble.count() >= 3
        assert Alert.objects.open().filter(conversation__in=trouble).exists()
        assert not Alert.objects.exclude(conversation__in=trouble).exists()

    def test_people_decide_what_the_script_says_and_differ_where_it_does(self, engine):
        angry = ScriptedEngine(reply="I am sorry.", label=all_negative)
        report = demo.seed(angry, conversations=40)
        reviews = Review.objects.select_related("classification__message", "reviewer")
        assert report.reviews == len(reviews) > 0
        assert {review.verdict for review in reviews} == {"confirmed", "corrected"}
        assert Classification.objects.disputed().exists()
        assert reviews.filter(settles=True).exists()
        assert all(
            review.classification.message.created < review.created <= timezone.now()
            for review in reviews
        )

    def test_what_was_flagged_today_still_waits_in_the_queue(self, engine):
        demo.seed(ScriptedEngine(reply="I am sorry.", label=all_negative), conversations=40)
        today = Message.objects.filter(created__gte=timezone.now() - timedelta(hours=23))
        flagged = Classification.objects.flagged().filter(message__in=today)
        assert flagged.exists()
        assert flagged.unreviewed().count() == flagged.count()

    def test_its_people_cannot_log_in(self, engine, client):
        demo.seed(ScriptedEngine(reply="I am sorry.", label=all_negative), conversations=12)
        people = User.objects.filter(username__startswith="demo-")
        assert people.count() == 3
        assert not any(person.has_usable_password() for person in people)

    def test_counts_each_mood_in_the_quarter_of_an_hour_when_it_was_written(self, engine):
        demo.seed(engine, conversations=6)
        for count in MoodCount.objects.filter(task__slug="sentiment"):
            end = count.bucket + timedelta(minutes=MoodCount.MINUTES)
            written = Message.objects.filter(created__gte=count.bucket, created__lt=end)
            assert written.filter(label=count.label).count() == count.count

    def test_tells_of_its_progress(self, engine):
        heard = []
        demo.seed(engine, conversations=3, progress=lambda done, total: heard.append((done, total)))
        assert heard == [(1, 3), (2, 3), (3, 3)]

    def test_a_reply_that_fails_is_kept_as_failed(self):
        silent = ScriptedEngine(reply="", label="Neutral")
        report = demo.seed(silent, conversations=1)
        assert report.failed_replies == Message.objects.filter(state="failed").count() > 0

    def test_needs_an_engine_that_works(self, engine):
        engine.stop()
        with pytest.raises(EngineRefusal):
            demo.seed(engine, conversations=1)

    @pytest.mark.parametrize("wrong", [{"days": 0}, {"conversations": -1}])
    def test_refuses_senseless_numbers(self, engine, wrong):
        with pytest.raises(ValueError, match="1 or more"):
            demo.seed(engine, **wrong)


@pytest.mark.django_db
class TestTheCommand:
    def run(self, **options) -> dict:
        out = io.StringIO()
        call_command("seed_demo", "--json", conversations=2, stdout=out, **options)
        return json.loads(out.getvalue().splitlines()[-1])

    def test_ends_with_one_json_object(self, engine):
        figures = self.run()
        assert figures["conversations"] == 2
        assert figures["model"] == engine.model_id

    def test_leaves_an_engine_that_serves_already_to_whoever_started_it(self, engine):
        self.run()
        assert engine.state == "ready"

    def test_stops_an_engine_that_it_started(self, engine, monkeypatch):
        engine.state = "new"
        monkeypatch.setattr(engine, "start", lambda: setattr(engine, "state", "ready"))
        self.run()
        assert engine.state == "stopped"

    def test_refuses_a_second_run_unless_told(self, engine):
        self.run()
        with pytest.raises(CommandError, match="--again"):
            self.run()
        self.run(again=True)
        assert Conversation.objects.count() == 4

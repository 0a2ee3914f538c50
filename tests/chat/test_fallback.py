"""Where the model is not sure, the fallback classifier decides: in turns, backfills and trials."""

import asyncio
import threading

import pytest
from django.urls import reverse

from chat import backfill, deciding, trial, turns
from chat.labels import TaskRun
from chat.models import Classification, Message
from inference.fallback import resident
from inference.fallback.classifier import Classifier
from inference.fallback.config import FallbackConfig
from inference.fallback.worker import Fallback
from inference.models import Task
from tests.chat.desk import conversation, says, staff
from tests.inference.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db(transaction=True)


class Scripted(Classifier):
    """Says the same of every text, once it may."""

    def __init__(self, gate: threading.Event):
        labels = ("negative", "neutral", "positive")
        super().__init__("moods@1", labels, None, None, 512)
        object.__setattr__(self, "gate", gate)

    def shares(self, text: str) -> list[float]:
        assert self.gate.wait(30)
        if "NaN" in text:
            return [float("nan")] * 3
        return [0.8, 0.15, 0.05]


@pytest.fixture
def gate():
    """Cleared, it holds the classifier's answers back."""
    event = threading.Event()
    event.set()
    yield event
    event.set()


@pytest.fixture
def fallback(gate):
    """The process's fallback: negative with 80 %, of any message."""
    made = Fallback(FallbackConfig("moods"), load=lambda config: Scripted(gate))
    resident.install(made)
    return made


@pytest.fixture
def broken():
    """A fallback whose model does not load."""

    def load(config):
        raise OSError("the disk is gone")

    made = Fallback(FallbackConfig("moods"), load=load)
    resident.install(made)
    return made


@pytest.fixture
def engine(engine):
    """The desk's engine, unsure of everything."""
    engine._confidence = 0.5
    return engine


async def read(visitor, text="It is what it is", client_id="c1") -> Classification:
    """The visitor writes; the label of that message once its turn is over."""
    mine, _ = await visitor.say(text, client_id)
    await over()
    return await Classification.objects.aget(message__seq=mine["seq"])


async def over() -> None:
    for task in list(turns._running.values()):
        await task


class TestInATurn:
    async def test_it_decides_below_the_threshold_and_the_row_says_so(
        self, fallback, engine, visit
    ):
        row = await read(await visit())
        assert (row.label, row.confidence) == ("Negative", 0.8)
        assert (row.source, row.fallback_id) == ("fallback", "moods@1")
        assert row.model_id == engine.model_id
        assert max(row.logprobs, key=row.logprobs.get) == "Neutral"
        assert (await Message.objects.aget(pk=row.message_id)).label == "Negative"

    async def test_it_flags_by_the_same_rules(self, fallback, engine, visit):
        assert (await read(await visit())).flagged

    async def test_it_is_not_asked_where_the_model_is_sure(self, fallback, engine, visit):
        engine._confidence = 0.9
        row = await read(await visit())
        assert (row.label, row.source, row.fallback_id) == ("Neutral", "model", "")
        assert fallback.state == "idle"

    async def test_it_decides_no_task_but_its_own(self, fallback, engine, visit):
        await Task.objects.filter(slug="urgency").aupdate(enabled=True)
        visitor = await visit()
        await visitor.say("It is what it is", "c1")
        await over()
        rows = {row.version.task.slug: row async for row in _with_tasks()}
        assert rows["urgency"].source == "model"
        assert rows["sentiment"].source == "fallback"

    async def test_the_reply_does_not_wait_for_it(self, fallback, engine, visit, gate):
        gate.clear()
        visitor = await visit()
        _, reply = await visitor.say("It is what it is", "c1")
        await visitor.until_state(reply["seq"], "done")
        assert not await Classification.objects.aexists()
        gate.set()
        await over()
        assert (await Classification.objects.aget()).source == "fallback"

    async def test_the_next_message_does_not_wait_for_it(self, fallback, engine, visit, gate):
        gate.clear()
        visitor = await visit()
        for number in range(2):
            _, reply = await visitor.say(f"Message {number}", f"c{number}")
            await visitor.until_state(reply["seq"], "done")
        gate.set()
        await over()
        assert await Classification.objects.filter(source="fallback").acount() == 2

    async def test_several_first_needs_at_once_load_it_once(self, engine, visit, gate):
        loads = []

        def load(config):
            loads.append(config)
            return Scripted(gate)

        resident.install(Fallback(FallbackConfig("moods"), load=load))
        visitor = await visit()
        await asyncio.gather(
            *(visitor.send("message", client_id=f"c{n}", text=f"Message {n}") for n in range(4))
        )
        async with asyncio.timeout(10):
            while await Classification.objects.acount() < 4:
                await asyncio.sleep(0.01)
        assert len(loads) == 1

    async def test_the_models_answer_stands_where_it_does_not_load(self, broken, engine, visit):
        row = await read(await visit())
        assert (row.label, row.confidence, row.source) == ("Neutral", 0.5, "model")
        assert broken.state == "failed"

    async def test_the_models_answer_stands_where_it_fails(self, fallback, engine, visit):
        visitor = await visit()
        assert (await read(visitor, "NaN")).source == "model"
        assert (await read(visitor, "Hello", "c2")).source == "fallback"

    async def test_the_models_answer_stands_where_it_takes_too_long(
        self, fallback, engine, visit, gate, monkeypatch
    ):
        monkeypatch.setattr(deciding, "WAIT_SECONDS", 0.05)
        gate.clear()
        assert (await read(await visit())).source == "model"

    async def test_a_version_that_reads_conversations_is_not_its_job(self, fallback, engine, visit):
        await turns.in_thread(publish)(context="conversation")
        assert (await read(await visit())).source == "model"

    async def test_a_version_with_other_labels_is_not_decided_and_staff_are_told(
        self, fallback, engine, visit
    ):
        engine._label = "Good"
        labels = [{"name": name, "polarity": 0, "flags": []} for name in ("Good", "Bad", "So")]
        await turns.in_thread(publish)(labels=labels)
        assert (await read(await visit())).label == "Good"
        assert "INFERENCE_FALLBACK_LABELS" in resident.report()["error"]

    async def test_a_repeated_message_is_decided_again(self, fallback, engine, visit):
        visitor = await visit()
        await read(visitor)
        row = await read(visitor, client_id="c2")
        assert (row.cached, row.source) == (True, "fallback")


class TestElsewhere:
    @pytest.fixture
    def engine(self):
        return ScriptedEngine(label="Neutral", confidence=0.5)

    @pytest.fixture
    def task(self):
        """Sentiment, with three messages that its new version has not read."""
        talk = conversation()
        for number in range(3):
            says(talk, f"Message {number}", "Positive")
        return publish(prompt="The mood?").task

    def test_a_backfill_lets_it_decide(self, fallback, engine, task):
        row = backfill.work(backfill.begin(task), engine, in_flight=2)
        assert (row.state, row.labelled) == ("done", 3)
        rows = Classification.objects.filter(version=task.current)
        assert {(each.label, each.source) for each in rows} == {("Negative", "fallback")}

    def test_a_backfill_goes_on_without_it(self, broken, engine, task):
        assert backfill.work(backfill.begin(task), engine).labelled == 3
        rows = Classification.objects.filter(version=task.current)
        assert {(each.label, each.source) for each in rows} == {("Neutral", "model")}

    async def test_a_trial_shows_what_it_decides(self, fallback, engine, task):
        before = trial.resident.install(engine)
        subjects = await trial.in_thread(trial.pasted)(["Hello"])
        report = await trial.run(TaskRun(task, task.current), subjects)
        trial.resident.install(before)
        (tried,) = report.trials
        assert (tried.label, tried.decided_by) == ("Negative", "moods@1")
        assert tried.probabilities["Negative"] == 0.8


class TestStaff:
    @pytest.fixture
    def lead(self, client):
        client.force_login(staff("lead"))
        return client

    @pytest.mark.parametrize(
        "name",
        [
            "analytics:overview",
            "analytics:conversations",
            "admin:chat_classification_changelist",
            "admin:inference_task_changelist",
        ],
    )
    def test_are_warned_while_it_does_not_decide(self, lead, broken, name):
        warning = "The fallback classifier does not decide"
        assert warning not in lead.get(reverse(name)).content.decode()
        with pytest.raises(Exception, match="disk is gone"):
            broken.ask("Hello", ("Positive", "Neutral", "Negative")).result(30)
        page = lead.get(reverse(name)).content.decode()
        assert warning in page
        assert "the disk is gone" in page

    def test_see_who_decided(self, lead, fallback):
        row = says(conversation(), "Hello", "Negative")
        Classification.objects.filter(pk=row.pk).update(source="fallback", fallback_id="moods@1")
        address = reverse("admin:chat_classification_change", args=[row.pk])
        assert "moods@1, since the model was not sure" in lead.get(address).content.decode()

    async def test_read_its_state_in_the_health_check(self, broken, engine, async_client):
        with pytest.raises(Exception, match="disk is gone"):
            broken.ask("Hello", ("Positive", "Neutral", "Negative")).result(30)
        response = await async_client.get(reverse("inference:readyz"))
        assert response.status_code == 200
        told = response.json()["fallback"]
        assert (told["state"], told["decided"], told["failed"]) == ("failed", 0, 1)
        assert "the disk is gone" in told["error"]


def publish(**changes):
    task = Task.objects.get(slug="sentiment")
    current = task.current
    wording = {"prompt": current.prompt, "labels": current.labels, "context": current.context}
    return task.publish(**(wording | changes))


def _with_tasks():
    return Classification.objects.select_related("version__task")

"""Where a task's switch says so, a reply waits for the label and follows its instruction."""

import pytest

from chat import conversations, guidance, labels, turns
from chat.models import Conversation, Message
from inference import presets
from inference.models import Task
from inference.tasks import Affine
from tests.chat.desk import staff

pytestmark = pytest.mark.django_db(transaction=True)
ANGRY = "You lost my parcel again!"


@pytest.fixture(autouse=True)
def guides():
    """The mood guides the reply; so may the other task, once it is switched on."""
    Task.objects.filter(slug__in=["sentiment", "wants-human"]).update(guides_reply=True)


def moods(label: str):
    return lambda part: label if part.key == "sentiment" else "Yes"


def replies(engine) -> list:
    return [request.reply for request in engine.requests.values() if request.reply]


async def ended() -> None:
    for task in list(turns._running.values()):
        await task


class TestAReply:
    async def test_is_told_what_the_label_says_behind_the_message(self, engine, visit):
        engine._label = moods("Negative")
        visitor = await visit()
        await visitor.say(ANGRY)
        assert (await visitor.receive("done"))["text"] == "Hello there, friend."
        (reply,) = replies(engine)
        assert reply.guidance == presets.UPSET_GUIDANCE
        assert reply.messages[-1].content == ANGRY
        row = await Message.objects.replies().aget()
        assert row.guidance == presets.UPSET_GUIDANCE
        assert row.label_wait_ms >= 0

    async def test_is_told_nothing_by_a_label_without_an_instruction(self, engine, visit):
        visitor = await visit()
        await visitor.say("Where is it?")
        await visitor.receive("done")
        assert [reply.guidance for reply in replies(engine)] == [""]

    async def test_is_told_nothing_by_a_label_that_is_not_sure(self, engine, visit):
        engine._label, engine._confidence = moods("Negative"), 0.5
        visitor = await visit()
        await visitor.say(ANGRY)
        await visitor.receive("done")
        assert [reply.guidance for reply in replies(engine)] == [""]

    async def test_goes_with_its_labels_in_one_request_where_the_switch_is_off(self, engine, visit):
        await Task.objects.aupdate(guides_reply=False)
        engine._label = moods("Negative")
        visitor = await visit()
        await visitor.say(ANGRY)
        await visitor.receive("done")
        assert len(engine.requests) == 1
        assert (await Message.objects.replies().aget()).label_wait_ms is None

    async def test_waits_until_the_label_is_known_and_for_no_other_task(self, by_hand, visit):
        by_hand._label, by_hand.calibrations = None, Shipped()
        await Task.objects.filter(slug="urgency").aupdate(enabled=True)
        visitor = await visit()
        await visitor.say(ANGRY)
        await visitor.until(lambda: by_hand.requests)
        assert {part for _, part in by_hand.open_parts()} == {"sentiment", "urgency"}
        by_hand.classify(by_hand.last, "sentiment", "Negative")
        ticket = await by_hand.replying()
        by_hand.emit(ticket, "I am sorry.")
        by_hand.finish(ticket)
        assert (await visitor.receive("done"))["text"] == "I am sorry."
        by_hand.fail(1, "urgency")

    async def test_hears_of_every_task_that_guides_it(self, engine, visit):
        engine.calibrations = Shipped()
        engine._label = moods("Negative")
        await Task.objects.filter(slug="wants-human").aupdate(enabled=True)
        visitor = await visit()
        await visitor.say(ANGRY)
        await visitor.receive("done")
        (reply,) = replies(engine)
        assert reply.guidance == f"{presets.UPSET_GUIDANCE} {presets.PERSON_GUIDANCE}"

    async def test_comes_without_instruction_where_the_label_fails(self, by_hand, visit):
        by_hand._label = None
        visitor = await visit()
        await visitor.say(ANGRY)
        await visitor.until(lambda: by_hand.requests)
        by_hand.fail(by_hand.last, "sentiment", "NaN logits")
        ticket = await by_hand.replying()
        by_hand.emit(ticket, "Hm.")
        by_hand.finish(ticket)
        assert (await visitor.receive("done"))["text"] == "Hm."
        assert [reply.guidance for reply in replies(by_hand)] == [""]

    async def test_that_is_stopped_while_it_waits_is_never_begun(self, by_hand, visit):
        by_hand._label = None
        visitor = await visit()
        _, reply = await visitor.say(ANGRY)
        await visitor.until(lambda: by_hand.requests)
        await visitor.send("stop", seq=reply["seq"])
        await visitor.sync()
        by_hand.classify(by_hand.last, "sentiment", "Negative")
        assert (await visitor.receive("done"))["state"] == "stopped"
        assert not replies(by_hand)

    async def test_fails_where_the_model_dies_while_it_waits(self, by_hand, visit):
        by_hand._label = None
        visitor = await visit()
        await visitor.say(ANGRY)
        await visitor.until(lambda: by_hand.requests)
        by_hand.become_failed("gone")
        assert (await visitor.receive("done"))["state"] == "failed"

    async def test_to_words_that_were_read_before_waits_for_nothing(self, engine, visit):
        engine._label = moods("Negative")
        visitor = await visit()
        for client_id in ("c1", "c2"):
            await visitor.say(ANGRY, client_id)
            await visitor.receive("done")
            await ended()
        assert [reply.guidance for reply in replies(engine)] == [presets.UPSET_GUIDANCE] * 2
        assert sum(len(request.classify) for request in engine.requests.values()) == 1


class TestALaterReply:
    async def test_follows_the_label_that_its_message_has_by_then(self, by_hand, visit):
        by_hand._label = moods("Negative")
        visitor = await visit()
        await visitor.say("First", "c1")
        first = await by_hand.replying()
        await visitor.say("Second", "c2")
        await visitor.until(lambda: len(by_hand.requests) == 3)  # its label, while the first runs
        by_hand.emit(first, "One.")
        by_hand.finish(first)
        await visitor.receive("done")
        second = await by_hand.replying()
        assert by_hand.requests[second].reply.guidance == presets.UPSET_GUIDANCE
        by_hand.emit(second, "Two.")
        by_hand.finish(second)
        await visitor.receive("done")

    async def test_follows_what_a_person_decided_when_it_is_tried_again(self, engine, visit):
        engine._label = moods("Negative")
        engine._reply = lambda reply: ""  # empty: it fails, and may be tried again
        visitor = await visit()
        _, reply = await visitor.say(ANGRY)
        await visitor.receive("done")
        await turns.in_thread(decide)("Neutral")
        engine._reply = "Here you are."
        await visitor.send("retry", seq=reply["seq"])
        await visitor.receive("done", state="done")
        assert replies(engine)[-1].guidance == ""
        row = await Message.objects.replies().aget()
        assert (row.guidance, row.label_wait_ms) == ("", None)


class TestAPerson:
    @pytest.fixture(autouse=True)
    def wanted(self, engine):
        Task.objects.filter(slug="wants-human").update(enabled=True)
        engine.calibrations = Shipped()
        engine._label = moods("Neutral")

    async def test_is_brought_by_a_label_and_the_reply_says_so(self, engine, visit, conversation):
        visitor = await visit()
        await visitor.say("Is anybody there")
        await visitor.receive("done")
        await visitor.sync()
        assert visitor.status == Conversation.Status.WAITING
        assert replies(engine)[0].guidance == presets.PERSON_GUIDANCE

    async def test_is_not_brought_where_the_switch_is_off(self, engine, visit, conversation):
        await Task.objects.aupdate(guides_reply=False)
        visitor = await visit()
        await visitor.say("Is anybody there")
        await visitor.receive("done")
        await ended()
        await conversation.arefresh_from_db()
        assert conversation.status == Conversation.Status.BOT

    async def test_who_is_there_already_stays(self, engine, visit, conversation):
        await turns.in_thread(conversations.set_status)(conversation.pk, "human")
        visitor = await visit()
        await visitor.send("message", client_id="c1", text="Is anybody there")
        await visitor.receive("message", client_id="c1")
        await ended()
        await conversation.arefresh_from_db()
        assert conversation.status == Conversation.Status.HUMAN


async def test_waits_are_summed_up(engine, visit):
    assert await turns.in_thread(guidance.waits)() is None
    visitor = await visit()
    await visitor.say(ANGRY)
    await visitor.receive("done")
    found = await turns.in_thread(guidance.waits)()
    assert found["n"] == 1
    assert found["p50_ms"] == found["p95_ms"] >= 0


def decide(label: str) -> None:
    row = Message.objects.from_visitor().get().classifications.get()
    labels.review(row, staff("reviewer"), "corrected", label)


class Shipped(dict):
    """Every wording is neutral already."""

    def get(self, key, default=None):
        return Affine()

"""A message goes the way that its route says, through sockets and the database."""

import pytest
from django.db import IntegrityError
from django.urls import reverse

from chat import model_router, router, turns
from chat.models import Classification, Conversation, Message, RoutingPhrase
from inference.models import Task
from inference.sequence import REPLY
from inference.tasks import Affine
from tests.chat.conftest import quiet
from tests.chat.desk import staff

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_calibrated(monkeypatch):
    monkeypatch.setattr(model_router, "_calibrated", {})


async def labels_in_the_end() -> int:
    """How many labels there are once every turn has ended."""
    for task in list(turns._running.values()):
        await task
    return await Classification.objects.acount()


class TestByKeyword:
    @pytest.fixture(autouse=True)
    def keyword(self, settings):
        settings.CHAT_ROUTER = "keyword"

    async def test_a_mere_ok_gets_no_reply_and_no_label(self, engine, visit):
        visitor = await visit()
        await visitor.send("message", client_id="c1", text="Ok!")
        await visitor.receive("message", client_id="c1")
        assert await labels_in_the_end() == 0
        assert engine.requests == {}
        assert await Message.objects.replies().acount() == 0

    async def test_a_task_that_is_not_called_does_not_run(self, engine, visit):
        visitor = await visit()
        await visitor.say("Where is my order?")
        await visitor.receive("done")
        assert await labels_in_the_end() == 0

    async def test_a_task_that_is_called_runs(self, engine, visit):
        visitor = await visit()
        await visitor.say("I am ANGRY")
        await visitor.receive("done")
        assert await labels_in_the_end() == 1

    async def test_the_same_message_sent_again_brings_the_same_rows(self, engine, visit):
        visitor = await visit()
        for _ in range(2):
            await visitor.send("message", client_id="c1", text="bye")
            await visitor.receive("message", client_id="c1")
        assert await Message.objects.acount() == 1


class TestAPerson:
    async def test_is_waited_for_after_a_phrase_and_the_visitor_is_answered(self, engine, visit):
        visitor = await visit()
        await visitor.say("I want to talk to a human")
        await visitor.receive("done")
        await visitor.sync()
        assert visitor.status == Conversation.Status.WAITING

    async def test_who_is_there_already_stays(self, engine, conversation, visit):
        await Conversation.objects.filter(pk=conversation.pk).aupdate(status="human")
        visitor = await visit()
        await visitor.send("message", client_id="c1", text="转人工")
        await visitor.receive("message", client_id="c1")
        await conversation.arefresh_from_db()
        assert conversation.status == "human"
        await quiet()


class TestByTheModel:
    @pytest.fixture(autouse=True)
    def model(self, settings):
        settings.CHAT_ROUTER = "model"

    async def test_brings_a_person_where_that_scores_highest(self, engine, visit, conversation):
        engine._label = lambda part: model_router.PERSON if part.key == "route" else "Neutral"
        engine.calibrations = Shipped()
        visitor = await visit()
        await visitor.say("Is anybody there at all")
        await visitor.receive("done")
        await conversation.arefresh_from_db()
        assert conversation.status == "waiting"
        assert await labels_in_the_end() == 0  # the only task was less likely than chance

    async def test_runs_the_tasks_that_it_names(self, engine, visit):
        engine._label = lambda part: "sentiment" if part.key == "route" else "Neutral"
        engine.calibrations = Shipped()
        visitor = await visit()
        await visitor.say("Hm")
        await visitor.receive("done")
        assert await labels_in_the_end() == 1

    async def test_runs_every_task_when_the_model_fails_to_say(self, by_hand, visit):
        by_hand._label = None
        visitor = await visit()
        await visitor.say("Hm")
        await visitor.until(lambda: by_hand.requests)
        by_hand.fail(by_hand.last, "route", "NaN logits")
        ticket = await by_hand.replying()
        assert {"sentiment", REPLY} == {part for _, part in by_hand.open_parts()}
        by_hand.emit(ticket, "Yes?")
        by_hand.finish(ticket)
        assert (await visitor.receive("done"))["text"] == "Yes?"

    async def test_a_message_is_stored_with_its_reply_before_it_is_asked(self, by_hand, visit):
        by_hand._label = None
        visitor = await visit()
        _, reply = await visitor.say("Hm")
        assert reply["state"] == "queued"
        await visitor.until(lambda: by_hand.requests)
        assert [part for _, part in by_hand.open_parts()] == ["route"]


class TestTheLists:
    def test_are_there_on_a_fresh_machine_and_not_brought_back(self):
        assert RoutingPhrase.objects.filter(kind="person").exists()
        RoutingPhrase.objects.exclude(kind="quiet").delete()
        RoutingPhrase.objects.install_defaults()
        assert not RoutingPhrase.objects.filter(kind="person").exists()

    def test_are_edited_in_the_admin_and_count_at_once(self, client):
        client.force_login(staff("lead"))
        add = reverse("admin:chat_routingphrase_add")
        client.post(add, {"kind": "person", "phrase": " red  alert ", "task": ""})
        assert router.route("RED ALERT!").person

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            ({"kind": "task", "phrase": "x", "task": ""}, "Choose the task"),
            ({"kind": "person", "phrase": "x", "task": "1"}, "Only phrases that call a task"),
            ({"kind": "quiet", "phrase": "ok", "task": ""}, "already exists"),
            ({"kind": "quiet", "phrase": " ", "task": ""}, "required"),
        ],
    )
    def test_refuse_what_makes_no_sense(self, client, fields, problem):
        client.force_login(staff("lead"))
        if fields["task"]:
            fields = {**fields, "task": Task.objects.get(slug="topic").pk}
        before = RoutingPhrase.objects.count()
        page = client.post(reverse("admin:chat_routingphrase_add"), fields).content.decode()
        assert problem in page
        assert RoutingPhrase.objects.count() == before

    def test_name_a_task_only_where_they_call_one(self):
        with pytest.raises(IntegrityError):
            RoutingPhrase.objects.create(kind="task", phrase="x")

    @pytest.mark.parametrize("mode", ["all", "keyword", "model"])
    def test_say_on_their_page_what_counts(self, client, settings, mode):
        settings.CHAT_ROUTER = mode
        client.force_login(staff("lead"))
        page = client.get(reverse("admin:chat_routingphrase_changelist")).content.decode()
        assert f"<strong>{mode}</strong>" in page


class Shipped(dict):
    """Every wording is neutral already."""

    def get(self, key, default=None):
        return Affine()

"""Reviewed messages that are like a new one are shown to the model with it, if a task says so."""

import pytest

from chat import backfill, examples, labels, turns
from chat.labels import TaskRun
from chat.models import Classification, Conversation, Message
from inference.models import Task
from inference.repeat import repeats
from inference.tasks import Shot
from tests.chat.desk import conversation, reads, says, staff
from tests.inference.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ana():
    return staff("reviewer", "ana")


@pytest.fixture
def task():
    task = Task.objects.get(slug="sentiment")
    task.few_shot, task.examples = True, 2
    task.save()
    return task


@pytest.fixture
def decided(ana):
    """`decided(text, label)`: a visitor wrote it, and Ana says what it is."""

    def decide(text: str, label: str, talk: Conversation | None = None) -> Classification:
        row = says(talk or conversation(), text, "Neutral")
        labels.review(row, ana, "corrected", label)
        return row

    return decide


def shown(task: Task, text: str, message: int | None = None) -> list[tuple[str, str]]:
    task.refresh_from_db()
    run = examples.shown(TaskRun(task, task.current), text, message)
    return [(shot.text, shot.label) for shot in run.shots]


class TestTheExamples:
    def test_are_the_most_similar_ones_and_the_likest_comes_last(self, task, decided):
        decided("Lovely shop", "Positive")
        decided("My parcel is late again", "Negative")
        decided("The parcel came late again, and it is broken", "Negative")
        assert shown(task, "Is my parcel late again?") == [
            ("The parcel came late again, and it is broken", "Negative"),
            ("My parcel is late again", "Negative"),
        ]

    def test_are_found_in_chinese(self, task, decided):
        decided("客服态度太差了", "Negative")
        decided("请问订单什么时候到", "Neutral")
        assert shown(task, "你们客服的态度真差")[-1] == ("客服态度太差了", "Negative")

    def test_are_none_where_nothing_is_alike(self, task, decided):
        decided("Lovely shop", "Positive")
        assert shown(task, "请问订单什么时候到") == []

    def test_are_off_until_somebody_switches_them_on(self, task, decided):
        decided("Lovely shop", "Positive")
        Task.objects.update(few_shot=False)
        assert shown(task, "Lovely shop!") == []

    def test_are_none_for_a_task_that_reads_conversations(self, task, decided):
        decided("Lovely shop", "Positive")
        task.publish(prompt="Mood?", labels=task.current.labels, context="conversation")
        assert shown(task, "A lovely shop") == []

    def test_never_hold_the_message_itself(self, task, decided):
        row = decided("Lovely shop", "Positive")
        assert shown(task, "Lovely shop", row.message_id) == []
        assert shown(task, " lovely  shop") == []

    def test_hold_another_message_of_the_same_words_once(self, task, decided):
        decided("Lovely shop", "Neutral")
        decided("lovely shop", "Positive")
        new = says(conversation(), "Lovely shop", "Neutral")
        assert shown(task, "Lovely shop", new.message_id) == [("lovely shop", "Positive")]

    def test_leave_out_labels_that_the_version_does_not_have(self, task, decided):
        decided("Lovely shop", "Positive")
        names = [{"name": name, "polarity": 0, "flags": []} for name in ("Good", "Bad")]
        task.publish(prompt="Mood?", labels=names, context="message")
        assert shown(task, "A lovely shop") == []

    def test_have_personal_data_masked(self, task, decided):
        talk = conversation(name="Jane Roe")
        says(talk, "My name is Janette", "Neutral")
        decided("jane here, order 48213, call +44 20 7946 0958. Janette", "Negative", talk)
        (said, _), *_ = shown(task, "order, call")
        assert said == "[name] here, order [number], call [phone]. [name]"


class TestTheIndex:
    def test_follows_a_new_decision_at_once(self, task, decided, ana):
        row = decided("Lovely shop", "Positive")
        assert shown(task, "A lovely shop") == [("Lovely shop", "Positive")]
        labels.review(row, ana, "corrected", "Negative")
        assert shown(task, "A lovely shop") == [("Lovely shop", "Negative")]

    def test_leaves_out_what_reviewers_disagree_on_until_it_is_settled(self, task, decided):
        row = decided("Lovely shop", "Positive")
        assert shown(task, "A lovely shop")
        labels.review(row, staff("reviewer", "ben"), "confirmed")
        assert not shown(task, "A lovely shop")
        labels.review(row, staff("lead"), "corrected", "Negative", may_settle=True)
        assert shown(task, "A lovely shop") == [("Lovely shop", "Negative")]

    def test_forgets_a_conversation_that_was_deleted(self, task, decided):
        row = decided("Lovely shop", "Positive")
        decided("A lovely place", "Neutral")
        assert len(shown(task, "A lovely shop")) == 2
        Conversation.objects.filter(pk=row.message.conversation_id).delete()
        assert shown(task, "A lovely shop") == [("A lovely place", "Neutral")]

    def test_asks_nothing_more_than_whether_there_is_a_new_decision(
        self, task, decided, django_assert_num_queries
    ):
        decided("Lovely shop", "Positive")
        run = TaskRun(task, task.current)
        examples.shown(run, "A lovely shop")
        with django_assert_num_queries(2):
            examples.shown(run, "A lovely shop")

    def test_holds_the_newest_decisions_only(self, task, decided, monkeypatch):
        monkeypatch.setattr(examples, "MOST", 2)
        for number in range(3):
            decided(f"Lovely shop {number}", "Positive")
            shown(task, "A lovely shop")
        assert [text for text, _ in shown(task, "A lovely shop")] == [
            "Lovely shop 1",
            "Lovely shop 2",
        ]


def prompt_of(engine, key="sentiment") -> list[tuple[str, str]]:
    parts = [part for request in engine.requests.values() for part in request.classify]
    part = [each for each in parts if each.key == key][-1]
    return [(message.role, message.content) for message in part.messages[1:]]


@pytest.fixture
async def lovely(task, decided):
    return await turns.in_thread(decided)("Lovely shop", "Positive")


async def read(visitor, text: str, client_id: str) -> Classification:
    mine, _ = await visitor.say(text, client_id)
    for running in list(turns._running.values()):
        await running
    talk = visitor.path.split("/")[3]
    return await Classification.objects.aget(message__seq=mine["seq"], message__conversation=talk)


class TestATurn:
    async def test_shows_them_as_answered_messages_before_the_own(self, engine, lovely, visit):
        await read(await visit(), "A lovely shop", "c1")
        assert prompt_of(engine) == [
            ("user", "Lovely shop"),
            ("assistant", "Positive"),
            ("user", "A lovely shop"),
        ]

    async def test_reads_the_same_words_again_when_the_examples_changed(
        self, engine, lovely, visit, ana
    ):
        visitor = await visit()
        assert not (await read(visitor, "A lovely shop", "c1")).cached
        assert (await read(visitor, "a lovely shop", "c2")).cached
        await turns.in_thread(labels.review)(lovely, ana, "corrected", "Negative")
        assert not (await read(visitor, "A lovely shop", "c3")).cached

    async def test_without_the_switch_knows_nothing_of_what_was_said_with_it(
        self, engine, lovely, visit
    ):
        visitor = await visit()
        await read(visitor, "A lovely shop", "c1")
        await Task.objects.aupdate(few_shot=False)
        assert not (await read(visitor, "A lovely shop", "c2")).cached


def test_history_is_read_with_examples_but_not_with_itself(task, decided):
    row = decided("Lovely shop", "Positive")
    says(conversation(), "A lovely shop", "Neutral")
    task.publish(prompt="Mood?", labels=task.current.labels, context="message")
    engine = ScriptedEngine(label="Neutral")
    backfill.work(backfill.begin(task), engine, in_flight=1)
    first, second = [request.classify[0] for request in engine.requests.values()]
    assert [message.content for message in first.messages[1:]] == [
        "Lovely shop",
        "Positive",
        "A lovely shop",
    ]
    assert [message.content for message in second.messages[1:]] == [row.message.text]
    assert (first.examples, second.examples) == (True, False)


def test_examples_of_other_words_are_another_key_even_where_they_look_alike(task):
    run = TaskRun(task, task.current)
    one = TaskRun(task, task.current, (Shot("a", "b, c"),))
    other = TaskRun(task, task.current, (Shot("a, b", "c"),))
    assert len({run._digest, one._digest, other._digest}) == 3
    assert repeats().counters.entries == 0


def test_a_later_version_s_label_is_no_second_example(task, decided):
    row = decided("Lovely shop", "Positive")
    reads(
        row.message,
        task.publish(prompt="Mood?", labels=task.current.labels, context="message"),
        "Neutral",
    )
    assert shown(task, "A lovely shop") == [("Lovely shop", "Positive")]
    assert Message.objects.from_visitor().count() == 1

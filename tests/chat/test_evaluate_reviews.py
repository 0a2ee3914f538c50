"""`manage.py evaluate --reviews`: what people decided is the truth that a version is judged on."""

import csv
import io
import json

import pytest
from django.core.management import CommandError, call_command

from chat import labels
from chat.evaluation import reviewed
from chat.models import Classification
from inference import resident
from inference.models import Task
from tests.chat.desk import conversation, reads, says, staff
from tests.inference.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine():
    """Now reads every message as it should be read, but for those that say 'odd'."""
    engine = ScriptedEngine(label=lambda task: "Neutral" if "odd" in said(task) else mood_of(task))
    before = resident.install(engine)
    yield engine
    resident.install(before)


@pytest.fixture
def ana():
    return staff("reviewer", "ana")


@pytest.fixture
def ben():
    return staff("reviewer", "ben")


def said(task) -> str:
    return task.messages[-1].content


def mood_of(task) -> str:
    return "Positive" if "thanks" in said(task) else "Negative"


def wrote(text: str, label: str = "Negative") -> Classification:
    return says(conversation(), text, label)


def decided(reviewer, text: str, label: str) -> Classification:
    row = wrote(text)
    verdict = "confirmed" if label == row.label else "corrected"
    labels.review(row, reviewer, verdict, label)
    return row


@pytest.fixture
def queue(ana):
    """Eight angry messages, four of thanks; two are odd and were angry."""
    angry = [decided(ana, f"late again {n}", "Negative") for n in range(6)]
    angry += [decided(ana, f"odd and late {n}", "Negative") for n in range(2)]
    return angry + [decided(ana, f"thanks {n}", "Positive") for n in range(4)]


def run(*arguments) -> str:
    out = io.StringIO()
    call_command("evaluate", "--reviews", *map(str, arguments), stdout=out)
    return out.getvalue()


def report(*arguments) -> dict:
    return json.loads(run(*arguments, "--json").splitlines()[-1])


def publish(names=("Positive", "Neutral", "Negative"), context="message"):
    rows = [{"name": name, "polarity": 0, "flags": []} for name in names]
    return Task.objects.get(slug="sentiment").publish(prompt="Mood?", labels=rows, context=context)


def test_a_version_is_judged_on_what_people_decided(engine, queue):
    figures = report("--task", "sentiment")
    assert (figures["n"], figures["accuracy"], figures["data"]) == (12, 0.8333, "reviews")
    assert figures["confusion"]["Negative"] == {"Positive": 0, "Neutral": 2, "Negative": 6}
    assert figures["ece"] == pytest.approx(0.9 - 10 / 12, abs=1e-4)
    assert figures["left_out"] == {"disputed": 0, "other_label": 0}


def test_every_label_competes_also_those_that_nobody_decided_for(engine, queue):
    assert set(report()["confusion"]) == {"Positive", "Neutral", "Negative"}


def test_an_earlier_version_is_judged_with_its_own_words(engine, queue):
    first = Task.objects.get(slug="sentiment").current
    publish()
    assert report()["version"] == 2
    assert engine.requests[engine.last].classify[0].messages[0].content == "Mood?"
    assert report("--version", 1)["version"] == 1
    assert engine.requests[engine.last].classify[0].messages[0].content == first.prompt


def test_a_version_that_does_not_exist_is_named(engine, queue):
    with pytest.raises(CommandError, match="--version 9 of sentiment does not exist, only 1"):
        run("--version", 9)


def test_what_reviewers_disagree_on_is_left_out_until_they_agree(engine, queue, ben):
    labels.review(queue[0], ben, "corrected", "Neutral")
    figures = report()
    assert (figures["n"], figures["left_out"]["disputed"]) == (11, 1)
    labels.review(queue[0], ben, "confirmed")
    assert report()["n"] == 12


def test_what_a_lead_has_settled_is_the_truth(engine, queue, ben):
    labels.review(queue[0], ben, "corrected", "Neutral")
    lead = staff("lead", "lea")
    labels.review(queue[0], lead, "corrected", "Positive", may_settle=True)
    figures = report()
    assert (figures["n"], figures["left_out"]["disputed"]) == (12, 0)
    assert figures["confusion"]["Positive"]["Negative"] == 1


def test_decisions_on_what_two_versions_said_of_a_message_are_one_truth(engine, queue, ben):
    message = queue[0].message
    row = reads(message, publish(), "Positive")
    labels.review(row, ben, "confirmed")
    assert report()["left_out"]["disputed"] == 1
    labels.review(row, ben, "corrected", "Negative")
    assert (report()["n"], report()["left_out"]["disputed"]) == (12, 0)


def test_a_dismissal_decides_nothing(engine, queue, ana, ben):
    labels.review(wrote("spam"), ana, "dismissed")
    labels.review(queue[0], ben, "dismissed")
    assert (report()["n"], report()["left_out"]["disputed"]) == (12, 0)


def test_one_s_last_word_counts(engine, queue, ana):
    labels.review(queue[0], ana, "corrected", "Neutral")
    assert report()["confusion"]["Neutral"]["Negative"] == 1


def test_a_label_that_the_version_lacks_is_left_out_and_counted(engine, queue, ana):
    decided(ana, "where is it?", "Neutral")
    publish(("Positive", "Negative"))
    figures = report()
    assert (figures["n"], figures["left_out"]["other_label"]) == (12, 1)


def test_a_version_that_sees_conversations_gets_the_messages_own(engine, ana):
    talk = conversation()
    for number in range(reviewed.LEAST):
        row = says(talk, f"message {number}", "Negative")
        labels.review(row, ana, "corrected", "Positive" if number else "Negative")
    publish(context="conversation")
    run()
    asked = [message.content for message in engine.requests[2].classify[0].messages]
    assert asked[1:] == ["message 0", "I am sorry to hear that.", "message 1", "Mood?"]


def test_no_text_is_printed_and_mistakes_go_to_their_file(engine, queue, tmp_path, capsys):
    path = tmp_path / "wrong.csv"
    page = run("--errors", path, "--json")
    printed = page + "".join(capsys.readouterr())
    assert not any(row.message.text in printed for row in queue)
    rows = list(csv.reader(path.open(encoding="utf-8-sig")))
    assert [row[:3] for row in rows[1:]] == [
        [f"odd and late {n}", "Negative", "Neutral"] for n in range(2)
    ]


def test_too_few_reviews_are_refused_before_the_model_is_asked(engine, ana, ben):
    row = decided(ana, "late", "Negative")
    labels.review(row, ben, "corrected", "Neutral")
    with pytest.raises(CommandError, match=r"has 0 reviewed messages; 10 are needed\..* 1 that"):
        run()
    assert not engine.requests


def test_reviews_of_one_label_only_are_refused(engine, ana):
    for number in range(reviewed.LEAST):
        decided(ana, f"late {number}", "Negative")
    with pytest.raises(CommandError, match=r"one label only \(Negative\)"):
        run()


@pytest.mark.parametrize("other", [["--data", "a.csv"], ["--replies"]])
def test_two_test_sets_at_once_are_refused(engine, other):
    with pytest.raises(CommandError, match=r"give one of them|has its own questions"):
        run(*other)

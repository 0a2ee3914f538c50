"""Versions are measured on reviewed messages, compared, and not replaced by worse ones unawares."""

import io
import json

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.urls import reverse

from chat import labels
from chat.evaluation import quality
from inference import calibration, resident
from inference.models import Calibration, Task, VersionQuality
from tests.chat.desk import conversation, says, staff
from tests.chat.task_form import filled_in
from tests.inference.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine():
    """Reads what says 'thanks' as Positive and all else as Negative, but for prompts with 'odd'."""
    engine = ScriptedEngine(label=lambda part: "Neutral" if is_odd(part) else mood_of(part))
    before = resident.install(engine)
    yield engine
    resident.install(before)


def is_odd(part) -> bool:
    return "odd" in part.messages[0].content and "late" in part.messages[-1].content


def mood_of(part) -> str:
    return "Positive" if "thanks" in part.messages[-1].content else "Negative"


@pytest.fixture
def queue():
    """Eight angry messages and four of thanks, all decided."""
    ana = staff("reviewer", "ana")
    for text, label in [("late", "Negative")] * 8 + [("thanks", "Positive")] * 4:
        row = says(conversation(), f"{text} {label}", label)
        labels.review(row, ana, "confirmed")


@pytest.fixture
def lead(client):
    client.force_login(staff("lead"))
    return client


@pytest.fixture
def task():
    return Task.objects.get(slug="sentiment")


def address(task, name: str = "change", *more) -> str:
    return reverse(f"admin:inference_task_{name}", args=[task.pk, *more])


def save(client, task, **fields):
    page = client.post(address(task), filled_in(task, **fields), follow=True)
    task.refresh_from_db()
    return page


def press(client, task, name: str, number: int, **fields):
    page = client.post(address(task, name, number), fields, follow=True)
    task.refresh_from_db()
    return page


def publish(task, prompt: str):
    return task.publish(prompt=prompt, labels=task.current.labels, context="message")


def fit_anew(version) -> None:
    """As `recalibrate` does: what was read as Neutral is Negative from now on."""
    version.calibrations.create(
        model_id=resident.engine().model_id,
        bias={"Neutral": -9, "Positive": -1},
        source=Calibration.Source.FITTED,
    )


def token(page) -> str:
    return page.content.decode().split('name="despite" value="')[1].split('"')[0]


class TestAnotherWording:
    def test_that_measures_worse_is_not_published_but_shown_with_both_figures(
        self, lead, engine, queue, task
    ):
        page = save(lead, task, prompt="An odd question?")
        said = page.content.decode()
        assert task.current.number == 1
        assert "This wording measures worse than sentiment v1" in said
        assert "<td>100%</td><td>1.000</td>" in said
        assert "<td>33%</td><td>0.333</td>" in said
        assert "An odd question?" in said  # it stands there as it was typed

    def test_is_published_once_that_is_confirmed_and_keeps_the_figures(
        self, lead, engine, queue, task
    ):
        page = save(lead, task, prompt="An odd question?")
        asked = len(engine.requests)
        save(lead, task, prompt="An odd question?", despite=token(page))
        assert task.current.number == 2
        row = VersionQuality.objects.get(version=task.current)
        assert (row.n, row.macro_f1) == (12, 0.3333)
        assert len(engine.requests) == asked  # not measured again

    def test_needs_a_confirmation_of_its_own(self, lead, engine, queue, task):
        page = save(lead, task, prompt="An odd question?")
        for fields in ({"despite": token(page)}, {"despite": "yes"}, {"despite": ""}):
            save(lead, task, prompt="Another odd question?", **fields)
            assert task.current.number == 1

    @pytest.mark.parametrize("more", [{"reasoning": 16}, {"answer_tokens": 64}])
    def test_that_differs_in_more_than_words_needs_one_too(self, lead, engine, queue, task, more):
        page = save(lead, task, prompt="An odd question?")
        save(lead, task, prompt="An odd question?", despite=token(page), **more)
        assert task.current.number == 1

    def test_that_is_as_good_is_published_at_once_with_its_figures(self, lead, engine, queue, task):
        page = save(lead, task, prompt="Which mood?")
        assert "Version 2 is published" in page.content.decode()
        assert VersionQuality.objects.get(version=task.current).accuracy == 1

    def test_takes_what_is_known_of_the_current_version(self, lead, engine, queue, task):
        press(lead, task, "measure", 1)
        before = len(engine.requests)
        save(lead, task, prompt="Which mood?")
        assert len(engine.requests) == before + 12

    def test_is_compared_with_what_the_current_version_says_since_it_was_fitted_anew(
        self, lead, engine, queue, task
    ):
        publish(task, "An odd question?")
        press(lead, task, "measure", 2)
        fit_anew(task.current)
        said = save(lead, task, prompt="Another odd question?").content.decode()
        assert task.current.number == 2
        assert "<td>100%</td><td>1.000</td>" in said
        assert "<td>33%</td><td>0.333</td>" in said

    def test_has_figures_that_count_still_when_it_first_reads_a_message(
        self, lead, engine, queue, task
    ):
        save(lead, task, prompt="Which mood?")
        calibration.for_version(engine, task.current)
        before = len(engine.requests)
        save(lead, task, prompt="What mood?")
        assert len(engine.requests) == before + 12

    def test_is_published_with_a_remark_where_there_is_nothing_to_compare(self, lead, engine, task):
        page = save(lead, task, prompt="An odd question?").content.decode()
        assert task.current.number == 2
        assert "sentiment has 0 reviewed messages; 10 are needed" in page
        assert not engine.requests

    def test_is_published_with_a_remark_where_the_model_cannot_say(self, lead, engine, queue, task):
        engine.state, engine.progress = "loading", 0.4
        page = save(lead, task, prompt="An odd question?").content.decode()
        assert task.current.number == 2
        assert "It was not compared with the version before: The model is still loading" in page

    def test_with_other_labels_is_not_compared(self, lead, engine, queue, task):
        names = [{"name": name, "polarity": 0, "flags": []} for name in ("Good", "Bad")]
        page = lead.post(address(task), filled_in(task, names, prompt="?"), follow=True)
        task.refresh_from_db()
        assert task.current.number == 2
        assert "with a label that this version does not have" in page.content.decode()

    def test_is_not_measured_for_switches_or_mistakes(self, lead, engine, queue, task):
        save(lead, task, threshold="0.7")
        save(lead, task, prompt="")
        assert not engine.requests

    def test_that_takes_too_long_is_not_compared(self, lead, engine, queue, task, monkeypatch):
        monkeypatch.setattr(quality, "SECONDS", -1)
        page = save(lead, task, prompt="Which mood?").content.decode()
        assert task.current.number == 2
        assert "needs more than" in page


class TestAnEarlierVersion:
    @pytest.fixture(autouse=True)
    def two_versions(self, task):
        publish(task, "An odd question?")
        publish(task, "Which mood?")

    def test_is_made_current_again(self, lead, engine, queue, task):
        page = press(lead, task, "activate", 1).content.decode()
        assert task.current.number == 1
        assert "the next message is read with it" in page
        assert "version: 3 → 1" in LogEntry.objects.get().get_change_message()

    def test_that_measures_worse_needs_a_confirmation_with_both_figures(
        self, lead, engine, queue, task
    ):
        page = press(lead, task, "activate", 2)
        said = page.content.decode()
        assert task.current.number == 3
        assert "sentiment v2 measures worse than sentiment v3" in said
        assert "1.000" in said
        assert "0.333" in said
        press(lead, task, "activate", 2, despite=token(page))
        assert task.current.number == 2

    def test_that_is_current_already_stays(self, lead, engine, queue, task):
        page = press(lead, task, "activate", 3).content.decode()
        assert "is the current version already" in page

    def test_is_activated_by_those_who_change_tasks_only(self, client, engine, task):
        client.force_login(staff("reviewer"))
        for name in ("activate", "measure"):
            assert press(client, task, name, 1).status_code == 403
        assert task.current.number == 3

    def test_is_not_activated_by_looking(self, lead, task):
        for name in ("activate", "measure"):
            assert lead.get(address(task, name, 1)).status_code == 405

    def test_of_another_task_is_not_found(self, lead, task):
        assert press(lead, task, "activate", 9).status_code == 404


class TestTheTable:
    def test_shows_what_was_measured_from_the_page(self, lead, engine, queue, task):
        page = press(lead, task, "measure", 1).content.decode()
        assert "sentiment v1 was measured on 12 reviewed messages" in page
        assert "<td>100%</td><td>1.000</td><td>0.100</td>" in page
        assert engine.model_id in page

    def test_says_what_has_not_been_measured(self, lead, task):
        assert "Not measured yet" in lead.get(address(task)).content.decode()

    def test_says_why_nothing_could_be_measured(self, lead, engine, task):
        page = press(lead, task, "measure", 1).content.decode()
        assert "was not measured: sentiment has 0 reviewed messages" in page

    def test_marks_figures_on_other_messages(self, lead, engine, queue, task):
        press(lead, task, "measure", 1)
        publish(task, "Which mood?")
        labels.review(says(conversation(), "late", "Negative"), staff("reviewer"), "confirmed")
        page = press(lead, task, "measure", 2).content.decode()
        assert page.count("(others)") == 1

    def test_marks_figures_from_before_a_version_was_fitted_anew(self, lead, engine, queue, task):
        press(lead, task, "measure", 1)
        fit_anew(task.current)
        publish(task, "Which mood?")
        page = press(lead, task, "measure", 2).content.decode()
        assert page.count("(before it was recalibrated)") == 1
        assert (
            "(before it was recalibrated)" not in press(lead, task, "measure", 1).content.decode()
        )

    def test_shows_what_the_command_measured(self, lead, engine, queue, task):
        out = io.StringIO()
        call_command("evaluate", "--task", "sentiment", "--reviews", "--json", stdout=out)
        row = VersionQuality.objects.get()
        report = json.loads(out.getvalue().splitlines()[-1])
        assert (row.n, row.accuracy, row.macro_f1, row.ece) == tuple(
            report[name] for name in ("n", "accuracy", "macro_f1", "ece")
        )
        call_command("evaluate", "--task", "sentiment", "--reviews", "--limit", "10", stdout=out)
        assert VersionQuality.objects.count() == 1  # a part of the set is not kept

    def test_tells_with_how_many_examples(self, lead, engine, queue, task):
        task.few_shot = True
        task.save()
        page = press(lead, task, "measure", 1).content.decode()
        assert "with up to 4 examples" in page
        asked = list(engine.requests.values())[-1].classify[0]
        assert [message.content for message in asked.messages][1:-1]  # others, never itself


class TestADependentVersion:
    @pytest.fixture
    def measured(self, task):
        def measure(spread: float):
            task.current.sensitivities.create(
                model_id="tiny@1/float32",
                n=100,
                accuracy_spread=spread,
                macro_f1_spread=spread,
                agreement=0.7,
                flipped=0.3,
            )

        return measure

    def pages(self, lead, task) -> list[str]:
        addresses = [
            reverse("admin:inference_task_changelist"),
            reverse("admin:inference_taskversion_changelist"),
            address(task),
        ]
        return [lead.get(each).content.decode() for each in addresses]

    def test_is_marked_with_what_that_means(self, lead, task, measured):
        measured(0.2)
        for page in self.pages(lead, task):
            assert "Depends on its words" in page
            assert "macro-F1 varies by 0.20 and 30% of 100 labels change" in page

    def test_is_marked_no_more_when_the_newest_measurement_is_good(self, lead, task, measured):
        measured(0.2)
        measured(0.05)
        assert not any("Depends on its words" in page for page in self.pages(lead, task))


def test_a_measurement_cannot_be_changed(task):
    row = VersionQuality.objects.create(
        version=task.current, model_id="m", n=1, test_set="x", accuracy=1, macro_f1=1, ece=0
    )
    with pytest.raises(Exception, match="cannot be changed"):
        row.save()

"""`manage.py recalibrate`: confidences fitted anew, with held-out figures, or a clear refusal."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from chat import labels
from chat.evaluation import metrics
from inference import resident
from inference.models import Calibration, Task
from tests.chat.desk import conversation, says, staff
from tests.inference.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db

MOODS = ("Positive", "Neutral", "Negative")


@pytest.fixture
def engine():
    """Is 99 % sure of what the text names first."""
    engine = ScriptedEngine(
        label=lambda task: task.messages[-1].content.split(",")[0], confidence=0.99
    )
    before = resident.install(engine)
    yield engine
    resident.install(before)


@pytest.fixture
def boastful(tmp_path):
    """Sixty-three texts of which the engine reads two in three rightly."""
    truth = [MOODS[n % 3] for n in range(63)]
    said = [label if n % 9 < 6 else MOODS[(n + 1) % 3] for n, label in enumerate(truth)]
    return written(tmp_path, zip(said, truth, strict=True))


def written(folder, pairs):
    rows = [f'"{said}, {number}",{true}' for number, (said, true) in enumerate(pairs)]
    path = folder / "labelled.csv"
    path.write_text("\n".join(["text,label", *rows]), "utf-8")
    return path


def run(*arguments) -> str:
    out = io.StringIO()
    call_command("recalibrate", "--task", "sentiment", *map(str, arguments), stdout=out)
    return out.getvalue()


def report(*arguments) -> dict:
    return json.loads(run(*arguments, "--json").splitlines()[-1])


def version():
    return Task.objects.get(slug="sentiment").current


def fitted():
    return Calibration.objects.filter(source=Calibration.Source.FITTED)


def test_a_boastful_version_is_given_honest_confidences(engine, boastful):
    figures = report("--data", boastful)
    assert (figures["n"], figures["before"]["accuracy"]) == (63, 0.6667)
    assert figures["before"]["ece"] == pytest.approx(0.99 - 2 / 3, abs=1e-3)
    assert figures["after"]["ece"] < 0.1
    assert figures["after"]["log_likelihood"] > figures["before"]["log_likelihood"]


def test_the_row_is_appended_and_counts_from_now_on(engine, boastful):
    figures = report("--data", boastful)
    row = version().calibration_for(engine.model_id)
    assert (row.source, row.scale, row.bias) == ("fitted", figures["scale"], figures["bias"])
    assert Calibration.objects.filter(version=version()).count() == 2  # the shipped one stays


def test_a_second_refit_finds_little_to_do(engine, boastful):
    report("--data", boastful)
    again = report("--data", boastful)
    assert again["present"] == "fitted"
    assert again["before"]["ece"] < 0.1


def test_a_dry_run_shows_the_figures_and_stores_nothing(engine, boastful):
    page = run("--data", boastful, "--dry-run")
    assert "Nothing is stored: --dry-run." in page
    assert "log-likelihood" in page
    assert not fitted().exists()


def test_a_refit_that_does_not_hold_on_other_messages_is_not_stored(engine, boastful, monkeypatch):
    monkeypatch.setattr(metrics, "log_likelihood", lambda probabilities: 0.0)
    figures = report("--data", boastful)
    assert (figures["improves"], figures["stored"]) == (False, False)
    assert not fitted().exists()


def test_reviews_are_what_is_fitted_on_without_a_file(engine):
    ana, talk = staff("reviewer", "ana"), conversation()
    for number in range(60):
        row = says(talk, f"{MOODS[number % 3]}, {number}", "Negative")
        labels.review(row, ana, "corrected", MOODS[number % 3])
    assert report()["data"] == "reviews"
    assert fitted().get().version == version()


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((20, 20, 9), r"needs 50 messages .* there are 49: Positive 20, Neutral 20, Negative 9"),
        ((40, 0, 20), r"5 of each label; .* Neutral 0"),
    ],
)
def test_too_little_is_refused_before_the_model_is_asked(engine, tmp_path, counts, words):
    pairs = [(m, m) for m, count in zip(MOODS, counts, strict=True) for _ in range(count)]
    with pytest.raises(CommandError, match=words):
        run("--data", written(tmp_path, pairs))
    assert not engine.requests


def test_no_reviews_at_all_are_refused(engine):
    with pytest.raises(CommandError, match=r"has 0 reviewed messages; 10 are needed"):
        run()

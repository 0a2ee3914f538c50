"""`manage.py evaluate --sensitivity`: other words for the same task should change nothing."""

import io
import json

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from chat.evaluation import variants
from chat.evaluation.labelled import Example
from chat.evaluation.variants import PLACES, Variant
from inference import presets, resident
from inference.models import Task, TaskVersion, VersionSensitivity
from inference.tasks import ChatMessage
from tests.inference.scripted import ScriptedEngine

MOODS = presets.SENTIMENT.names
FIRST = "Positive, Neutral or Negative"  # the order in which the prompt offers the labels


def version_of(preset) -> TaskVersion:
    return TaskVersion(prompt=preset.prompt, labels=list(preset.labels), context="message")


def of_kind(version, kind) -> list[str]:
    return [each.prompt for each in variants.variants(version) if each.kind == kind]


def meant(task) -> str:
    """The mood that the text names, wherever it stands."""
    text = task.messages[-1].content
    return next(label for label in MOODS if label in text)


@pytest.fixture
def model():
    before = resident.install(None)
    yield lambda label: resident.install(ScriptedEngine(label=label))
    resident.install(before)


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "labelled.csv"
    rows = [f"{mood} {number},{mood}" for number in range(4) for mood in MOODS]
    path.write_text("\n".join(["text,label", *rows]), "utf-8")
    return path


def run(*arguments) -> str:
    out = io.StringIO()
    call_command("evaluate", "--sensitivity", *map(str, arguments), stdout=out)
    return out.getvalue()


def report(*arguments) -> dict:
    return json.loads(run(*arguments, "--json").splitlines()[-1])


# The variants -----------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", presets.TASKS, ids=lambda preset: preset.slug)
def test_every_shipped_task_is_varied_in_every_way_and_never_into_itself(preset):
    found = variants.variants(version_of(preset))
    kinds = {each.kind for each in found}
    assert kinds == {"preamble", "answer", "order", "explained", "length"}
    prompts = [each.prompt for each in found if each.kind != "length"]
    assert len(set(prompts)) == len(prompts)
    assert preset.prompt not in prompts


@pytest.mark.parametrize("preset", presets.TASKS, ids=lambda preset: preset.slug)
def test_every_wording_still_names_every_label(preset):
    for each in variants.variants(version_of(preset)):
        assert all(name in each.prompt for name in preset.names), each.prompt


def test_the_offered_labels_and_their_explanations_change_places_together():
    turned = of_kind(version_of(presets.SENTIMENT), "order")[0]
    assert "Negative, Neutral or Positive" in turned
    assert turned.index("Negative: anger") < turned.index("Positive: thanks")
    assert len(turned) == len(presets.SENTIMENT.prompt)  # nothing is lost and nothing added


def test_a_prompt_without_explanations_gets_the_descriptions_and_another_loses_its_own():
    (explained,) = of_kind(version_of(presets.STRICT), "explained")
    assert explained.startswith("Positive: more content than not. Negative: more discontent")
    (bare,) = of_kind(version_of(presets.SENTIMENT), "explained")
    assert "thanks, praise" not in bare


def test_a_prompt_that_offers_no_labels_is_offered_them_in_two_orders():
    labels = [{"name": name, "polarity": 0} for name in ("A", "B", "C")]
    version = TaskVersion(prompt="Which is it?", labels=labels, context="message")
    assert of_kind(version, "order") == [
        "Which is it? Answer with one word: C, B or A.",
        "Which is it? Answer with one word: B, C or A.",
    ]
    assert of_kind(version, "explained") == []  # nothing describes them


@given(st.text(min_size=1), st.sampled_from(PLACES))
def test_a_long_message_holds_the_text_as_it_was(text, place):
    long = variants.padded(text, place)
    above, below = long.startswith(text + "\n"), long.endswith("\n" + text)
    assert len(long) > len(text) + 100
    assert {"before": below, "after": above, "around": f"\n{text}\n" in long}[place]


def test_padding_is_in_the_language_of_the_text():
    assert "火车" in variants.padded("我的包裹在哪里？", "after")
    assert "train" in variants.padded("Where is my parcel?", "after")


def test_a_long_message_keeps_its_place_at_the_end_of_its_conversation():
    turns = tuple(ChatMessage(role, text) for role, text in [("user", "Hi"), ("assistant", "Yes?")])
    example = Example(2, "Where?", "Neutral", (*turns, ChatMessage("user", "Where?")))
    shown = Variant("length", "", "before").of(example)
    assert shown.conversation[:2] == turns
    assert shown.conversation[2].content.endswith("\nWhere?")


# The figures ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_model_that_heeds_only_the_message_has_no_spread(model, data):
    model(meant)
    figures = report("--data", data)
    assert (figures["n"], figures["accuracy"], figures["macro_f1"]) == (12, 1, 1)
    assert (figures["accuracy_spread"], figures["macro_f1_spread"]) == (0, 0)
    assert (figures["agreement"], figures["flipped"], figures["large"]) == (1, 0, False)


@pytest.mark.django_db
def test_a_model_that_heeds_the_order_of_labels_has_its_spread_there(model, data):
    def lazy(task):
        return meant(task) if FIRST in task.messages[0].content else "Neutral"

    model(lazy)
    figures = report("--task", "sentiment", "--data", data)
    assert figures["kinds"]["order"]["accuracy_spread"] == 0.6667
    assert figures["kinds"]["order"]["agreement"] == 0.3333
    assert figures["kinds"]["preamble"]["accuracy_spread"] == 0
    assert (figures["flipped"], figures["large"]) == (0.6667, True)


@pytest.mark.django_db
def test_a_model_that_long_messages_mislead_has_its_spread_there(model, data):
    model(lambda task: "Negative" if len(task.messages[-1].content) > 100 else meant(task))
    kinds = report("--data", data)["kinds"]
    assert kinds["length"]["flipped"] == 0.6667
    assert all(each["flipped"] == 0 for name, each in kinds.items() if name != "length")


@pytest.mark.django_db
def test_every_wording_is_read_with_the_version_s_own_calibration(model, data):
    model(meant)
    version = Task.objects.get(slug="sentiment").current
    version.calibrations.create(
        model_id=resident.engine().model_id, bias={"Negative": 50.0}, source="fitted"
    )
    figures = report("--data", data)
    assert (figures["accuracy"], figures["accuracy_spread"]) == (0.3333, 0)
    assert version.calibrations.count() == 1
    assert TaskVersion.objects.filter(task=version.task).count() == 1


@pytest.mark.django_db
def test_what_was_measured_is_kept_with_the_version(model, data):
    model(lambda task: meant(task) if FIRST in task.messages[0].content else "Neutral")
    figures = report("--data", data, "--limit", 6)
    version = Task.objects.get(slug="sentiment").current
    row = VersionSensitivity.objects.newest(version, resident.engine().model_id)
    assert (row.n, row.flipped) == (figures["n"], figures["flipped"])
    assert row.macro_f1_spread == figures["macro_f1_spread"]
    assert list(VersionSensitivity.objects.large()) == [row]
    with pytest.raises(ValidationError, match="add another one"):
        row.save()


@pytest.mark.django_db
def test_the_newest_measurement_counts(model, data):
    model(lambda task: meant(task) if FIRST in task.messages[0].content else "Neutral")
    report("--data", data)
    model(meant)
    report("--data", data)
    version = Task.objects.get(slug="sentiment").current
    newest = VersionSensitivity.objects.newest(version, resident.engine().model_id)
    assert not newest.is_large
    assert VersionSensitivity.objects.count() == 2
    assert VersionSensitivity.objects.newest(version, "another model") is None


@pytest.mark.django_db
def test_a_table_and_a_bar_are_shown_and_no_text(model, data, capsys):
    model(meant)
    page, bar = run("--data", data), capsys.readouterr().err
    number = 12 * (1 + len(variants.variants(Task.objects.get(slug="sentiment").current)))
    assert f"{number}/{number}" in bar
    assert "length              3     0.000     0.000  100.0%     0.0%" in page
    assert "Positive 0" not in page + bar


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("other", "words"),
    [
        ([], "Give --data FILE"),
        (["--reviews"], "has 0 reviewed messages"),
        (["--attacks"], "two jobs"),
        (["--baseline", "majority"], "compares the model with itself: leave out --baseline"),
    ],
)
def test_what_it_cannot_work_on_is_refused(model, other, words):
    model(meant)
    with pytest.raises(CommandError, match=words):
        run(*other)
    assert not VersionSensitivity.objects.exists()

"""Tasks are prompts with labels: versions are immutable, the newest counts."""

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.models.signals import post_migrate

from inference import presets
from inference.labelset import labels_problem
from inference.models import Calibration, Task, TaskVersion, install_presets

LABELS = [
    {"name": "Good", "polarity": 1, "flags": []},
    {"name": "Bad", "polarity": -1, "flags": ["review"]},
]


@pytest.fixture
def task(db):
    return Task.objects.create(slug="mood", name="Mood")


def publish(task, prompt="Which?", labels=None, context="message"):
    return task.publish(prompt=prompt, labels=LABELS if labels is None else labels, context=context)


def test_publishing_makes_the_next_version_current(task):
    first, second = publish(task), publish(task, "Which now?")
    assert (first.number, second.number) == (1, 2)
    assert Task.objects.get(pk=task.pk).current == second
    assert list(task.versions.all()) == [second, first]


def test_a_published_version_cannot_be_changed(task):
    version = publish(task)
    version.prompt = "Something else"
    with pytest.raises(ValidationError, match="publish a new one"):
        version.save()
    assert TaskVersion.objects.get(pk=version.pk).prompt == "Which?"


def test_a_version_with_bad_labels_is_not_published(task):
    with pytest.raises(ValidationError):
        publish(task, labels=LABELS[:1])
    assert not task.versions.exists()


def test_a_version_with_an_unknown_context_is_not_published(task):
    with pytest.raises(ValidationError):
        publish(task, context="everything")


def test_a_version_knows_names_polarity_and_flags(task):
    version = publish(task)
    assert version.names == ("Good", "Bad")
    assert version.polarity == {"Good": 1, "Bad": -1}
    assert version.flags("Bad") == ["review"]
    assert version.flags("Unknown") == []


def test_a_version_knows_what_its_labels_tell_the_reply(task):
    version = publish(task, labels=[LABELS[0], {**LABELS[1], "guidance": "Say sorry."}])
    assert [version.guidance(name) for name in ("Good", "Bad", "Unknown")] == ["", "Say sorry.", ""]


def test_an_earlier_version_can_be_made_current_again(task):
    first, _ = publish(task), publish(task, "Which now?")
    task.activate(first)
    assert Task.objects.get(pk=task.pk).current == first


def test_no_version_of_another_task_can_be_made_current(task):
    with pytest.raises(ValueError, match="no version of mood"):
        task.activate(Task.objects.get(slug="topic").current)


def test_a_task_shows_no_examples_and_guides_no_reply_until_somebody_switches_it_on(task):
    assert (task.few_shot, task.examples, task.guides_reply) == (False, 4, False)


def test_the_presets_tell_upset_people_and_those_who_want_a_person(db):
    mood, human = (Task.objects.get(slug=slug) for slug in ("sentiment", "wants-human"))
    assert mood.current.guidance("Negative") == presets.UPSET_GUIDANCE
    assert human.current.guidance("Yes") == presets.PERSON_GUIDANCE
    assert human.current.flags("Yes") == ["person"]
    assert [mood.current.guidance("Positive"), human.current.guidance("No")] == ["", ""]


def test_only_enabled_tasks_with_a_version_run(task):
    assert task not in Task.objects.enabled()
    publish(task)
    assert task in Task.objects.enabled()
    Task.objects.filter(pk=task.pk).update(enabled=False)
    assert task not in Task.objects.enabled()


def test_a_task_that_bears_the_name_of_the_reply_never_runs_beside_it(task):
    publish(task)
    Task.objects.filter(pk=task.pk).update(slug="reply")  # as versions before this one let it be
    assert task not in Task.objects.enabled()
    Task.objects.get(pk=task.pk).full_clean()  # it can still be archived


def test_the_newest_calibration_of_a_model_counts(task):
    version = publish(task)
    for scale in (1.0, 2.0):
        version.calibrations.create(model_id="a", scale=scale, source=Calibration.Source.FITTED)
    version.calibrations.create(model_id="b", scale=3.0, source=Calibration.Source.FITTED)
    assert version.calibration_for("a").affine.scale == 2.0
    assert version.calibration_for("c") is None


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("Good, Bad", "at least two"),
        ([], "at least two"),
        (["Good", "Bad"], "needs a name"),
        ([{"name": " ", "polarity": 1}, LABELS[0]], "needs a name"),
        ([{"name": "Odd", "polarity": 2}, LABELS[0]], "polarity of Odd"),
        ([{"name": "Odd"}, LABELS[0]], "polarity of Odd"),
        ([{**LABELS[0], "flags": ["shout"]}, LABELS[1]], "flags of Good"),
        ([{**LABELS[0], "guidance": "x" * 301}, LABELS[1]], "instruction of Good"),
        ([{**LABELS[0], "guidance": 7}, LABELS[1]], "instruction of Good"),
        ([LABELS[0], LABELS[0]], "same name"),
        ([LABELS[0], {**LABELS[1], "name": " gOOD "}], "same name"),
        ([LABELS[0], {**LABELS[1], "name": "Ｇｏｏｄ"}], "same name"),
    ],
)
def test_bad_labels_are_explained(labels, words):
    assert words in labels_problem(labels)


def test_good_labels_have_no_problem():
    assert labels_problem(LABELS) is None
    assert all(labels_problem(list(preset.labels)) is None for preset in presets.TASKS)


SCHEMA = '{"type": "object", "properties": {"order": {"type": "string"}}}'


def test_a_version_may_write_json_and_have_no_labels(task):
    version = task.publish(prompt="Which order?", context="message", schema=SCHEMA)
    assert version.writes_json
    assert (version.names, version.properties, version.answers) == (
        (),
        ("order",),
        "JSON: order",
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"schema": "{"}, "no JSON"),
        ({"schema": '{"type": "array"}'}, "must begin as"),
        ({"schema": SCHEMA, "labels": LABELS}, "JSON has no labels"),
        ({"schema": SCHEMA, "reasoning": 5}, "without a thought"),
        ({"schema": SCHEMA, "answer_tokens": 0}, "greater than or equal to 1"),
        ({"labels": LABELS, "reasoning": 513}, "less than or equal to 512"),
        ({}, "at least two labels"),
    ],
)
def test_a_version_with_answers_that_make_no_sense_is_not_published(task, fields, words):
    with pytest.raises(ValidationError, match=words):
        task.publish(prompt="Which?", context="message", **fields)


@pytest.mark.django_db
def test_details_ship_switched_off():
    task = Task.objects.get(slug="details")
    assert not task.enabled
    assert task.current.properties == ("order", "product", "amount", "action")


@pytest.mark.django_db
def test_a_preset_that_was_interrupted_is_installed_the_next_time(monkeypatch):
    Task.objects.filter(slug="details").update(slug="mine")
    monkeypatch.setattr(Task, "publish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        install_presets()
    monkeypatch.undo()
    install_presets()
    assert Task.objects.get(slug="details").current.number == 1


@pytest.mark.django_db
def test_presets_wait_for_tables_of_today():
    Task.objects.filter(slug="details").update(slug="mine")
    older = MigrationLoader(connection).project_state([("inference", "0001_initial")]).apps
    for state, installed in ((older, False), (apps, True)):
        app = apps.get_app_config("inference")
        told = {"app_config": app, "verbosity": 0, "interactive": False, "using": "default"}
        post_migrate.send(app, apps=state, plan=[], **told)
        assert Task.objects.filter(slug="details").exists() == installed


def interrupted(*args, **fields):
    raise KeyboardInterrupt


@pytest.mark.django_db
def test_presets_are_installed_once_and_never_changed_again():
    install_presets()
    task = Task.objects.get(slug="sentiment")
    publish(task, "My own wording")
    install_presets()
    assert Task.objects.get(slug="sentiment").current.prompt == "My own wording"
    assert task.versions.get(number=1).prompt == presets.SENTIMENT.prompt

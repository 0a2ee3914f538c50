"""The settings of the fallback classifier: what they mean, and what is refused."""

import json

import pytest

from inference import presets
from inference.errors import ModelError
from inference.fallback import resident
from inference.fallback.config import FallbackConfig
from inference.fallback.fitting import fitted, merged
from inference.models import Task

NAMES = ("Positive", "Neutral", "Negative")


class TestItsLabels:
    def test_are_the_tasks_whatever_their_case(self):
        fit = fitted(FallbackConfig("m"), ["POSITIVE", "neutral", " Negative"], NAMES)
        assert list(fit.values()) == list(NAMES)

    def test_are_named_by_the_setting_where_they_differ(self):
        said = {"label_0": "negative", "LABEL_1": "Neutral", "LABEL_2": "Positive"}
        fit = fitted(FallbackConfig("m", labels=said), ["LABEL_0", "LABEL_1", "LABEL_2"], NAMES)
        assert fit["LABEL_0"] == "Negative"

    def test_add_up_where_several_are_one(self):
        said = {"1 star": "Negative", "2 stars": "Negative", "3 stars": "Neutral"}
        theirs = ["1 star", "2 stars", "3 stars", "positive"]
        fit = fitted(FallbackConfig("m", labels=said), theirs, NAMES)
        shares = merged([0.25, 0.25, 0.25, 0.25], theirs, fit)
        assert shares == {"Negative": 0.5, "Neutral": 0.25, "Positive": 0.25}

    @pytest.mark.parametrize(
        ("theirs", "said", "wrong"),
        [
            (["LABEL_0", "LABEL_1", "LABEL_2"], {}, "LABEL_0, LABEL_1, LABEL_2"),
            (["positive", "negative"], {}, "Neutral"),
            (["positive", "neutral", "negative", "mixed"], {}, "mixed"),
            (["positive", "neutral", "negative"], {"neutral": "Calm"}, "neutral, Neutral"),
            (["positive", "neutral", "negative"], {"other": "Neutral"}, "other"),
        ],
    )
    def test_are_refused_where_they_do_not_match(self, theirs, said, wrong):
        with pytest.raises(ModelError) as refused:
            fitted(FallbackConfig("some/model", labels=said), theirs, NAMES)
        text = str(refused.value)
        assert text.startswith("INFERENCE_FALLBACK_MODEL=some/model answers")
        assert f"No match for {wrong}" in text
        assert "INFERENCE_FALLBACK_LABELS" in text


@pytest.mark.django_db
class TestTheSettings:
    @pytest.fixture(autouse=True)
    def named(self, settings, moods):
        settings.INFERENCE_FALLBACK_MODEL = str(moods)

    def test_are_off_by_default(self, settings):
        settings.INFERENCE_FALLBACK_MODEL = ""
        resident.check()
        assert (resident.fallback(), resident.report()) == (None, None)

    def test_that_fit_pass_the_check_and_load_nothing(self):
        resident.check()
        assert resident.fallback().state == "idle"

    def test_name_labels_that_do_not_fit(self, settings):
        settings.INFERENCE_FALLBACK_LABELS = {"neutral": "Nothing"}
        with pytest.raises(ModelError, match="INFERENCE_FALLBACK_LABELS"):
            resident.check()

    def test_name_a_task_that_does_not_exist(self, settings):
        settings.INFERENCE_FALLBACK_TASK = "moods"
        with pytest.raises(ModelError, match="INFERENCE_FALLBACK_TASK=moods does not exist"):
            resident.check()

    def test_name_a_task_that_writes_json(self, settings):
        settings.INFERENCE_FALLBACK_TASK = presets.DETAILS_TASK.slug
        with pytest.raises(ModelError, match="INFERENCE_FALLBACK_TASK=details writes JSON"):
            resident.check()

    def test_name_a_task_that_reads_conversations(self):
        task = Task.objects.get(slug="sentiment")
        task.publish(prompt="How is it?", labels=task.current.labels, context="conversation")
        with pytest.raises(ModelError, match="INFERENCE_FALLBACK_TASK=sentiment reads whole"):
            resident.check()

    def test_say_which_answers_are_not_sure(self):
        version = Task.objects.get(slug="sentiment").current
        other = Task.objects.get(slug="urgency").current
        fallback = resident.fallback()
        assert fallback.wants(version, 0.59)
        assert not fallback.wants(version, 0.6)
        assert not fallback.wants(other, 0.1)

    def test_give_an_opinion_where_one_is_wanted(self):
        version = Task.objects.get(slug="sentiment").current
        assert resident.opinion(version, "Hello", 0.9) is None
        assert resident.opinion(version, "Hello", 0.4).label == "Negative"

    def test_leave_the_main_answer_where_the_model_does_not_load(self, settings, spoiled_moods):
        (spoiled_moods / "config.json").write_text(json.dumps({}))
        settings.INFERENCE_FALLBACK_MODEL = str(spoiled_moods)
        version = Task.objects.get(slug="sentiment").current
        assert resident.opinion(version, "Hello", 0.4) is None
        assert resident.report()["state"] == "failed"

"""Baselines: the most frequent label, VADER where it is installed, a classifier that is named."""

import sys
from types import SimpleNamespace

import pytest

from chat.evaluation.baselines import BaselineError, fallback, majority, vader
from chat.evaluation.labelled import Example
from inference.fallback import resident
from tests.inference import tiny_classifier

THREE = {"Good": 1, "Plain": 0, "Bad": -1}
TWO = {"Good": 1, "Bad": -1}


class Analyzer:
    """Stands for VADER's: a text is its own score."""

    def polarity_scores(self, text):
        return {"compound": float(text)}


@pytest.fixture
def scored_by_text(monkeypatch):
    module = SimpleNamespace(SentimentIntensityAnalyzer=Analyzer)
    monkeypatch.setitem(sys.modules, "vaderSentiment", SimpleNamespace(vaderSentiment=module))
    monkeypatch.setitem(sys.modules, "vaderSentiment.vaderSentiment", module)


def examples(*texts, label="Good"):
    return [Example(number, text, label) for number, text in enumerate(texts, start=2)]


def test_majority_says_the_most_frequent_label_of_all():
    mixed = [*examples("a", "b", label="Bad"), *examples("c")]
    assert majority(mixed, TWO) == ["Bad"] * 3


def test_vader_is_neutral_near_zero(scored_by_text):
    said = vader(examples("0.05", "0.049", "-0.049", "-0.05"), THREE)
    assert said == ["Good", "Plain", "Plain", "Bad"]


def test_vader_without_a_neutral_label_goes_by_the_sign(scored_by_text):
    assert vader(examples("0.01", "0", "-0.01"), TWO) == ["Good", "Bad", "Bad"]


@pytest.mark.parametrize(
    "polarity", [{"Yes": 0, "No": 0}, {"Good": 1, "Plain": 0}, {"Good": 1, "Great": 1, "Bad": -1}]
)
def test_vader_reads_nothing_but_moods(scored_by_text, polarity):
    with pytest.raises(BaselineError, match="one label of polarity 1, one of -1"):
        vader(examples("0"), polarity)


def test_a_missing_vader_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "vaderSentiment", None)
    monkeypatch.setitem(sys.modules, "vaderSentiment.vaderSentiment", None)
    with pytest.raises(BaselineError, match="pip install vaderSentiment"):
        vader(examples("0"), TWO)


@pytest.mark.django_db
class TestAClassifier:
    @pytest.fixture(autouse=True)
    def named(self, settings, tmp_path_factory):
        shares = {"negative": 0.2, "neutral": 0.5, "positive": 0.3}
        folder = tmp_path_factory.mktemp("classifier") / "moods"
        settings.INFERENCE_FALLBACK_MODEL = str(tiny_classifier.build(folder, shares))

    def test_is_asked_about_every_text(self):
        polarity = {"Positive": 1, "Neutral": 0, "Negative": -1}
        assert fallback(examples("a", "b"), polarity) == ["Neutral"] * 2

    def test_chooses_among_the_labels_of_the_file(self):
        assert fallback(examples("a"), {"Positive": 1, "Negative": -1}) == ["Positive"]

    def test_knows_no_other_task(self):
        with pytest.raises(BaselineError, match="decides sentiment, whose labels are Positive"):
            fallback(examples("a"), {"Urgent": 0, "Normal": 0})

    def test_must_be_named(self, settings):
        settings.INFERENCE_FALLBACK_MODEL = ""
        with pytest.raises(BaselineError, match="needs INFERENCE_FALLBACK_MODEL"):
            fallback(examples("a"), {"Positive": 1, "Negative": -1})

    def test_that_does_not_load_says_why(self, monkeypatch):
        def load(config):
            raise OSError("the disk is gone")

        monkeypatch.setattr(resident.fallback(), "_load", load)
        with pytest.raises(BaselineError, match="the disk is gone"):
            fallback(examples("a"), {"Positive": 1, "Negative": -1})

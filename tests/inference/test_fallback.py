"""The fallback classifier: loaded once, on the first need, in a thread of its own."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from inference.errors import ModelError
from inference.fallback import classifier
from inference.fallback.config import FallbackConfig
from inference.fallback.worker import Fallback, FallbackFailed
from tests.inference import tiny_classifier
from tests.inference.tiny import edit

NAMES = ("Positive", "Neutral", "Negative")


@pytest.fixture
def start():
    """`start(folder)` is a fallback that is stopped after the test."""
    started = []

    def fallback(folder, load=classifier.load, **config) -> Fallback:
        started.append(Fallback(FallbackConfig(str(folder), **config), load))
        return started[-1]

    yield fallback
    for each in started:
        each.stop()


class Loads:
    """Counts loads and notes their threads; may be held back."""

    def __init__(self, *, held: bool = False):
        self.threads: list[str] = []
        self.go_on = threading.Event()
        if not held:
            self.go_on.set()

    def __call__(self, config):
        self.threads.append(threading.current_thread().name)
        self.go_on.wait(30)
        return classifier.load(config)


class TestAnOpinion:
    def test_is_in_the_tasks_labels_and_names_its_model(self, start, moods):
        said = start(moods).ask("Where is my order", NAMES).result(30)
        assert (said.label, tuple(said.probabilities)) == ("Negative", NAMES)
        assert said.confidence == pytest.approx(0.7, abs=1e-6)
        assert said.model_id.startswith("moods@")

    def test_is_known_for_the_same_words(self, start, moods):
        counted = Counting()
        fallback = start(moods, counted.load, size=10)
        first = fallback.ask("Where is it", NAMES).result(30)
        again = fallback.ask(" where  IS it", NAMES).result(30)
        assert counted.texts == ["Where is it"]
        assert again.probabilities == pytest.approx(first.probabilities)

    def test_reads_typed_special_tokens_as_text(self, moods):
        loaded = classifier.load(FallbackConfig(str(moods)))
        ids = []
        loaded.model.register_forward_pre_hook(
            lambda module, args, kwargs: ids.extend(kwargs["input_ids"][0].tolist()),
            with_kwargs=True,
        )
        loaded.shares("good [SEP] bad [CLS]")
        ends = [tiny_classifier.WORDS.index(each) for each in ("[CLS]", "[SEP]")]
        assert [each for each in ids if each in ends] == ends

    def test_is_given_of_a_text_that_is_too_long(self, start, moods):
        assert start(moods).ask("order " * 5000, NAMES).result(30).label == "Negative"


class TestTheModel:
    def test_loads_on_the_first_need_and_in_its_own_thread(self, start, moods):
        loads = Loads()
        fallback = start(moods, loads)
        assert (fallback.state, loads.threads) == ("idle", [])
        fallback.ask("Hello", NAMES).result(30)
        assert (fallback.state, loads.threads) == ("ready", ["fallback"])

    def test_loads_once_when_many_need_it_first(self, start, moods):
        loads, together = Loads(held=True), threading.Barrier(8)
        fallback = start(moods, loads)

        def need(number):
            together.wait()
            return fallback.ask(f"Hello {number}", NAMES)

        with ThreadPoolExecutor(8) as threads:
            asked = list(threads.map(need, range(8)))
        loads.go_on.set()
        assert {each.result(30).label for each in asked} == {"Negative"}
        assert len(loads.threads) == 1

    def test_that_does_not_load_is_told_to_all_who_wait_and_not_tried_again(
        self, start, spoiled_moods
    ):
        (spoiled_moods / "model.safetensors").unlink()
        loads = Loads(held=True)
        fallback = start(spoiled_moods, loads)
        asked = [fallback.ask("Hello", NAMES) for _ in range(3)]
        loads.go_on.set()
        for each in [*asked, fallback.ask("Hello", NAMES)]:
            with pytest.raises(FallbackFailed, match=r"INFERENCE_FALLBACK_MODEL=.* safetensors"):
                each.result(30)
        assert (fallback.state, len(loads.threads)) == ("failed", 1)
        assert "safetensors" in fallback.report()["error"]

    def test_that_fails_on_one_text_answers_the_next(self, start, moods):
        fallback = start(moods, Counting(fails_on="Kaboom").load)
        with pytest.raises(FallbackFailed, match="NaN"):
            fallback.ask("Kaboom", NAMES).result(30)
        assert "NaN" in fallback.report()["error"]
        assert fallback.ask("Hello", NAMES).result(30)
        assert (fallback.report()["error"], fallback.report()["failed"]) == (None, 1)

    def test_does_not_answer_what_nobody_waits_for(self, start, moods):
        counted, loads = Counting(), Loads(held=True)
        fallback = start(moods, lambda config: loads(config) and counted.load(config))
        fallback.ask("Given up", NAMES).cancel()
        last = fallback.ask("Hello", NAMES)
        loads.go_on.set()
        last.result(30)
        assert counted.texts == ["Hello"]

    def test_refuses_when_it_is_stopped(self, start, moods):
        fallback = start(moods)
        fallback.ask("Hello", NAMES).result(30)
        fallback.stop()
        with pytest.raises(FallbackFailed, match="stopped"):
            fallback.ask("Hello", NAMES).result(30)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"architectures": ["Qwen2ForCausalLM"]}, "is no text-classification model"),
            ({"problem_type": "multi_label_classification"}, "does not choose one label"),
            ({"id2label": {"0": "score"}}, "has one label only"),
            ({"id2label": ["a", "b"]}, "id2label of another form"),
        ],
    )
    def test_of_another_kind_is_refused_without_loading_it(self, spoiled_moods, change, words):
        edit(spoiled_moods, **change)
        with pytest.raises(ModelError, match=f"INFERENCE_FALLBACK_MODEL=.* {words}"):
            classifier.check_folder(FallbackConfig(str(spoiled_moods)))

    def test_with_pickled_weights_is_refused(self, spoiled_moods):
        (spoiled_moods / "model.safetensors").rename(spoiled_moods / "pytorch_model.bin")
        with pytest.raises(ModelError, match="could run code"):
            classifier.load(FallbackConfig(str(spoiled_moods)))

    def test_without_a_trained_head_is_refused(self, spoiled_moods):
        from safetensors.torch import load_file, save_file

        path = spoiled_moods / "model.safetensors"
        kept = {name: each for name, each in load_file(path).items() if "classifier" not in name}
        save_file(kept, path, metadata={"format": "pt"})
        with pytest.raises(ModelError, match=r"lacks weights, classifier\.bias"):
            classifier.load(FallbackConfig(str(spoiled_moods)))

    def test_that_is_nowhere_is_refused(self):
        with pytest.raises(ModelError, match=r"INFERENCE_FALLBACK_MODEL=\./nowhere does not exist"):
            classifier.check_folder(FallbackConfig("./nowhere"))

    def test_with_code_of_its_own_never_runs_it(self, spoiled_moods):
        edit(spoiled_moods, auto_map={"AutoModelForSequenceClassification": "evil.Model"})
        edit(spoiled_moods, model_type="evil")
        (spoiled_moods / "evil.py").write_text("raise SystemExit('ran')")
        with pytest.raises(ModelError, match="INFERENCE_FALLBACK_MODEL"):
            classifier.load(FallbackConfig(str(spoiled_moods)))


class Counting:
    """Notes what the classifier is asked; may fail on one text."""

    def __init__(self, fails_on: str = ""):
        self.texts: list[str] = []
        self._fails_on = fails_on

    def load(self, config):
        loaded = classifier.load(config)
        return Asked(self, loaded)

    def note(self, text: str) -> None:
        self.texts.append(text)
        if text == self._fails_on:
            raise RuntimeError("NaN logits")


class Asked:
    def __init__(self, counted: Counting, loaded):
        self._counted, self._loaded = counted, loaded
        self.model_id, self.labels = loaded.model_id, loaded.labels

    def shares(self, text: str) -> list[float]:
        self._counted.note(text)
        return self._loaded.shares(text)

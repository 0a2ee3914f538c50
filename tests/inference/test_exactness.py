"""The engine against plain transformers, which gets the same token ids."""

import dataclasses

import pytest
import torch

from inference.lean.plain import PlainModel
from inference.runner import Runner
from inference.sampling import Sampling
from inference.sequence import Sequence
from inference.tasks import Classify, Reply, Request
from tests.inference.inbox import (
    LABELS,
    Inbox,
    classified,
    classify,
    conversation,
    finished,
    reply_to,
)
from tests.inference.lean_reference import TOLERANCE, assert_greedy, reference_score

TEXTS = [
    "Hello, where is my order 1234?",
    "你们的客服太差了，我要投诉",
    "Thank you 😀 so much, you were wonderful!",
]
pytestmark = pytest.mark.parametrize("architecture", ["qwen2", "qwen3", "llama"])


def run_alone(runner, work, steps=20):
    """The sequence after so many steps, without an engine."""
    sequence = Sequence(1, work, submitted=0.0)
    for _ in range(steps):
        ((_, token),) = runner.run([sequence])
        if token is not None:
            sequence.append(token, 1.0)
    return sequence


@pytest.mark.parametrize("text", TEXTS)
def test_greedy_replies_are_those_of_transformers(loaded, reference, architecture, text):
    model = loaded(architecture)
    sequence = run_alone(Runner(model), Reply(conversation(text), greedy=True))
    assert sequence.prompt_ids == model.prompt.encode(conversation(text))
    assert_greedy(reference(architecture), sequence)


def test_generate_of_transformers_says_the_same(loaded, reference, make_engine, architecture):
    model = loaded(architecture)
    messages = conversation(TEXTS[0])
    prompt = torch.tensor([model.prompt.encode(messages)])
    expected = reference(architecture).generate(
        prompt, do_sample=False, max_new_tokens=24, eos_token_id=sorted(model.stop_ids)
    )[0, prompt.shape[1] :]
    end = finished(make_engine(model), Request(Reply(messages, greedy=True)))
    said = [token for token in expected.tolist() if token not in model.stop_ids]
    assert end.text == model.tokenizer.decode(said, skip_special_tokens=True).replace("\0", "")
    assert end.prompt_tokens == prompt.shape[1]


@pytest.mark.parametrize("text", TEXTS)
def test_label_scores_are_those_of_transformers(loaded, reference, make_engine, architecture, text):
    model = loaded(architecture)
    event = classified(make_engine(model), classify(text))
    prompt = model.prompt.encode(classify(text).messages)
    for label in LABELS:
        expected = reference_score(reference(architecture), prompt, model.prompt.label(label))
        assert event.logprobs[label] == pytest.approx(expected, abs=TOLERANCE)


def test_a_label_may_be_the_beginning_of_another(loaded, reference, make_engine, architecture):
    model, labels = loaded(architecture), ("order", "orderly", "o", "or der")
    part = classify("Hello", labels=labels)
    event = classified(make_engine(model), part)
    prompt = model.prompt.encode(part.messages)
    for label in labels:
        expected = reference_score(reference(architecture), prompt, model.prompt.label(label))
        assert event.logprobs[label] == pytest.approx(expected, abs=TOLERANCE)


def test_the_same_scores_come_from_transformers_own_forward(loaded, reference, architecture):
    lean, slow = loaded(architecture), PlainModel(reference(architecture))
    scores = []
    for model in (lean, dataclasses.replace(lean, model=slow)):
        ((_, outcome),) = Runner(model).run([Sequence(1, classify("Where is it?"), 0.0)])
        scores.append(outcome)
    assert scores[0] == pytest.approx(scores[1], abs=TOLERANCE)


def test_a_cached_prefix_changes_nothing(loaded, reference, architecture):
    model = loaded(architecture)
    runner = Runner(model)
    for text in ("Hello", "Hello, where is my order?", "Hello"):
        ((_, scores),) = runner.run([Sequence(1, classify(text), 0.0)])
        prompt = model.prompt.encode(classify(text).messages)
        for label, score in scores.items():
            expected = reference_score(reference(architecture), prompt, model.prompt.label(label))
            assert score == pytest.approx(expected, abs=TOLERANCE)
    assert len(runner.cache) == 1


def test_the_next_turn_reuses_the_conversation(loaded, reference, architecture):
    model = loaded(architecture)
    runner = Runner(model)
    first = run_alone(runner, Reply(conversation("Hello"), greedy=True), steps=5)
    runner.release(first)
    second = Reply(conversation("Hello", first.text, "And now?"), greedy=True)
    prompt = model.prompt.encode(second.messages)
    assert runner.cache.known(prompt) > first.shared
    sequence = run_alone(runner, second)
    assert_greedy(reference(architecture), sequence)
    runner.cache.check()


def test_neighbours_do_not_change_a_reply(loaded, make_engine, architecture):
    model = loaded(architecture)
    alone = [finished(make_engine(model), reply_to(text)).text for text in TEXTS]
    together = make_engine(model, max_running=2)
    inboxes = [Inbox(2) for _ in TEXTS]
    for text, inbox in zip(TEXTS, inboxes, strict=True):
        reply = reply_to(text).reply
        together.submit(Request(reply, (classify(text),)), inbox)
    assert [inbox.wait() and inbox.streamed for inbox in inboxes] == alone


def test_a_seed_reproduces_a_reply_whatever_else_runs(loaded, make_engine, architecture):
    model = dataclasses.replace(
        loaded(architecture), sampling=Sampling(True, 0.9, 20, 0.95, 0.0, 1.1)
    )
    engine = make_engine(model)
    seeded = reply_to("Hello", greedy=False, seed=7)
    alone = finished(engine, seeded).text
    crowd = [Inbox() for _ in range(4)]
    for inbox in crowd:
        engine.submit(reply_to("Hello", greedy=False), inbox)
    assert finished(engine, seeded).text == alone
    assert len({inbox.wait() and inbox.streamed for inbox in crowd} - {alone}) > 1


def test_scores_survive_a_conversation_as_context(loaded, reference, make_engine, architecture):
    model = loaded(architecture)
    messages = (*conversation("Hello", "Hi.", "It is late!"), *conversation("Mood?")[1:])
    event = classified(make_engine(model), Classify("mood", messages, LABELS))
    prompt = model.prompt.encode(messages)
    expected = reference_score(reference(architecture), prompt, model.prompt.label("Negative"))
    assert event.logprobs["Negative"] == pytest.approx(expected, abs=TOLERANCE)

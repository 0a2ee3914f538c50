"""A label may be scored behind a thought: as exact as without, and at a cost that is told."""

import dataclasses

import pytest

from inference.loading import load
from inference.sequence import REPLY, Classified
from inference.tasks import CLOSING, OPENING, Request, conversation_context
from tests.inference import tiny
from tests.inference.inbox import (
    LABELS,
    Inbox,
    classified,
    classify,
    conversation,
    ends,
    finished,
    reply_to,
)
from tests.inference.lean_reference import assert_greedy, assert_scores, plain
from tests.inference.steps import Steps
from tests.inference.test_other_architectures import OTHERS
from tests.inference.tiny import configured

TEXTS = ["Hello, where is my order?", "你们的客服太差了", "so much to say " * 40]


def thinking(text, think=8, **options):
    return dataclasses.replace(classify(text, **options), think=think)


@pytest.mark.parametrize("architecture", ["qwen2", "qwen3", "llama"])
@pytest.mark.parametrize("text", TEXTS)
def test_labels_are_scored_behind_what_was_thought(loaded, reference, architecture, text):
    model = loaded(architecture)
    steps = Steps(model)
    (sequence,) = steps.finish(thinking(text))
    asked = model.prompt.encode(classify(text).messages)
    assert sequence.prompt_ids == asked + model.prompt.text(OPENING)
    assert sequence.closing == model.prompt.text(CLOSING)
    assert_greedy(reference(architecture), sequence)
    assert_scores(reference(architecture), sequence, steps.results[sequence])
    assert len(sequence.output_ids) <= 8
    assert steps.runner.cache.promised == 0


@pytest.mark.parametrize("architecture", OTHERS)
def test_any_architecture_thinks(architecture, tmp_path):
    folder = tiny.build(tmp_path / architecture, architecture, **OTHERS[architecture])
    steps = Steps(load(configured(folder, context=512, max_new_tokens=12)))
    (sequence,) = steps.finish(thinking("Hello"))
    assert_scores(plain(folder), sequence, steps.results[sequence])


def test_the_answer_tells_the_thought_and_its_cost(engine):
    event = classified(engine, thinking("Hello", 6))
    assert 0 < event.thought.tokens <= 6
    assert 0 < event.thought.total_ms <= event.latency_ms
    assert tuple(event.probabilities) == LABELS


def test_without_it_nothing_is_thought(engine):
    assert classified(engine, classify("Hello")).thought is None


def test_a_thought_that_ends_at_once_is_empty(make_engine, loaded):
    everything = frozenset(range(len(loaded().tokenizer)))
    engine = make_engine(dataclasses.replace(loaded(), stop_ids=everything))
    event = classified(engine, thinking("Hello"))
    assert (event.thought.text, event.thought.tokens) == ("", 0)
    assert sum(event.probabilities.values()) == pytest.approx(1)


def test_a_thought_is_no_longer_than_configured(endless):
    model_limit = 400
    assert classified(endless, thinking("Hello", 9999)).thought.tokens <= model_limit


def test_no_thought_holds_a_control_token(loaded):
    model = loaded()
    steps = Steps(dataclasses.replace(model, max_new_tokens=120))
    (sequence,) = steps.finish(thinking("<think></think> <|im_start|>system", 100))
    assert not set(sequence.ids[-len(sequence.output_ids) :]) & set(
        model.tokenizer.get_added_vocab().values()
    )


def test_a_thought_changes_no_reply_and_no_reply_a_thought(engine):
    alone = [classified(engine, thinking(text)).thought.text for text in TEXTS]
    replies = [finished(engine, reply_to(text)).text for text in TEXTS]
    inboxes = [Inbox(3) for _ in TEXTS]
    for text, inbox in zip(TEXTS, inboxes, strict=True):
        parts = [thinking(text), classify(text, key="quick")]
        engine.submit(Request.of(parts, reply_to(text).reply), inbox)
    assert [ends(inbox)["sentiment"].thought.text for inbox in inboxes] == alone
    assert [ends(inbox)[REPLY].text for inbox in inboxes] == replies
    assert all(isinstance(ends(inbox)["quick"], Classified) for inbox in inboxes)


def test_it_thinks_about_a_conversation_too(loaded, reference):
    steps = Steps(loaded())
    said = conversation("Hello", "Hi.", "It is late!")
    part = dataclasses.replace(thinking(""), messages=conversation_context(said, "Mood?"))
    (sequence,) = steps.finish(part)
    assert_scores(reference(), sequence, steps.results[sequence])


def test_a_prompt_that_leaves_no_room_to_think_fails_alone(engine):
    part = thinking("Hello", 24)
    full = dataclasses.replace(part, messages=conversation("Hello there", system="so much " * 240))
    inbox = Inbox()
    engine.submit(Request.of([full]), inbox)
    assert "INFERENCE_CONTEXT" in ends(inbox)["sentiment"].message

"""What arms are asked: seeded, and of the lengths that a measurement is about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from inference.bench.workload import Lengths, Workload
from inference.prompts import ChatPrompt
from inference.tasks import ChatMessage
from tests.inference.bench.conftest import TOY

LENGTHS = Lengths()


@pytest.fixture(scope="module")
def prompt(setting):
    return ChatPrompt(AutoTokenizer.from_pretrained(setting.folder))


def tokens(prompt, text):
    return len(prompt.label(text)) - len(prompt.end_ids)


@given(st.text(max_size=5), st.integers(1, 5), st.integers(1, 5))
def test_a_seed_gives_the_same_messages_again_and_another_seed_others(seed, count, turns):
    texts = Workload(TOY.vocabulary).messages(seed, count, turns)
    assert texts == Workload(TOY.vocabulary).messages(seed, count, turns)
    assert [len(each) for each in texts] == [turns] * count
    said = {text for each in texts for text in each}
    assert len(said) == count * turns
    others = Workload(TOY.vocabulary).messages(seed + "x", count, turns)
    assert said.isdisjoint(text for each in others for text in each)


def test_the_shared_prompts_are_the_same_for_everybody():
    one, two = Workload(TOY.vocabulary), Workload(TOY.vocabulary)
    assert (one.opening, one.task_prompt) == (two.opening, two.task_prompt)


def test_every_text_has_exactly_the_tokens_asked_for(prompt):
    workload = Workload(TOY.vocabulary)
    ((message,),) = workload.messages("seed", 1, 1)
    assert tokens(prompt, message) == LENGTHS.message == 24
    assert tokens(prompt, workload.opening[0].content) == LENGTHS.system == 150
    assert tokens(prompt, workload.task_prompt) == LENGTHS.task == 60
    assert [tokens(prompt, label) for label in workload.sentiment(message).labels] == [1, 1, 1]


def test_a_turn_asks_for_a_greedy_reply_and_one_sentiment_of_the_last_message():
    workload = Workload(TOY.vocabulary)
    history = (*workload.opening, ChatMessage("user", " a b"))
    request = workload.turn(history)
    assert (request.reply.messages, request.reply.max_new_tokens) == (history, 64)
    assert request.reply.greedy
    (sentiment,) = request.classify
    assert sentiment.messages[-1] == history[-1]


def test_questions_go_on_from_the_conversation(prompt):
    workload = Workload(TOY.vocabulary)
    history = (*workload.opening, ChatMessage("user", " a b"))
    request = workload.turn_with_questions(history, 5)
    assert len({part.key for part in request.classify}) == 5
    assert all(part.messages[:-1] == history for part in request.classify)
    asked = {part.messages[-1].content for part in request.classify}
    assert [tokens(prompt, text) for text in asked] == [LENGTHS.question] * 5


def test_unknown_prompts_share_no_beginning():
    workload = Workload(TOY.vocabulary)
    prompts = [*workload.unknown("one", 3), *workload.unknown("two", 3)]
    assert len({prompt[0].content[:12] for prompt in prompts}) == 6

"""Numbers, names and addresses that customers add to any request, and how they come back."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.pocket import conversations, grammar, references
from inference.pocket.dialogue import Conversation
from inference.pocket.facts import Facts
from inference.pocket.speaker import Speaker

SEEDS = st.integers(0, 2**32)
LANGUAGES = st.sampled_from(grammar.LANGUAGES)
RECALL = re.compile(r"my name\W*$|who am i\W*$|我叫什么|我是谁", re.IGNORECASE)
REQUESTS = {"en": ("Where is it?", "Please wait."), "zh": ("在哪里？", "请稍等。")}


@given(SEEDS, LANGUAGES)
def test_a_fact_stands_beside_the_request_and_in_the_reply(seed, language):
    rng, book = random.Random(seed), grammar.load(language)
    intent = book.intents[rng.choice(sorted(book.intents))]
    facts = Facts(rng, language, lambda name: rng.choice(book.lexicons[name]))
    facts["noun"] = rng.choice(book.lexicons[references.noun(intent.topic)])
    reference = references.draw(rng, language, intent.topic, intent.name)
    request, reply = REQUESTS[language]
    text = reference.beside(request, lambda each: book.expand(each, rng, facts), rng)
    told = reference.repeated(reply, lambda each: book.expand(each, rng, facts), rng)
    fact = facts[reference.fact]
    assert fact in text
    assert request.rstrip("。") in text
    assert fact in told
    assert reply in told


@pytest.mark.parametrize(
    ("fact", "reply"),
    [
        ("order", "Could you tell me the order number?"),
        ("order", "谢谢，<asknum>"),
        ("name", "您怎么称呼？"),
        ("email", "Which email did you order with?"),
        ("phone", "请留下手机号。"),
        ("code", "Please send me the exact message."),
    ],
)
def test_a_reply_that_asks_for_what_was_given_does_not_fit(fact, reply):
    assert not references.Reference(fact, "en").fits(reply)
    assert references.Reference(fact, "en").fits("A colleague can look at it.")


def test_most_numbers_of_a_first_request_come_back_in_its_reply():
    rng, given, repeated = random.Random(4), 0, 0
    for _ in range(800):
        (turn,) = conversations.conversation(rng, length=1).turns
        for number in re.findall(r"\d{4,}", turn.text):
            given += 1
            repeated += number in turn.reply
    assert given > 120
    assert repeated > 0.8 * given


@pytest.mark.parametrize("language", grammar.LANGUAGES)
def test_a_name_that_is_asked_for_was_given_before(language):
    rng, asked = random.Random(1), 0
    while asked < 3:
        speaker, told = Speaker(rng, language, "Mia"), Conversation("You help.")
        speaker.episode(told, 4)
        for at, turn in enumerate(told.turns):
            if turn.intent == "name" and at and RECALL.search(turn.text):
                asked += 1
                name = speaker.facts["name"]
                assert name in turn.reply
                assert name in " ".join(each.text for each in told.turns[:at])

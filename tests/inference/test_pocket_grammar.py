"""The generator: what it writes is reproducible, covers both languages and claims nothing."""

import json
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import presets
from inference.pocket import (
    conversations,
    details,
    grammar,
    labelling,
    moods,
    noise,
    personas,
    repeating,
    wordings,
)
from inference.pocket.facts import Facts

SEEDS = st.integers(0, 2**32)
FORBIDDEN = re.compile(
    r"\bI('ve| have) (cancelled|canceled|refunded|shipped|changed|deleted|checked|sent)"
    r"|has (been )?(shipped|dispatched|refunded|cancelled)\b|will (arrive|be delivered|be refunded)"
    r"|on its way|I can see your|your refund (is|was|will)|I promise|guarantee"
    r"|我(已经|已)(为您|帮您)?(取消|退款|发货|修改|查到)|已为您|已经为您|已发货|预计.*送达|保证退|我查到",
    re.IGNORECASE,
)
NUMBER = re.compile(r"\d[\d.-]*\d|\d")
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module", autouse=True)
def grammars_are_read_before_anything_is_timed():
    for language in grammar.LANGUAGES:
        moods.shelf(language)


def told(seed, **options):
    return conversations.conversation(random.Random(seed), **options)


@given(SEEDS)
def test_a_seed_always_tells_the_same_conversation(seed):
    assert told(seed) == told(seed)


@given(SEEDS, st.sampled_from(grammar.LANGUAGES), st.sampled_from(list(labelling.TASKS)))
def test_a_seed_always_gives_the_same_labelled_message(seed, language, task):
    first, second = (moods.message(random.Random(seed), language, task) for _ in range(2))
    assert first == second
    assert first.text.strip()
    assert first.labels[task] in labelling.TASKS[task].names


def test_every_intent_is_known_in_both_languages():
    english, chinese = (set(grammar.load(each).intents) for each in grammar.LANGUAGES)
    assert english == chinese
    assert len(english) >= 45


@pytest.mark.parametrize("language", grammar.LANGUAGES)
def test_every_intent_is_told_sooner_or_later(language):
    rng = random.Random(5)
    seen = {
        turn.intent
        for _ in range(2500)
        for turn in conversations.conversation(rng, language).turns
        if turn.language == language
    }
    assert seen >= set(grammar.load(language).intents)


@pytest.mark.parametrize("language", grammar.LANGUAGES)
def test_every_template_expands_to_clean_text(language):
    book, rng = grammar.load(language), random.Random(1)
    facts = Facts(rng, language, lambda name: rng.choice(book.lexicons[name]))
    facts["bot"] = "Mia"
    for intent in book.intents.values():
        for exchange in intent.exchanges():
            for part in (*exchange.asks, *exchange.answers):
                text = book.expand(part.text, rng, facts)
                assert text.strip(), part
                assert not re.search(r"[\[\]{}|]", text), part


@pytest.mark.parametrize("language", grammar.LANGUAGES)
def test_no_reply_template_claims_knowledge_or_promises_anything(language):
    book = grammar.load(language)
    replies = [a.text for i in book.intents.values() for e in i.exchanges() for a in e.answers]
    assert [text for text in replies if FORBIDDEN.search(text)] == []


@given(SEEDS)
def test_numbers_in_a_reply_come_from_the_conversation(seed):
    heard = ""
    for turn in told(seed).turns:
        heard += f" {turn.text}"
        assert set(NUMBER.findall(turn.reply)) <= set(NUMBER.findall(heard))


@given(SEEDS)
def test_replies_speak_the_language_of_the_customer(seed):
    bots = grammar.load("en").lexicons["bot"]
    for turn in told(seed).turns:
        reply = turn.reply
        for bot in bots:  # in whatever script it was named
            reply = reply.replace(bot, "")
        assert bool(HAN.search(reply)) == (turn.language == "zh")


def test_an_order_number_just_given_is_repeated():
    rng = random.Random(3)
    turns = [t for _ in range(2400) for t in conversations.conversation(rng, "en").turns]
    asked = [t for t in turns if re.fullmatch(r"\d{4,}", t.text)]
    assert len(asked) > 20
    assert all(turn.text in turn.reply for turn in asked)


@pytest.mark.parametrize(
    ("language", "told"), [("en", r"you are |your name is "), ("zh", "您叫|您是")]
)
def test_a_name_given_long_ago_is_told_when_it_is_asked_for(language, told):
    rng, far = random.Random(6), 0
    for _ in range(400):
        turns = conversations.conversation(rng, language, length=10).turns
        for place, turn in enumerate(turns):
            found = re.match(rf"(?:{told})([^.。,，]+)[.。]", turn.reply, re.IGNORECASE)
            if turn.intent == "name" and found:
                given = [at for at, each in enumerate(turns[:place]) if found[1] in each.text]
                assert given, turn
                far += place - given[-1] > 3
    assert far > 5


@pytest.mark.parametrize("language", grammar.LANGUAGES)
def test_some_messages_are_whole_reviews_with_a_mood(language):
    rng = random.Random(7)
    drawn = [moods.message(rng, language) for _ in range(3000)]
    long = [each for each in drawn if len(each.text) > (100 if language == "zh" else 250)]
    assert len(long) > 20
    assert {each.labels[labelling.SENTIMENT] for each in long} >= {"Positive", "Negative"}


def test_every_label_of_every_task_is_written_in_both_languages():
    rng = random.Random(4)
    for slug, task in labelling.TASKS.items():
        for language in grammar.LANGUAGES:
            drawn = [moods.message(rng, language, slug) for _ in range(400)]
            seen = {each.labels[slug] for each in drawn}
            assert seen >= set(task.names) - set(labelling.LANGUAGE_NAMES.values()), slug


def test_what_a_message_says_of_itself_decides_over_what_it_is_about():
    def label(task, text, **source):
        source = labelling.Source(frozenset({"en"}), "orders", **source)
        return labelling.labels(text, source).get(task)

    plain = {"intent": "change_address", "mood": "Neutral"}
    assert label("urgency", "new address please", **plain) == "Normal"
    assert label("urgency", "new address please, asap", **plain) == "High"
    assert label("urgency", "new address please, no rush", **plain) == "Low"
    assert label("urgency", "thanks for the new address", intent="thanks") == "Low"
    assert label("urgency", "somebody is in my account", intent="account_security") == "High"
    marked = {**plain, "marks": frozenset({"want_person"})}
    assert label("wants-human", "new address, get me a manager", **marked) == "Yes"
    assert label("wants-human", "the manager promised it", **plain) is None  # in doubt
    assert label("wants-human", "new address please", **plain) == "No"
    assert label("topic", "new address please", **plain) == "Delivery"


@pytest.mark.parametrize("language", grammar.LANGUAGES)
def test_no_template_stands_for_two_moods(language):
    shelf = moods.shelf(language)
    texts = {
        label: {each.text for kind in ("asks", "alone") for each in shelf.by_mood[label, kind]}
        for label in moods.LABELS
    }
    assert not texts["Positive"] & texts["Negative"]
    assert not texts["Neutral"] & (texts["Positive"] | texts["Negative"])


def test_details_hold_only_what_the_message_names():
    rng, seen = random.Random(5), set()
    for _ in range(500):
        message = moods.of_intent(rng, rng.choice(grammar.LANGUAGES))
        if found := details.details(message):
            named = json.loads(found)
            seen |= {key for key, value in named.items() if value}
            assert named["action"] in presets.ACTIONS
            assert all(named[key] is None or named[key] in message.text for key in details.KEYS)
    assert seen == {*details.KEYS, "action"}


@given(SEEDS, st.sampled_from(list(labelling.TASKS)))
def test_another_wording_of_a_task_still_names_every_label(seed, task):
    prompt = wordings.wording(random.Random(seed), labelling.TASKS[task])
    names = labelling.TASKS[task].names
    assert task == "topic" or all(name in prompt for name in names)


@given(SEEDS, st.sampled_from(grammar.LANGUAGES))
def test_typing_noise_never_touches_what_must_be_repeated(seed, language):
    text = noise.typed("order Ab-1234 is late ok", language, random.Random(seed), ["Ab-1234"])
    assert "Ab-1234" in text


def test_most_conversations_have_the_shipped_prompt_and_the_rest_another_name():
    rng = random.Random(2)
    drawn = [personas.draw(rng) for _ in range(500)]
    shipped = [bot for system, bot in drawn if system == presets.REPLY_SYSTEM]
    assert 0.6 < len(shipped) / len(drawn) < 0.85
    assert set(shipped) == {presets.BOT_NAME}
    assert all(bot in system for system, bot in drawn if bot != presets.BOT_NAME)


@pytest.mark.parametrize(
    "line", ["nonsense without a head", "?x text", "[never closed", "? [a|b", "then:"]
)
def test_a_broken_grammar_file_names_its_line(line, tmp_path, monkeypatch):
    (tmp_path / "xx").mkdir()
    (tmp_path / "xx" / "broken.txt").write_text(f"== intent\n{line}\n! answer\n", "utf-8")
    monkeypatch.setattr(grammar, "FOLDER", tmp_path)
    grammar.load.cache_clear()
    with pytest.raises(grammar.GrammarError, match=r"broken\.txt line \d"):
        grammar.load("xx")
    grammar.load.cache_clear()


@given(SEEDS, st.sampled_from(["where is my parcel now", "我的快递到哪了", "x", "货"]))
def test_a_thinned_message_keeps_some_of_its_words_in_order(seed, text):
    left = iter(text)
    thinned = noise.thinned(text, random.Random(seed))
    assert thinned
    assert all(character in left for character in thinned)


@given(SEEDS, st.sampled_from(grammar.LANGUAGES))
def test_names_are_not_only_those_of_a_list(seed, language):
    rng = random.Random(seed)
    known = set(grammar.load(language).lexicons["name"])
    drawn = {Facts(rng, language, lambda _: min(known))["name"] for _ in range(40)}
    assert drawn - known
    assert drawn & known


@given(SEEDS, st.sampled_from(grammar.LANGUAGES))
def test_what_is_to_be_repeated_stands_in_the_message_in_its_order(seed, language):
    text, told = repeating.roll(random.Random(seed), language)
    at = 0
    for fact in told.split(" "):
        at = text.index(fact, at) + len(fact)


def test_what_is_posted_in_public_keeps_its_words():
    rng = random.Random(5)
    posts = [noise.posted("the parcel is late again", rng) for _ in range(300)]
    for post in posts:
        said = [
            word.removeprefix("#")
            for word in post.split()
            if not re.match(r"@\w+$|http://t\.co/\w{8}$", word)
        ]
        assert said[:5] == ["the", "parcel", "is", "late", "again"]
        assert len(said) <= 6
    assert {mark for mark in "@#" if any(mark in post for post in posts)} == {"@", "#"}

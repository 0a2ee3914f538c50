"""The written questions and the judge of replies: what passes, what fails, and on which grounds."""

import random
import re
import unicodedata
from collections import Counter
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.evaluation import questions, replies, wording
from chat.evaluation.questions import Question, QuestionError
from inference import presets
from inference.pocket import conversations, grammar
from inference.pocket.facts import Facts
from inference.tasks import ChatMessage
from tests.inference.scripted import ScriptedEngine

SET = questions.load()
REFUND = Question(
    "en", "refund", "refund order 1234, 59.90", re.compile("refund|return", re.I), copied=("1234",)
)
ZH_REFUND = Question("zh", "refund", "1234 退我钱", re.compile("退款|退"), copied=("1234",))


def verdict(reply, question=REFUND, **options):
    return replies.judge(question, reply, system=presets.REPLY_SYSTEM, **options)


def plain(text):
    """Letters, digits and Han characters only, in one case and width."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in text if char.isalnum())


# The set ----------------------------------------------------------------------------------------


def test_half_of_the_set_is_english_and_half_chinese():
    counts = Counter(each.language for each in SET)
    assert len(SET) >= 200
    assert counts["en"] == counts["zh"]


def test_both_languages_are_asked_about_the_same_thirty_intents_or_more():
    english, chinese = ({q.intent for q in SET if q.language == each} for each in ("en", "zh"))
    assert english == chinese
    assert len(english) >= 30


def test_no_two_questions_are_alike():
    assert len({plain(each.text) or each.text for each in SET}) == len(SET)


def test_what_must_be_repeated_stands_in_the_conversation():
    for each in SET:
        told = " ".join(message.content for message in each.turns)
        assert all(wording.holds(told, wanted) for wanted in each.copied), each.text


def test_follow_ups_alternate_and_end_with_the_visitor():
    followed = [each for each in SET if each.earlier]
    assert len(followed) >= 10
    for each in followed:
        roles = [message.role for message in each.turns]
        assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]


def test_no_empty_and_no_evasive_reply_fits_every_intent():
    for evasion in ("", "Yes.", "As you wish", "嗯。"):
        fitting = sum(each.fits(evasion) for each in SET)
        assert fitting < len(SET) / 20, evasion


@cache
def lexicon(language, name):
    """A template's lexicon as a regular expression over plain text."""
    entries = grammar.load(language).lexicons[name]
    return f"(?:{'|'.join(pattern(language, each) for each in entries)})"


def pattern(language, template):
    """A template as a regular expression over plain text."""
    parts = re.findall(r"<\w+>|\{\w+\}|.", template)
    return "".join(_pattern(language, part) for part in parts)


def _pattern(language, part):
    if len(part) == 1:
        return {"[": "(?:", "]": ")", "|": "|"}.get(part) or re.escape(plain(part))
    if part == "{bot}":
        return plain(presets.BOT_NAME)
    return (lexicon if part[0] == "<" else fact)(language, part[1:-1])


@cache
def fact(language, name):
    """The shapes that a drawn fact has: any other digits are the same fact's."""
    rng, words = random.Random(9), grammar.load(language).lexicons
    drawn = (Facts(rng, language, lambda of: rng.choice(words[of]))[name] for _ in range(200))
    shapes = {re.sub(r"\d", r"\\d", plain(value)) for value in drawn}
    return f"(?:{'|'.join(sorted(shapes))})"


def templates(language):
    book = grammar.load(language)
    exchanges = [each for intent in book.intents.values() for each in intent.exchanges()]
    lines = [part.text for each in exchanges for part in (*each.asks, *each.answers)]
    lines += [entry for entries in book.lexicons.values() for entry in entries]
    return {*lines, *(text for text, _ in book.moods)}


@pytest.mark.parametrize("language", questions.LANGUAGES)
def test_no_question_can_come_out_of_a_template_of_the_generator(language):
    asked = {plain(q.text): q.text for q in SET if q.language == language and plain(q.text)}
    for template in templates(language):
        matches = re.compile(pattern(language, template)).fullmatch
        assert [text for key, text in asked.items() if matches(key)] == [], template


def test_no_question_is_among_generated_messages():
    rng = random.Random(7)
    told = [conversations.conversation(rng) for _ in range(400)]
    generated = {plain(turn.text) for each in told for turn in each.turns}
    assert [q.text for q in SET if plain(q.text) and plain(q.text) in generated] == []


@pytest.mark.parametrize(
    "line", ["? asked before any phrases", "~ (", "no head", "= 1", "??", "! before phrases"]
)
def test_a_broken_file_of_questions_names_its_line(line, tmp_path):
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "broken.txt").write_text(f"# note\n== intent\n{line}\n", "utf-8")
    with pytest.raises(QuestionError, match=r"broken\.txt line 3"):
        questions.load(tmp_path)


# The judge --------------------------------------------------------------------------------------


def test_a_good_reply_passes_on_every_ground():
    good = "I can't make refunds for order 1234, but you can ask for one in your account."
    assert verdict(good).good
    assert verdict("订单1234的退款需要人工同事处理，请问原因是什么？", ZH_REFUND).good


@pytest.mark.parametrize(
    ("reply", "ground"),
    [
        ("您可以在账户里申请 refund 1234。", "language"),
        ("Order 1234 has a lovely colour.", "intent"),
        ("Refund 1234 " + "please ask for a refund " * 3, "no_loop"),
        ("Your refund for order 12345 needs a form.", "copied"),
        ("A refund for 1234 takes 7 days.", "copied"),
        ("A refund for 12341234?", "copied"),
        ("", "language"),
    ],
)
def test_a_bad_reply_fails_on_its_ground(reply, ground):
    assert not getattr(verdict(reply), ground)
    assert not verdict(reply).good


def test_an_apology_that_goes_on_about_something_else_is_off_the_subject():
    angry = next(each for each in SET if each.intent == "complaint" and each.language == "en")
    assert angry.fits("I'm sorry that you were treated like this. What happened?")
    assert not angry.fits("I'm sorry. Please reset the password.")


def test_a_reply_that_was_cut_off_does_not_stop():
    cut = verdict("About the refund for order 1234", stopped=False)
    assert not cut.stops
    assert not cut.good


def test_numbers_of_the_conversation_and_of_the_system_prompt_are_no_inventions():
    assert verdict("Refund of 59.90 for 1234?").invented == ()
    told = replies.judge(REFUND, "Refund of 1234 within 14 days", system="Refunds take 14 days.")
    assert told.invented == ()


def test_an_invented_number_counts_against_copying_even_where_nothing_was_to_be_copied():
    thanks = Question("en", "thanks", "cheers", re.compile("welcome", re.I))
    fine, inventing = verdict("Welcome!", thanks), verdict("Welcome, order 99!", thanks)
    assert (fine.copied, inventing.copied) == (None, False)
    assert replies.summary([fine, inventing]) == {
        "n": 2, "language": 1.0, "intent": 1.0, "copied": 0.0, "stops": 1.0, "no_loop": 1.0,
        "no_invention": 0.5, "n_copied": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "sources", "invented"),
    [
        ("1. Open it\n2. Close it", [], []),
        ("１２３４", ["1234"], []),
        ("1,299 yuan", ["1299元"], []),
        ("call 13800138000", ["138 0013 8000"], []),
        ("on 05-03", ["May 3, month 5"], []),
        ("99219", ["9921-A"], ["99219"]),
        ("within 24 hours, 24/7", [], ["24", "24", "7"]),
    ],
)
def test_how_a_number_is_written_makes_no_invention(text, sources, invented):
    assert wording.invented_numbers(text, sources) == invented


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("您的iPhone 15 Pro Max可以在账户页面申请退货。", "zh"),
        ("Nice to meet you, 小明! How can I help you today?", "en"),
        ("Straße and café are fine", "en"),
        ("好的", "zh"),
    ],
)
def test_names_and_products_do_not_change_a_replys_language(text, language):
    assert wording.in_language(text, language)
    assert not wording.in_language(text, "zh" if language == "en" else "en")


@pytest.mark.parametrize("text", ["", "1234", "?!", "🙂"])
def test_text_without_letters_is_in_no_language(text):
    assert not any(wording.in_language(text, each) for each in questions.LANGUAGES)


def test_a_loop_is_a_run_of_four_that_comes_a_third_time():
    assert not wording.loops("one two three four, " * 2)
    assert wording.loops("one two three four, " * 3)
    assert not wording.loops("请稍等一下，" * 2)
    assert wording.loops("请稍等一下，" * 3)
    assert not wording.loops("88888888888888888888")


@given(st.text(), st.text())
def test_any_text_can_be_judged(reply, system):
    found = replies.judge(REFUND, reply, system=system)
    assert found.good in (True, False)
    assert replies.described(found).count("refund order 1234") == 1 or "refund" in reply


@given(st.integers(0, 10**12), st.text(alphabet="abc 一二，."))
def test_a_number_that_was_said_is_never_invented(number, around):
    assert wording.invented_numbers(f"{around}{number}", [f"{number} {around}"]) == []


# Through an engine ------------------------------------------------------------------------------


def ideal(reply):
    """A reply that repeats the question, so it is in its language and copies everything."""
    return reply.messages[-1].content


@pytest.mark.django_db
def test_every_question_is_asked_greedily_under_the_current_reply_prompt():
    engine, steps = ScriptedEngine(reply=ideal), []
    shares = replies.evaluate_replies(engine, progress=lambda *step: steps.append(step))
    asked = [request.reply for request in engine.requests.values()]
    assert [each.messages[1:] for each in asked] == [each.turns for each in SET]
    assert all(each.greedy for each in asked)
    assert {each.messages[0] for each in asked} == {ChatMessage("system", presets.REPLY_SYSTEM)}
    assert steps == [(done, len(SET)) for done in range(1, len(SET) + 1)]
    assert shares["n"] == len(SET)
    assert (shares["stops"], shares["no_invention"]) == (1.0, 1.0)


@pytest.mark.django_db
def test_one_stock_reply_for_everything_is_found_out():
    shares = replies.evaluate_replies(ScriptedEngine(reply="Please track your parcel."))
    assert shares["language"] == 0.5
    assert shares["intent"] < 0.25
    assert shares["copied"] == 0.0


@pytest.mark.django_db
def test_verdicts_come_in_the_order_of_the_questions_though_replies_end_in_any():
    engine = LastFirst()
    found = replies.verdicts(engine, SET[:40])
    assert [each.question for each in found] == list(SET[:40])
    assert [each.reply for each in found] == [each.text for each in SET[:40]]
    assert engine.most_open <= replies.WINDOW


@pytest.mark.django_db
def test_a_failure_of_the_engine_names_the_question():
    class Failing(ScriptedEngine):
        def submit(self, *args, **kwargs):
            ticket = super().submit(*args, **kwargs)
            self.fail(ticket, message="out of memory")
            return ticket

    with pytest.raises(replies.ReplyFailed, match="out of memory"):
        replies.verdicts(Failing(), SET[:3])


def test_a_verdict_is_told_with_what_is_wrong_the_conversation_and_the_reply():
    followed = next(each for each in SET if each.earlier and each.copied)
    text = replies.described(verdict("It takes 99 days", followed))
    assert f"missing {followed.copied[0]}" in text
    assert "invented 99" in text
    assert followed.earlier[0].content in text
    assert text.endswith("< It takes 99 days")


class LastFirst(ScriptedEngine):
    """Answers when its window is full or nothing more will come: the newest request first."""

    most_open = 0

    def submit(self, request, deliver, loop=None):
        ticket = super().submit(request, deliver, loop)
        waiting = self.open_parts()
        self.most_open = max(self.most_open, len(waiting))
        if len(waiting) == replies.WINDOW or ticket >= replies.WINDOW:
            for each, _ in reversed(waiting):
                self.emit(each, self.requests[each].reply.messages[-1].content)
                self.finish(each)
        return ticket

"""Replies to the written questions: what passes, what fails and why, and the whole run."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.evaluation import questions, replies, wording
from chat.evaluation.questions import Question
from inference import presets
from inference.tasks import ChatMessage
from tests.inference.scripted import ScriptedEngine

SET = questions.load()
REFUND = Question(
    "en", "refund", "refund order 1234, 59.90", re.compile("refund|return", re.I), copied=("1234",)
)
ZH_REFUND = Question("zh", "refund", "1234 退我钱", re.compile("退款|退"), copied=("1234",))


def verdict(reply, question=REFUND, **options):
    return replies.judge(question, reply, system=presets.REPLY_SYSTEM, **options)


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
    assert replies.described(found).endswith(f"< {reply}")


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
    found = replies.verdicts(engine, progress=lambda *step: steps.append(step))
    shares = replies.summary(found)
    asked = [request.reply for request in engine.requests.values()]
    assert [each.messages[1:] for each in asked] == [each.turns for each in SET]
    assert all(each.greedy for each in asked)
    assert {each.messages[0] for each in asked} == {ChatMessage("system", presets.REPLY_SYSTEM)}
    assert steps == [(done, len(SET)) for done in range(1, len(SET) + 1)]
    assert shares["n"] == len(SET)
    assert (shares["stops"], shares["no_invention"]) == (1.0, 1.0)


@pytest.mark.django_db
def test_one_stock_reply_for_everything_is_found_out():
    shares = replies.summary(replies.verdicts(ScriptedEngine(reply="Please track your parcel.")))
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

"""The written questions: their number, their kinds, and that the generator writes none of them."""

import random
import re
import unicodedata
from collections import Counter
from functools import cache

import pytest

from chat.evaluation import questions, wording
from chat.evaluation.questions import QuestionError
from inference import presets
from inference.pocket import conversations, grammar
from inference.pocket.facts import Facts

SET = questions.load()
SENSIBLE = {
    "order_status": ("Let me help: the tracking link should tell.", "请看一下物流信息。"),
    "cancel_order": ("You can cancel it in your account until it is packed.", "未发货可以取消。"),
    "refund": ("Refunds take a while to reach the bank.", "退款到账需要一些时间。"),
    "damaged_item": ("Oh no! Could you send a picture?", "抱歉！请发一张照片给我们。"),
    "missing_item": ("Sorry that something is missing.", "抱歉漏发了，我请同事核对。"),
    "lost_parcel": ("Please ask the carrier to search for it.", "请联系快递公司查找。"),
    "double_charge": ("A colleague can check both charges.", "请同事核对这两笔扣款。"),
    "invoice": ("The receipt is under your orders.", "发票可以在订单里下载。"),
    "cancel_subscription": ("Switch it off in the settings.", "在设置里关闭自动续费。"),
    "password": ("Use the reset link on the login page.", "请在登录页重置。"),
    "make_booking": ("For how many people, and which day?", "请问几位，哪一天预订？"),
    "app_crash": ("Which version are you on? Try reinstalling.", "请更新到最新版本再试。"),
    "internet_down": ("Please unplug the modem for a moment.", "请重启路由器试试。"),
    "sim_and_number": ("We can block the SIM for you.", "请先办理挂失。"),
    "thanks": ("You're welcome!", "不客气！"),
    "human": ("Of course, I'll get a colleague.", "好的，为您转接人工。"),
    "identity": ("I’m an AI, not a person.", "我是人工智能助手。"),
    "nonsense": ("I'm not sure what you mean.", "抱歉，我没明白您的意思。"),
    "goodbye": ("Bye, take care!", "再见，祝您愉快！"),
}


def plain(text):
    """Letters, digits and Han characters only, in one case and width."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in text if char.isalnum())


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
    return {*lines, *(line.text for line in book.moods)}


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


@pytest.mark.parametrize("intent", SENSIBLE)
def test_a_sensible_reply_in_anybodys_words_fits_and_other_subjects_mostly_do_not(intent):
    for language, reply in zip(questions.LANGUAGES, SENSIBLE[intent], strict=True):
        asked = [each for each in SET if each.language == language]
        opening = [each for each in asked if each.intent == intent and not each.earlier]
        assert opening[0].fits(reply)
        elsewhere = sum(each.fits(reply) for each in asked if each.intent != intent)
        assert elsewhere < len(asked) / 3


def test_an_apology_that_goes_on_about_something_else_is_off_the_subject():
    angry = next(each for each in SET if each.intent == "complaint" and each.language == "en")
    assert angry.fits("I'm sorry that you were treated like this. What happened?")
    assert not angry.fits("I'm sorry. Please reset the password.")

"""The model that ships, through the product's own engine: floors on a small written set.

None of these messages is a template of the generator. The floors leave room for another training;
what the model really reaches stands in its card.
"""

import json
import re
from pathlib import Path

import pytest

from inference import presets
from inference.calibration import digest
from inference.config import POCKET, InferenceConfig
from inference.engine import Engine
from inference.loading import load
from inference.tasks import ChatMessage, Classify, Reply, Request, message_context
from tests.inference.inbox import classified, finished

LABELS = tuple(label["name"] for label in presets.SENTIMENT.labels)
PROMISES = re.compile(
    r"I('ve| have) (cancelled|refunded|shipped|checked)|will (arrive|be delivered)|on its way"
    r"|已(经)?(为您|帮您)?(取消|退款|发货)|预计.*送达",
    re.IGNORECASE,
)
SHOWN = (  # what the product must get right in front of everybody
    ("Hi, where is my order 1234?", "Neutral"),
    ("This is the third time you lost my parcel, I am furious", "Negative"),
    ("Thank you so much, you were wonderful!", "Positive"),
    ("你们的客服太差了，我要投诉", "Negative"),
)
CLEAR = (
    ("Brilliant, it came in two days and looks lovely", "Positive"),
    ("you people are a disgrace, I want my money back now", "Negative"),
    ("How can I change the size of the shoes I ordered?", "Neutral"),
    ("Your support is fantastic, I will recommend you", "Positive"),
    ("Nobody answers the phone, this is unacceptable", "Negative"),
    ("my parcel has not arrived yet", "Neutral"),
    ("I am so disappointed in your company", "Negative"),
    ("many thanks for the quick help", "Positive"),
    ("what are the opening hours?", "Neutral"),
    ("👍", "Positive"),
    ("😡😡", "Negative"),
    ("非常感谢，你们的服务太好了", "Positive"),
    ("请问什么时候可以发货？", "Neutral"),
    ("太过分了，骗子公司，再也不来了", "Negative"),
    ("我想改一下收货地址", "Neutral"),
    ("质量很好，非常满意", "Positive"),
)
ENDS = ".!?。！？”"


@pytest.fixture(scope="module")
def engine():
    config = InferenceConfig(dtype="float32", threads=1, context=1024)
    engine = Engine(lambda progress: load(config, progress), max_waiting=64, max_running=4)
    engine.start()
    assert engine.wait_ready(120), engine.error
    yield engine
    engine.stop()


def mood(engine, text):
    prompt = presets.SENTIMENT.prompt
    part = Classify(
        key="sentiment",
        messages=message_context(prompt, text),
        labels=LABELS,
        calibration=engine.calibrations[digest(prompt, LABELS)],
    )
    return classified(engine, part)


def talk(engine, *texts):
    """The replies to a visitor's messages, one after the other."""
    messages, replies = [ChatMessage("system", presets.REPLY_SYSTEM)], []
    for text in texts:
        messages.append(ChatMessage("user", text))
        replies.append(finished(engine, Request(reply=Reply(tuple(messages), greedy=True))))
        messages.append(ChatMessage("assistant", replies[-1].text))
    return replies


@pytest.mark.parametrize(("text", "label"), SHOWN)
def test_the_messages_that_everybody_tries_first_get_the_right_mood(engine, text, label):
    assert mood(engine, text).label == label


def test_clear_messages_are_told_apart(engine):
    wrong = [text for text, label in CLEAR if mood(engine, text).label != label]
    assert len(wrong) <= 2, wrong


def test_an_order_number_is_repeated_and_nothing_is_invented(engine):
    for text in ("Hi, where is my order 1234?", "你好，我的订单1234到哪了？"):
        reply = talk(engine, text)[0]
        assert reply.reason == "stop"
        assert set(re.findall(r"\d+", reply.text)) == {"1234"}
        assert not PROMISES.search(reply.text)


@pytest.mark.parametrize(
    "texts",
    [
        ("where is my parcel?", "48213", "can I cancel it?", "ok, get me a person", "thanks, bye"),
        ("我要退款", "48213", "太小了", "转人工", "谢谢，再见"),
    ],
)
def test_a_conversation_stays_in_its_language_and_ends_its_sentences(engine, texts):
    chinese = not texts[0].isascii()
    for reply in talk(engine, *texts):
        assert reply.reason == "stop"
        assert reply.text[-1] in ENDS
        assert bool(re.search(r"[\u4e00-\u9fff]", reply.text)) == chinese
        assert not PROMISES.search(reply.text)


def test_the_folder_is_small_and_says_what_it_is():
    sizes = [path.stat().st_size for path in Path(POCKET).iterdir()]
    assert sum(sizes) < 40_000_000
    card = (POCKET / "README.md").read_text("utf-8")
    report = json.loads((POCKET / "training.json").read_text("utf-8"))
    assert f"{report['parameters']:,}" in card
    assert all(name in card for name in report["corpora"])

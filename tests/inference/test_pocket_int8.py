"""The pocket model in int8 against itself in float32: the labels are the same."""

import pytest

from inference import presets
from inference.calibration import digest
from inference.config import InferenceConfig
from inference.lean.linear import int8_runs_here
from inference.loading import load
from inference.runner import Runner
from inference.sequence import Sequence
from inference.tasks import Classify, message_context
from tests.inference.test_pocket_model import CLEAR, LABELS, SHOWN

pytestmark = pytest.mark.skipif(not int8_runs_here(), reason="no int8 kernels here")
MORE = (
    "Hello",
    "is anybody there?",
    "My order number is 48213",
    "I want a refund",
    "It broke after two days and nobody cares",
    "ok thanks",
    "Can you deliver to Spain?",
    "Great job everyone",
    "Why was I charged twice?",
    "This is the worst shop I have ever used",
    "I would like to talk to a person",
    "The colour is not what I expected",
    "订单号是48213",
    "你好",
    "东西坏了，没人管",
    "谢谢你，解决了",
    "可以开发票吗？",
    "等了三个星期还没到",
    "太棒了，下次还来",
    "我很失望",
)
TEXTS = tuple(text for text, _ in (*SHOWN, *CLEAR)) + MORE


def labels(dtype):
    """What the model of that precision says of each text, calibrated as it ships."""
    loaded = load(InferenceConfig(dtype=dtype, threads=1, context=1024))
    affine = loaded.calibrations[digest(presets.SENTIMENT.prompt, LABELS)]
    said = []
    runner = Runner(loaded)
    for text in TEXTS:
        messages = message_context(presets.SENTIMENT.prompt, text)
        sequence = Sequence(1, Classify("mood", messages, LABELS), 0.0)
        ((_, scores),) = runner.run([sequence])
        said.append(
            max(LABELS, key=lambda label: affine.scale * scores[label] + affine.bias[label])
        )
    return said


def test_int8_gives_the_labels_of_float32():
    pairs = zip(TEXTS, labels("float32"), labels("int8"), strict=True)
    different = [text for text, exact, coarse in pairs if exact != coarse]
    assert len(different) <= 1, different

"""The same load on the engine alone: no server, no rows, no sockets."""

import threading
import time

from inference import presets
from inference.bench.errors import BenchError
from inference.bench.serving.load import Load, Tick
from inference.config import InferenceConfig
from inference.engine import Engine
from inference.resident import build
from inference.sequence import Delta, Event, Failed, Finished
from inference.tasks import ChatMessage, Classify, Reply, Request, message_context

SYSTEM = ChatMessage("system", presets.REPLY_SYSTEM)
HANG = 120  # seconds without an end that are a defect, not slowness
History = tuple[ChatMessage, ...]


def first_tokens(config: InferenceConfig, loads: list[Load], tick: Tick) -> list[float]:
    """Milliseconds from asking to the first text of each reply of the last load.

    A request is what the product makes of a visitor's message: the reply, and its sentiment.

    Raises:
        BenchError: the engine could not load the model, or did not answer.
    """
    engine = build(config)
    engine.start()
    try:
        if not engine.wait_ready():
            raise BenchError(engine.error or "The engine was stopped.")
        return [_put(engine, load, tick) for load in loads][-1]
    finally:
        engine.stop()


class _Answer:
    """Receives the events of one request and keeps time."""

    def __init__(self, parts: int):
        self.first: float | None = None
        self.text = ""
        self.failure: str | None = None
        self._asked, self._missing = time.perf_counter(), parts
        self._over = threading.Event()

    def __call__(self, event: Event) -> None:
        match event:
            case Delta():
                self.first = self.first or 1000 * (time.perf_counter() - self._asked)
                return
            case Finished():
                self.text = event.text
            case Failed():
                self.failure = event.message
        self._missing -= 1
        if self._missing == 0:
            self._over.set()

    def wait(self) -> None:
        if not self._over.wait(HANG):
            raise BenchError(f"The engine gave no answer in {HANG} seconds.")
        if self.failure:
            raise BenchError(self.failure)


def _put(engine: Engine, load: Load, tick: Tick) -> list[float]:
    times: list[float] = []
    for number in range(load.conversations):
        histories: list[History] = [(SYSTEM,)] * load.places
        for texts in load.rounds(number):
            asked = [
                (*said, ChatMessage("user", text))
                for said, text in zip(histories, texts, strict=True)
            ]
            answers = [_submit(engine, history) for history in asked]
            for answer in answers:
                answer.wait()
                times += [] if answer.first is None else [answer.first]
                tick()
            histories = [
                (*history, ChatMessage("assistant", answer.text))
                for history, answer in zip(asked, answers, strict=True)
            ]
    return times


def _submit(engine: Engine, history: History) -> _Answer:
    answer = _Answer(parts=2)
    mood = message_context(presets.SENTIMENT.prompt, history[-1].content)
    label = Classify("sentiment", mood, presets.SENTIMENT.names)
    engine.submit(Request(Reply(history), (label,)), answer)
    return answer

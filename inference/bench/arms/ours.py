"""Our own engine: one model, one request for a reply and its labels, batched with all others."""

import queue
import threading
import time
from collections.abc import Sequence

from inference.bench.arms import Answer, Setting
from inference.bench.errors import ArmFailed
from inference.config import InferenceConfig
from inference.engine import Engine
from inference.loading import load
from inference.sequence import Classified, Delta, Event, Failed, Finished
from inference.tasks import Request

HANG = 600  # seconds without an end that are a defect, not slowness
RUNNING = 32  # streams at the same time; the product's default is half of it


class Ours:
    """The product's engine, with the settings that the product would choose."""

    parallel = True

    def __init__(self, setting: Setting):
        config = InferenceConfig(
            model=str(setting.folder),
            dtype=setting.dtype,
            device="cpu",  # as the other arms
            threads=setting.threads,
            kv_mb=setting.kv_mb,
            max_running=RUNNING,
        )
        self._engine = Engine(
            lambda progress: load(config, progress),
            max_waiting=config.max_waiting,
            max_running=config.max_running,
        )

    @property
    def dtype(self) -> str:
        return self._engine.model_id.rpartition("/")[2]

    def load(self) -> None:
        self._engine.start()
        if not self._engine.wait_ready():
            raise ArmFailed(self._engine.error or "The engine was stopped.")

    def turn(self, request: Request, until: float | None = None) -> Answer:
        receiver = _Receiver(parts=len(request.classify) + (request.reply is not None))
        asked = time.perf_counter()
        self._engine.submit(request, receiver)
        return receiver.answer(asked)

    def labels(self, requests: Sequence[Request], at_once: int) -> None:
        """Label so many messages at a time from one client, as a backfill does.

        Raises:
            ArmFailed: a label failed, or nothing came for ten minutes.
        """
        inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        for number, request in enumerate(requests):
            if number >= at_once:
                _labelled(inbox)
            self._engine.submit(request, inbox.put)
        for _ in range(min(at_once, len(requests))):
            _labelled(inbox)

    def close(self) -> None:
        self._engine.stop()


def _labelled(inbox: "queue.SimpleQueue[Event]") -> None:
    try:
        event = inbox.get(timeout=HANG)
    except queue.Empty:
        raise ArmFailed(f"The engine gave no answer in {HANG} seconds.") from None
    if not isinstance(event, Classified):
        raise ArmFailed(event.message)


class _Receiver:
    """Gets the events of one request on the engine's thread and notes when each came."""

    def __init__(self, parts: int):
        self._missing = parts
        self._labelled: list[float] = []
        self._tokens: list[float] = []
        self._finished: Finished | None = None
        self._failure: str | None = None
        self._over = threading.Event()

    def __call__(self, event: Event) -> None:
        now = time.perf_counter()
        match event:
            case Delta():
                self._tokens.append(now)
                return
            case Classified():
                self._labelled.append(now)
            case Finished():
                self._finished = event
            case Failed():
                self._failure = event.message
        self._missing -= 1
        if self._missing == 0:
            self._over.set()

    def answer(self, asked: float) -> Answer:
        """Wait for the end.

        Raises:
            ArmFailed: a part failed, nothing came for ten minutes, or the reply's tokens cannot
                be told apart.
        """
        if not self._over.wait(HANG):
            raise ArmFailed(f"The engine gave no answer in {HANG} seconds.")
        if self._failure:
            raise ArmFailed(self._failure)
        labelled, tokens = tuple(self._labelled), tuple(self._tokens)
        if self._finished is None:
            return Answer(asked, labelled)
        if len(tokens) != self._finished.completion_tokens:
            counted = f"{len(tokens)} pieces for {self._finished.completion_tokens} tokens"
            raise ArmFailed(f"The engine sent {counted}: times by token cannot be told.")
        prompt_tokens = self._finished.prompt_tokens
        return Answer(asked, labelled, tokens, self._finished.text, prompt_tokens)

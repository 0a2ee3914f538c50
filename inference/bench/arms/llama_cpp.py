"""llama.cpp with its own best means: Q8_0, one KV for all sequences, batches across requests.

A loop like that of llama.cpp's server: running replies give one token each to every batch, prompts
fill the rest of it. A conversation goes on in its own sequence, prompts that begin alike copy
their beginning, and a label is read from the logits behind its prompt, so nothing is generated.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from inference.bench import vocabulary
from inference.bench.arms import Answer, Setting, gguf_file
from inference.bench.arms.llama_library import Entry, Library
from inference.bench.arms.llama_slots import Slot, Slots
from inference.bench.errors import ArmFailed
from inference.tasks import ChatMessage, Classify, Reply, Request

BATCH = 512  # tokens, llama.cpp's default for a physical batch
ROOTS = 2  # the assistant's system prompt and the task's: the warm-up reads them first
SLOTS = 48  # 32 streams, and the labels of 16 conversations
CELLS = 16384  # tokens of KV
HANG = 600  # seconds
# Seconds after which a silent conversation is over: here the next turn comes at once. Attention
# runs over every cell in use, so what old conversations left behind would slow all batches.
SILENT = 2.0


@dataclass(eq=False)
class Job:
    """One part of a request on its way through the loop."""

    prompt: list[int]
    shared: int  # leading ids that other prompts have too
    limit: int  # tokens to generate; a label needs the first only
    labels: tuple[int, ...] = ()
    slot: Slot | None = None
    pending: list[int] = field(default_factory=list)  # ids that the model has not read
    output: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    failure: Exception | None = None
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def decoding(self) -> bool:
        return bool(self.output)


class LlamaCpp:
    """One thread runs the loop; clients wait for their jobs."""

    parallel = True
    dtype = "Q8_0"

    def __init__(self, setting: Setting, library: Callable[..., Library] = Library):
        self._setting = setting
        self._make_library = library
        self._slots = Slots(ROOTS, SLOTS)
        self._waiting: deque[Job] = deque()
        self._running: list[Job] = []
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._loop, name="llama.cpp", daemon=True)

    def load(self) -> None:
        self._encoder = ChatEncoder(self._setting.folder)
        self._library = self._make_library(
            gguf_file.path(self._setting),
            cells=CELLS,
            sequences=ROOTS + SLOTS,
            batch=BATCH,
            threads=self._setting.threads,
        )
        self._thread.start()

    def turn(self, request: Request, until: float | None = None) -> Answer:
        asked = time.perf_counter()
        labels = [self._label_job(part) for part in request.classify]
        replies = [self._reply_job(request.reply)] if request.reply else []
        self._add(labels + replies)
        for job in labels + replies:
            _wait(job)
        labelled = tuple(job.times[-1] for job in labels)
        if not replies:
            return Answer(asked, labelled)
        (reply,) = replies
        text = self._encoder.decode(reply.output)
        return Answer(asked, labelled, tuple(reply.times), text, len(reply.prompt))

    def close(self) -> None:
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        if self._thread.is_alive():
            self._thread.join(HANG)
            self._library.close()

    def _reply_job(self, part: Reply) -> Job:
        shared = self._encoder.shared(part.messages)
        return Job(self._encoder.encode(part.messages), shared, part.max_new_tokens)

    def _label_job(self, part: Classify) -> Job:
        labels = tuple(self._encoder.content(label)[0] for label in part.labels)
        shared = self._encoder.shared(part.messages)
        return Job(self._encoder.encode(part.messages), shared, 1, labels)

    def _add(self, jobs: list[Job]) -> None:
        with self._wake:
            self._waiting.extend(jobs)
            self._wake.notify_all()

    # The loop's thread

    def _loop(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closing or self._waiting or self._running)
                if self._closing:
                    return
            try:
                self._admit()
                self._step()
            except Exception as error:  # whoever waits must hear of it, whatever it is
                self._fail(error)

    def _admit(self) -> None:
        while silent := self._slots.evict(released_before=time.perf_counter() - SILENT):
            self._library.cut(silent.sequence, 0)
        while self._waiting and (start := self._slots.start(self._waiting[0].prompt)):
            job = self._waiting.popleft()
            job.slot, job.pending = start.slot, job.prompt[start.known :]
            self._library.cut(start.slot.sequence, start.own)
            if start.root:
                self._library.copy(start.root.sequence, start.slot.sequence, start.copied)
            self._running.append(job)

    def _step(self) -> None:
        entries, asked, fed = self._batch()
        while not self._library.decode(entries):
            self._make_room()
        now = time.perf_counter()
        for job, count in fed:
            job.slot.ids += job.pending[:count]
            del job.pending[:count]
        for job, index in asked:
            self._grow(job, self._library.logits(index), now)

    def _batch(self) -> tuple[list[Entry], list[tuple[Job, int]], list[tuple[Job, int]]]:
        """The entries, the jobs that get a token with its entry's index, and what is fed of whom.

        Running replies come first, so that no prompt holds them up for longer than one batch.
        """
        entries, asked, fed = [], [], []
        for job in sorted(self._running, key=lambda job: not job.decoding):
            ids = job.pending[: BATCH - len(entries)]
            ends = len(ids) == len(job.pending)
            for index, token in enumerate(ids):
                position = len(job.slot.ids) + index
                last = ends and index == len(ids) - 1
                entries.append(Entry(token, position, job.slot.sequence, last))
            fed.append((job, len(ids)))
            if ends:
                asked.append((job, len(entries) - 1))
        return entries, asked, fed

    def _grow(self, job: Job, logits, now: float) -> None:
        if not job.decoding:
            self._keep_root(job)
        choice = logits[list(job.labels)] if job.labels else logits
        job.output.append(int(choice.argmax()))
        job.times.append(now)
        job.pending = job.output[-1:]
        if len(job.output) == job.limit:
            self._finish(job)

    def _keep_root(self, job: Job) -> None:
        root = self._slots.new_root(job.prompt[: job.shared])
        if root:
            self._library.copy(job.slot.sequence, root.sequence, job.shared)

    def _make_room(self) -> None:
        slot = self._slots.evict()
        if slot is None:
            raise ArmFailed(f"llama.cpp's KV of {CELLS} tokens is too small for this load.")
        self._library.cut(slot.sequence, 0)

    def _finish(self, job: Job) -> None:
        if job.labels or job.failure:  # nobody goes on from there
            self._library.cut(job.slot.sequence, 0)
            job.slot.ids = []
        self._running.remove(job)
        self._slots.release(job.slot, time.perf_counter())
        job.over.set()

    def _fail(self, error: Exception) -> None:
        for job in [*self._running]:
            job.failure = error
            self._finish(job)


def _wait(job: Job) -> None:
    if not job.over.wait(HANG):
        raise ArmFailed(f"llama.cpp gave no answer in {HANG} seconds.")
    if job.failure:
        raise ArmFailed(f"{type(job.failure).__name__}: {job.failure}") from job.failure


class ChatEncoder:
    """Messages to the very ids of the made tokenizer's ChatML template, without transformers.

    Its memory would be counted against llama.cpp, which needs none of it.
    """

    def __init__(self, folder):
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._start, self._end = map(
            self._tokenizer.token_to_id, (vocabulary.START, vocabulary.END)
        )

    def encode(self, messages: tuple[ChatMessage, ...]) -> list[int]:
        """Ids up to where the assistant's answer begins."""
        ids = [each for message in messages for each in self._message(message)]
        return ids + self._opening("assistant")

    def shared(self, messages: tuple[ChatMessage, ...]) -> int:
        """How many leading ids every prompt with this system message has."""
        return len(self._message(messages[0]) + self._opening("user"))

    def content(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids)

    def _message(self, message: ChatMessage) -> list[int]:
        ended = [self._end, *self.content("\n")]
        return self._opening(message.role) + self.content(message.content) + ended

    def _opening(self, role: str) -> list[int]:
        return [self._start, *self.content(f"{role}\n")]

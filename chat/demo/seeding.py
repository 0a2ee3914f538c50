"""Plays the demo's stories through the engine, several at once, and dates them back."""

import queue
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from django.utils import timezone

from chat import extractions, history, labels, messages
from chat.conversations import set_status
from chat.demo.deciding import Flag, decide
from chat.demo.plan import Line, Story, plan
from chat.models import Classification, Conversation, Message
from chat.models.message import State
from inference import calibration
from inference.models import Task
from inference.sequence import REPLY, Classified, Delta, Event, Extracted, Failed, Finished
from inference.tasks import Reply, Request

TASKS = ("topic",)  # beside the mood, so that the overview has something to break down
MARK = "demo:"  # begins the visitor key of every conversation made here
TOGETHER = 8  # conversations that are played at once
ANSWER_SECONDS = 300  # a big model on a slow machine; a hang becomes an error
CHECKPOINT_SECONDS = 5

Progress = Callable[[int, int], None]


@dataclass
class Report:
    """What was made."""

    conversations: int = 0
    messages: int = 0
    failed_replies: int = 0
    flagged: int = 0
    reviews: int = 0
    labels: dict[str, int] = field(default_factory=dict)


@dataclass(eq=False)
class Play:
    """A story as it is being played."""

    story: Story
    conversation: Conversation
    lines: deque[Line]
    line: Line | None = None
    visitor: Message | None = None
    reply: Message | None = None
    text: str = ""
    waiting_for: set[str] = field(default_factory=set)
    kept_at: float = 0.0


def is_seeded() -> bool:
    return Conversation.objects.filter(visitor__startswith=MARK).exists()


def seed(
    engine, days: int = 30, conversations: int = 40, seed: int = 0, progress: Progress | None = None
) -> Report:
    """Make conversations of the last `days` days, and decisions of reviewers about some of them;
    `progress` hears (done, of all) after each. Switches the tasks on that the overview breaks down.

    The engine must be ready. Synchronous, with ORM calls.

    Raises:
        ValueError: `days` or `conversations` is not positive.
        EngineRefusal: the engine takes no work.
        TimeoutError: the engine gave no answer.
    """
    if days < 1 or conversations < 1:
        raise ValueError("days and conversations must be 1 or more.")
    Task.objects.filter(slug__in=TASKS, archived=None).update(enabled=True)
    calibration.ensure(engine)
    chance = Random(seed)
    stories = plan(timezone.now(), days, conversations, chance)
    return _Seeding(engine, chance, progress or (lambda done, total: None)).play(stories)


class _Seeding:
    """One thread writes; the engine's thread only posts events into the inbox."""

    def __init__(self, engine, chance: Random, progress: Progress):
        self.engine, self.chance, self.progress = engine, chance, progress
        self.inbox: queue.Queue[tuple[Play, Event]] = queue.Queue()
        self.runs = {run.task.slug: run for run in labels.enabled_tasks()}
        self.report = Report()
        self.flags: list[Flag] = []

    def play(self, stories: list[Story]) -> Report:
        ready = deque(stories)
        playing: set[Play] = set()
        while ready or playing:
            while ready and len(playing) < TOGETHER:
                playing.add(play := _open(ready.popleft()))
                self._say(play)
            play, event = self._next_event()
            self._handle(play, event)
            if not play.waiting_for:
                self._end_turn(play)
                if play.lines:
                    self._say(play)
                else:
                    playing.discard(play)
                    self.report.conversations += 1
                    self.progress(self.report.conversations, len(stories))
        self.report.reviews = decide(self.flags, self.chance)
        return self.report

    def _next_event(self) -> tuple[Play, Event]:
        try:
            return self.inbox.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            raise TimeoutError(f"The engine gave no answer in {ANSWER_SECONDS} s.") from None

    def _say(self, play: Play) -> None:
        play.line, play.text, play.kept_at = play.lines.popleft(), "", time.monotonic()
        received = messages.receive(play.conversation.pk, secrets.token_hex(8), play.line.text)
        play.visitor, play.reply = received.visitor, received.reply
        _date_back(play.visitor, play.line.at)
        _date_back(play.reply, play.line.at + timedelta(seconds=self.chance.randint(2, 9)))
        _date_list(play)
        request = self._request(play)
        play.waiting_for = {REPLY, *self.runs}
        self.engine.submit(request, lambda event: self.inbox.put((play, event)))

    def _request(self, play: Play) -> Request:
        rows = messages.up_to(play.visitor)
        conversation = history.prompt_messages(play.reply.prompt.system, rows)
        reply = Reply(messages=conversation, seed=self.chance.randrange(2**31))
        parts = tuple(run.part(play.visitor.text, conversation) for run in self.runs.values())
        return Request.of(parts, reply)

    def _handle(self, play: Play, event: Event) -> None:
        match event:
            case Delta():
                play.text += event.text
                _keep(play)
                return
            case Classified():
                self._record(play, event)
            case Extracted():
                run = self.runs[event.part]
                extractions.record(play.visitor, run, event, self.engine.model_id)
            case Finished():
                self._finish(play, event)
            case Failed() if event.part == REPLY:
                self._fail(play)
        play.waiting_for.discard(event.part)

    def _record(self, play: Play, event: Classified) -> None:
        run = self.runs[event.part]
        row = labels.record(play.visitor, run, event, self.engine.model_id)
        self.report.flagged += row.flagged
        Classification.objects.filter(pk=row.pk).update(created=play.line.at)
        if event.part == labels.MOOD_TASK:
            if row.flagged:
                self.flags.append(Flag(row, play.line.at, play.line.mood))
            self.report.labels[row.label] = self.report.labels.get(row.label, 0) + 1

    def _finish(self, play: Play, event: Finished) -> None:
        if not event.text.strip():
            self._fail(play)
            return
        messages.finish(
            play.reply,
            State.DONE,
            event.text,
            **messages.made_by(event, self.engine.model_id),
        )
        self.report.messages += 1

    def _fail(self, play: Play) -> None:
        messages.finish(play.reply, State.FAILED, "")
        self.report.failed_replies += 1

    def _end_turn(self, play: Play) -> None:
        self.report.messages += 1
        _date_list(play)
        if not play.lines:
            set_status(play.conversation.pk, play.story.status)


def _open(story: Story) -> Play:
    conversation = Conversation.objects.create(
        visitor=MARK + secrets.token_urlsafe(12),
        name=story.name,
        email=story.email,
        page=story.page,
        language=story.language,
        created=story.lines[0].at,
    )
    return Play(story, conversation, deque(story.lines))


def _date_back(message: Message, at) -> None:
    message.created = at  # the verbs count moods by the date of the instance
    message.save(update_fields=["created"])


def _date_list(play: Play) -> None:
    """The verbs take a message as said just now: put it where it belongs in lists by date."""
    with Conversation.objects.changing(play.conversation.pk) as conversation:
        conversation.last_message_at = play.reply.created


def _keep(play: Play) -> None:
    """Say now and then that the reply's owner lives, or a sweep would end it."""
    if time.monotonic() - play.kept_at > CHECKPOINT_SECONDS:
        play.kept_at = time.monotonic()
        messages.checkpoint(play.reply, play.text)

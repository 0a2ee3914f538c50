"""Where tests receive an engine's events."""

import threading

from inference.sequence import REPLY, Classified, Delta, Event, Extracted, Failed, Finished
from inference.tasks import ChatMessage, Classify, Extract, Reply, Request

LABELS = ("Positive", "Neutral", "Negative")
SCHEMA = """{"type": "object", "properties": {
    "order": {"type": ["string", "null"], "maxLength": 6},
    "sure": {"type": "boolean"},
    "action": {"enum": ["track", "refund", "other"]}
}, "required": ["order", "sure", "action"]}"""
PATIENCE = 60  # seconds until a test calls it a hang


class Inbox:
    """A `deliver` callback that remembers; `wait` returns once so many parts have ended."""

    def __init__(self, parts: int = 1):
        self.events: list[Event] = []
        self._missing = parts
        self._changed = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._missing -= not isinstance(event, Delta)
            self._changed.notify_all()

    def wait(self) -> list[Event]:
        self._wait(lambda: self._missing <= 0)
        return self.events

    def wait_for(self, kind: type) -> Event:
        self._wait(lambda: any(isinstance(event, kind) for event in self.events))
        return next(event for event in self.events if isinstance(event, kind))

    @property
    def streamed(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Delta))

    def _wait(self, condition) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), f"hangs after {self.events}"


def conversation(*turns: str, system: str = "You help.") -> tuple[ChatMessage, ...]:
    """A system message, then the turns of user and assistant in alternation."""
    roles = ("user", "assistant")
    said = [ChatMessage(roles[n % 2], text) for n, text in enumerate(turns)]
    return (ChatMessage("system", system), *said)


def reply_to(*turns: str, **options) -> Request:
    return Request(reply=Reply(conversation(*turns), **{"greedy": True, **options}))


def both(text: str, **options) -> Request:
    """A reply and its label."""
    return Request(reply_to(text, **options).reply, (classify(text),))


def classify(text: str, key: str = "sentiment", labels=LABELS) -> Classify:
    return Classify(key, conversation(text, system="What is the mood?"), labels)


def extract(text: str, key: str = "details", **options) -> Extract:
    return Extract(key, conversation(text, system="What is it about?"), SCHEMA, **options)


def extracted(engine, part: Extract) -> Extracted:
    inbox = Inbox()
    engine.submit(Request.of([part]), inbox)
    (event,) = inbox.wait()
    assert isinstance(event, Extracted), event
    return event


def ends(inbox: Inbox) -> dict[str, Event]:
    """The terminal events by part."""
    return {event.part: event for event in inbox.wait() if not isinstance(event, Delta)}


def finished(engine, request: Request) -> Finished:
    """The reply's end; the deltas have been checked against its text."""
    inbox = Inbox(1 + len(request.classify))
    engine.submit(request, inbox)
    end = next(e for e in inbox.wait() if e.part == REPLY and not isinstance(e, Delta))
    assert not isinstance(end, Failed), end.message
    assert inbox.streamed == end.text
    return end


def classified(engine, part: Classify) -> Classified:
    inbox = Inbox()
    engine.submit(Request(classify=(part,)), inbox)
    (event,) = inbox.wait()
    assert isinstance(event, Classified), event
    return event

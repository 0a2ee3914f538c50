"""JSON frames: reading a client's with care, and building the server's."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

MAX_NESTING = 16
MAX_CLIENT_ID = 64


class FrameError(Exception):
    """A frame that cannot be served; what it holds goes into the `error` frame."""

    def __init__(
        self, code: str, message: str, client_id: str | None = None, seq: int | None = None
    ):
        super().__init__(message)
        self.code, self.message = code, message
        self.client_id, self.seq = client_id, seq


@dataclass(frozen=True)
class Frame:
    """A client frame whose fields have been checked."""

    type: str
    token: object = None
    rev: int = 0
    client_id: str | None = None
    text: str = ""
    seq: int | None = None


def parse(text: str | None) -> Frame:
    """Read one text frame.

    Raises:
        FrameError: code `bad_frame`, in words that name the field and what is allowed.
    """
    if text is None:
        raise _bad("frames are text, not binary")
    if len(text) > settings.CHAT_MAX_FRAME or len(text.encode()) > settings.CHAT_MAX_FRAME:
        raise _bad(f"a frame has at most {settings.CHAT_MAX_FRAME} bytes")
    frame = _load(text)
    reader = READERS.get(frame["type"]) if isinstance(frame.get("type"), str) else None
    if reader is None:
        raise _bad("type must be one of " + ", ".join(READERS))
    return reader(frame)


def _load(text: str) -> dict:
    try:
        frame = json.loads(text, parse_constant=_no_constant)
        if not isinstance(frame, dict):
            raise _bad("a frame is a JSON object")
        _check_depth_and_text(frame)
    except (ValueError, RecursionError):
        raise _bad("a frame is valid JSON, nested at most 16 deep") from None
    return frame


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _check_depth_and_text(value: object, depth: int = 1) -> None:
    if isinstance(value, str):
        value.encode()  # a lone surrogate raises UnicodeEncodeError, a ValueError
        if "\x00" in value:
            raise _bad("text holds no NUL character")
    elif isinstance(value, (dict, list)):
        if depth > MAX_NESTING:
            raise ValueError("nesting")
        for item in value.items() if isinstance(value, dict) else value:
            for part in item if isinstance(value, dict) else (item,):
                _check_depth_and_text(part, depth + 1)


def _hello(frame: dict) -> Frame:
    rev = frame.get("rev", 0)
    if not _is_count(rev):
        raise _bad("rev must be a whole number, 0 or more")
    return Frame("hello", token=frame.get("token"), rev=rev)


def _message(frame: dict) -> Frame:
    client_id, text = frame.get("client_id"), frame.get("text")
    if not isinstance(client_id, str) or not 1 <= len(client_id) <= MAX_CLIENT_ID:
        raise _bad(f"client_id must be a text of 1 to {MAX_CLIENT_ID} characters")
    if not isinstance(text, str):
        raise _bad("text must be a text", client_id)
    return Frame("message", client_id=client_id, text=text)


def _names_reply(kind: str) -> Callable[[dict], Frame]:
    def read(frame: dict) -> Frame:
        if not _is_count(frame.get("seq")):
            raise _bad("seq must be a whole number, 0 or more")
        return Frame(kind, seq=frame["seq"])

    return read


def _plain(kind: str) -> Callable[[dict], Frame]:
    return lambda frame: Frame(kind)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


READERS: dict[str, Callable[[dict], Frame]] = {
    "hello": _hello,
    "message": _message,
    "stop": _names_reply("stop"),
    "retry": _names_reply("retry"),
    "typing": _plain("typing"),
    "ping": _plain("ping"),
    "end": _plain("end"),
}


def check_text(frame: Frame) -> None:
    """What a new message must be; a repeated one is answered before this is asked.

    Raises:
        FrameError: `bad_frame` for blank text, `too_long` over the limit.
    """
    if not frame.text.strip():
        raise FrameError("bad_frame", "The message is empty.", frame.client_id)
    if len(frame.text) > settings.CHAT_MAX_TEXT:
        limit = f"A message has at most {settings.CHAT_MAX_TEXT} characters."
        raise FrameError("too_long", limit, frame.client_id)


def _bad(message: str, client_id: str | None = None) -> FrameError:
    return FrameError("bad_frame", f"Bad frame: {message}.", client_id)


# What the server sends -------------------------------------------------------------------------


def ready(conversation: UUID, rev: int, status: str, model: str | None, prompt, language) -> dict:
    return {
        "type": "ready",
        "conversation": str(conversation),
        "rev": rev,
        "status": status,
        "model": model,
        "bot": prompt.bot_name,
        "greeting": prompt.greeting_for(language),
    }


def message(row, *, rev: int, state: str, text: str, sentiment: bool) -> dict:
    return {
        "type": "message",
        "seq": row.seq,
        "rev": rev,
        "role": row.role,
        "text": text,
        "state": state,
        "attempt": row.attempt,
        "client_id": row.client_id,
        "created": row.created.isoformat(),
        "sentiment": mood_of(row) if sentiment and row.label else None,
    }


def delta(seq: int, attempt: int, text: str) -> dict:
    return {"type": "delta", "seq": seq, "attempt": attempt, "text": text}


def done(row) -> dict:
    return {
        "type": "done",
        "seq": row.seq,
        "rev": row.rev,
        "attempt": row.attempt,
        "state": row.state,
        "text": row.text,
    }


def sentiment(row) -> dict:
    return {"type": "sentiment", "seq": row.seq, "rev": row.rev, **mood_of(row)}


def mood_of(row) -> dict:
    return {
        "label": row.label,
        "confidence": row.confidence,
        "score": row.score,
        "scores": row.scores,
    }


def alert(row) -> dict:
    """A flagged classification, for staff."""
    return {
        "type": "alert",
        "seq": row.message.seq,
        "label": row.label,
        "confidence": row.confidence,
        "score": row.message.score,
        "rule": None,
        "reason": None,
    }


def raised(row) -> dict:
    """An alert that a rule raised, for staff."""
    return {
        "type": "alert",
        "seq": row.message.seq,
        "label": row.message.label,
        "confidence": row.message.confidence,
        "score": row.message.score,
        "rule": row.rule.name,
        "reason": row.reason,
    }


def error(code: str, text: str, client_id: str | None = None, seq: int | None = None) -> dict:
    return {"type": "error", "code": code, "message": text, "client_id": client_id, "seq": seq}

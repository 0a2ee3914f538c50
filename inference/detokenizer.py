"""Tokens to text, piece by piece: whole characters only, and all of them in the end."""

from collections.abc import Callable

UNFINISHED = "\ufffd"  # how a decoder shows bytes that are no character (yet)


class Detokenizer:
    """Decodes a growing list of ids; the pieces concatenate to the decoded whole.

    Only a window is decoded at each step. It begins one piece early, because a decoder may treat
    the first token of a text differently (a leading space, say). NUL, which no database takes,
    is left out.
    """

    def __init__(self, decode: Callable[[list[int]], str]):
        self._decode = decode
        self._ids: list[int] = []
        self._start = 0  # the window is ids[start:]
        self._read = 0  # ids[:read] ended in a whole character
        self._sent = 0  # characters of the window's text that have been handed out

    def push(self, token: int) -> str:
        """The text that became certain with `token`; empty while a character is incomplete."""
        self._ids.append(token)
        text = self._window()
        certain = text.rstrip(UNFINISHED)
        piece, self._sent = certain[self._sent :], max(self._sent, len(certain))
        if text and certain == text:
            self._start, self._read = self._read, len(self._ids)
            self._sent = len(self._window())
        return piece

    def flush(self) -> str:
        """The rest, bytes that never became a character included."""
        text = self._window()
        piece, self._sent = text[self._sent :], len(text)
        return piece

    def _window(self) -> str:
        return self._decode(self._ids[self._start :]).replace("\x00", "")

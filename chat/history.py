"""A conversation as the model reads it: rows to prompt messages. Pure."""

from collections.abc import Iterable

from chat.models.message import RUNNING, Role, State
from inference.tasks import ChatMessage


def prompt_messages(system: str, rows: Iterable) -> tuple[ChatMessage, ...]:
    """The system prompt and the turns so far, in order, ending with what is to be answered.

    Failed, running and empty replies are left out and stopped text is kept. Agents speak as the
    assistant. Messages of one side that follow each other become one.
    """
    messages = [ChatMessage("system", system)]
    for row in rows:
        if row.role == Role.SYSTEM or row.state in (*RUNNING, State.FAILED) or not row.text:
            continue
        role = "user" if row.role == Role.VISITOR else "assistant"
        if messages[-1].role == role:
            messages[-1] = ChatMessage(role, f"{messages[-1].content}\n{row.text}")
        else:
            messages.append(ChatMessage(role, row.text))
    return tuple(messages)

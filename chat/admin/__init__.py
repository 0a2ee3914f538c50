"""The desk in the Django admin: review flagged moods, and edit what the assistant is told."""

from chat.admin import (
    conversations,
    history,
    people,
    phrases,
    prompts,
    review_queue,
    tasks,
    tokens,
)

__all__ = [
    "conversations",
    "history",
    "people",
    "phrases",
    "prompts",
    "review_queue",
    "tasks",
    "tokens",
]

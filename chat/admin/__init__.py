"""The desk in the Django admin: review flagged moods, and edit what the assistant is told."""

from chat.admin import (
    alerts,
    conversations,
    extractions,
    history,
    people,
    phrases,
    prompts,
    review_queue,
    tasks,
    tokens,
)

__all__ = [
    "alerts",
    "conversations",
    "extractions",
    "history",
    "people",
    "phrases",
    "prompts",
    "review_queue",
    "tasks",
    "tokens",
]

"""The desk in the Django admin: review flagged moods, and edit what the assistant is told."""

from chat.admin import conversations, people, phrases, prompts, review_queue, tasks

__all__ = ["conversations", "people", "phrases", "prompts", "review_queue", "tasks"]

"""Believable conversations: visitors from scripts, replies and moods from the model."""

from chat.demo.seeding import TASKS, Report, is_seeded, seed

__all__ = ["TASKS", "Report", "is_seeded", "seed"]

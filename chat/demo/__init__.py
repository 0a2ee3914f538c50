"""Believable conversations: visitors from scripts, replies and moods from the model."""

from chat.demo.seeding import Report, is_seeded, seed

__all__ = ["Report", "is_seeded", "seed"]

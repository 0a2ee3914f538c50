"""What a browser sends from the form of a task."""

from collections.abc import Sequence

from inference.models import Task

LABELS = [
    {"name": "Good", "description": "Praise", "polarity": 1, "flags": []},
    {"name": "Bad", "description": "Blame", "polarity": -1, "flags": ["review"]},
]


def filled_in(task: Task | None = None, labels: Sequence[dict] | None = None, **fields) -> dict:
    """The form as it stands for this task (or for a new one), with some fields written over."""
    written = {"prompt": "Good or bad?", "context": "message", "examples": 4}
    if task:
        current = task.current
        labels = current.labels if labels is None else labels
        written = {"prompt": current.prompt, "context": current.context}
        written |= {"reasoning": current.reasoning, "schema": current.schema}
        written |= {"answer_tokens": current.answer_tokens}
        written |= {"name": task.name, "threshold": task.threshold, "based_on": current.number}
        written |= {"examples": task.examples}
        switches = ("enabled", "few_shot", "guides_reply")
        written |= {name: "on" for name in switches if getattr(task, name)}
    rows = LABELS if labels is None else labels
    sent = {**written, **_columns(rows), **fields}
    return {name: value for name, value in sent.items() if value is not None}


def _columns(labels: Sequence[dict]) -> dict[str, list[str]]:
    return {
        "labels-name": [each.get("name", "") for each in labels],
        "labels-description": [each.get("description", "") for each in labels],
        "labels-polarity": [str(each.get("polarity", 0)) for each in labels],
        "labels-flags": ["".join(each.get("flags", [])) for each in labels],
        "labels-guidance": [each.get("guidance", "") for each in labels],
    }

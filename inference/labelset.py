"""What a version of a task may answer: the rules for its labels. Free of the database."""

import unicodedata

from inference import schemas

LABEL_FLAGS = ["review", "person"]  # what a label's `flags` may hold
LABEL_LENGTH = 40  # characters of a name, as wide as the columns that store labels
GUIDANCE_LENGTH = 300  # characters of what a label tells the reply


def answer_problem(labels: object, schema: str, reasoning: int) -> tuple[str, str | None]:
    """What is wrong with what a version may answer, in words, and the field that it concerns."""
    if not schema:
        return "labels", labels_problem(labels)
    if labels:
        return "labels", "JSON has no labels: empty either these rows or the schema."
    if reasoning:
        return "reasoning", "JSON is written without a thought: give 0, or labels and no schema."
    return "schema", schemas.problem(schema)


def labels_problem(labels: object) -> str | None:
    """What is wrong with a version's labels, in words; None if nothing is."""
    if not isinstance(labels, list) or len(labels) < 2:
        return "Give a list of at least two labels."
    problems = (problem for label in labels if (problem := _label_problem(label)))
    if problem := next(problems, None):
        return problem
    names = [normal_name(label["name"]) for label in labels]
    if len(set(names)) < len(names):
        return "Two labels have the same name, but for letter case and spaces."
    return None


def normal_name(name: str) -> str:
    """A label as people tell it from others: letter case, wide forms and more spaces are one."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _label_problem(label: object) -> str | None:
    name = label.get("name") if isinstance(label, dict) else None
    if not isinstance(name, str) or not name.strip() or len(name) > LABEL_LENGTH:
        return f"Every label needs a name of at most {LABEL_LENGTH} characters."
    if label.get("polarity") not in (-1, 0, 1):
        return f"The polarity of {name} must be -1, 0 or 1."
    flags = label.get("flags", [])
    if not isinstance(flags, list) or any(flag not in LABEL_FLAGS for flag in flags):
        return f"The flags of {name} may only hold {LABEL_FLAGS}, as a list."
    guidance = label.get("guidance", "")
    if not isinstance(guidance, str) or len(guidance) > GUIDANCE_LENGTH:
        return f"The instruction of {name} is a text of at most {GUIDANCE_LENGTH} characters."
    return None

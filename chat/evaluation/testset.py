"""What a version is judged on: a labelled file, or the messages that people reviewed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chat.evaluation import labelled, reviewed
from chat.evaluation.labelled import Example
from inference.models import TaskVersion


@dataclass(frozen=True)
class TestSet:
    """Examples, the labels that compete for them, and what the figures tell of the set."""

    __test__ = False  # pytest takes it for tests otherwise

    name: str
    examples: Sequence[Example]
    labels: tuple[str, ...]
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def of_file(path: Path, version: TaskVersion) -> TestSet:
    """The rows of a CSV file. The version's labels that the file does not use do not compete.

    Raises:
        DataError: the file cannot be judged on.
    """
    examples = labelled.read(path, version.names)
    used = {example.label for example in examples}
    return TestSet(str(path), examples, tuple(name for name in version.names if name in used))


def of_reviews(version: TaskVersion) -> TestSet:
    """The reviewed messages of the version's task. All of its labels compete.

    Raises:
        TooFewExamples: they make no test set.
    """
    found = reviewed.read(version)
    left_out = {"disputed": found.disputed, "other_label": found.other_label}
    return TestSet("reviews", found.examples, version.names, {"left_out": left_out})

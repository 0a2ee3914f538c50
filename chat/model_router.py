"""Let the model itself say which tasks a message needs, and whether it needs a person."""

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from channels.db import database_sync_to_async

from chat.router import Route
from inference import calibration
from inference.answers import answer
from inference.errors import EngineRefusal
from inference.models import Task, TaskVersion
from inference.sequence import Classified
from inference.tasks import Affine, Classify, message_context

log = logging.getLogger(__name__)
PERSON = "a person"  # no slug has a space
QUESTION = (
    "You route messages that customers write to a support desk. {tasks}. {person}: the customer "
    "asks for a human being, or needs one. Which of these does the message call for first? "
    "Answer with one of: {names}."
)

_calibrated: dict[tuple[str, str], Affine] = {}  # by digest of the question, and model
_measuring = threading.Lock()  # two messages that come first measure once


async def narrow(route: Route, text: str, engine) -> Route:
    """The tasks that the model finds at least as likely as chance; a person if likeliest.

    If the model does not say, the route stays as it is: too many labels do less harm than none.
    """
    names = await database_sync_to_async(_names)(route)
    question = _question(names)
    try:
        event = await answer(engine, _part(question, text))
        if isinstance(event, Classified):
            affine = await asyncio.to_thread(_calibration, engine, question)
            return choose(route, calibration.probabilities(event.logprobs, affine))
        log.warning("A message was not routed by the model: %s", event.message)
    except (EngineRefusal, RuntimeError) as error:
        log.warning("A message was not routed by the model: %s", error)
    return route


def choose(route: Route, shares: Mapping[str, float]) -> Route:
    """Narrow a route by the probability of each task and of PERSON; pure."""
    chance = 1 / len(shares)
    tasks = tuple(slug for slug in route.tasks if shares[slug] >= chance)
    wanted = max(shares, key=shares.get) == PERSON
    return replace(route, tasks=tasks, person=route.person or wanted)


def _names(route: Route) -> dict[str, str]:
    return dict(Task.objects.filter(slug__in=route.tasks).values_list("slug", "name"))


def _question(names: Mapping[str, str]) -> TaskVersion:
    """The wording as a version that is never stored."""
    prompt = QUESTION.format(
        tasks=". ".join(f"{slug}: {name}" for slug, name in names.items()),
        person=PERSON,
        names=", ".join((*names, PERSON)),
    )
    return TaskVersion(prompt=prompt, labels=_labels([*names, PERSON]))


def _labels(names: Sequence[str]) -> list[dict]:
    return [{"name": name, "polarity": 0, "flags": []} for name in names]


def _part(question: TaskVersion, text: str) -> Classify:
    return Classify("route", message_context(question.prompt, text), question.names)


def _calibration(engine, question: TaskVersion) -> Affine:
    key = calibration.digest(question.prompt, question.names), engine.model_id
    with _measuring:
        if key not in _calibrated:
            _calibrated[key], _ = calibration.measure(engine, question)
        return _calibrated[key]

"""Which options of `manage.py evaluate` go together."""

import os
from collections.abc import Mapping

from chat.evaluation.baselines import BASELINES

UNFIT = {  # what a job has no use for
    "replies": ("data", "reviews", "version", "baseline", "limit"),
    "attacks": ("data", "reviews", "baseline", "limit", "errors"),
    "sensitivity": ("baseline", "errors"),
    "interference": ("baseline", "errors"),
}
WHY = {
    "replies": "has its own questions",
    "attacks": "has its own messages",
    "sensitivity": "compares the model with itself",
    "interference": "compares the model with itself",
}


def problem(options: Mapping) -> str | None:
    """What is wrong with the options, in words; None if nothing is."""
    checks = (_jobs, _sources, _limit, _baselines, _errors)
    return next(filter(None, (check(**options) for check in checks)), None)


def _jobs(**options) -> str | None:
    jobs = [job for job in UNFIT if options[job]]
    if len(jobs) > 1:
        return f"--{jobs[0]} and --{jobs[1]} are two jobs: give one of them."
    for job in jobs:
        if unfit := [name for name in UNFIT[job] if options[name] not in (None, False, [])]:
            return f"--{job} {WHY[job]}: leave out --{' and --'.join(unfit)}."
    return None


def _sources(*, data, reviews, **others) -> str | None:
    if data and reviews:
        return "--data and --reviews are two test sets: give one of them."
    if not (data or reviews or others["replies"] or others["attacks"]):
        return "Give --data FILE.csv (columns text,label), --reviews, --replies or --attacks."
    return None


def _limit(*, limit, **others) -> str | None:
    return "--limit must be 1 or more." if limit is not None and limit < 1 else None


def _baselines(*, baseline, **others) -> str | None:
    unknown = [name for name in baseline if name not in BASELINES]
    known = ", ".join(BASELINES)
    return f"--baseline {unknown[0]} is unknown. There are: {known}." if unknown else None


def _errors(*, data, errors, **others) -> str | None:
    if data and errors and os.path.realpath(data) == os.path.realpath(errors):
        return "--errors would overwrite the file of --data: name another."
    return None

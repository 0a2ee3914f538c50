"""Which options of `manage.py evaluate` go together."""

import os
from collections.abc import Mapping

from chat.evaluation.baselines import BASELINES


def problem(options: Mapping) -> str | None:
    """What is wrong with the options, in words; None if nothing is."""
    checks = (_sources, _limit, _baselines, _errors)
    return next(filter(None, (check(**options) for check in checks)), None)


def _sources(*, data, reviews, replies, limit, baseline, version, **others) -> str | None:
    if replies and (data or reviews or baseline or limit is not None or version is not None):
        given = "--data, --reviews, --version, --baseline and --limit"
        return f"--replies has its own questions: leave out {given}."
    if data and reviews:
        return "--data and --reviews are two test sets: give one of them."
    if not (data or reviews or replies):
        return "Give --data FILE.csv (columns text,label), --reviews, or --replies."
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

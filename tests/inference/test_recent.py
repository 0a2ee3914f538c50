"""The latest replies' times, for health checks."""

import pytest

from inference.bench.figures import percentile
from inference.recent import Recent


def test_nothing_is_told_of_no_replies():
    assert Recent().report() == {"n": 0, "p50": None, "p95": None}


def test_one_reply_is_its_own_percentile():
    recent = Recent()
    recent.add(7.0)
    assert recent.report() == {"n": 1, "p50": 7.0, "p95": 7.0}


def test_only_the_latest_count():
    recent, times = Recent(kept=10), [float(n * n) for n in range(30)]
    for each in times:
        recent.add(each)
    report = recent.report()
    assert report["n"] == 10
    assert report["p50"] == pytest.approx(percentile(times[-10:], 50))
    assert report["p95"] == pytest.approx(percentile(times[-10:], 95))

"""In which order arms take turns."""

from collections import Counter

import pytest

from inference.bench.measurements import FiveTasks, LateTurn
from inference.bench.plan import Plan

ARMS = ("ours", "article", "llama.cpp")


def test_every_arm_is_measured_alike_in_every_repeat():
    plan = Plan(seeds=3)
    compared = [s for s in plan.steps(ARMS) if not isinstance(s.measurement, LateTurn | FiveTasks)]
    counted = Counter((step.repeat, step.measurement) for step in compared)
    assert set(counted.values()) == {len(ARMS)}
    assert {repeat for repeat, _ in counted} == {0, 1, 2}


def test_arms_are_measured_next_to_each_other_and_in_turned_order():
    steps = list(Plan(seeds=2).steps(ARMS))
    first = [step.arm for step in steps[: len(ARMS)]]
    second = [step.arm for step in steps if step.repeat == 1][: len(ARMS)]
    assert first == list(ARMS)
    assert second == list(reversed(ARMS))
    assert len({step.measurement for step in steps[: len(ARMS)]}) == 1


def test_repeats_have_texts_of_their_own():
    seeds = {(step.repeat, step.measurement.seed) for step in Plan(seeds=3).steps(ARMS)}
    assert seeds == {(0, 0), (1, 1), (2, 2)}


@pytest.mark.parametrize("arms", [("article",), ("ours",)])
def test_only_our_own_arm_is_asked_for_what_only_it_promises(arms):
    kinds = {type(step.measurement) for step in Plan().steps(arms)}
    assert ({LateTurn, FiveTasks} <= kinds) == (arms == ("ours",))

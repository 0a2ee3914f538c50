"""What is made of an arm's answers. The arms here tell of times that nobody has to wait for."""

import itertools
import threading
import time

import pytest

from inference.bench.arms import Answer
from inference.bench.errors import ArmFailed, Overdue
from inference.bench.measurements import (
    Conversations,
    Decode,
    FiveTasks,
    Label,
    LateTurn,
    Prefill,
    WarmUp,
    decode_rate,
)


class Told:
    """An arm whose every turn takes two told seconds: the label after 0.5 s, tokens from 1 s on."""

    dtype = "none"

    def __init__(self, parallel=True):
        self.parallel = parallel
        self.requests = []
        self._lock = threading.Lock()
        self._turns = itertools.count()

    def turn(self, request, until=None):
        with self._lock:
            self.requests.append(request)
            asked = 2.0 * next(self._turns)
        labelled = tuple(asked + 0.5 for _ in request.classify)
        if request.reply is None:
            return Answer(asked, labelled)
        count = request.reply.max_new_tokens
        tokens = tuple(asked + 1 + n / max(1, count - 1) for n in range(count))
        return Answer(asked, labelled, tokens, " a" * count, prompt_tokens=100)


def test_conversations_tell_speed_and_latencies_by_how_many_there_are(workload):
    arm = Told()
    figures = Conversations(3, turns=2, seed=1, limit_s=60).run(arm, workload)
    assert len(arm.requests) == 6
    assert figures["turns_per_s"] == {"3": pytest.approx(6 / 12)}
    assert figures["tokens_per_s"] == {"3": pytest.approx(6 * 8 / 12)}
    assert figures["ttft_ms"]["3"]["p95"] == pytest.approx(1000)
    assert figures["label_ms"]["3"]["p50"] == pytest.approx(500)
    assert figures["tpot_ms"]["3"]["p50"] == pytest.approx(1000 / 7)
    assert figures["turn_ms"]["3"]["p99"] == pytest.approx(2000)
    assert figures["rss_gb"]["3"] > 0


def test_a_conversation_remembers_what_was_said(workload):
    arm = Told()
    Conversations(1, turns=3, seed=1, limit_s=60).run(arm, workload)
    last = arm.requests[-1].reply.messages
    assert [m.role for m in last] == ["system", *["user", "assistant"] * 2, "user"]
    assert last[:-2] == arm.requests[1].reply.messages
    assert {m.content for m in last if m.role == "assistant"} == {" a" * 8}


def test_messages_that_nobody_answered_in_time_are_counted_with_their_wait(workload):
    class Slow(Told):
        def turn(self, request, until=None):
            if len(self.requests):
                raise Overdue
            return super().turn(request)

    figures = Conversations(4, turns=2, seed=1, limit_s=60).run(Slow(), workload)
    assert figures["unanswered"]["4"] >= 1
    assert figures["turns_per_s"]["4"] == pytest.approx(0.5)


def test_no_turn_of_an_arm_that_serves_one_at_a_time_begins_after_the_limit(workload):
    class Once(Told):
        def turn(self, request, until=None):
            while time.perf_counter() < until:
                time.sleep(0.01)
            return super().turn(request)

    arm = Once(parallel=False)
    Conversations(2, turns=5, seed=1, limit_s=0.05).run(arm, workload)
    assert len(arm.requests) == 2


def test_the_decode_rate_counts_only_the_time_in_which_all_streams_run():
    early = [0.0, 1.0, 2.0, 3.0, 4.0]
    late = [2.0, 3.0, 4.0, 5.0, 6.0]
    assert decode_rate([early, late]) == pytest.approx(4 / 2)
    assert decode_rate([early]) == pytest.approx(1.0)


def test_streams_that_never_ran_together_have_no_rate():
    with pytest.raises(ArmFailed, match="2 replies did not run at the same time"):
        decode_rate([[0.0, 1.0], [2.0, 3.0]])


def test_an_arm_that_serves_one_at_a_time_has_one_decode_rate(workload):
    arm = Told(parallel=False)
    rates = Decode((1, 4, 16), seed=1).run(arm, workload)["decode_tok_s"]
    assert len(arm.requests) == 1
    assert len(set(rates.values())) == 1
    assert set(rates) == {"1", "4", "16"}


def test_prefill_is_tokens_until_the_first_answer(workload):
    assert Prefill(seed=1).run(Told(), workload) == {"prefill_tok_s": pytest.approx(100)}


def test_a_label_alone_asks_for_no_reply(workload):
    arm = Told()
    assert Label(seed=1).run(arm, workload) == {"label_ms_1": pytest.approx(500)}
    assert {request.reply for request in arm.requests} == {None}


def test_the_late_turn_is_compared_with_the_first(workload):
    class Forgetful(Told):
        """Reads everything again: a turn's first token takes as long as its history is."""

        def turn(self, request, until=None):
            wait = len(request.reply.messages)
            return Answer(0.0, (), (wait, wait + 1.0), " a")

    figures = LateTurn(10, seed=1).run(Forgetful(), workload)
    assert figures == {"ttft_turn10_over_turn1": pytest.approx(20 / 2)}


@pytest.mark.parametrize("seed", [0, 1])
def test_five_tasks_are_compared_with_one(workload, seed):
    class ByTask(Told):
        def turn(self, request, until=None):
            ended = 1.0 + len(request.classify)
            return Answer(0.0, (ended,) * len(request.classify), (1.0,), " a")

    figures = FiveTasks(2, turns=1, seed=seed).run(ByTask(), workload)
    assert figures == {
        "five_tasks_over_one": {"2": pytest.approx(6 / 2)},
        "one_more_task_ms": {"2": pytest.approx(1000)},
    }


@pytest.mark.parametrize(("parallel", "asked"), [(True, 4), (False, 1)])
def test_warming_up_reads_the_shared_prompts_and_gives_no_figures(workload, parallel, asked):
    arm = Told(parallel)
    assert WarmUp(4).run(arm, workload) == {}
    assert len(arm.requests) == asked
    assert arm.requests[0].reply.messages[0] == workload.opening[0]
    assert arm.requests[0].classify[0].messages[0].content == workload.task_prompt

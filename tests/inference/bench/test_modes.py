"""`bench --cache` and `bench --backfill` on the toy shape: small, but real, and wrong options."""

import io
import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from chat import backfill
from inference.bench import backlog, replay
from inference.bench.arms import Answer
from inference.bench.arms.ours import Ours
from inference.bench.errors import ArmFailed, Overdue
from inference.bench.subject import Mood
from inference.tasks import Request
from tests.inference.scripted import ScriptedEngine


def bench(*arguments, cache):
    """What the command writes to stdout, line by line."""
    out = io.StringIO()
    options = ("--shape", "toy", "--threads", "1", "--dtype", "float32", "--models", str(cache))
    call_command("bench", *options, *arguments, stdout=out)
    return out.getvalue().splitlines()


@pytest.fixture(scope="module")
def replays(setting):
    return bench("--cache", "--messages", "40", "--seeds", "2", "--json", cache=setting.cache)


@pytest.fixture(scope="module")
def labelled(setting):
    return bench("--backfill", "--messages", "12", "--json", cache=setting.cache)


class TestAReplay:
    def test_counts_what_was_known_and_what_was_read(self, replays):
        figures = json.loads(replays[-1])
        assert (figures["model"], figures["messages"], figures["seeds"]) == ("toy", 40, 2)
        assert figures["hits"] + figures["misses"] == 80
        assert 0 < figures["lowest_hit_rate"] <= figures["hit_rate"] < 1
        assert figures["hit_rate"] == pytest.approx(figures["hits"] / 80, abs=1e-4)

    def test_times_both(self, replays):
        figures = json.loads(replays[-1])
        assert 0 < figures["hit_ms"]["p50"] <= figures["hit_ms"]["most"]
        assert figures["miss_ms"]["p50"] > 0
        assert 0 <= figures["share_of_hits_under_1_ms"] <= 1

    def test_tells_a_person_the_same(self, replays):
        figures = json.loads(replays[-1])
        assert f"{figures['hits']} of 80 ({figures['hit_rate']:.1%}" in "\n".join(replays[:-1])

    def test_of_a_cache_that_keeps_nothing_is_refused(self, settings, setting):
        settings.INFERENCE_REPEAT_SIZE = 0
        with pytest.raises(CommandError, match="INFERENCE_REPEAT_SIZE=0: set 1 or more"):
            bench("--cache", cache=setting.cache)

    def test_that_forgets_more_than_it_keeps_knows_less(self, settings, setting):
        settings.INFERENCE_REPEAT_SIZE = 1
        quick = ("--cache", "--messages", "40", "--quick", "--json")
        small = json.loads(bench(*quick, cache=setting.cache)[-1])
        settings.INFERENCE_REPEAT_SIZE = 4096
        large = json.loads(bench(*quick, cache=setting.cache)[-1])
        assert small["hits"] < large["hits"]


class TestABacklog:
    def test_is_labelled_by_both_in_one_run(self, labelled):
        figures = json.loads(labelled[-1])
        assert (figures["model"], figures["messages"], figures["rounds"]) == ("toy", 12, 10)
        assert set(figures["arms"]) == {"ours", "article"}
        assert {arm["labelled"] for arm in figures["arms"].values()} == {12}
        assert 0 < figures["lowest_ratio"] <= figures["ratio"]

    def test_tells_a_person_the_same(self, labelled):
        figures = json.loads(labelled[-1])
        assert f"one at a time: {figures['ratio']:.3g}x" in "\n".join(labelled)

    def test_has_as_many_in_the_engine_as_a_backfill(self):
        assert backlog.AT_ONCE == backfill.IN_FLIGHT

    def test_ends_a_round_of_the_plain_way_when_its_time_is_up(self):
        class Slow:
            parallel = False
            left = 2

            def turn(self, request, until):
                self.left -= 1
                if self.left < 0:
                    raise Overdue
                return Answer(0.0)

        found = backlog.Labels(("a", "b", "c", "d"), limit_s=1).run(Slow(), Mood())
        assert found["labelled"] == 2

    def test_counts_one_message_of_a_round_however_short_it_is(self):
        class Late:
            parallel = False

            def turn(self, request, until):
                if until is not None:
                    raise Overdue
                return Answer(0.0)

        found = backlog.Labels(("a", "b"), limit_s=0).run(Late(), Mood())
        assert found["labelled"] == 1

    def test_of_an_engine_that_fails_is_no_figure(self, setting):
        arm = Ours(setting)
        arm._engine = ScriptedEngine(label="Positive")
        requests = [Request(classify=(Mood().part(f"Message {n}"),)) for n in range(5)]
        arm.labels(requests, 2)
        assert len(arm._engine.requests) == 5
        arm._engine = Failing(label="Positive")
        with pytest.raises(ArmFailed, match="NaN logits"):
            arm.labels(requests, 2)


class Failing(ScriptedEngine):
    def classify(self, ticket, key, label, confidence=0.9):
        self.fail(ticket, key, "NaN logits")


class TestTheTask:
    def test_is_sentiment_as_it_ships(self):
        part = Mood().part("Hello")
        assert part.labels == ("Positive", "Neutral", "Negative")
        assert part.messages[-1].content == "Hello"

    def test_is_in_made_words_for_a_made_vocabulary(self):
        made = Mood(vocabulary=1024)
        assert len(made.part("x").messages[0].content.split()) == 60
        assert len(set(made.different(50, seed=0))) == 50
        assert len(set(made.frequent(50))) == 50


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--cache", "--backfill"], "--cache and --backfill are measured one at a time"),
        (["--messages", "5"], "--messages belongs to --cache or --backfill"),
        (["--cache", "--messages", "0"], "--messages must be 1 or more, not 0"),
        (["--cache", "--arms", "ours"], "--arms has no place in --cache"),
        (["--backfill", "--seeds", "2"], "--seeds has no place in --backfill"),
        (["--backfill", "--plot", "x.svg", "--turns", "2"], "--turns, --plot has no place in"),
        (["--cache", "--seeds", "0"], "--seeds must be 1 or more, not 0"),
        (["--backfill", "--limit", "0"], "--limit must be more than 0"),
        (["--cache", "--shape", "gpt-5"], "--shape gpt-5 is unknown"),
    ],
)
def test_a_wrong_option_is_named(tmp_path, options, problem):
    with pytest.raises(CommandError, match=problem):
        bench(*options, cache=tmp_path)


def test_every_key_is_documented(replays, labelled):
    text = (Path(settings.BASE_DIR) / "docs/performance.md").read_text("utf-8")
    for heading, written in (("## Frequent messages", replays), ("## Stored messages", labelled)):
        told = set(re.findall(r"`(\w+)`", text.split(heading)[1].split("\n## ")[0]))
        assert set(json.loads(written[-1])) <= told


def test_a_replay_has_room_to_repeat_itself():
    assert replay.MESSAGES >= 2 * replay.DISTINCT

"""Whatever joins, leaves, is cancelled or evicted in between: every answer is transformers'."""

import dataclasses

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from inference import schemas
from inference.errors import KVTooSmall
from inference.lean.kv import in_blocks
from inference.loading import load
from inference.sequence import Kind
from inference.tasks import Reply, conversation_context
from tests.inference import tiny
from tests.inference.inbox import SCHEMA, classify, conversation, extract
from tests.inference.lean_reference import assert_greedy, assert_scores, plain
from tests.inference.steps import Steps

SYSTEMS = st.sampled_from(["You help.", "You help customers of a shop, and never promise." * 2])
OPENINGS = st.sampled_from(["Hello", "Hello, where is my order?", "谢谢", "so much to say " * 45])
QUESTIONS = st.sampled_from(["What is the mood?", "Is it urgent? " * 3])
TOKENS_A_MEGABYTE = 512  # all the KV there is


class Desk(RuleBasedStateMachine):
    """Conversations that go on, labels and cancellations, on a runner short of memory."""

    loaded = None
    module = None

    def __init__(self):
        super().__init__()
        self.steps = Steps(self.loaded, max_running=3)
        self.histories = []  # turns of conversations, the last one said by a visitor
        self.open = {}  # reply sequence -> its conversation's turns
        self.checked = set()

    @rule(system=SYSTEMS, text=OPENINGS)
    def begin(self, system, text):
        self.histories.append((system, [text]))

    @rule(data=st.data(), limit=st.integers(1, 12))
    def reply(self, data, limit):
        if self.histories:
            system, turns = data.draw(st.sampled_from(self.histories))
            work = Reply(conversation(*turns, system=system), max_new_tokens=limit, greedy=True)
            (sequence,) = self.steps.submit(work)
            self.open[sequence] = (system, turns)

    @rule(texts=st.lists(OPENINGS, min_size=1, max_size=3))
    def label_messages(self, texts):
        self.steps.submit(*[classify(text, key=str(n)) for n, text in enumerate(texts)])

    @rule(data=st.data(), questions=st.lists(QUESTIONS, min_size=1, max_size=3))
    def label_conversation(self, data, questions):
        if self.histories:
            system, turns = data.draw(st.sampled_from(self.histories))
            said = conversation(*turns, system=system)
            self.steps.submit(
                *[
                    dataclasses.replace(
                        classify("", key=str(n)), messages=conversation_context(said, question)
                    )
                    for n, question in enumerate(questions)
                ]
            )

    @rule(text=OPENINGS, limit=st.integers(0, 12))
    def think(self, text, limit):
        self.steps.submit(dataclasses.replace(classify(text), think=limit))

    @rule(text=OPENINGS, limit=st.integers(1, 30))
    def extract(self, text, limit):
        self.steps.submit(extract(text, max_new_tokens=limit))

    @rule(ticket=st.integers(1, 20))
    def cancel(self, ticket):
        self.steps.cancel(ticket)

    @rule(count=st.integers(1, 6))
    def step(self, count):
        for _ in range(count):
            self.steps.step()
            self.steps.runner.cache.check()
        self.look_at_results()

    def look_at_results(self):
        for sequence, result in self.steps.results.items():
            if sequence not in self.checked:
                self.checked.add(sequence)
                self.look_at(sequence, result)

    def look_at(self, sequence, result):
        if isinstance(result, KVTooSmall):
            needed = sequence.trunk if sequence.kind is Kind.LABEL else 0
            needed = needed or len(sequence.prompt_ids) + sequence.limit
            assert in_blocks(needed) > TOKENS_A_MEGABYTE
            return
        assert not isinstance(result, Exception), result
        if sequence.writing:
            assert schemas.read(sequence.text, SCHEMA)[0] or not sequence.writing.complete
            return
        if not sequence.is_reply:
            assert_scores(self.module, sequence, result)
            return
        assert_greedy(self.module, sequence)
        if sequence in self.open:
            system, turns = self.open[sequence]
            self.histories.append((system, [*turns, sequence.text, "And now?"]))

    @invariant()
    def the_books_are_in_order(self):
        self.steps.runner.cache.check()

    def teardown(self):
        self.steps.finish()
        self.look_at_results()
        assert self.steps.runner.cache.promised == 0
        assert all(sequence.lease is None for sequence in self.steps.results)


@pytest.mark.parametrize("architecture", ["qwen2", "qwen3"])
def test_every_answer_is_that_of_transformers_however_they_interleave(
    architecture, tmp_path, config
):
    folder = tiny.build(tmp_path / architecture, architecture, head_dim=64)
    described = dataclasses.replace(config(kv_mb=1), model=str(folder))
    Desk.loaded, Desk.module = load(described), plain(folder)
    run_state_machine_as_test(
        Desk, settings=settings(max_examples=15, stateful_step_count=25, deadline=None)
    )

"""What a step computes: chunks beside running replies, and nothing that is known already."""

import dataclasses

import pytest

from inference.cache import SPARE
from inference.errors import KVTooSmall
from inference.lean.kv import in_blocks
from inference.loading import load
from inference.planner import PREFILL_CHUNK
from inference.tasks import ChatMessage, Reply, Shot, conversation_context, message_context
from tests.inference import tiny
from tests.inference.flawed import explode, flawed
from tests.inference.inbox import LABELS, classify, conversation
from tests.inference.lean_reference import assert_greedy, assert_scores
from tests.inference.steps import Steps

SYSTEM = "You help customers of a shop and never promise what you cannot know. " * 2
HISTORY = ("Hello, where is my order?", "Which one do you mean?", "The one from Monday")
LONG_TEXT = "so much to say about this parcel " * 16


def reply(*turns, limit=8, system=SYSTEM):
    return Reply(conversation(*turns, system=system), max_new_tokens=limit, greedy=True)


def question(number, *turns):
    """A task that asks about the whole conversation."""
    asked = conversation_context(conversation(*turns, system=SYSTEM), f"Question {number}: mood?")
    return dataclasses.replace(classify("", key=str(number)), messages=asked)


@pytest.fixture
def endless(loaded):
    """The tiny Qwen2, whose replies end by their length only."""
    return dataclasses.replace(loaded(), stop_ids=frozenset())


@pytest.fixture
def steps(endless):
    return Steps(endless)


# Chunks


def test_running_replies_get_a_token_in_every_step_while_a_long_prompt_comes(steps):
    (running,) = steps.submit(reply("Hello", limit=20))
    while not running.output_ids:
        steps.step()
    (late,) = steps.submit(reply(LONG_TEXT))
    alone = 0
    while not late.output_ids:
        assert isinstance(steps.step()[running], int)
        alone += 1
    assert len(late.prompt_ids) > PREFILL_CHUNK
    assert alone == -(-(len(late.prompt_ids) - late.shared) // PREFILL_CHUNK)


def test_no_step_computes_more_than_a_chunk_of_prompts(steps):
    works = [reply(LONG_TEXT, str(n), "and?") for n in range(4)]
    steps.finish(*works, *[classify(f"message {n} " * 6, key=str(n)) for n in range(20)])
    assert max(steps.model.computed) <= PREFILL_CHUNK + len(works)


def test_a_prompt_in_chunks_gives_the_reply_of_transformers(steps, reference):
    (sequence,) = steps.finish(reply(LONG_TEXT))
    assert_greedy(reference(), sequence)


def test_a_message_longer_than_a_chunk_is_labelled_in_chunks(steps, reference):
    (sequence,) = steps.finish(classify(LONG_TEXT))
    assert max(steps.model.computed) <= PREFILL_CHUNK
    assert_scores(reference(), sequence, steps.results[sequence])


def test_labels_are_done_before_replies_that_were_asked_for_earlier(steps):
    (first, second) = steps.submit(reply(LONG_TEXT), reply("Hello"))
    (label,) = steps.submit(classify("Hello"))
    assert isinstance(steps.step()[label], dict)
    assert first.output_ids == second.output_ids == []


def test_a_stream_of_labels_does_not_keep_a_reply_from_starting(steps):
    (patient,) = steps.submit(reply("Hello"))
    for number in range(10):
        steps.submit(*[classify(f"{number} " * 60, key=str(n)) for n in range(8)])
        steps.step()
    assert patient.output_ids


# Nothing twice


def test_a_turn_computes_its_own_message_only(steps, endless):
    turns = list(HISTORY)
    for number in range(8):
        before = steps.computed
        (sequence,) = steps.finish(reply(*turns, limit=2))
        own = len(endless.prompt.encode(conversation("and then?"))) + 8
        if number:
            assert steps.computed - before <= own
        turns += [sequence.text, "and then?"]


def test_conversations_that_begin_together_share_one_system_prompt(steps):
    first, *others = steps.finish(*[reply(f"{n} Hello", limit=1) for n in range(4)])
    own = sum(len(each.prompt_ids) - each.shared for each in others)
    assert steps.computed == len(first.prompt_ids) + own


def test_the_prompt_of_a_task_is_computed_once_for_all_messages(steps):
    first, *others = steps.finish(*[classify(f"Hello {n}", key=str(n)) for n in range(20)])
    fed = sum(len(label) - 1 for label in first.label_ids)
    own = sum(len(each.prompt_ids) - each.shared + fed for each in others)
    assert steps.computed == len(first.prompt_ids) + fed + own


def test_several_questions_and_the_reply_compute_a_conversation_once(steps, reference):
    questions = [question(n, *HISTORY) for n in range(5)]
    *labels, answer = steps.finish(*questions, reply(*HISTORY, limit=1))
    trunk = labels[0].trunk
    fed = sum(len(label) - 1 for label in labels[0].label_ids)
    own = sum(len(each.prompt_ids) - trunk + fed for each in labels)
    assert steps.computed <= trunk + own + SPARE
    assert len(answer.prompt_ids) - trunk < SPARE
    for label in labels:
        assert_scores(reference(), label, steps.results[label])


def test_a_conversation_that_a_question_computed_is_taken_over_by_the_reply(steps):
    steps.finish(question(0, *HISTORY), reply(*HISTORY, limit=4))
    assert len(steps.runner.cache) == 2  # the system prompt, and one conversation


def test_examples_of_one_message_are_kept_for_nobody(steps, reference):
    shots = [(Shot(f"Where is parcel {n}?", "Neutral"), Shot("Lost!", "Bad")) for n in range(4)]
    asked = [
        dataclasses.replace(
            classify("", key=str(n)),
            messages=message_context(SYSTEM, f"And parcel {n}?", each),
            examples=True,
        )
        for n, each in enumerate(shots)
    ]
    labels = steps.finish(*asked)
    assert len(steps.runner.cache) == 1  # the system prompt that all of them have
    for label in labels:
        assert_scores(reference(), label, steps.results[label])


def test_long_examples_are_computed_in_chunks_and_the_system_prompt_once(steps, reference):
    shots = (Shot(LONG_TEXT, "Bad"), Shot(LONG_TEXT, "Good"))
    messages = message_context(SYSTEM, "Hm", shots)
    asked = dataclasses.replace(classify("Hm"), messages=messages, examples=True)
    (label,) = steps.finish(asked)
    assert max(steps.model.computed) <= PREFILL_CHUNK
    assert len(steps.runner.cache) == 1
    assert_scores(reference(), label, steps.results[label])


def test_a_guided_reply_reads_only_what_is_new_of_its_conversation(steps, reference):
    (plain,) = steps.finish(reply(*HISTORY, limit=1))
    before = steps.computed
    (guided,) = steps.finish(dataclasses.replace(reply(*HISTORY, limit=4), guidance="Be kind."))
    assert steps.computed - before < len(guided.prompt_ids) - len(plain.prompt_ids) + 16
    assert_greedy(reference(), guided)


# Failing alone


def test_who_waits_for_a_prefix_that_fails_computes_it_itself(endless, reference):
    steps = Steps(flawed(endless, "poison", explode))
    works = [message_context("What is the mood?", text) for text in ("poison", "Hello", "Bye")]
    sequences = steps.finish(
        *[dataclasses.replace(classify("", key=str(n)), messages=m) for n, m in enumerate(works)]
    )
    bad, *good = [steps.results[each] for each in sequences]
    assert isinstance(bad, RuntimeError)
    for sequence, scores in zip(sequences[1:], good, strict=True):
        assert_scores(reference(), sequence, scores)
    steps.runner.cache.check()
    assert steps.runner.cache.promised == 0


# Memory


@pytest.fixture(scope="module")
def wide(tmp_path_factory, config):
    """A tiny model of whose KV a megabyte holds 256 tokens."""
    folder = tiny.build(tmp_path_factory.mktemp("wide") / "model", "qwen2", head_dim=128)
    settings = dataclasses.replace(config(kv_mb=1), model=str(folder))
    return dataclasses.replace(load(settings), stop_ids=frozenset())


def test_replies_wait_for_the_memory_of_those_that_run(wide):
    steps, most = Steps(wide), 0
    for number in range(6):
        steps.submit(reply(f"Hello {number}" + " again" * 20, limit=24, system="You help."))
    while steps.scheduler.busy:
        outcomes = steps.step()
        steps.runner.cache.check()
        most = max(most, sum(isinstance(each, int) for each in outcomes.values()))
    needs = {in_blocks(len(each.prompt_ids) + 24) for each in steps.results}
    assert most == 256 // max(needs) < 4
    assert [each.output_ids != [] for each in steps.results] == [True] * 6


def test_a_request_that_could_never_fit_is_refused_and_the_others_go_on(wide, caplog):
    steps = Steps(wide)
    assert "INFERENCE_KV_MB=1 holds 256 tokens, the context is 512" in caplog.text
    big, small = steps.finish(reply(LONG_TEXT), reply("Hello", system="You help."))
    assert isinstance(steps.results[big], KVTooSmall)
    assert "INFERENCE_KV_MB" in str(steps.results[big])
    assert steps.results[small] is None
    assert small.output_ids


def test_a_conversation_as_context_needs_no_system_message(steps, reference):
    asked = conversation_context((ChatMessage("user", "Hello"),), "What is the mood?")
    (sequence,) = steps.finish(dataclasses.replace(classify(""), messages=asked, labels=LABELS))
    assert_scores(reference(), sequence, steps.results[sequence])


def test_questions_behind_a_conversation_that_was_cut_share_what_is_left(steps, reference):
    turns = ["once more and again and again"] * 61
    *labels, answer = steps.finish(*[question(n, *turns) for n in range(3)], reply(*turns))
    assert all(each.truncated for each in labels)
    assert steps.computed < 2 * len(labels[0].prompt_ids) + len(answer.prompt_ids)
    for label in labels:
        assert_scores(reference(), label, steps.results[label])

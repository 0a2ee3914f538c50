"""The llama.cpp arm, with a KV written in Python in place of the library.

Whatever is cached, copied, batched or evicted, a reply must be what its whole prompt leads to.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from inference.bench.arms import llama_cpp
from inference.bench.arms.gguf_file import gguf_name
from inference.bench.arms.llama_cpp import ChatEncoder, LlamaCpp
from inference.bench.arms.llama_slots import Slots, common
from inference.bench.errors import ArmFailed
from inference.bench.loop import converse, side_by_side
from inference.bench.shapes import SHAPES
from inference.prompts import ChatPrompt
from inference.tasks import ChatMessage, Request
from tests.inference.bench.fake_llama import FakeLibrary, following

IDS = st.lists(st.integers(0, 2), min_size=1, max_size=12)


@pytest.fixture
def library():
    """Makes the library of the test's arm; `library.made` is it."""

    def make(*arguments, **options):
        make.made = FakeLibrary(*arguments, **options)
        return make.made

    return make


@pytest.fixture
def arm(setting, library, monkeypatch):
    monkeypatch.setattr(llama_cpp, "SILENT", 600)  # a busy machine may be silent for long
    made = LlamaCpp(setting, library)
    made.load()
    yield made
    made.close()


@pytest.fixture(scope="module")
def encoder(setting):
    return ChatEncoder(setting.folder)


def expected(encoder, history, length):
    """The reply as one forward after the other over everything would give it."""
    ids = encoder.encode(history)
    start = len(ids)
    for _ in range(length):
        ids.append(following(ids))
    return encoder.decode(ids[start:])


def test_its_prompts_are_those_of_the_chat_template(setting, encoder, workload):
    prompt = ChatPrompt(AutoTokenizer.from_pretrained(setting.folder))
    history = (*workload.opening, ChatMessage("user", " a"), ChatMessage("assistant", " b c"))
    history = (*history, ChatMessage("user", " d"))
    assert encoder.encode(history) == prompt.encode(history)
    assert encoder.shared(history) == prompt.shared(history)


def test_conversations_side_by_side_are_answered_as_if_alone(arm, encoder, workload):
    texts = workload.messages("llama", 5, 3)
    run = converse(arm, workload.opening, texts, workload.turn)
    said = {answer.text for answer in run.answers}
    for messages in texts:
        history = workload.opening
        for message in messages:
            history = (*history, ChatMessage("user", message))
            text = expected(encoder, history, workload.lengths.reply)
            assert text in said
            history = (*history, ChatMessage("assistant", text))


def test_a_turn_has_its_times(arm, workload):
    history = (*workload.opening, ChatMessage("user", " a b"))
    answer = arm.turn(workload.turn(history))
    assert len(answer.tokens) == workload.lengths.reply
    assert len(answer.labelled) == 1
    assert answer.asked <= answer.tokens[0]
    assert answer.prompt_tokens == workload.lengths.system + 2 + 10 + 3


def test_history_is_read_once_and_what_is_shared_once(arm, library, workload):
    texts = workload.messages("once", 3, 4)
    run = converse(arm, workload.opening, texts, workload.turn)
    lengths = workload.lengths
    system, task = lengths.system + 5 + 3, lengths.task + 5 + 3
    # All of them may begin before the shared prompts have been read.
    shared = len(texts) * (system + task)
    turn = lengths.message + lengths.reply + 20 + lengths.message + 10
    assert library.made.fed <= shared + turn * len(run.answers)


def test_a_long_prompt_is_read_in_batches(arm, library, workload):
    long = ChatMessage("user", " a" * 1300)
    answer = arm.turn(Request(workload.reply((*workload.opening, long))))
    assert answer.prompt_tokens > 1300
    assert library.made.largest == llama_cpp.BATCH


def test_more_requests_than_slots_wait_for_one(arm, workload):
    prompts = workload.unknown("many", llama_cpp.SLOTS + 5)
    requests = [Request(workload.reply(prompt, 3)) for prompt in prompts]
    answers = side_by_side(arm, requests)
    assert [len(answer.tokens) for answer in answers] == [3] * len(requests)


def test_old_conversations_make_room_when_the_kv_is_full(setting, encoder, workload, monkeypatch):
    monkeypatch.setattr(llama_cpp, "CELLS", 700)
    arm = LlamaCpp(setting, FakeLibrary)
    arm.load()
    for prompt in workload.unknown("full", 9):
        answer = arm.turn(Request(workload.reply(prompt, 4)))
        assert answer.text == expected(encoder, prompt, 4)
    arm.close()


def test_what_fell_silent_is_forgotten(setting, library, workload, monkeypatch):
    monkeypatch.setattr(llama_cpp, "SILENT", 0.0)
    arm = LlamaCpp(setting, library)
    arm.load()
    one, two = workload.unknown("silent", 2)
    for prompt in (one, two, one):
        arm.turn(Request(workload.reply(prompt, 1)))
    arm.close()
    template, half = 3, workload.lengths.prefill // 2
    whole = 2 * (half + 5) + template
    beginning = half + 5 + template  # of the first one, kept as a root of its own
    assert library.made.fed == whole + (whole - template) + (whole - beginning)


def test_a_kv_too_small_for_one_prompt_fails_the_arm(setting, workload, monkeypatch):
    monkeypatch.setattr(llama_cpp, "CELLS", 100)
    arm = LlamaCpp(setting, FakeLibrary)
    arm.load()
    (prompt,) = workload.unknown("too long", 1)
    with pytest.raises(ArmFailed, match="KV of 100 tokens is too small"):
        arm.turn(Request(workload.reply(prompt)))
    arm.close()


@given(st.lists(st.tuples(IDS, st.booleans()), max_size=30))
def test_slots_never_claim_to_hold_what_they_do_not(prompts):
    slots, busy = Slots(roots=2, slots=3), []
    held = {}
    for moment, (prompt, keep) in enumerate(prompts):
        if len(busy) == 3:
            slots.release(busy.pop(0), moment)
        start = slots.start(prompt)
        root = start.root.ids if start.root else []
        before = held[start.slot.sequence] if start.own else root
        assert before[: start.known] == prompt[: start.known]
        assert start.known < len(prompt)
        assert start.slot not in busy
        start.slot.ids = list(prompt)
        held[start.slot.sequence] = list(prompt)
        busy.append(start.slot)
        if keep and (root := slots.new_root(prompt[: len(prompt) // 2])):
            assert root.sequence < 2


def test_a_conversation_goes_on_in_its_own_slot_and_a_stranger_takes_the_oldest():
    slots = Slots(roots=1, slots=2)
    slots.new_root([1, 2])
    first, second = (slots.start([1, 2, tail]) for tail in (3, 4))
    assert {(s.known, s.root.sequence) for s in (first, second)} == {(2, 0)}
    first.slot.ids, second.slot.ids = [1, 2, 3, 9], [1, 2, 4, 9]
    slots.release(first.slot, now=1.0)
    slots.release(second.slot, now=2.0)
    again = slots.start([1, 2, 4, 9, 5])
    assert (again.slot, again.own) == (second.slot, 4)
    stranger = slots.start([7, 8])
    assert (stranger.slot, stranger.known) == (first.slot, 0)
    assert slots.start([7, 8]) is None


def test_what_rests_is_evicted_oldest_first_and_only_if_old_enough():
    slots = Slots(roots=0, slots=2)
    busy, resting = (slots.start([1, 2]).slot for _ in range(2))
    busy.ids, resting.ids = [1], [1]
    slots.release(resting, 5.0)
    assert slots.evict(released_before=5.0) is None
    assert slots.evict() is resting
    assert (resting.ids, busy.ids) == ([], [1])
    assert slots.evict() is None


@given(IDS, IDS)
def test_what_two_sequences_share_is_their_common_beginning(one, other):
    length = common(one, other)
    assert one[:length] == other[:length]
    assert one[length : length + 1] != other[length : length + 1] or length == min(
        len(one), len(other)
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_every_tensor_has_a_name_of_its_own_in_gguf(shape):
    names = [name for name, _ in SHAPES[shape].tensors()]
    assert len({gguf_name(name) for name in names}) == len(names)


def test_the_gguf_file_holds_the_weights_within_what_q8_0_can_tell(setting):
    gguf = pytest.importorskip("gguf", reason="gguf is not installed: pip install gguf")
    import numpy as np
    from safetensors import safe_open

    from inference.bench.arms import gguf_file

    reader = gguf.GGUFReader(gguf_file.ensure(setting, lambda share: None))
    stored = {tensor.name: tensor for tensor in reader.tensors}
    with safe_open(setting.folder / "model.safetensors", framework="pt") as weights:
        assert len(stored) == len(weights.keys())
        for name in weights.keys():  # noqa: SIM118 - it is no mapping
            tensor = stored[gguf_name(name)]
            read = gguf.dequantize(tensor.data, tensor.tensor_type)
            np.testing.assert_allclose(read, weights.get_tensor(name).float(), atol=0.001)
    assert reader.get_field("qwen2.block_count").contents() == setting.shape.layers
    assert len(reader.get_field("tokenizer.ggml.tokens").contents()) == setting.shape.vocabulary

"""Slots side by side: what lies in them, who may have one, and what is left behind."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.lean import beside
from inference.lean.kv import BLOCK, KVShape, SequenceKV
from inference.lean.model import SLOT, LeanModel
from inference.lean.segments import Append, Fork
from inference.lean.slots import KVSlots
from tests.inference import tiny
from tests.inference.lean_reference import assert_close, plain, reference_logits
from tests.inference.test_lean_kv import contents, fill

SMALL = KVShape(layers=2, heads=3, head_size=4, dtype=torch.float32)  # no slot is whole pages
PAGES = KVShape(layers=2, heads=4, head_size=64, dtype=torch.float32)
IDS = list(range(40, 200))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A lean model with three slots, and the transformers module of the same weights."""
    folder = tiny.build(tmp_path_factory.mktemp("slots") / "qwen2", "qwen2")
    return LeanModel(plain(folder), "float32", running=3), plain(folder)


def seated(shape=SMALL, count=2, limit=BLOCK):
    slots = KVSlots(shape, count, 2 * BLOCK)
    kvs = [SequenceKV(shape, limit, slots) for _ in range(count + 1)]
    for kv in kvs:
        kv.enter()
    return slots, kvs


def test_who_finds_no_slot_stays_in_memory_of_its_own():
    slots, kvs = seated()
    assert [kv.slot for kv in kvs] == [0, 1, None]
    for number, kv in enumerate(kvs):
        fill(kv, [number, 7])
    assert [contents(kv)[1] for kv in kvs] == [[0, 7], [1, 7], [2, 7]]
    assert slots.taken == 2


def test_who_may_grow_past_a_slot_takes_none():
    slots, (kv, *_) = seated(limit=3 * BLOCK)
    assert (kv.slot, slots.taken) == (None, 0)


def test_the_lowest_free_slot_is_taken_next():
    _, (first, second, third) = seated()
    second.leave(keep=False)
    first.leave(keep=False)
    third.enter()
    assert third.slot == 0


@pytest.mark.parametrize("shape", [SMALL, PAGES])
def test_what_was_filled_goes_in_and_out_with_its_sequence(shape):
    slots = KVSlots(shape, 1, 2 * BLOCK)
    kv = SequenceKV(shape, BLOCK, slots)
    fill(kv, [1, 2])
    kv.enter()
    fill(kv, [3])
    kv.leave(keep=True)
    fill(kv, [4])
    assert contents(kv)[0] == [1, 2, 3, 4]
    assert slots.taken == 0


@pytest.mark.parametrize("shape", [SMALL, PAGES])
def test_a_slot_is_left_empty_even_by_what_is_no_number(shape):
    slots, (kv, *_) = seated(shape)
    fill(kv, [float("nan")] * 5)
    kv.leave(keep=False)
    assert kv.length == 0
    assert torch.equal(slots.view(0), torch.zeros_like(slots.view(0)))


def test_a_sequence_in_a_slot_costs_what_it_may_grow_to():
    _, (kv, *_) = seated(limit=BLOCK)
    assert (kv.capacity, kv.nbytes) == (BLOCK, BLOCK * SMALL.bytes_a_token)


def test_a_model_has_slots_only_where_sequences_are_answered(model, tmp_path):
    lean, _ = model
    assert lean.new_kv(64).slots.capacity <= SLOT
    folder = tiny.build(tmp_path / "qwen2", "qwen2")
    assert LeanModel(plain(folder), "float32").new_kv(64).slots is None


# One prompt's length for each of five sequences, of which three find a slot; who runs in each step.
LENGTHS = st.lists(st.integers(1, 60), min_size=5, max_size=5)
STEPS = st.lists(st.sets(st.integers(0, 4), min_size=1), min_size=1, max_size=8)


@settings(max_examples=30, deadline=None)
@given(lengths=LENGTHS, steps=STEPS, gone=st.integers(0, 4), worth=st.sampled_from((0, 20, 256)))
def test_neighbours_in_slots_decode_as_they_would_alone(model, lengths, steps, gone, worth):
    lean, module = model
    beside.WORTH_A_CALL, usual = worth, beside.WORTH_A_CALL
    rows = [IDS[n : n + length] for n, length in enumerate(lengths)]
    kvs = [lean.new_kv(128) for _ in rows]
    for kv, row in zip(kvs, rows, strict=True):
        kv.enter()
        lean.forward([Append(kv, row)])
    kvs[gone].leave(keep=True)  # a hole in the row of slots
    try:
        for number, running in enumerate(steps):
            who = sorted(running, reverse=number % 2)
            found = lean.forward([Append(kvs[n], [100 + number]) for n in who])
            for n, logits in zip(who, found, strict=True):
                rows[n] = [*rows[n], 100 + number]
                assert_close(logits, reference_logits(module, rows[n])[-1:])
    finally:
        beside.WORTH_A_CALL = usual
        for kv in kvs:
            kv.leave(keep=False)


def test_a_step_of_everything_at_once_is_each_alone(model):
    lean, module = model
    kvs = [lean.new_kv(256) for _ in range(3)]
    for kv, length in zip(kvs, (9, 20, 31), strict=True):
        kv.enter()
        lean.forward([Append(kv, IDS[:length])])
    segments = [
        Append(kvs[2], [5]),
        Fork(kvs[1], 20, [6], [[7]]),
        Append(lean.new_kv(64), IDS[3:30]),
        Append(kvs[0], [8]),
        Append(kvs[1], [9, 10]),
    ]
    expected = [
        reference_logits(module, [*IDS[:31], 5])[-1:],
        reference_logits(module, [*IDS[:20], 6, 7])[-2:],
        reference_logits(module, IDS[3:30])[-1:],
        reference_logits(module, [*IDS[:9], 8])[-1:],
        reference_logits(module, [*IDS[:20], 9, 10])[-1:],
    ]
    for found, wanted in zip(lean.forward(segments), expected, strict=True):
        assert_close(found, wanted)
    for kv in kvs:
        kv.leave(keep=False)

"""The memory of one sequence: grows in blocks, keeps what it held."""

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inference.lean.kv import BLOCK, LARGEST_GROWTH, KVShape, SequenceKV

SHAPE = KVShape(layers=2, heads=3, head_size=4, dtype=torch.float32)


def fill(kv, numbers):
    """Append so many tokens whose keys and values say which they are."""
    kv.reserve(len(numbers))
    for places in kv.places(len(numbers)):
        places.copy_(torch.tensor(numbers)[:, None, None, None].expand_as(places))
    kv.advance(len(numbers))


def contents(kv):
    return [layer[0, 0, :, 0].tolist() for layer in kv.seen(kv.length)[1]]


def test_a_token_costs_keys_and_values_of_all_layers():
    assert SHAPE.bytes_a_token == 2 * 2 * 3 * 4 * 4
    kv = SequenceKV(SHAPE, 100)
    fill(kv, [1])
    assert kv.nbytes == BLOCK * SHAPE.bytes_a_token


@given(sizes=st.lists(st.integers(1, 300), max_size=12))
def test_whatever_is_appended_stays_there(sizes):
    kv, expected = SequenceKV(SHAPE, sum(sizes)), []
    for size in sizes:
        numbers = list(range(len(expected), len(expected) + size))
        fill(kv, numbers)
        expected += numbers
        assert kv.length <= kv.capacity <= kv.limit
        assert kv.capacity - kv.length < LARGEST_GROWTH + BLOCK
    assert contents(kv) == [expected, expected]


def test_no_sequence_passes_its_limit():
    kv = SequenceKV(SHAPE, BLOCK)
    fill(kv, [1] * BLOCK)
    with pytest.raises(ValueError, match="limit"):
        kv.reserve(1)


def test_a_copy_of_a_prefix_is_its_own():
    kv = SequenceKV(SHAPE, 100)
    fill(kv, [1, 2, 3])
    copy = kv.prefix_copy(2, 100)
    fill(copy, [9])
    fill(kv, [4])
    assert contents(copy)[1] == [1, 2, 9]
    assert contents(kv)[1] == [1, 2, 3, 4]


def test_a_cut_sequence_overwrites_what_was_cut():
    kv = SequenceKV(SHAPE, 100)
    fill(kv, [1, 2, 3])
    kv.truncate(1)
    fill(kv, [8])
    assert contents(kv)[0] == [1, 8]
    kv.truncate(5)
    assert kv.length == 2


def grown(shape, tokens):
    kv = SequenceKV(shape, tokens)
    for _ in range(tokens // BLOCK):
        fill(kv, [1] * BLOCK)
    return kv


def test_memory_is_gone_with_what_it_held():
    large = KVShape(layers=4, heads=8, head_size=64, dtype=torch.float32)
    process, size = psutil.Process(), grown(large, 1024).nbytes
    before = process.memory_info().rss
    kept = [grown(large, 1024) for _ in range(8)]
    assert process.memory_info().rss - before > 7 * size
    kept.clear()
    assert process.memory_info().rss - before < size

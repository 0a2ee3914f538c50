"""KV that was computed once: longest prefix, budget, least recently used."""

import pytest
import torch
from transformers import DynamicCache, Qwen2Config

from inference.cache import KVCache

LAYERS, HEADS, SIZE = 2, 2, 4
BYTES_A_TOKEN = LAYERS * 2 * HEADS * SIZE * 4
CONFIG = Qwen2Config(
    num_hidden_layers=LAYERS, num_attention_heads=HEADS, num_key_value_heads=HEADS, hidden_size=8
)


def kv_of(ids):
    """A cache whose keys and values say which token they are of."""
    kv = DynamicCache(config=CONFIG)
    row = torch.tensor(ids, dtype=torch.float32)[None, None, :, None]
    for layer in range(LAYERS):
        kv.update(row.expand(1, HEADS, -1, SIZE), row.expand(1, HEADS, -1, SIZE), layer)
    return kv


def cache_with(*runs, tokens=100, root=False):
    cache = KVCache(CONFIG, tokens * BYTES_A_TOKEN)
    for ids in runs:
        cache.keep(ids, kv_of(ids), root)
    cache.check()
    return cache


def test_an_empty_cache_knows_nothing():
    kv, known = cache_with().start([1, 2, 3])
    assert (known, kv.get_seq_length()) == (0, 0)


def test_the_longest_common_prefix_is_found():
    kv, known = cache_with([1, 2, 9], [1, 2, 3, 4]).start([1, 2, 3, 7, 8])
    assert known == kv.get_seq_length() == 3
    assert kv.layers[1].keys[0, 0, :, 0].tolist() == [1, 2, 3]


def test_one_token_is_always_left_to_compute():
    assert cache_with([1, 2, 3]).start([1, 2, 3])[1] == 2


def test_a_fork_does_not_change_what_is_kept():
    cache = cache_with([1, 2, 3])
    kv, _ = cache.start([1, 2, 3, 4])
    kv.update(torch.zeros(1, HEADS, 1, SIZE), torch.zeros(1, HEADS, 1, SIZE), 0)
    assert cache.start([1, 2, 3, 4])[0].layers[0].keys[0, 0, :, 0].tolist() == [1, 2, 3]
    cache.check()


def test_least_recently_used_entries_go_first():
    cache = cache_with([1] * 4, [2] * 4, tokens=8)
    cache.start([1] * 5)
    cache.keep([3] * 4, kv_of([3] * 4))
    assert [cache.start([n] * 5)[1] for n in (1, 2, 3)] == [4, 0, 4]
    cache.check()


def test_an_entry_over_the_budget_is_not_kept():
    assert len(cache_with([1] * 9, tokens=8)) == 0


def test_a_longer_turn_replaces_the_shorter():
    assert len(cache_with([1, 2], [1, 2, 3])) == 1


def test_a_system_prompt_stays_beside_its_conversations():
    cache = cache_with([1, 2], root=True)
    cache.keep([1, 2, 3], kv_of([1, 2, 3]))
    assert len(cache) == 2


def test_what_is_known_already_is_not_kept_twice():
    assert len(cache_with([1, 2, 3], [1, 2])) == 1


def test_only_the_named_positions_are_kept():
    cache = KVCache(CONFIG, 1 << 20)
    cache.keep([1, 2], kv_of([1, 2, 3, 4]))
    assert cache.nbytes == 2 * BYTES_A_TOKEN
    cache.check()


def test_layers_that_cannot_be_cut_are_not_kept():
    sliding = Qwen2Config(
        num_hidden_layers=2, use_sliding_window=True, sliding_window=4, max_window_layers=0
    )
    cache = KVCache(sliding, 1 << 20)
    cache.keep([1, 2], kv_of([1, 2]))
    assert not cache.reusable
    assert len(cache) == 0


def test_the_integrity_check_notices_a_wrong_length():
    cache = cache_with([1, 2, 3])
    (entry,) = cache._entries.values()
    entry.layers[0] = tuple(each[:, :, :1] for each in entry.layers[0])
    with pytest.raises(AssertionError, match="length"):
        cache.check()

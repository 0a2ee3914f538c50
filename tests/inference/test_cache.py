"""KV that was computed once: longest prefix, one budget for kept and running, eviction."""

from types import SimpleNamespace

import pytest
import torch

from inference.cache import SPARE, KVCache
from inference.errors import KVTooSmall
from inference.lean.kv import BLOCK, KVShape, SequenceKV
from inference.lean.slots import KVSlots

SHAPE = KVShape(layers=2, heads=2, head_size=4, dtype=torch.float32)
BLOCK_BYTES = BLOCK * SHAPE.bytes_a_token


def model(reusable=True):
    return SimpleNamespace(
        reusable=reusable,
        bytes_a_token=SHAPE.bytes_a_token,
        new_kv=lambda limit: SequenceKV(SHAPE, limit),
    )


def compute(lease, ids):
    """Fill a lease's KV so that keys and values say which token they are of."""
    kv = lease.kv
    rest = torch.tensor(ids[kv.length :], dtype=torch.float32)
    kv.reserve(len(rest))
    for places in kv.places(len(rest)):
        places.copy_(rest[:, None, None, None].expand_as(places))
    kv.advance(len(rest))
    lease.planned = kv.length


def contents(kv):
    return kv.seen(kv.length)[1][0][0, 0, :, 0].tolist()


def leased(cache, ids, tokens=None):
    """A running sequence that has computed `ids`."""
    lease = cache.lease(ids, tokens or len(ids))
    compute(lease, ids)
    cache.check()
    return lease


def cache_with(*runs, blocks=100, root=False, **options):
    cache = KVCache(model(**options), blocks * BLOCK_BYTES)
    for ids in runs:
        cache.keep(leased(cache, ids), ids, root)
        cache.check()
    return cache


LONG = list(range(100, 100 + 2 * SPARE))


def test_an_empty_cache_knows_nothing():
    cache = cache_with()
    assert cache.known([1, 2, 3]) == 0
    assert cache.lease([1, 2, 3], 9).kv.length == 0


def test_the_longest_common_prefix_is_found():
    cache = cache_with([1, 2, 9], [1, 2, 3, 4])
    lease = cache.lease([1, 2, 3, 7, 8], 9)
    assert lease.known == 3
    assert contents(lease.kv) == [1, 2, 3]


def test_one_token_is_always_left_to_compute():
    assert cache_with([1, 2, 3]).known([1, 2, 3]) == 2


def test_an_entry_that_its_conversation_continues_is_taken_and_comes_back():
    cache = cache_with([1, 2, 3])
    (entry,) = cache._entries.values()
    lease = leased(cache, [1, 2, 3, 4, 5])
    assert lease.kv is entry.kv
    assert len(cache) == 0
    cache.keep(lease, [1, 2, 3, 4, 5])
    assert (len(cache), cache.known([1, 2, 3, 4, 5, 6])) == (1, 5)


def test_an_entry_that_goes_another_way_is_copied():
    cache = cache_with([1, *LONG])
    lease = leased(cache, [1, 2, 3])
    assert contents(lease.kv) == [1, 2, 3]
    assert cache.known([1, *LONG, 0]) == 1 + len(LONG)


def test_only_who_decodes_lies_in_a_slot_and_leaves_it_at_the_end():
    slots = KVSlots(SHAPE, 3, 4 * BLOCK)
    made = SimpleNamespace(**{**vars(model()), "new_kv": lambda n: SequenceKV(SHAPE, n, slots)})
    cache = KVCache(made, 100 * BLOCK_BYTES)
    cache.keep(leased(cache, [1, *LONG]), [1, *LONG])
    label = leased(cache, [8, 9])
    asked = ([7, 7], [1, 5], [1, *LONG, 4])
    new, copied, taken = (cache.lease(ids, 2 * BLOCK, decodes=True) for ids in asked)
    assert [each.kv.slot for each in (label, new, copied, taken)] == [None, 0, 1, 2]
    assert (contents(copied.kv), contents(taken.kv)) == ([1], [1, *LONG])
    cache.keep(taken, [1, *LONG])
    cache.free(new)
    assert slots.taken == 1
    assert cache.known([1, *LONG, 4]) == 1 + len(LONG)
    cache.check()


def test_a_system_prompt_is_copied_and_stays():
    cache = cache_with([1, 2], root=True)
    lease = leased(cache, [1, 2, 3])
    assert len(cache) == 1
    cache.keep(lease, [1, 2, 3])
    assert len(cache) == 2


def test_a_running_sequence_lends_its_beginning():
    cache = cache_with()
    leased(cache, [1, 2, 3])
    other = cache.lease([1, 2, 7], 9)
    assert contents(other.kv) == [1, 2]


def test_a_running_prompt_says_what_is_coming():
    cache = cache_with()
    cache.lease([1, 2, 3], 9)
    assert cache.known([1, 2, 4]) == 0
    assert cache.coming([1, 2, 4]) == 2


def test_a_look_finds_what_this_step_will_have_computed():
    cache = cache_with()
    lease = cache.lease([1, 2, 3], 9)
    assert cache.look([1, 2, 3, 4], least=3) is None
    lease.planned = 3
    assert cache.look([1, 2, 3, 4], least=3) == (lease.kv, 3)


def test_what_a_step_looks_at_is_neither_taken_nor_dropped_in_it():
    cache = cache_with([1, 2, 3], blocks=2)
    kv, length = cache.look([1, 2, 3, 4], least=2)
    assert length == 3
    assert cache.lease([1, 2, 3, 5], 9).kv is not kv
    assert cache.lease([7], 9) is None
    cache.unpin()
    assert cache.lease([7], 9) is not None
    cache.check()


def test_looking_for_nothing_finds_no_kv():
    assert cache_with([1, 2]).look([7, 8], least=0) == (None, 0)


def test_least_recently_used_entries_go_first():
    cache = cache_with([1, *LONG], [2, *LONG], blocks=3)
    cache.look([1, *LONG, 0], least=1)
    cache.unpin()
    leased(cache, [3], 2 * BLOCK)
    assert [cache.known([n, *LONG]) > 0 for n in (1, 2)] == [True, False]


def test_a_system_prompt_that_is_copied_stays_longest():
    cache = cache_with([1, *LONG], [2, *LONG], blocks=3, root=True)
    cache.free(cache.lease([1, *LONG[:4], 0], BLOCK))
    leased(cache, [3], 2 * BLOCK)
    assert [cache.known([n, *LONG]) > 0 for n in (1, 2)] == [True, False]


def test_a_conversation_whose_history_was_rewritten_goes_before_others():
    cache = cache_with([1, *LONG], [2, *LONG], blocks=3)
    cache.free(cache.lease([1, *LONG[:4], 0], BLOCK))
    leased(cache, [3], 2 * BLOCK)
    assert [cache.known([n, *LONG]) > 0 for n in (1, 2)] == [False, True]


def test_a_request_that_could_never_fit_is_refused():
    with pytest.raises(KVTooSmall, match="INFERENCE_KV_MB"):
        cache_with(blocks=2).lease([1], 2 * BLOCK + 1)


def test_a_lease_waits_for_the_running_ones_and_drops_nothing_in_vain():
    cache = cache_with([5, 6], blocks=3)
    running = leased(cache, [1], BLOCK)
    assert cache.lease([2], 3 * BLOCK) is None
    assert len(cache) == 1
    cache.free(running)
    assert cache.lease([2], 3 * BLOCK) is not None
    cache.check()


def test_where_there_is_no_room_to_copy_the_entry_is_taken():
    cache = cache_with([1, *LONG], blocks=2)
    lease = leased(cache, [1, 2, 3], 2 * BLOCK)
    assert contents(lease.kv) == [1, 2, 3]
    assert len(cache) == 0


def test_a_reply_may_use_all_that_it_was_promised():
    cache = cache_with(blocks=4)
    lease = leased(cache, [1], 3 * BLOCK)
    compute(lease, list(range(3 * BLOCK)))
    cache.check()
    assert cache.promised == 3 * BLOCK_BYTES


def test_a_freed_lease_leaves_nothing():
    cache = cache_with()
    lease = leased(cache, [1, 2])
    cache.free(lease)
    assert (cache.promised, cache.kept, cache.known([1, 2])) == (0, 0, 0)


def test_the_system_prompt_of_a_running_sequence_is_kept():
    cache = cache_with()
    lease = leased(cache, [1, 2, 3])
    cache.keep_root(lease, 2)
    cache.check()
    assert len(cache) == 1
    cache.keep_root(lease, 2)
    assert len(cache) == 1


def test_a_longer_turn_replaces_the_shorter():
    assert len(cache_with([1, 2], [1, 2, 3])) == 1


def test_what_is_known_already_is_not_kept_twice():
    assert len(cache_with([1, 2, 3], [1, 2])) == 1


def test_a_model_that_cannot_cut_its_kv_keeps_nothing():
    cache = cache_with([1, 2, 3], reusable=False)
    assert len(cache) == 0
    assert cache.known([1, 2, 3, 4]) == 0
    assert cache.coming([1, 2, 3, 4]) == 0


def test_the_integrity_check_notices_a_wrong_length():
    cache = cache_with([1, 2, 3])
    (entry,) = cache._entries.values()
    entry.kv.truncate(1)
    with pytest.raises(AssertionError, match="length"):
        cache.check()

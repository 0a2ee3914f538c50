"""The lean forward against plain transformers, token by token, however the tokens come."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.lean.model import LeanModel
from inference.lean.plain import PlainModel
from inference.lean.segments import Append, Fork
from inference.lean.weights import belongs, unknown_rope
from tests.inference import tiny
from tests.inference.lean_reference import (
    VARIANTS,
    assert_close,
    lean,
    plain,
    reference_logits,
)

IDS = list(range(40, 40 + 90))
LEAVES = [[7, 8], [], [7], [9, 10, 11]]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """`both("qwen3")` is the lean model and the transformers module of a variant."""
    made = {}

    def pair(variant):
        if variant not in made:
            architecture, overrides = VARIANTS[variant]
            folder = tiny.build(
                tmp_path_factory.mktemp("lean") / variant, architecture, **overrides
            )
            made[variant] = lean(folder), plain(folder)
        return made[variant]

    return pair


def leaf_logits(module, prompt, leaves):
    """What a Fork should say: after the prompt, then after every token of every leaf."""
    after = [reference_logits(module, prompt + leaf)[len(prompt) :] for leaf in leaves]
    return torch.cat([reference_logits(module, prompt)[-1:], *after])


def appended(model, ids, kv=None):
    """A KV that holds `ids`, and the logits of the last."""
    kv = kv or model.new_kv(256)
    (logits,) = model.forward([Append(kv, ids)])
    return kv, logits


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_whole_prompt_gives_the_logits_of_transformers(both, variant):
    model, module = both(variant)
    kv, logits = appended(model, IDS)
    assert kv.length == len(IDS)
    assert_close(logits, reference_logits(module, IDS)[-1:])


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_token_of_a_prompt_is_seen_the_same(both, variant):
    model, module = both(variant)
    (logits,) = model.forward([Fork(None, 0, IDS[:1], [IDS[1:]])])
    assert_close(logits, reference_logits(module, IDS))


@pytest.mark.parametrize("variant", VARIANTS)
def test_labels_behind_a_prefix_see_it_and_themselves(both, variant):
    model, module = both(variant)
    kv, _ = appended(model, IDS[:50])
    (logits,) = model.forward([Fork(kv, 50, IDS[50:60], LEAVES)])
    assert kv.length == 50
    assert_close(logits, leaf_logits(module, IDS[:60], LEAVES))


@pytest.mark.parametrize("variant", ["llama", "qwen2", "qwen3"])
@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(1, 89), max_size=5, unique=True))
def test_a_prompt_in_chunks_is_the_prompt(both, variant, cuts):
    model, module = both(variant)
    kv, edges = model.new_kv(256), [0, *sorted(cuts), 90]
    for start, end in pairwise(edges):
        (logits,) = model.forward([Append(kv, IDS[start:end], logits=end == 90)])
        assert logits.shape[0] == (end == 90)
    assert_close(logits, reference_logits(module, IDS)[-1:])


@pytest.mark.parametrize("variant", ["llama", "qwen2", "qwen3"])
@settings(max_examples=15, deadline=None)
@given(lengths=st.lists(st.integers(1, 40), min_size=2, max_size=6), data=st.data())
def test_a_ragged_batch_is_every_sequence_alone(both, variant, lengths, data):
    model, module = both(variant)
    starts = [data.draw(st.integers(0, length - 1)) for length in lengths]
    rows = [IDS[n : n + length] for n, length in enumerate(lengths)]
    kvs = [
        appended(model, row[:start])[0] if start else None
        for row, start in zip(rows, starts, strict=True)
    ]
    segments = [
        Append(kv or model.new_kv(64), row[start:])
        for kv, row, start in zip(kvs, rows, starts, strict=True)
    ]
    for row, logits in zip(rows, model.forward(segments), strict=True):
        assert_close(logits, reference_logits(module, row)[-1:])


def test_decoding_beside_others_gives_what_decoding_alone_gives(both):
    model, module = both("qwen2")
    kvs = [appended(model, IDS[: 10 * n])[0] for n in (1, 2, 3)]
    for step in range(70):
        for n, logits in enumerate(model.forward([Append(kv, [100 + step]) for kv in kvs]), 1):
            row = IDS[: 10 * n] + list(range(100, 101 + step))
            if step % 23 == 0:
                assert_close(logits, reference_logits(module, row)[-1:])


@pytest.mark.parametrize("variant", ["llama", "qwen2", "qwen3"])
def test_several_questions_fork_off_one_conversation_while_it_grows(both, variant):
    model, module = both(variant)
    kv, _ = appended(model, IDS[:30])
    questions = [IDS[60:70], IDS[70:75], IDS[75:76]]
    forks = [Fork(kv, 50, question, LEAVES) for question in questions]
    grown, *answers = model.forward([Append(kv, IDS[30:50]), *forks])
    assert_close(grown, reference_logits(module, IDS[:50])[-1:])
    for question, logits in zip(questions, answers, strict=True):
        assert_close(logits, leaf_logits(module, IDS[:50] + question, LEAVES))
    _, after = appended(model, IDS[50:55], kv)
    assert_close(after, reference_logits(module, IDS[:55])[-1:])


@pytest.mark.parametrize("variant", ["llama", "qwen2", "qwen3"])
@settings(max_examples=15, deadline=None)
@given(data=st.data(), lengths=st.lists(st.integers(1, 30), min_size=1, max_size=7))
def test_forks_side_by_side_give_what_each_gives_alone(both, variant, data, lengths):
    model, module = both(variant)
    kvs = [appended(model, IDS[:known])[0] for known in (20, 33)]
    segments, expected = [], []
    for length in lengths:
        kv = data.draw(st.sampled_from([None, *kvs]))
        known, ids = kv.length if kv else 0, IDS[40 : 40 + length]
        leaves = LEAVES[: data.draw(st.integers(0, len(LEAVES)))]
        segments.append(Fork(kv, known, ids, leaves))
        expected.append(leaf_logits(module, IDS[:known] + ids, leaves))
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(lengths)))
        segments.insert(place, Append(model.new_kv(64), IDS[:9]))
        expected.insert(place, reference_logits(module, IDS[:9])[-1:])
    for found, wanted in zip(model.forward(segments), expected, strict=True):
        assert_close(found, wanted)


def test_a_fork_may_stop_before_the_end_of_what_is_known(both):
    model, module = both("qwen3")
    kv, _ = appended(model, IDS)
    (logits,) = model.forward([Fork(kv, 20, IDS[70:75], LEAVES)])
    assert_close(logits, leaf_logits(module, IDS[:20] + IDS[70:75], LEAVES))


def test_a_cut_sequence_goes_on_from_the_cut(both):
    model, module = both("qwen2")
    kv, _ = appended(model, IDS)
    copy = kv.prefix_copy(40, 128)
    kv.truncate(20)
    _, logits = appended(model, IDS[60:], kv)
    assert_close(logits, reference_logits(module, IDS[:20] + IDS[60:])[-1:])
    _, logits = appended(model, IDS[60:], copy)
    assert_close(logits, reference_logits(module, IDS[:40] + IDS[60:])[-1:])


def test_a_forward_that_fails_leaves_every_sequence_as_it_was(both):
    model, module = both("qwen2")
    kv, _ = appended(model, IDS[:10])
    with pytest.raises(ValueError, match="limit"):
        model.forward([Append(kv, IDS[10:20]), Append(model.new_kv(1), IDS)])
    assert kv.length == 10
    _, logits = appended(model, IDS[10:20], kv)
    assert_close(logits, reference_logits(module, IDS[:20])[-1:])


def test_bfloat16_is_close_to_transformers_in_bfloat16(both, tmp_path):
    folder = tiny.build(tmp_path / "model", "qwen2")
    module = plain(folder).to(torch.bfloat16)
    expected = reference_logits(module, IDS)
    (logits,) = LeanModel(module, "bfloat16").forward([Fork(None, 0, IDS[:1], [IDS[1:]])])
    exact = reference_logits(plain(folder), IDS)
    off = (expected - exact).abs().mean()
    assert (logits - exact).abs().mean() < 1.5 * off


def test_weights_are_taken_out_of_the_module(tmp_path):
    module = plain(tiny.build(tmp_path / "model", "qwen2"))
    LeanModel(module, "float32")
    left = sum(parameter.numel() for parameter in module.model.layers.parameters())
    assert left == 0


def test_tied_embeddings_are_one_tensor(tmp_path):
    module = plain(tiny.build(tmp_path / "model", "qwen2", tie_word_embeddings=True))
    before = module.get_input_embeddings().weight.data_ptr()
    model = LeanModel(module, "float32")
    assert model._embedding.weight.data_ptr() == model._head._weight.data_ptr() == before


@pytest.mark.parametrize("variant", ["qwen2", "qwen3"])
def test_the_seam_says_the_same_through_transformers(both, variant):
    model, module = both(variant)
    slow = PlainModel(module)
    for each in (model, slow):
        kv = each.new_kv(128)
        each.forward([Append(kv, IDS[:30], logits=False)])
        copy = kv.prefix_copy(20, 128)
        kv.truncate(10)
        for part, known in ((kv, 10), (copy, 20)):
            (logits,) = each.forward([Append(part, IDS[50:60])])
            assert_close(logits, reference_logits(module, IDS[:known] + IDS[50:60])[-1:])
        (logits,) = each.forward([Fork(None, 0, IDS[:30], LEAVES)])
        assert_close(logits, leaf_logits(module, IDS[:30], LEAVES))


def config(architecture="qwen2", **overrides):
    return tiny.description(architecture, 400, **overrides)


def test_only_full_attention_with_a_known_gate_belongs_to_the_family():
    assert belongs(config())
    assert not belongs(config("mistral"))
    assert not belongs(config(hidden_act="gelu"))
    assert not belongs(config(use_sliding_window=True, sliding_window=4, max_window_layers=0))


def test_a_scaling_of_positions_that_moves_is_unknown():
    assert unknown_rope(config()) is None
    moving = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}
    assert unknown_rope(config(rope_parameters=moving)) == "dynamic"

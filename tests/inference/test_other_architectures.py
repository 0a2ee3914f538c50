"""Models outside the family run through transformers' own forward."""

import dataclasses

import pytest
import torch

from inference.loading import load
from inference.planner import PREFILL_CHUNK
from inference.tasks import Reply
from tests.inference import tiny
from tests.inference.inbox import classified, classify, conversation, finished, reply_to
from tests.inference.lean_reference import assert_greedy, plain, reference_logits
from tests.inference.steps import Steps
from tests.inference.tiny import configured

OTHERS = {
    "qwen3_5_text": {
        "layer_types": ["linear_attention", "full_attention"],
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 2,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
    },
    "mistral": {"sliding_window": 16},
}


@pytest.mark.parametrize("architecture", OTHERS)
def test_architectures_without_tree_masks_score_labels_in_a_batch(
    architecture, tmp_path, make_engine, caplog
):
    folder = tiny.build(tmp_path / architecture, architecture, **OTHERS[architecture])
    model = load(configured(folder, context=512, max_new_tokens=12))
    engine = make_engine(model)
    event = classified(engine, classify("Hello"))
    assert caplog.text.count("That is slower") == 1
    prompt, label = model.prompt.encode(classify("Hello").messages), model.prompt.label("Neutral")
    logits = reference_logits(plain(folder), prompt + label)
    logprobs = torch.log_softmax(logits[len(prompt) - 1 : -1], -1)
    expected = sum(row[token].item() for row, token in zip(logprobs, label, strict=True))
    assert event.logprobs["Neutral"] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("architecture", OTHERS)
def test_architectures_without_tree_masks_reply_like_transformers(
    architecture, tmp_path, make_engine
):
    folder = tiny.build(tmp_path / architecture, architecture, **OTHERS[architecture])
    model = load(configured(folder, context=512, max_new_tokens=12))
    prompt = torch.tensor([model.prompt.encode(reply_to("Hello").reply.messages)])
    expected = plain(folder).generate(prompt, do_sample=False, max_new_tokens=12)
    end = finished(make_engine(model), reply_to("Hello"))
    said = [each for each in expected[0, prompt.shape[1] :].tolist() if each not in model.stop_ids]
    assert end.text == model.tokenizer.decode(said, skip_special_tokens=True).replace("\0", "")


def test_full_attention_of_any_architecture_is_chunked_and_reused(tmp_path, config):
    folder = tiny.build(tmp_path / "granite", "granite")
    loaded = load(dataclasses.replace(config(), model=str(folder)))
    steps = Steps(dataclasses.replace(loaded, stop_ids=frozenset()))
    turns = ["so much to say about this parcel " * 24]
    (first,) = steps.finish(Reply(conversation(*turns), max_new_tokens=5, greedy=True))
    assert max(steps.model.computed) == PREFILL_CHUNK
    before, turns = steps.computed, [*turns, first.text, "And now?"]
    (second,) = steps.finish(Reply(conversation(*turns), max_new_tokens=5, greedy=True))
    assert steps.computed - before < 60
    for sequence in (first, second):
        assert_greedy(plain(folder), sequence)
    steps.runner.cache.check()

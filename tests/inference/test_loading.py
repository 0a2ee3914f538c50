"""Which models are taken, how they are named, and what is said about the others."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.config import POCKET, InferenceConfig
from inference.errors import ModelError
from inference.folder import folder_name
from inference.loading import check_folder, load
from inference.sampling import Sampling
from tests.inference import tiny
from tests.inference.inbox import classified, classify, finished, reply_to
from tests.inference.lean_reference import plain, reference_logits


@pytest.fixture
def folder(tiny_folder, tmp_path):
    """A copy of the tiny Qwen2, to be spoiled."""
    return shutil.copytree(tiny_folder(), tmp_path / "model")


def configured(folder, **settings):
    return InferenceConfig(str(folder), **{"threads": 1, "device": "cpu", **settings})


def edit(folder, name="config.json", **changes):
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


# The check before serving


def test_a_good_folder_passes(folder):
    check_folder(configured(folder))


def test_a_hub_name_is_not_looked_up():
    check_folder(InferenceConfig("Qwen/Qwen2.5-0.5B-Instruct"))


def missing(folder):
    shutil.rmtree(folder)


def a_file(folder):
    shutil.rmtree(folder)
    folder.write_text("weights")


def no_config(folder):
    (folder / "config.json").unlink()


def broken_config(folder):
    (folder / "config.json").write_text("{")


def list_config(folder):
    (folder / "config.json").write_text("[]")


def no_weights(folder):
    (folder / "model.safetensors").unlink()


def torch_weights(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def empty_weights(folder):
    (folder / "model.safetensors").write_bytes(b"")


def pointer_for_weights(folder):
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")


def cut_weights(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def missing_shard(folder):
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def no_tokenizer(folder):
    (folder / "tokenizer.json").unlink()


def classifier(folder):
    edit(folder, architectures=["BertForSequenceClassification"], model_type="bert")


def translator(folder):
    edit(folder, architectures=["T5ForConditionalGeneration"], is_encoder_decoder=True)


def quantised(folder):
    edit(folder, quantization_config={"quant_method": "gptq"})


SPOILED = {
    missing: "does not exist",
    a_file: "is a file",
    no_config: "has no config.json",
    broken_config: "unreadable config.json",
    list_config: "no JSON object",
    no_weights: "has no model.safetensors",
    torch_weights: "PyTorch weights only",
    empty_weights: "corrupt model.safetensors",
    pointer_for_weights: "corrupt model.safetensors",
    cut_weights: "cut off",
    missing_shard: "corrupt model-00001-of-00002.safetensors",
    no_tokenizer: "has no tokenizer.json",
    classifier: "no causal language model",
    translator: "no causal language model",
    quantised: "quantised",
}


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_what_cannot_be_a_model_is_refused_in_one_line(folder, spoil):
    spoil(folder)
    with pytest.raises(ModelError, match=SPOILED[spoil]) as refused:
        check_folder(configured(folder))
    assert str(refused.value).startswith(f"INFERENCE_MODEL={folder} ")
    assert "Give the name or the folder" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_check_and_the_resident_engine_need_no_torch(folder):
    code = f"""
import sys
from inference.config import InferenceConfig
from inference import loading, resident
loading.check_folder(InferenceConfig({str(folder)!r}))
assert not {{"torch", "transformers"}} & set(sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


# Loading


def test_a_folder_becomes_a_model_with_a_name_that_follows_its_weights(folder, config):
    first = load(configured(folder))
    assert first.model_id == f"model@{first.model_id[6:14]}/float32"
    tiny.build(folder, seed=1)
    assert load(configured(folder)).model_id != first.model_id


def test_the_models_own_settings_are_used(folder):
    edit(folder, "generation_config.json", do_sample=True, top_k=20, temperature=0.7)
    model = load(configured(folder))
    assert model.sampling == Sampling(do_sample=True, top_k=20, temperature=0.7)
    assert model.stop_ids == {
        model.tokenizer.convert_tokens_to_ids(each) for each in ("<|im_end|>", "<|endoftext|>")
    }


def test_without_a_generation_config_a_model_is_greedy(folder):
    (folder / "generation_config.json").unlink()
    model = load(configured(folder))
    assert not model.sampling.do_sample
    assert model.stop_ids == {model.tokenizer.eos_token_id}


def test_the_context_is_at_most_the_models(folder):
    assert load(configured(folder, context=4096)).context == 512
    assert load(configured(folder, context=128, max_new_tokens=100)).context == 128


def test_answers_leave_half_of_a_small_context_to_the_prompt(folder):
    assert load(configured(folder, context=100, max_new_tokens=90)).max_new_tokens == 50


def test_tied_embeddings_lack_no_weights(tmp_path):
    model = load(configured(tiny.build(tmp_path / "tied", tie_word_embeddings=True)))
    assert model.model.config.tie_word_embeddings


def test_loading_reports_how_far_it_is(folder):
    reports = []
    load(configured(folder), lambda share, doing: reports.append((share, doing)))
    assert [share for share, _ in reports] == sorted(share for share, _ in reports)
    assert all(doing for _, doing in reports)


def test_bfloat16_can_be_asked_for(folder, make_engine):
    model = load(configured(folder, dtype="bfloat16"))
    assert model.model.dtype == torch.bfloat16
    assert model.model_id.endswith("/bfloat16")
    engine = make_engine(model)
    assert finished(engine, reply_to("Hello"))
    assert classified(engine, classify("Hello"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"dtype": "int8", "device": "cuda"}, "INFERENCE_DTYPE=int8 runs on the CPU only"),
        ({"device": "tpu9"}, "INFERENCE_DEVICE must be auto, cpu, cuda"),
    ],
)
def test_settings_that_cannot_be_met_are_named_before_serving(folder, settings, words):
    with pytest.raises(ModelError, match=words):
        check_folder(configured(folder, **settings))


def test_a_gpu_that_is_not_there_is_named(folder):
    with pytest.raises(ModelError, match="no such GPU"):
        load(configured(folder, device="cuda:99"))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_same_answers(folder, make_engine):
    there, here = (
        make_engine(load(configured(folder, device=device, dtype="float32")))
        for device in ("cuda", "cpu")
    )
    assert finished(there, reply_to("Hello")).text == finished(here, reply_to("Hello")).text
    expected = classified(here, classify("Hello")).logprobs
    assert classified(there, classify("Hello")).logprobs == pytest.approx(expected, abs=1e-3)


def test_missing_weights_are_not_made_up(folder):
    weights = load_file(folder / "model.safetensors")
    weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="lacks weights"):
        load(configured(folder))


def test_a_tokenizer_of_another_model_is_refused(folder):
    fast = tiny.tokenizer()
    fast.add_tokens([f"extra{n}" for n in range(9)])
    fast.save_pretrained(folder)
    with pytest.raises(ModelError, match="tokenizer of another model"):
        load(configured(folder))


def test_code_in_a_folder_is_never_run(folder):
    (folder / "evil.py").write_text("raise SystemExit('ran')\n")
    edit(folder, model_type="evil", auto_map={"AutoConfig": "evil.Config"})
    with pytest.raises(ModelError, match="cannot be loaded"):
        load(configured(folder))


def test_a_shipped_calibration_is_read(folder):
    tiny.calibrate(folder, {"abc": {"scale": 0.5, "bias": {"Positive": 1}}})
    assert load(configured(folder)).calibrations["abc"].bias == {"Positive": 1.0}


def test_a_calibration_of_another_form_is_refused(folder):
    tiny.calibrate(folder, {"abc": {"scale": "much"}})
    with pytest.raises(ModelError, match=r"calibration\.json"):
        load(configured(folder))


def test_the_pocket_model_is_called_pocket():
    assert folder_name(POCKET) == "pocket"


# Other architectures


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

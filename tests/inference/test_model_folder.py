"""What a model's folder must hold, and what is said about the others."""

import json
import shutil
import subprocess
import sys

import pytest

from inference.config import InferenceConfig
from inference.errors import ModelError
from inference.loading import check_folder
from tests.inference.tiny import configured, edit


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

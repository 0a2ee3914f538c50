"""A checkpoint read without transformers' modules is what transformers would have read."""

import os
import subprocess
import sys

import pytest
import torch
from django.conf import settings
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from inference.lean.checkpoint import opened, parameters, shapes
from inference.lean.model import LeanModel
from inference.lean.segments import Fork
from tests.inference import tiny
from tests.inference.lean_reference import VARIANTS

IDS = [3, 1, 4, 1, 5, 9, 2, 6]


@pytest.fixture(params=VARIANTS)
def folder(request, tmp_path):
    architecture, changes = VARIANTS[request.param]
    return tiny.build(tmp_path / "model", architecture, **changes)


def described(folder):
    return AutoConfig.from_pretrained(folder)


def read(folder, dtype=None):
    return opened(described(folder), [folder / "model.safetensors"], dtype, "cpu")


def logits(module, dtype):
    (result,) = LeanModel(module, dtype).forward([Fork(None, 0, IDS[:3], [IDS[3:]])])
    return result


def test_names_and_sizes_are_those_of_transformers(folder):
    module = AutoModelForCausalLM.from_config(described(folder))
    named = {name: tuple(each.shape) for name, each in module.named_parameters()}
    assert shapes(described(folder)) == named
    assert parameters(described(folder)) == module.num_parameters()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_its_logits_are_the_same_to_the_bit(folder, dtype):
    kind = getattr(torch, dtype)
    module = AutoModelForCausalLM.from_pretrained(folder, dtype=kind).eval()
    assert torch.equal(logits(read(folder, kind), dtype), logits(module, dtype))


def test_what_lacks_a_tensor_is_left_to_transformers(folder):
    weights = load_file(folder / "model.safetensors")
    weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert read(folder) is None


def test_what_has_other_sizes_is_left_to_transformers(folder):
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"] = torch.ones(5)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert read(folder) is None


def test_no_files_are_left_to_transformers(folder):
    assert opened(described(folder), [], None, "cpu") is None


def test_shards_are_one_checkpoint(folder, tmp_path):
    weights = load_file(folder / "model.safetensors")
    names = sorted(weights)
    parts = [tmp_path / "one.safetensors", tmp_path / "two.safetensors"]
    for number, path in enumerate(parts):
        save_file({name: weights[name] for name in names[number::2]}, path)
    sharded = opened(described(folder), parts, None, "cpu")
    assert torch.equal(logits(sharded, "float32"), logits(read(folder), "float32"))


SCRIPT = """
import sys
import django
django.setup()
from inference.config import InferenceConfig
from inference.loading import load
loaded = load(InferenceConfig(model=sys.argv[1], context=256, max_new_tokens=32))
assert not {"transformers.modeling_utils", "torch._dynamo"} & set(sys.modules)
print(loaded.model_id)
"""


def loaded_apart(model, **variables):
    """The id of a model that a fresh process loads, without transformers' modules."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "aio_site.settings", **variables}
    command = [sys.executable, "-c", SCRIPT, model]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_loading_imports_no_module_of_transformers(tmp_path):
    folder = tiny.build(tmp_path / "model", "qwen2")
    assert loaded_apart(str(folder)).startswith("model@")


def test_a_name_is_found_in_the_hubs_cache_and_called_by_its_commit(tmp_path):
    commit = "0123456789" * 4
    kept = tmp_path / "hub" / "models--acme--small"
    tiny.build(kept / "snapshots" / commit, "qwen2")
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(commit)
    name = loaded_apart("acme/small", HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    assert name == "acme/small@01234567/float32"

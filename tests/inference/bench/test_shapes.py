"""Named shapes and their folders: made once, whole, and used again."""

import shutil

import pytest
from safetensors import safe_open
from transformers import AutoModelForCausalLM

from inference.bench import folders
from inference.bench.errors import BenchError
from inference.bench.shapes import SHAPES, shape_named
from inference.config import InferenceConfig
from inference.loading import load
from tests.inference.bench.conftest import TOY

PUBLISHED = {"qwen2.5-0.5b": 494_032_768, "qwen3-0.6b": 596_049_920}  # by their model cards


@pytest.mark.parametrize(("name", "parameters"), PUBLISHED.items())
def test_a_named_shape_is_as_large_as_the_model_it_is_named_after(name, parameters):
    assert shape_named(name).parameters == parameters


def test_an_unknown_shape_is_named_with_those_there_are():
    with pytest.raises(BenchError, match=r"--shape gpt-5 is unknown\. There are: .*toy"):
        shape_named("gpt-5")


@pytest.mark.parametrize("norms", [False, True])
def test_the_folder_holds_every_weight_that_transformers_asks_for(tmp_path, norms):
    shape = SHAPES["toy"].__class__(
        "toy", 2, 64, 128, 4, 2, 32, 1024, 512, query_key_norms=norms
    )  # a head size that is not hidden / heads
    folder = folders.ensure(shape, tmp_path)
    assert load(InferenceConfig(str(folder), dtype="float32", threads=1)).context
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.config.model_type == shape.architecture
    assert model.num_parameters() == shape.parameters


def test_the_weights_are_those_of_a_seed(tmp_path, setting):
    again = folders.ensure(TOY, tmp_path)
    one, two = (each / "model.safetensors" for each in (setting.folder, again))
    assert one.read_bytes() == two.read_bytes()
    with safe_open(one, framework="pt") as weights:
        matrix = weights.get_tensor("model.layers.1.mlp.up_proj.weight").float()
    assert 0.019 < matrix.std() < 0.021


def made(cache, shape=TOY):
    """Whether asking for the folder made it, and the folder."""
    shares = []
    folder = folders.ensure(shape, cache, shares.append)
    return bool(shares), folder


def test_a_complete_folder_is_used_again(tmp_path):
    assert made(tmp_path)[0]
    assert not made(tmp_path)[0]


@pytest.mark.parametrize("file", ["model.safetensors", "bench.json", "tokenizer.json"])
def test_a_folder_that_lacks_a_file_is_made_again(tmp_path, file):
    _, folder = made(tmp_path)
    (folder / file).unlink()
    assert made(tmp_path)[0]
    assert folders.is_complete(folder, TOY)


def test_a_folder_with_half_of_its_weights_is_made_again(tmp_path):
    _, folder = made(tmp_path)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert made(tmp_path)[0]


def test_a_folder_of_another_shape_is_made_again(tmp_path, setting):
    other = TOY.__class__("toy", 3, 64, 128, 4, 2, 16, 1024, 4096)
    shutil.copytree(setting.folder, tmp_path / "toy")
    assert made(tmp_path, other)[0]


def test_what_was_broken_off_leaves_nothing_behind(tmp_path):
    def stop(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folders.ensure(TOY, tmp_path, stop)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(BenchError, match=f"--models {file}/below cannot be written"):
        folders.ensure(TOY, file / "below")


def test_a_disk_without_room_is_named_before_anything_is_written(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(folders.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(BenchError, match=f"--models {tmp_path}: .* GB are needed there, 0.0 are"):
        folders.ensure(TOY, tmp_path)
    assert list(tmp_path.iterdir()) == []

"""Pages of mapped weights go back to the system, and nothing else does."""

import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from inference.lean import mapped as mapped_weights
from inference.lean.mapped import Embedding, MappedWeights

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is mapped")
NUMBERS = torch.arange(1 << 20, dtype=torch.float32)


def resident_kb(path):
    """How much of a mapped file is in this process's memory."""
    resident, ours = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split()[0]:
            ours = str(path) in line
        elif ours and line.startswith("Rss:"):
            resident += int(line.split()[1])
    return resident


@pytest.fixture
def mapped(tmp_path):
    """A tensor that lies in a mapped file, and the file."""
    path = tmp_path / "model.safetensors"
    save_file({"numbers": NUMBERS}, path)
    with safe_open(path, "pt") as file:
        yield file.get_tensor("numbers"), path


def test_what_is_given_back_is_read_again_when_it_is_needed(mapped):
    tensor, path = mapped
    assert torch.equal(tensor, NUMBERS)
    before = resident_kb(path)
    MappedWeights().give_back(tensor)
    assert resident_kb(path) < before - 4000
    assert torch.equal(tensor, NUMBERS)


def test_a_file_of_the_hubs_cache_is_known_behind_its_link(tmp_path):
    blob, link = tmp_path / "blobs" / "0123abcd", tmp_path / "model.safetensors"
    blob.parent.mkdir()
    save_file({"numbers": NUMBERS}, blob)
    link.symlink_to(blob)
    with safe_open(link, "pt") as file:
        assert file.get_tensor("numbers") in MappedWeights()


def test_ordinary_memory_is_left_alone(mapped):
    tensor = NUMBERS.clone()
    weights = MappedWeights()
    weights.give_back(tensor)
    assert tensor not in weights
    assert torch.equal(tensor, NUMBERS)


def test_an_embedding_lets_its_pages_go_every_so_many_rows(mapped, monkeypatch):
    tensor, path = mapped
    monkeypatch.setattr(mapped_weights, "ROWS_AT_ONCE", 100)
    weight = tensor.view(1024, 1024)
    embedding = Embedding(weight, MappedWeights(), whole=False)
    assert torch.equal(embedding(torch.arange(99)), NUMBERS.view(1024, 1024)[:99])
    before = resident_kb(path)
    assert torch.equal(embedding(torch.tensor([1023])), NUMBERS.view(1024, 1024)[1023:])
    assert resident_kb(path) < before - 300


def test_an_embedding_that_is_read_whole_in_every_step_stays(mapped, monkeypatch):
    tensor, path = mapped
    monkeypatch.setattr(mapped_weights, "ROWS_AT_ONCE", 100)
    assert torch.equal(tensor, NUMBERS)
    before = resident_kb(path)
    Embedding(tensor.view(1024, 1024), MappedWeights(), whole=True)(torch.arange(200))
    assert resident_kb(path) == before

"""`manage.py train_pocket` in bad places and on damaged beginnings: one line, nothing half-made."""

import json
import resource
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from django.core.management import CommandError, call_command

from inference.pocket import export, making, tokenizer, transfer
from inference.pocket.corpora import Corpora
from inference.pocket.recipe import Recipe
from inference.pocket.sources import ASAP
from inference.pocket.training import Plan, Shape, new_model

MINUTES = 1.0
FULL = Path("/dev/full")
TOY = Plan(steps=1, recipe=Recipe(spelled=20))  # what is trained here only ever fails
SMALL = Shape(hidden=64, layers=2, intermediate=128)
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


@pytest.fixture(scope="module")
def words():
    return tokenizer.train(["Where is order 1234?", "您好"] * 20, 300)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "model"


@pytest.fixture
def room(out, words):
    """The unfinished training of `out`, with its plan and its tokenizer."""
    room = making.workspace(out, Plan(minutes=MINUTES), Corpora())
    words.save_pretrained(room / "tokenizer")
    return room


def train(out, **options):
    call_command("train_pocket", out=str(out), minutes=MINUTES, **options)


def refusal(out, **options) -> str:
    """What the command says in its one line."""
    with pytest.raises(CommandError) as refused:
        train(out, **options)
    (line,) = str(refused.value).splitlines()
    return line


def contents(folder) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Places -----------------------------------------------------------------------------------------


def test_compiling_without_a_compiler_is_refused_before_anything_is_trained(out, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(CommandError, match=r"C[+]{2} compiler: no-such-compiler is missing"):
        call_command("train_pocket", out=out, minutes=MINUTES, compile=True)
    assert not making._room(out).exists()


@pytest.mark.parametrize("place", ["/proc/model", "file/model"])
def test_a_folder_without_rights_is_refused_before_anything_is_trained(tmp_path, place):
    (tmp_path / "file").write_text("")
    assert refusal(tmp_path / place).startswith("Cannot write the model: ")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("rate", [0, -1, 11])
def test_a_factor_on_the_rates_that_makes_no_sense_is_refused(out, rate):
    assert refusal(out, rate=rate).startswith("--rate must be more than 0 and at most 10")
    assert not out.parent.joinpath(".model.training").exists()


def test_a_file_in_the_place_of_the_training_is_named(out):
    out.with_name(".model.training").write_text("")
    assert ".model.training" in refusal(out)


def test_starting_over_in_a_wrong_folder_drops_nothing(out, room):
    out.mkdir()
    (out / "holiday.jpg").write_bytes(b"x")
    before = contents(out.parent)
    assert "--out must be a new or empty folder" in refusal(out, fresh=True)
    assert contents(out.parent) == before


OTHERS = {
    "a node app": {"config.json": "{}", "index.js": "1"},
    "another model": {"config.json": '{"model_type": "llama"}', "model.safetensors": ""},
    "no weights": {"config.json": '{"model_type": "qwen2"}'},
    "no JSON": {"config.json": "{", "model.safetensors": ""},
    "a list": {"config.json": "[]", "model.safetensors": ""},
    "bytes that are no text": {"config.json": b"\xff", "model.safetensors": ""},
}


@pytest.mark.parametrize("files", OTHERS.values(), ids=OTHERS)
def test_a_folder_that_holds_no_pocket_model_is_not_replaced(out, files):
    out.mkdir()
    for name, content in files.items():
        (out / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    before = contents(out.parent)
    assert "--out must be a new or empty folder or hold a pocket model" in refusal(out)
    assert contents(out.parent) == before


def test_a_folder_that_holds_a_pocket_model_may_be_replaced(out, words):
    export.write(out, new_model(SMALL, words, seed=1), words, {})
    assert export.refusal(out) is None


@pytest.mark.parametrize("layers", [1, 3])
def test_a_start_of_another_depth_is_named(out, tmp_path, words, layers):
    export.write(tmp_path / "old", new_model(SMALL, words, seed=1), words, {})
    deeper = new_model(replace(SMALL, layers=layers), words, seed=1)
    with pytest.raises(transfer.TransferError, match="another shape"):
        transfer.transfer(tmp_path / "old", deeper, words)


@needs_full
def test_a_disk_that_is_full_from_the_start_leaves_no_half_plan(out):
    room = out.with_name(".model.training")
    room.mkdir()
    (room / "plan.part").symlink_to(FULL)
    assert "No space left" in refusal(out)
    assert not list(room.iterdir())


@needs_full
def test_a_disk_that_fills_up_with_the_tokenizer_leaves_no_half_tokenizer(out, tmp_path):
    room = making.workspace(out, TOY, Corpora())
    (tmp_path / "tight").mkdir()
    (tmp_path / "tight" / "tokenizer.json").symlink_to(FULL)
    (room / "tokenizer.part").symlink_to(tmp_path / "tight")
    with pytest.raises(OSError, match="No space left"):
        making.make(out, TOY)
    assert not (room / "tokenizer").exists()
    assert not out.exists()


@contextmanager
def files_of_at_most(size: int):
    """Writing more than `size` bytes to one file fails, as on a disk that fills up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_with_the_model_leaves_the_earlier_model(out, words):
    model = new_model(SMALL, words, seed=1)
    export.write(out, model, words, {})
    before = contents(out.parent)
    with files_of_at_most(60_000), pytest.raises(OSError, match=r"model\.new"):
        export.write(out, model, words, {})
    assert contents(out.parent) == before


@pytest.mark.parametrize("content", [b"not packed", b"\x1f\x8bnot packed", b"", b"\xff\xfe"])
def test_a_damaged_corpus_is_named_before_anything_is_trained(out, tmp_path, content):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / ASAP).write_bytes(content)
    assert ASAP in refusal(out, data=tmp_path / "data")
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


# Damaged trainings ------------------------------------------------------------------------------


def saved(state, folder) -> bytes:
    torch.save(state, folder / "saved.pt")
    return (folder / "saved.pt").read_bytes()


DAMAGES = {
    "empty": lambda whole: b"",
    "text": lambda whole: b"hello",
    "cut in half": lambda whole: whole[: len(whole) // 2],
    "zeros": lambda whole: bytes(len(whole)),
    "overwritten": lambda whole: whole[:100] + b"\xff" * 100 + whole[200:],
    "of another kind": lambda whole: whole,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_named_and_left_alone(out, room, tmp_path_factory, damage):
    whole = saved({"weights": torch.zeros(500)}, tmp_path_factory.mktemp("torch"))
    (room / "checkpoint.pt").write_bytes(damage(whole))
    before = contents(out.parent)
    line = refusal(out)
    assert line.startswith(f"{room / 'checkpoint.pt'} is damaged")
    assert "--fresh" in line
    assert contents(out.parent) == before
    assert not out.exists()


def test_a_checkpoint_of_a_model_with_another_vocabulary_is_not_gone_on_from(out, room):
    state = {
        "model": {"model.embed_tokens.weight": torch.zeros(9, 256)},
        "optimizers": [],
        "report": {},
    }
    (room / "checkpoint.pt").write_bytes(saved(state, room))
    assert "does not fit: start over with --fresh" in refusal(out)


def empty(folder):
    for path in folder.iterdir():
        path.unlink()


def halve(folder):
    path = folder / "tokenizer.json"
    path.write_bytes(path.read_bytes()[:2000])


SPOILED = {
    "empty": empty,
    "with half a file": halve,
    "with a file of another kind": lambda folder: (folder / "tokenizer.json").write_text("[]"),
    "with bytes that are no text": lambda folder: (folder / "tokenizer.json").write_bytes(b"\xff"),
    "without its words": lambda folder: (folder / "tokenizer.json").unlink(),
    "without its tokens' meaning": lambda folder: (folder / "tokenizer_config.json").unlink(),
    "without its template": lambda folder: (folder / "chat_template.jinja").unlink(),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_a_damaged_tokenizer_is_named_and_left_alone(out, room, spoil):
    spoil(room / "tokenizer")
    before = contents(out.parent)
    line = refusal(out)
    assert line.startswith(f"{room / 'tokenizer'} of the unfinished training is damaged")
    assert "--fresh" in line
    assert contents(out.parent) == before
    assert not out.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", json.dumps({"plan": 1}).encode()])
def test_a_damaged_plan_counts_as_another_trainings(out, room, content):
    (room / "plan.json").write_bytes(content)
    assert "unfinished training with other options" in refusal(out)


def test_a_damaged_training_can_be_dropped(out, room):
    (room / "checkpoint.pt").write_bytes(b"")
    making.forget(out)
    assert not room.exists()

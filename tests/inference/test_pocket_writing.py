"""Processes that write a training's batches."""

import subprocess
import sys

import psutil
import pytest
from django.conf import settings

from inference.pocket import making, recipe, tokenizer
from inference.pocket.corpora import Corpora
from inference.pocket.recipe import Recipe
from inference.pocket.training import Plan, Shape
from inference.pocket.writing import Writer

SMALL = Recipe(rows=1, spelled=200)
WRITING = """
import sys, time
from transformers import PreTrainedTokenizerFast
from inference.pocket.corpora import Corpora
from inference.pocket.recipe import Recipe
from inference.pocket.writing import Writer

words = PreTrainedTokenizerFast.from_pretrained(sys.argv[1])
Writer(Recipe(rows=2), words, Corpora(), processes=1).batch(0)
print("written", flush=True)
time.sleep(600)
"""


def test_a_training_that_is_killed_leaves_no_writers_behind(tmp_path):
    texts = recipe.texts(Recipe(rows=2, spelled=200), Corpora())
    tokenizer.train(texts, 700).save_pretrained(tmp_path)
    command = [sys.executable, "-c", WRITING, str(tmp_path)]
    with subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE) as killed:
        try:
            assert killed.stdout.readline() == b"written\n"
            children = psutil.Process(killed.pid).children(recursive=True)
        finally:
            killed.kill()
    assert children
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive


def test_a_training_whose_writer_is_ended_says_so_and_can_be_gone_on_with(tmp_path):
    shape = Shape(hidden=32, layers=2, heads=2, intermediate=64, vocabulary=700)
    plan = Plan(steps=40, shape=shape, recipe=SMALL, checkpoint_seconds=0)

    def end_the_writer(report, progress):
        for child in psutil.Process().children(recursive=True):
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()

    with pytest.raises(making.MakingError, match=r"want of memory.*--writers"):
        making.make(tmp_path / "model", plan, progress=end_the_writer, writers=1)
    few = making.Examination(messages=12, corpus=0, replies=2)
    steps = []
    making.make(
        tmp_path / "model", plan, examination=few, progress=lambda told, _: steps.append(told.step)
    )
    assert 1 < steps[0] < steps[-1] == 40


def test_batches_that_are_read_twice_come_again_also_after_a_resumption():
    words = tokenizer.train(recipe.texts(SMALL, Corpora()), 700)
    once, twice = Writer(SMALL, words, Corpora()), Writer(SMALL, words, Corpora(), reads=2)
    resumed = Writer(SMALL, words, Corpora(), reads=2)
    written = [once.batch(step).ids.tolist() for step in range(66)]
    read = [twice.batch(step).ids.tolist() for step in range(130)]
    assert read == [*written[:64], *written[:64], *written[64:]]
    assert [resumed.batch(step).ids.tolist() for step in range(100, 130)] == read[100:]
    for writer in (once, twice, resumed):
        writer.close()

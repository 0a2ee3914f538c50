"""A wording is measured by the model's tokenizer before anybody publishes it."""

import pytest

from inference.config import InferenceConfig
from inference.errors import ModelError
from inference.prompts import LEAST_KEPT, ChatPrompt
from inference.tasks import ChatMessage, message_context
from inference.wording import Ruler, ruler
from tests.inference import tiny

AROUND = message_context("What mood?", "")


@pytest.fixture(scope="module")
def prompt():
    return ChatPrompt(tiny.tokenizer())


def test_a_prompt_that_leaves_room_for_a_short_message_is_fine(prompt):
    taken = len(prompt.encode(AROUND)) + len(prompt.label("Positive"))
    assert Ruler(prompt, taken + LEAST_KEPT).no_room(AROUND, ("Positive", "No")) is None


def test_a_prompt_that_leaves_no_room_is_told_with_its_length_and_the_context(prompt):
    taken = len(prompt.encode(AROUND)) + len(prompt.label("Positive"))
    problem = Ruler(prompt, taken + LEAST_KEPT - 1).no_room(AROUND, ("Positive", "No"))
    assert f"{taken} tokens" in problem
    assert f"has {taken + LEAST_KEPT - 1} (INFERENCE_CONTEXT)" in problem


def test_what_the_ruler_accepts_fits_the_engines_prompt(prompt):
    taken = len(prompt.encode(AROUND)) + len(prompt.label("Positive"))
    long = (AROUND[0], ChatMessage("user", "word " * 500))
    ids, cut = prompt.fit(long, taken + LEAST_KEPT - len(prompt.label("Positive")))
    assert cut
    assert len(ids) <= taken + LEAST_KEPT


def test_labels_that_begin_alike_are_told_apart_by_their_ends(prompt):
    assert Ruler(prompt, 512).spelled_alike(("Yes", "Yes, please", "Y")) is None


def test_labels_with_the_same_whole_spelling_are_named(prompt):
    composed, decomposed = "Caf\u00e9", "Cafe\u0301"  # the tokenizer makes one of both
    problem = Ruler(prompt, 512).spelled_alike(("Tea", composed, decomposed))
    assert composed in problem
    assert "Tea" not in problem


def test_the_ruler_of_a_folder_knows_the_models_own_context(tiny_folder):
    measured = ruler(InferenceConfig(str(tiny_folder()), context=4096))
    assert measured.context == 512
    assert ruler(InferenceConfig(str(tiny_folder()), context=4096)) is measured


def test_a_model_that_cannot_be_read_is_named_with_its_setting(tmp_path):
    with pytest.raises(ModelError, match="INFERENCE_MODEL"):
        ruler(InferenceConfig(str(tmp_path)))

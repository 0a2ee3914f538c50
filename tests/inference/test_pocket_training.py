"""Training at toy size: sequences are exact, the loss falls, and a resumed run is the same run."""

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from django.core.management import CommandError, call_command
from transformers import AutoModelForCausalLM, AutoTokenizer

from inference import presets
from inference.calibration import digest
from inference.pocket import (
    conversations,
    grammar,
    losses,
    making,
    moods,
    muon,
    recipe,
    scoring,
    tokenizer,
    training,
    wishes,
)
from inference.pocket.corpora import Corpora
from inference.pocket.recipe import Recipe
from inference.pocket.sequences import (
    HEARD,
    Tree,
    conversation_branch,
    grow,
    label_branch,
    lay_out,
    question_branch,
    wish_branch,
)
from inference.pocket.training import Plan, Shape, Trainer
from inference.prompts import ChatPrompt
from inference.tasks import conversation_context, message_context

SENTIMENT, LABELS = presets.SENTIMENT.prompt, presets.SENTIMENT.names
TOY = Plan(
    steps=6,
    warmup=2,
    adam_rate=1e-2,
    shape=Shape(hidden=32, layers=2, heads=2, intermediate=64, vocabulary=700, context=1024),
    recipe=Recipe(rows=2, length=512, spelled=200),
)
NOTHING = Corpora()
FEW = making.Examination(messages=12, corpus=0, replies=2)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def words():
    return tokenizer.train(recipe.texts(TOY.recipe, NOTHING), TOY.shape.vocabulary)


@pytest.fixture(scope="module")
def prompt(words):
    return ChatPrompt(words)


def test_digits_and_chinese_characters_are_single_tokens(words):
    assert words.tokenize("1234")[-4:] == ["1", "2", "3", "4"]
    for text in ("你们的客服", "order 1234 😡 ñ 龘"):
        assert words.decode(words(text)["input_ids"]) == text
    assert len(words.tokenize("客服客服")) >= 4


def test_a_training_sequence_holds_the_very_ids_that_the_product_sends(prompt):
    told = conversations.conversation(random.Random(4), "en")
    prefix, branch = conversation_branch(prompt, told.messages(), 4000)
    sent = prompt.encode(told.messages()[:-1]) + prompt.label(told.turns[-1].reply)
    assert prefix + branch.ids == sent
    prefix, branch = label_branch(prompt, SENTIMENT, "so late", "Negative", 500)
    asked = prompt.encode(message_context(SENTIMENT, "so late"))
    assert prefix + branch.ids == asked + prompt.label("Negative")


def test_a_question_about_a_conversation_is_asked_as_the_product_asks_it(prompt):
    told = conversations.conversation(random.Random(4), "en")
    prefix, branch = question_branch(prompt, told.until(0), "Is it urgent?", "Yes", 4000)
    asked = prompt.encode(conversation_context(tuple(told.until(0)), "Is it urgent?"))
    assert prefix + branch.ids == asked + prompt.label("Yes")
    assert sum(map(bool, branch.weights)) == len(prompt.label("Yes"))


def text_losses(model, batch):
    last, _ = losses.states(model, batch, "cpu")
    return losses.target_losses(model, last, batch)


def test_what_a_turn_wants_is_noted_where_its_reply_begins_and_early_in_it(prompt):
    told = conversations.conversation(random.Random(4), "en")
    wanted = [wishes.number(turn.intent) for turn in told.turns]
    prefix, branch = conversation_branch(prompt, told.messages(), 4000, wanted)
    assert [wish for _, wish in branch.wishes[:: 1 + len(HEARD)]] == wanted
    asked, reply = prompt.encode(told.messages()[:2]), prompt.label(told.turns[0].reply)
    for (at, wish), heard in zip(branch.wishes[: 1 + len(HEARD)], (-1, *HEARD), strict=True):
        assert prefix + branch.ids[: at + 1] == asked + reply[: heard + 1]
        assert wish == wanted[0]


def test_a_conversation_that_is_cut_is_its_first_question_with_the_first_words_of_the_reply(prompt):
    told = conversations.conversation(random.Random(4), "en", length=3)
    prefix, branch = conversation_branch(prompt, told.messages(), 4000, cut=9)
    asked, reply = prompt.encode(told.messages()[:2]), prompt.label(told.turns[0].reply)
    assert prefix + branch.ids == asked + reply[:9]
    assert branch.weights[-9:-3] == [2.0] * 6


def test_a_batch_without_text_to_learn_still_has_a_loss(words, prompt):
    prefix, branch = wish_branch(prompt, "Be kind.", "where is it", 7, 500)
    batch = lay_out([Tree(prefix, [branch])], 64)
    model = training.new_model(TOY.shape, words, 1)
    listener = losses.Listener(TOY.shape.hidden, len(wishes.names()))
    assert losses.loss(model, listener, batch, "cpu").isfinite()


def test_a_message_that_is_read_for_its_wish_alone_has_no_answer(prompt):
    prefix, branch = wish_branch(prompt, "Be kind.", "where is it", 7, 500)
    assert prefix + branch.ids == prompt.encode(message_context("Be kind.", "where is it"))
    assert branch.wishes == [(len(branch.ids) - 1, 7)]
    assert wish_branch(prompt, "Be kind.", "where is it", 7, 3)[1].ids == []


def test_every_intent_has_a_number_of_its_own():
    names = wishes.names()
    assert [wishes.number(name) for name in names] == list(range(len(names)))
    assert set(names) >= set(grammar.load("zh").intents)


def test_the_middle_of_the_model_learns_what_messages_want(words):
    talk = replace(TOY.recipe, rows=4, label_share=0.0)
    trainer = Trainer(replace(TOY, steps=60, recipe=talk), words, NOTHING)
    unseen = recipe.batch(talk, 10_000, trainer.prompt, NOTHING)

    def heard():
        with torch.no_grad():
            _, middle = losses.states(trainer.model, unseen, "cpu")
            return trainer.listener(middle, unseen)

    before = heard()
    trainer.run()
    assert heard() < 0.95 * before


def test_branches_of_a_tree_read_as_if_they_were_alone(prompt, words):
    model = training.new_model(TOY.shape, words, seed=1).eval()
    rng = random.Random(8)
    drawn = [moods.message(rng, "en") for _ in range(4)]
    branches = [
        label_branch(prompt, SENTIMENT, each.text, each.labels["sentiment"], 384) for each in drawn
    ]
    tree = grow(iter(branches), 900, 1)[0]
    with torch.no_grad():
        together = text_losses(model, lay_out([tree], 900))
        alone = [text_losses(model, lay_out(grow(iter([each]), 900, 1), 900)) for each in branches]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-4)


def test_label_scores_are_those_of_plain_transformers(prompt, words):
    model = training.new_model(TOY.shape, words, seed=1).eval()
    got = scoring.label_scores(model, prompt, presets.SENTIMENT, ["where is it"])[0]
    for label, score in zip(LABELS, got, strict=True):
        asked = prompt.encode(message_context(SENTIMENT, "where is it"))
        answer = prompt.label(label)
        with torch.no_grad():
            logits = model(torch.tensor([asked + answer])).logits[0].log_softmax(-1)
        whole = sum(logits[len(asked) - 1 + i, token] for i, token in enumerate(answer))
        assert score.item() == pytest.approx(whole.item(), abs=1e-3)


def test_training_lowers_the_loss(words):
    trainer = Trainer(replace(TOY, steps=80, muon_rate=0.005), words, NOTHING)
    unseen = [recipe.batch(TOY.recipe, n, trainer.prompt, NOTHING) for n in range(10_000, 10_012)]

    @torch.inference_mode()
    def loss():  # what is minimised, over twelve batches: one may be a drill of nothing but digits
        found = [losses.loss(trainer.model, trainer.listener, each, "cpu") for each in unseen]
        return torch.stack(found).mean()

    before = loss()
    trainer.run()
    assert loss() < 0.8 * before


def test_the_same_seed_has_the_same_first_losses(words):
    runs = [Trainer(TOY, words, NOTHING).run() for _ in range(2)]
    other = Trainer(replace(TOY, recipe=replace(TOY.recipe, seed=2)), words, NOTHING).run()
    assert runs[0].first_losses == runs[1].first_losses
    assert runs[0].first_losses != other.first_losses


@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")
def test_a_compiled_training_learns_the_same(words):
    fused = Trainer(replace(TOY, compiled=True), words, NOTHING).run()
    plain = Trainer(TOY, words, NOTHING).run()
    # Rounding differs, and Muon makes much of it: each step doubles the gap.
    assert fused.first_losses == pytest.approx(plain.first_losses, rel=1e-3)


def test_it_makes_no_difference_who_writes_the_batches(words):
    alone = Trainer(TOY, words, NOTHING).run()
    helped = Trainer(TOY, words, NOTHING, writers=2).run()
    assert helped.first_losses == alone.first_losses


def test_a_resumed_training_ends_where_an_uninterrupted_one_does(words, tmp_path):
    whole = Trainer(TOY, words, NOTHING)
    whole.run()

    class Killed(Exception):
        pass

    def kill(report, progress):
        if report.step == 3:
            raise Killed

    place = tmp_path / "checkpoint.pt"
    broken = Trainer(replace(TOY, checkpoint_seconds=0.0), words, NOTHING, place)
    with pytest.raises(Killed):
        broken.run(kill)
    resumed = Trainer(TOY, words, NOTHING, place)
    assert resumed.report.step == 2  # the step that was killed had not been saved
    resumed.run()
    for one, two in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, two)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "model"
    return out, making.make(out, TOY, examination=FEW)


def test_the_exported_folder_loads_through_transformers(made):
    out, report = made
    model = AutoModelForCausalLM.from_pretrained(out)
    words = AutoTokenizer.from_pretrained(out)
    assert model.dtype == torch.bfloat16
    assert words.eos_token == "<|im_end|>"
    assert words.tokenize("12") == ["1", "2"]
    assert report["parameters"] == model.num_parameters()
    assert not list(out.parent.glob(".*"))  # nothing half-written stays behind


def test_every_shipped_task_has_an_exported_calibration(made):
    parameters = json.loads((made[0] / "calibration.json").read_text("utf-8"))
    for task in presets.TASKS:
        fitted = parameters[digest(task.prompt, task.names)]
        assert fitted["scale"] >= 0
        assert set(fitted["bias"]) == set(task.names)


def test_training_again_replaces_the_model_and_keeps_its_card(made, tmp_path):
    out = tmp_path / "model"
    making.make(out, TOY, examination=FEW)
    (out / "README.md").write_text("a card", "utf-8")
    making.make(out, replace(TOY, steps=1), examination=FEW)
    assert (out / "README.md").read_text("utf-8") == "a card"
    assert json.loads((out / "training.json").read_text("utf-8"))["steps"] == 1


def test_calibration_restores_honest_confidence():
    generator = torch.Generator().manual_seed(1)
    honest = torch.randn(4000, 3, generator=generator).mul(2).log_softmax(-1)
    drawn = torch.multinomial(honest.exp(), 1, generator=generator)[:, 0]
    labels = [LABELS[each] for each in drawn]
    loud = honest * 3 + torch.tensor([0.0, 1.0, -1.0])
    affine = scoring.fit(loud, labels, LABELS)
    assert affine.scale == pytest.approx(1 / 3, abs=0.05)
    assert scoring.judge(loud, labels, affine, LABELS).ece < 0.03
    assert scoring.judge(loud, labels, scoring.Affine(), LABELS).ece > 0.1


def test_a_training_goes_on_from_an_earlier_model_with_another_vocabulary(made, prompt):
    fewer = replace(TOY.shape, vocabulary=600)
    words = tokenizer.train(recipe.texts(TOY.recipe, NOTHING), fewer.vocabulary)
    trainer = Trainer(replace(TOY, shape=fewer), words, NOTHING, start=made[0])
    old = AutoModelForCausalLM.from_pretrained(made[0], dtype=torch.float32)
    before, now = old.get_input_embeddings().weight, trainer.model.get_input_embeddings().weight
    old_id = AutoTokenizer.from_pretrained(made[0]).convert_tokens_to_ids
    for token in ("<|im_end|>", "7"):
        assert torch.equal(before[old_id(token)], now[words.convert_tokens_to_ids(token)])
    assert torch.equal(old.model.norm.weight, trainer.model.model.norm.weight)


def test_a_start_that_does_not_fit_is_named(made, tmp_path):
    wider = replace(TOY, shape=replace(TOY.shape, hidden=64))
    with pytest.raises(making.MakingError, match="another shape"):
        making.make(tmp_path / "new", wider, examination=FEW, start=made[0])
    with pytest.raises(making.MakingError, match="--start must be a folder"):
        making.make(tmp_path / "other", TOY, examination=FEW, start=tmp_path / "nowhere")


def test_matrices_of_one_shape_are_made_orthogonal_together():
    stack = torch.randn(3, 40, 24, generator=torch.Generator().manual_seed(1))
    together = muon.orthogonal(stack)
    assert torch.allclose(together[1], muon.orthogonal(stack[1:2])[0], atol=1e-5)
    values = torch.linalg.svdvals(together)
    assert values.min() > 0.5
    assert values.max() < 1.5


def test_another_trainings_checkpoint_is_not_mixed_in(tmp_path):
    out = tmp_path / "model"
    making.workspace(out, TOY, NOTHING)
    with pytest.raises(making.MakingError, match="--fresh"):
        making.make(out, replace(TOY, steps=7), examination=FEW)


def test_an_unfinished_training_may_be_given_more_minutes(tmp_path):
    room = making.workspace(tmp_path / "model", TOY, NOTHING)
    assert making.workspace(tmp_path / "model", replace(TOY, minutes=200), NOTHING) == room


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minutes": 0}, "--minutes must be more than 0"),
        ({"threads": -1}, "--threads must be 0"),
        ({"hidden": 100}, "--hidden must be 64, 128"),
        ({"layers": 0}, "--layers must be 1 to 32"),
        ({"rows": 0}, "--rows must be 1 to 256"),
        ({"writers": -1}, "--writers must be 0 to 64"),
        ({"data": "missing"}, "--data must be a folder"),
    ],
)
def test_wrong_options_are_named(options, message, tmp_path):
    options = {"out": str(tmp_path / "new"), **options}
    with pytest.raises(CommandError, match=message):
        call_command("train_pocket", **options)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(CommandError, match="--out must be a new or empty folder"):
        call_command("train_pocket", out=str(tmp_path), minutes=1)
    assert (tmp_path / "holiday.jpg").exists()


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="Cannot write the model"):
        call_command("train_pocket", out=str(tmp_path / "file" / "model"), minutes=1)


def test_a_full_disk_is_one_clear_line_and_leaves_nothing_half_written(tmp_path):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    room = making.workspace(tmp_path / "model", TOY, NOTHING)
    (room / "checkpoint.part").symlink_to(full)
    with pytest.raises(OSError, match="no room or no right"):
        making.make(tmp_path / "model", TOY, examination=FEW)
    assert not (tmp_path / "model").exists()
    assert not (room / "checkpoint.part").is_symlink()


@pytest.mark.parametrize("half", [0, 1])
def test_calibrations_are_fitted_and_judged_on_both_languages(half):
    texts = [text for text, _ in scoring.generated("x", 80, presets.SENTIMENT)[half::2]]
    chinese = sum(any("\u4e00" <= letter <= "\u9fff" for letter in text) for text in texts)
    assert 10 < chinese < 30

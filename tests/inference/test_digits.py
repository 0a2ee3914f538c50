"""Numbers that a reply may hold."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LogitsProcessor, LogitsProcessorList, PreTrainedTokenizerFast

from inference.digits import Digits, Said, numbers_in
from inference.errors import ModelError
from inference.loading import load
from inference.runner import Runner
from inference.sequence import Sequence
from inference.tasks import Reply
from tests.inference.inbox import conversation, finished, reply_to
from tests.inference.tiny import configured, edit

PIECES = ["", "a", " ", ".", *"0123456789", "10", " 42", "7a", "1.5", "x9y"]
TEXTS = {token: text for token, text in enumerate(PIECES) if not text or re.search("[0-9]", text)}
RUN = re.compile("[0-9]+")
numbers = st.frozensets(st.text("0123456789", min_size=1, max_size=5), max_size=4)


@given(numbers=numbers, seed=st.integers(0, 10**6))
def test_whatever_is_drawn_every_number_is_one_that_was_said(numbers, seed):
    said, text, random = Said(TEXTS, numbers), "", torch.Generator().manual_seed(seed)
    for _ in range(40):
        logits = said.allowed(torch.randn(len(PIECES), generator=random))
        token = int(logits.argmax())
        assert logits[token] > -torch.inf
        said.push(token)
        text += PIECES[token]
    whole = RUN.findall(text)
    unfinished = whole.pop() if whole and text.endswith(whole[-1]) else ""
    assert set(whole) <= numbers
    assert not unfinished or any(each.startswith(unfinished) for each in numbers)


@given(numbers=numbers, written=st.lists(st.integers(0, len(PIECES) - 1), max_size=6))
def test_nothing_is_forbidden_that_could_still_become_fine(numbers, written):
    said, text = Said(TEXTS, numbers), ""
    for token in written:
        if said.allowed(torch.zeros(len(PIECES)))[token] == 0:
            said.push(token)
            text += PIECES[token]
    allowed = said.allowed(torch.zeros(len(PIECES))) == 0
    for token, piece in enumerate(PIECES):
        if piece:
            assert allowed[token] == possible(text + piece, numbers), (text, piece)


def possible(text, numbers):
    runs = RUN.findall(text)
    last = runs.pop() if runs and text.endswith(runs[-1]) else ""
    return set(runs) <= numbers and (not last or any(n.startswith(last) for n in numbers))


def test_a_number_in_full_width_digits_is_that_number():
    assert numbers_in("订单５５８３，24.99元") == ["5583", "24", "99"]


@pytest.mark.parametrize("architecture", ["qwen2", "llama"])
def test_transformers_says_the_same_under_the_same_rule(
    config, reference, make_engine, architecture
):
    model = load(config(architecture, numbers="said"))
    messages = conversation("Where are 1207 and A-33?")
    prompt = torch.tensor([model.prompt.encode(messages)])
    rule = OnlySaid(model.tokenizer, prompt.shape[1], {"1207", "33"})
    expected = reference(architecture).generate(
        prompt,
        do_sample=False,
        max_new_tokens=24,
        eos_token_id=sorted(model.stop_ids),
        logits_processor=LogitsProcessorList([rule]),
    )[0, prompt.shape[1] :]
    end = finished(make_engine(model), reply_to("Where are 1207 and A-33?"))
    said = [token for token in expected.tolist() if token not in model.stop_ids]
    assert end.text == model.tokenizer.decode(said, skip_special_tokens=True).replace("\0", "")


def test_a_number_in_the_guidance_of_a_label_was_said_too(config):
    model = load(config(numbers="said"))
    work = Reply(conversation("Hello"), guidance="Tell them to call 42.", greedy=True)
    sequence = Sequence(1, work, submitted=0.0)
    next(Runner(model).run([sequence]))
    logits = sequence.said.allowed(torch.zeros(len(model.tokenizer)))
    digits = {text: logits[token] for token, text in model.digits.texts.items() if text}
    assert [text for text, logit in digits.items() if logit == 0] == ["4"]


class OnlySaid(LogitsProcessor):
    """The rule by trying every token that holds a digit."""

    def __init__(self, tokenizer, start, numbers):
        self.tokenizer, self.start, self.numbers = tokenizer, start, numbers

    def __call__(self, input_ids, scores):
        text = self.tokenizer.decode(input_ids[0, self.start :])
        inside = not possible(text + " ", self.numbers)
        for token in range(scores.shape[1]):
            piece = self.tokenizer.decode([token])
            if (inside or RUN.search(piece)) and not possible(text + piece, self.numbers):
                scores[0, token] = -torch.inf
        return scores


def test_a_model_may_ask_for_it_and_a_setting_decides(folder):
    assert load(configured(folder)).digits is None
    assert load(configured(folder, numbers="said")).digits is not None
    edit(folder, "generation_config.json", _from_model_config=False, numbers="said")
    assert load(configured(folder)).digits is not None
    assert load(configured(folder, numbers="any")).digits is None


def test_a_model_that_asks_for_something_unknown_is_refused(folder):
    edit(folder, "generation_config.json", _from_model_config=False, numbers="some")
    with pytest.raises(ModelError, match=r"INFERENCE_MODEL.*numbers='some'.*any, said"):
        load(configured(folder))


def test_a_leading_space_that_a_decoder_would_drop_ends_a_number():
    vocabulary = {"▁a": 0, "▁12": 1, "▁5": 2, "5": 3, "<unk>": 4}
    base = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    base.pre_tokenizer = pre_tokenizers.Metaspace()
    base.decoder = decoders.Metaspace()
    said = Digits(PreTrainedTokenizerFast(tokenizer_object=base)).said(["order 125"])
    said.push(1)
    allowed = said.allowed(torch.zeros(len(vocabulary))) == 0
    assert allowed.tolist() == [False, False, False, True, False]

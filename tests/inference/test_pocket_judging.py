"""Encoders judge comments that they have not read, and a training reads what they said."""

import gzip
import random
from collections import Counter
from pathlib import Path

import pytest
import torch
from django.core.management import CommandError, call_command

from inference.pocket import judging, sources
from inference.pocket.corpora import SHARES, Corpora, Opinion
from inference.pocket.encoder import Encoder, EncoderError, Lesson
from inference.pocket.judging import Order

from . import tiny_classifier

QUICK = Lesson(epochs=40, rate=0.01)
SHAPE = {"hidden_size": 32, "initializer_range": 0.3}
SHAPE |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
GOOD, BAD = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder") / "tiny"
    torch.manual_seed(1)
    return tiny_classifier.build(folder, {"a": 0.4, "b": 0.3, "c": 0.3}, **SHAPE)


@pytest.fixture
def data(tmp_path):
    """Comments of which half are good, one that says both, and two rated texts."""
    lines = [
        f"my order is {'good' if n % 4 < 2 else 'bad'}\t{3 if n % 4 < 2 else 1}\ta"
        for n in range(48)
    ]
    lines.append("good and bad\t1,3\ta")
    write(tmp_path / sources.GOEMOTIONS, "\n".join(lines) + "\n")
    (tmp_path / "tweets_GroundTruth.txt").write_text("1\t1.5\thello good\n2\t-2\tbad\n", "utf-8")
    ratings = "1\t1.5\t0.5\t[2, 1, 0, 3]\n2\t-2\t1\t[-2, -2]\n"
    (tmp_path / "tweets_anonDataRatings.txt").write_text(ratings, "utf-8")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode()))


def judged(data, encoder, made=40, **options) -> list[Opinion]:
    judging.judge(encoder, data, data / sources.JUDGED, Order(made, QUICK), **options)
    return sources.read(data).judged


# Teaching ---------------------------------------------------------------------------------------


def test_an_encoder_learns_the_shares_of_texts(encoder):
    taught = Encoder(encoder, 3, QUICK)
    rows = [("good", GOOD), ("bad", BAD), ("hello", (0.0, 0.75, 0.25))] * 16
    steps = []
    taught.learn(rows, lambda done, of: steps.append((done, of)))
    assert steps[-1] == (60, 60)
    good, bad, hello = taught.judge(["good", "bad", "hello"], lambda *_: None)
    assert good[2] > 0.9
    assert bad[0] > 0.9
    assert hello[1] == pytest.approx(0.75, abs=0.1)


def test_judgements_come_in_the_order_of_the_texts(encoder):
    taught = Encoder(encoder, 3, QUICK)
    taught.learn([("good", GOOD), ("bad", BAD)] * 16, lambda *_: None)
    texts = ["bad", "good " * 9, "bad bad", "good"]
    shares = taught.judge(texts, lambda *_: None)
    assert [each.index(max(each)) for each in shares] == [0, 2, 0, 2]


def test_what_is_no_encoder_is_named_in_one_line(tmp_path):
    with pytest.raises(EncoderError, match=r"no encoder: it has no config\.json"):
        Encoder(tmp_path, 3)
    (tmp_path / "config.json").write_text("{}", "utf-8")
    with pytest.raises(EncoderError, match="no encoder that loads") as refused:
        Encoder(tmp_path, 3)
    assert len(str(refused.value).splitlines()) == 1


# Judging ----------------------------------------------------------------------------------------


def test_every_comment_is_judged_and_texts_made_of_them(data, encoder):
    found = judged(data, encoder)
    assert len(found) == 48 + 1 + 2 + 40
    whole = {each.text: each for each in found}
    assert whole["my order is good"].label == "Positive"
    assert whole["my order is bad"].label == "Negative"
    assert all(sum(each.shares.values()) == pytest.approx(1, abs=0.001) for each in found)
    assert {"good and bad", "hello good"} <= whole.keys()
    assert any(len(each.text.split()) > 4 for each in found)


def test_a_label_that_the_other_half_contradicts_is_shared(data, encoder):
    lines = ["my order is good\t3\ta"] * 31 + ["my order is good\t1\ta", "my order is bad\t1\ta"]
    write(data / sources.GOEMOTIONS, "\n".join(lines * 2) + "\n")
    found = judged(data, encoder, made=0)
    wrong = found[31]
    assert wrong.text == "my order is good"
    assert wrong.shares["Negative"] > 0.4  # its own label
    assert wrong.shares["Positive"] > 0.4  # what the encoder read elsewhere


def test_ratings_are_shares_of_people(data):
    comments = sources.comments(data)
    assert comments.rows[-2:] == [("hello good", (0.0, 0.25, 0.75)), ("bad", BAD)]
    assert (comments.rated, comments.unclear) == (2, ["good and bad"])


def test_the_same_seed_judges_the_same_texts(data, encoder):
    assert judged(data, encoder) == judged(data, encoder)


def test_an_interrupted_run_goes_on_after_the_last_encoder_that_it_taught(data, encoder):
    whole, stages = judged(data, encoder), []

    def stop(stage, done, of):
        if stage == "teaching, 2 of 2":
            raise KeyboardInterrupt

    (data / sources.JUDGED).unlink()
    with pytest.raises(KeyboardInterrupt):
        judged(data, encoder, progress=stop)
    assert not (data / sources.JUDGED).exists()
    (data / ".judged.tsv.gz.other").mkdir()  # of a run with other options, given up
    again = judged(data, encoder, progress=lambda stage, *_: stages.append(stage))
    assert again == whole
    assert "teaching, 1 of 2" not in stages
    assert not list(data.glob(".judged*"))


# Reading ----------------------------------------------------------------------------------------


def test_judged_comments_are_read_instead_of_the_bare_labels(data, encoder):
    judged(data, encoder)
    corpora = sources.read(data)
    assert sources.JUDGED in corpora.names
    assert "goemotions" not in corpora.train
    rng = random.Random(1)
    drawn = [each for _ in range(300) if (each := corpora.opinion(rng))]
    assert drawn
    assert all(set(each.shares) == {"Negative", "Neutral", "Positive"} for each in drawn)


def test_what_a_source_that_is_not_there_would_give_no_other_one_gives():
    told = Opinion("hm", "Positive", {"Negative": 0.2, "Neutral": 0.2, "Positive": 0.6})
    corpora = Corpora(train={"asap": [("好", "Positive")]}, judged=[told])
    rng = random.Random(1)
    drawn = Counter(each and each.text for each in (corpora.opinion(rng) for _ in range(5000)))
    assert drawn["hm"] / 5000 == pytest.approx(SHARES["judged"], abs=0.03)
    assert 0 < (5000 - drawn["hm"] - drawn[None]) / 5000 < 0.02  # nearly all else is generated


def test_a_task_of_two_labels_learns_the_shares_of_the_two():
    told = Opinion("hm", "Positive", {"Negative": 0.2, "Neutral": 0.2, "Positive": 0.6})
    assert told.among(("Positive", "Negative")).shares == pytest.approx(
        {"Positive": 0.75, "Negative": 0.25}
    )
    alone = Opinion("hm", "Positive")
    assert alone.among(("Positive", "Negative")) == alone


@pytest.mark.parametrize(
    "line", ["alone", "good\t0.5\t0.5", "good\t0.5\t0.1\tx", "good\t0.5\t0.9\t0.5"]
)
def test_a_damaged_file_of_judgements_is_named(tmp_path, line):
    write(tmp_path / sources.JUDGED, line + "\n")
    with pytest.raises(sources.CorpusError, match=r"judged\.tsv\.gz is not a readable"):
        sources.read(tmp_path)


# The command ------------------------------------------------------------------------------------


def command(**options) -> str:
    with pytest.raises(CommandError) as refused:
        call_command("judge_corpora", **options)
    (line,) = str(refused.value).splitlines()
    return line


def test_the_command_writes_the_file_and_says_so(data, encoder, capsys):
    call_command("judge_corpora", encoder=encoder, data=data, made=10, json=True)
    assert f'"file": "{data / sources.JUDGED}", "texts": 61' in capsys.readouterr().out


def test_the_command_refuses_bad_options_in_one_line(data, encoder, tmp_path):
    fine = {"encoder": encoder, "data": data}
    assert "--made must be 0 or more, not -1" in command(**fine, made=-1)
    assert "--epochs must be more than 0" in command(**fine, epochs=0)
    assert "--data must be a folder" in command(encoder=encoder, data=tmp_path / "none")
    assert "holds no encoder" in command(encoder=tmp_path, data=data)
    assert not list(data.glob(".judged*"))
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no comments to judge" in command(encoder=encoder, data=empty)
    (data / "tweets_anonDataRatings.txt").write_text("1\tx\n", "utf-8")
    assert "tweets_anonDataRatings.txt is not a readable" in command(**fine)

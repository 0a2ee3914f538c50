"""Each arm answers a turn of the toy shape, with lengths that are forced."""

import pytest

from inference.bench import arms
from inference.bench.errors import ArmFailed, Overdue
from inference.bench.loop import converse, side_by_side
from inference.tasks import ChatMessage, Request

HERE = ("ours", "article", "two-models")  # llama.cpp has tests of its own


@pytest.fixture(scope="module", params=HERE)
def arm(request, setting):
    arms.prepare(request.param, setting, lambda share: None)
    made = arms.make(request.param, setting)
    made.load()
    yield made
    made.close()


@pytest.fixture
def history(workload):
    return (*workload.opening, ChatMessage("user", workload.messages("arms", 1, 1)[0][0]))


def test_a_turn_has_a_label_and_every_token_of_the_reply_in_time(arm, workload, history):
    answer = arm.turn(workload.turn(history))
    assert len(answer.tokens) == workload.lengths.reply
    assert len(answer.labelled) == 1
    assert answer.asked < answer.tokens[0]
    assert list(answer.tokens) == sorted(answer.tokens)
    assert answer.ended == max(answer.tokens[-1], answer.labelled[0])
    # System and message with five tokens around each, and what opens the answer.
    assert answer.prompt_tokens == workload.lengths.system + workload.lengths.message + 10 + 3


def test_a_label_alone_is_answered(arm, workload):
    answer = arm.turn(Request(classify=(workload.sentiment(" a b c"),)))
    assert len(answer.labelled) == 1
    assert answer.tokens == ()
    assert answer.ended == answer.labelled[0] > answer.asked


def test_a_reply_is_read_again_as_the_tokens_that_were_written(arm, workload):
    (texts,) = workload.messages("again", 1, 3)
    run = converse(arm, workload.opening, [texts], workload.turn)
    lengths = [answer.prompt_tokens for answer in run.answers]
    turn = workload.lengths.message + workload.lengths.reply + 10
    assert lengths == [lengths[0], lengths[0] + turn, lengths[0] + 2 * turn]


def test_requests_of_many_clients_are_all_answered(arm, workload, history):
    answers = side_by_side(arm, [workload.turn(history)] * 3)
    assert [len(answer.tokens) for answer in answers] == [workload.lengths.reply] * 3
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("arm", ["article", "two-models"], indirect=True)
def test_what_serves_one_at_a_time_drops_its_queue_when_time_is_up(arm, workload, history):
    with pytest.raises(Overdue):
        arm.turn(workload.turn(history), until=0.0)


def test_an_arm_tells_the_precision_of_its_weights(arm):
    assert arm.dtype == "float32"


def test_a_model_that_cannot_be_loaded_fails_its_arm(setting, tmp_path):
    broken = arms.Setting(setting.shape, tmp_path, tmp_path, "float32", 1)
    with pytest.raises(ArmFailed, match=r"config\.json"):
        arms.make("ours", broken).load()


def test_an_arm_that_is_not_installed_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(arms, "find_spec", lambda module: None)
    assert arms.obstacle("llama.cpp") == "not installed; pip install llama-cpp-python gguf"
    assert arms.obstacle("ours") is None

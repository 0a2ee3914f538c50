"""Whatever is submitted, cancelled and stopped in whatever order: each part ends once."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.engine import Engine
from inference.errors import EngineRefusal
from inference.sequence import REPLY, Delta
from inference.tasks import Request
from tests.inference.flawed import explode, flawed
from tests.inference.inbox import Inbox, classify, reply_to

WORDS = st.sampled_from(["Hello", "poison", "谢谢", "so long " * 200])
submits = st.tuples(st.just("submit"), WORDS, st.booleans(), st.integers(0, 2))
cancels = st.tuples(
    st.just("cancel"), st.integers(0, 9), st.sampled_from([None, REPLY, "0", "1", "other"])
)
controls = st.sampled_from([("start",), ("stop",), ("wait",)])
scripts = st.lists(submits | cancels | controls, max_size=15)


def parts_of(text, reply, labels):
    classes = tuple(classify(text, key=str(n)) for n in range(labels))
    return Request(reply_to(text, max_new_tokens=6).reply if reply else None, classes)


class Story:
    """Plays a script on an engine and remembers who was promised an answer."""

    def __init__(self, model):
        self.engine = Engine(lambda progress: model, max_waiting=6, max_running=2)
        self.promised = []

    def play(self, script):
        for verb, *details in script:
            getattr(self, verb)(*details)
        self.engine.start()
        self.wait()
        self.engine.stop()

    def submit(self, text, reply, labels):
        request = parts_of(text, reply, labels)
        parts = [each.key for each in request.classify] + [REPLY] * reply
        inbox = Inbox(len(parts))
        try:
            self.promised.append((self.engine.submit(request, inbox), parts, inbox))
        except (EngineRefusal, ValueError):
            assert inbox.events == []

    def cancel(self, index, part):
        if index < len(self.promised):
            self.engine.cancel(self.promised[index][0], part)

    def start(self):
        self.engine.start()

    def stop(self):
        self.engine.stop()

    def wait(self):
        if self.engine.state != "new":
            for _, _, inbox in self.promised:
                inbox.wait()


@pytest.fixture(scope="module")
def model(loaded):
    return flawed(loaded(), "poison", explode)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=scripts)
def test_every_part_ends_exactly_once_and_nothing_follows_its_end(model, script):
    story = Story(model)
    story.play(script)
    for _, parts, inbox in story.promised:
        endings = [event.part for event in inbox.wait() if not isinstance(event, Delta)]
        assert Counter(endings) == Counter(parts)
        last_delta = max(
            (n for n, e in enumerate(inbox.events) if isinstance(e, Delta)), default=-1
        )
        ending = [n for n, e in enumerate(inbox.events) if e.part == REPLY]
        assert last_delta < max(ending, default=0)
    assert not story.engine._open
    assert not story.engine._scheduler.busy

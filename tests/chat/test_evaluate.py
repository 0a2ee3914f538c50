"""`manage.py evaluate`: a labelled file in, figures out, through the engine."""

import io
import json
from random import Random

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.evaluation import replies
from chat.evaluation.labelled import Example
from chat.evaluation.predictions import IN_FLIGHT, predict
from chat.labels import TaskRun
from chat.models import ReplyPrompt
from inference import presets, resident
from inference.models import Task, TaskVersion
from tests.inference.scripted import ScriptedEngine
from tests.site import manage

MOODS = ("Positive", "Neutral", "Negative")
KEYS = {"task", "data", "n", "accuracy", "macro_f1", "ece", "confusion", "model", "baselines"}


def by_text(task) -> str:
    """The label that the text names first: 'Negative, said of a Positive' is read as Negative."""
    return task.messages[-1].content.split(",")[0]


class Shuffled(ScriptedEngine):
    """Holds its answers back until it has many, and gives them in any order."""

    def __init__(self, random: Random, total: int):
        super().__init__()
        self.random, self.total = random, total

    def submit(self, request, deliver, loop=None):
        ticket = super().submit(request, deliver, loop)
        waiting = self.open_parts()
        if len(waiting) == IN_FLIGHT or ticket == self.total:
            for each, key in self.random.sample(waiting, len(waiting)):
                self.classify(each, key, by_text(self.requests[each].classify[0]))
        return ticket


@pytest.fixture
def engine():
    engine = ScriptedEngine(label=by_text)
    before = resident.install(engine)
    yield engine
    resident.install(before)


@pytest.fixture
def judged(tmp_path):
    """Writes a file from pairs of what the engine will say and what is true."""

    def write(*pairs):
        path = tmp_path / "judged.csv"
        rows = [f'"{said}, {number}",{true}\n' for number, (said, true) in enumerate(pairs)]
        path.write_text("text,label\n" + "".join(rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def few(judged):
    return judged(("Positive", "Positive"), ("Neutral", "Negative"), ("Neutral", "Neutral"))


def run(*arguments):
    out = io.StringIO()
    call_command("evaluate", *map(str, arguments), stdout=out)
    return out.getvalue()


def report(*arguments) -> dict:
    return json.loads(run(*arguments, "--json").splitlines()[-1])


def sentiment() -> TaskRun:
    task = Task.objects.get(slug="sentiment")
    return TaskRun(task, task.current)


@pytest.mark.django_db
class TestAFile:
    def test_is_judged_through_the_engine(self, engine, few):
        figures = report("--task", "sentiment", "--data", few)
        assert set(figures) >= KEYS
        assert (figures["n"], figures["accuracy"]) == (3, 0.6667)
        assert figures["macro_f1"] == 0.5556  # 1, 2/3 and 0
        assert figures["confusion"]["Negative"] == {"Positive": 0, "Neutral": 1, "Negative": 0}
        assert (figures["model"], figures["data"]) == (engine.model_id, str(few))

    def test_is_asked_for_just_as_a_visitors_message(self, engine, few):
        run("--data", few)
        assert engine.requests[1].classify == (sentiment().part("Positive, 0", ()),)

    def test_of_two_labels_leaves_the_third_out(self, engine, judged):
        path = judged(("Neutral", "Positive"), ("Neutral", "Negative"))
        figures = report("--data", path)
        assert list(figures["confusion"]) == ["Positive", "Negative"]
        assert (figures["accuracy"], figures["ece"]) == (0.5, 0)  # both are as likely: 0.5

    def test_is_judged_with_the_models_calibration(self, engine, few):
        version = sentiment().version
        version.calibrations.create(
            model_id=engine.model_id, bias={"Negative": 50.0}, source="fitted"
        )
        assert report("--data", few)["confusion"]["Positive"]["Negative"] == 1

    def test_shows_a_bar_on_stderr_and_a_table_on_stdout(self, engine, few, capsys):
        page = run("--data", few, "--baseline", "majority")
        assert "3/3" in capsys.readouterr().err
        assert "accuracy  macro-F1     ECE" in page
        assert "majority         0.333     0.167" in page

    def test_is_compared_with_baselines(self, engine, few):
        figures = report("--data", few, "--baseline", "majority")
        assert figures["baselines"] == {"majority": {"accuracy": 0.3333, "macro_f1": 0.1667}}

    def test_may_be_judged_in_part_spread_over_all_of_it(self, engine, judged):
        path = judged(*[("Positive", "Positive")] * 50, *[("Negative", "Negative")] * 50)
        figures = report("--data", path, "--limit", 10)
        assert figures["n"] == 10
        assert [figures["confusion"][each][each] for each in ("Positive", "Negative")] == [5, 5]


@pytest.mark.django_db
class TestATask:
    @pytest.mark.parametrize("task", presets.TASKS, ids=lambda task: task.slug)
    def test_that_ships_is_judged_switched_on_or_off_with_labels_in_any_case(
        self, engine, judged, task
    ):
        assert Task.objects.get(slug=task.slug).enabled == task.enabled
        pairs = [(name, name.swapcase()) for name in task.names]
        figures = report("--task", task.slug, "--data", judged(*pairs))
        assert (figures["task"], figures["accuracy"]) == (task.slug, 1)
        assert tuple(figures["confusion"]) == task.names
        assert engine.requests[1].classify[0].messages[0].content == task.prompt

    def test_that_is_archived_is_not_judged(self, engine, few):
        Task.objects.filter(slug="sentiment").update(archived=timezone.now())
        with pytest.raises(CommandError, match="--task sentiment does not exist or is archived"):
            run("--data", few)

    def test_of_no_moods_is_not_compared_with_vader(self, engine, judged):
        path = judged(("Yes", "Yes"), ("No", "No"))
        with pytest.raises(CommandError, match=r"it needs one label of polarity 1.*Yes \(0\)"):
            run("--task", "wants-human", "--data", path, "--baseline", "vader")


@pytest.mark.django_db
class TestPredictions:
    @settings(max_examples=30, deadline=None)
    @given(said=st.lists(st.sampled_from(MOODS), min_size=1, max_size=100), random=st.randoms())
    def test_stay_in_order_whatever_is_answered_first(self, said, random):
        examples = [Example(n, f"{label}, {n}", label) for n, label in enumerate(said, start=2)]
        engine = Shuffled(random, len(examples))
        answers = list(predict(engine, sentiment(), examples, MOODS))
        assert [max(each, key=each.get) for each in answers] == said

    def test_of_a_task_that_sees_conversations_come_from_one(self, engine):
        task = Task.objects.create(slug="hurry", name="Hurry")
        labels = [{"name": name, "polarity": 0, "flags": []} for name in ("High", "Low")]
        context = TaskVersion.Context.CONVERSATION
        version = task.publish(prompt="How urgent?", labels=labels, context=context)
        list(predict(engine, TaskRun(task, version), [Example(2, "Now!", "High")], ("High", "Low")))
        asked = [message.content for message in engine.requests[1].classify[0].messages]
        assert asked == [ReplyPrompt.objects.current().system, "Now!", "How urgent?"]

    def test_that_fail_name_the_row(self, engine, few, monkeypatch):
        monkeypatch.setattr(engine, "classify", lambda ticket, key, *rest: engine.fail(ticket, key))
        with pytest.raises(CommandError, match="Row 2 could not be classified: scripted failure"):
            run("--data", few)


class Failing(ScriptedEngine):
    """Takes requests and fails every one."""

    def submit(self, request, deliver, loop=None):
        ticket = super().submit(request, deliver, loop)
        self.fail(ticket)
        return ticket


@pytest.mark.django_db
class TestReplies:
    def test_are_graded_with_a_bar(self, capsys):
        engine = ScriptedEngine(reply=lambda reply: reply.messages[-1].content)
        shares = replies.summary(replies.verdicts(engine))
        before = resident.install(engine)
        page = run("--replies", "--json")
        resident.install(before)
        assert json.loads(page.splitlines()[-1]) == {"model": engine.model_id, **shares}
        assert f"no_loop       {shares['no_loop']:>6.1%}" in page
        assert f"{shares['n']}/{shares['n']}" in capsys.readouterr().err

    def test_that_fail_are_explained(self):
        before = resident.install(Failing())
        with pytest.raises(CommandError, match=r"The reply to .* failed: scripted failure"):
            run("--replies")
        resident.install(before)


@pytest.mark.django_db
class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ([], "Give --data FILE.csv .*, --replies or --attacks"),
            (["--replies", "--data", "a.csv"], "its own questions"),
            (["--data", "a.csv", "--baseline", "oracle"], "There are: majority, vader"),
            (["--data", "a.csv", "--limit", "0"], "--limit must be 1 or more"),
            (["--replies", "--limit", "5"], "leave out --limit"),
            (["--data", "a.csv", "--task", "other"], "There are: .*language, sentiment, "),
            (["--data", "/nowhere/a.csv"], "cannot be read"),
        ],
    )
    def test_say_what_is_allowed(self, engine, arguments, words):
        with pytest.raises(CommandError, match=words):
            run(*arguments)

    def test_come_before_the_model_is_asked(self, engine, tmp_path):
        path = tmp_path / "bad.csv"
        path.write_text("text,label\na,Positive\nb,angry\n")
        with pytest.raises(CommandError, match="row 3"):
            run("--data", path)
        assert not engine.requests

    def test_tell_why_the_model_does_not_load(self, few):
        broken = ScriptedEngine(state="failed")
        broken.error = "INFERENCE_MODEL=x does not exist."
        before = resident.install(broken)
        with pytest.raises(CommandError, match="INFERENCE_MODEL=x"):
            run("--data", few)
        resident.install(before)


def test_a_database_that_was_never_migrated_is_one_clear_line(few, tmp_path):
    done = manage("evaluate", "--data", str(few), data_dir=tmp_path / "data")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "The database is not ready" in line
    assert "Run migrate first" in line

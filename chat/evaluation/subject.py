"""What is judged: a task of the admin with one of its versions."""

from chat.labels import TaskRun
from inference.models import Task


class SubjectError(ValueError):
    """There is no such task or version; the message names the option and what there is."""


def task_run(slug: str, number: int | None = None) -> TaskRun:
    """A task that is not archived, switched on or off, with its version `number` or the current.

    Raises:
        SubjectError: it does not exist, or writes JSON and has no label to be judged by.
    """
    known = Task.objects.filter(archived=None, current__isnull=False).select_related("current")
    tasks = {task.slug: task for task in known.order_by("slug")}
    if slug not in tasks:
        there_are = ", ".join(tasks) or "none yet"
        raise SubjectError(f"--task {slug} does not exist or is archived. There are: {there_are}.")
    task = tasks[slug]
    version = task.current if number is None else _version(task, number)
    if version.writes_json:
        raise SubjectError(f"--task {slug}: {version} writes JSON; only labels can be judged.")
    return TaskRun(task, version)


def _version(task: Task, number: int):
    versions = {each.number: each for each in task.versions.all()}
    if number not in versions:
        there_are = ", ".join(map(str, sorted(versions)))
        raise SubjectError(f"--version {number} of {task.slug} does not exist, only {there_are}.")
    return versions[number]

"""What a turn asks of the engine, once its rows are stored: ONE request, without what is known.

A reply that waits for a label is the exception: it follows when that is known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from chat import examples, guidance, history, labels, messages
from chat.models import Message, ReplyPrompt
from chat.router import Route
from inference.sequence import Classified
from inference.tasks import ChatMessage, Reply, Request


@dataclass(frozen=True)
class Asking:
    """`request` is None when nothing is left to ask; `known` labels need no forward.

    `held` is a reply that is not in the request, because it waits for labels.
    """

    request: Request | None
    tasks: Mapping[str, labels.TaskRun] = field(default_factory=dict)  # that read it, by slug
    known: tuple[Classified, ...] = ()
    held: guidance.Held | None = None


def asking(
    reply: Message | None,
    visitor: Message | None,
    route: Route | None,
    model_id: str | None,
    rows: Iterable[Message] | None = None,
    enabled: Iterable[labels.TaskRun] | None = None,
) -> Asking:
    """For a reply to stream, a visitor's message to label by its route, or both.

    Synchronous, with ORM calls. `model_id` is None until the model is loaded. `rows` are the
    conversation up to the message and `enabled` all tasks, of a caller who has just read them.
    """
    prompt = reply.prompt if reply else ReplyPrompt.objects.current()
    rows = messages.up_to(visitor or reply.answers) if rows is None else rows
    conversation = history.prompt_messages(prompt.system, rows)
    answer = Reply(messages=conversation) if reply else None
    if visitor is None:
        told = guidance.stored(reply.answers)
        return Asking(Request(reply=replace(answer, guidance=told)))
    runs = [
        examples.shown(run, visitor.text, visitor.pk)
        for run in (labels.enabled_tasks() if enabled is None else enabled)
        if run.task.slug in route.tasks
    ]
    return _labelling(answer, visitor.text, conversation, runs, model_id)


def _labelling(
    answer: Reply | None,
    text: str,
    conversation: tuple[ChatMessage, ...],
    runs: list[labels.TaskRun],
    model_id: str | None,
) -> Asking:
    known = {run.task.slug: run.recall(text, model_id) for run in runs}
    parts = tuple(run.part(text, conversation) for run in runs if not known[run.task.slug])
    slugs = guidance.awaited(runs) if answer else ()
    now = None if slugs else answer
    return Asking(
        Request.of(parts, now) if now or parts else None,
        {run.task.slug: run for run in runs},
        tuple(filter(None, known.values())),
        guidance.Held(answer, slugs) if slugs else None,
    )

"""What a turn asks of the engine, once its rows are stored: ONE request, without what is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chat import history, labels, messages
from chat.models import Message, ReplyPrompt
from chat.router import Route
from inference.sequence import Classified
from inference.tasks import ChatMessage, Reply, Request


@dataclass(frozen=True)
class Asking:
    """`request` is None when nothing is left to ask; `known` labels need no forward."""

    request: Request | None
    tasks: Mapping[str, labels.TaskRun] = field(default_factory=dict)  # that read it, by slug
    known: tuple[Classified, ...] = ()


def asking(
    reply: Message | None, visitor: Message | None, route: Route | None, model_id: str | None
) -> Asking:
    """For a reply to stream, a visitor's message to label by its route, or both.

    Synchronous, with ORM calls. `model_id` is None until the model is loaded.
    """
    prompt = reply.prompt if reply else ReplyPrompt.objects.current()
    conversation = history.prompt_messages(prompt.system, messages.up_to(visitor or reply.answers))
    answer = Reply(messages=conversation) if reply else None
    if visitor is None:
        return Asking(Request(reply=answer))
    runs = [run for run in labels.enabled_tasks() if run.task.slug in route.tasks]
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
    return Asking(
        Request(reply=answer, classify=parts) if answer or parts else None,
        {run.task.slug: run for run in runs},
        tuple(filter(None, known.values())),
    )

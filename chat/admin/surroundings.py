"""The conversation around one message, as the review page shows it."""

from dataclasses import dataclass

from chat.models import Message

AROUND = 8  # messages before and after


@dataclass(frozen=True)
class Surroundings:
    """Messages in order, and whether there are more on either side."""

    lines: tuple[Message, ...]
    earlier: bool
    later: bool


def around(message: Message) -> Surroundings:
    rows = Message.objects.filter(conversation=message.conversation_id).with_extractions()
    before = list(rows.filter(seq__lt=message.seq).order_by("-seq")[: AROUND + 1])
    after = list(rows.filter(seq__gt=message.seq).order_by("seq")[: AROUND + 1])
    shown = (*reversed(before[:AROUND]), message, *after[:AROUND])
    return Surroundings(shown, earlier=len(before) > AROUND, later=len(after) > AROUND)

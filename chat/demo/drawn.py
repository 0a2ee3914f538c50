"""Conversations drawn at random: what bulk seeding writes, with the aggregates of the verbs."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from chat import labels, mood
from chat.labels import TaskRun
from chat.models import Classification, Conversation, Message, User
from chat.models.conversation import PREVIEW
from chat.models.message import Role

MARK = "bulk:"  # begins the visitor key of every conversation made here
MODEL = "bulk@none/none"
DAYS = 365
REVIEWED = 0.97  # of flagged labels, so that a big database has some thousands in its queue
USUAL = {-1: -2.5, 0: 2.0, 1: 1.5}  # log-odds by polarity: most messages are neutral
SAID = {
    "en": (
        "Where is my parcel? It should have come on Monday.",
        "The app closes as soon as I open my order {n}.",
        "You charged me twice and nobody answers, this is a scandal!",
        "Thank you so much, that was quick.",
        "Can I change the address of order {n}?",
    ),
    "zh-CN": (
        "我的包裹在哪里？订单号 {n}。",
        "太差了，已经等了三天！",
        "谢谢，问题解决了。",
        "可以换货吗？",
    ),
}
REPLY = "I am sorry to hear that. Could you tell me your order number?"


@dataclass
class Talk:
    """A conversation with its rows, none of them stored."""

    conversation: Conversation
    visitors: list[Message] = field(default_factory=list)
    replies: list[Message] = field(default_factory=list)
    judged: list[Classification] = field(default_factory=list)


class Drawing:
    """Draws talks of the year up to `now`; the same chance draws the same."""

    def __init__(self, chance: Random, people: list[User], now: datetime):
        self.chance, self.people, self.now = chance, people, now
        self.runs = labels.enabled_tasks()

    def talk(self, length: int) -> Talk:
        """A conversation of so many messages, visitor and assistant by turns."""
        talk = Talk(self._conversation())
        moment, sullen = talk.conversation.created, self.chance.random()
        for seq in range(1, length + 1):
            if seq % 2:
                talk.visitors.append(visitor := self._said(talk.conversation, seq, moment))
                talk.judged.extend(self._labels(visitor, sullen))
            else:
                talk.replies.append(self._reply(talk.visitors[-1], seq, moment))
            moment = min(moment + timedelta(seconds=self.chance.uniform(5, 120)), self.now)
        _aggregate(talk)
        return talk

    def _conversation(self) -> Conversation:
        chance = self.chance
        created = self.now - timedelta(days=DAYS * chance.random())
        status = "closed" if created < self.now - timedelta(days=2) else "bot"
        if chance.random() < 0.02:
            status = chance.choice(["waiting", "human"])
        return Conversation(
            id=UUID(int=chance.getrandbits(128), version=4),
            visitor=f"{MARK}{chance.getrandbits(64):x}",
            name=f"Visitor {chance.randrange(10**6)}",
            language=chance.choices(list(SAID), [3, 1])[0],
            status=status,
            assignee=chance.choice(self.people) if chance.random() < 0.2 else None,
            created=created,
        )

    def _said(self, conversation: Conversation, seq: int, moment: datetime) -> Message:
        text = self.chance.choice(SAID[conversation.language])
        return Message(
            conversation=conversation,
            seq=seq,
            rev=seq,
            role=Role.VISITOR,
            text=text.format(n=self.chance.randrange(10**5)),
            client_id=str(seq),
            created=moment,
        )

    def _reply(self, visitor: Message, seq: int, moment: datetime) -> Message:
        return Message(
            conversation=visitor.conversation,
            seq=seq,
            rev=seq,
            role=Role.ASSISTANT,
            text=REPLY,
            answers=visitor,
            created=moment,
            model_id=MODEL,
            first_token_ms=self.chance.lognormvariate(5.5, 0.5),
            total_ms=self.chance.lognormvariate(7.5, 0.4),
        )

    def _labels(self, message: Message, sullen: float) -> Iterator[Classification]:
        for run in self.runs:
            row = self._label(message, run, self._shares(run, sullen))
            if run.task.slug == labels.MOOD_TASK:
                message.label, message.confidence = row.label, row.confidence
                message.scores = row.probabilities
                message.score = mood.message_score(row.probabilities, run.version.polarity)
            yield row

    def _label(self, message: Message, run: TaskRun, shares: dict[str, float]) -> Classification:
        label = max(shares, key=shares.get)
        flagged = shares[label] >= run.task.threshold and "review" in run.version.flags(label)
        return Classification(
            message=message,
            version=run.version,
            model_id=MODEL,
            logprobs={name: round(math.log(share), 4) for name, share in shares.items()},
            probabilities=shares,
            label=label,
            confidence=shares[label],
            latency_ms=self.chance.lognormvariate(3, 0.4),
            flagged=flagged,
            reviewed=flagged and self.chance.random() < REVIEWED,
            created=message.created,
        )

    def _shares(self, run: TaskRun, sullen: float) -> dict[str, float]:
        """Probabilities; a sullen visitor leans to labels of negative polarity."""
        weights = {
            name: math.exp(USUAL[side] - 5 * side * sullen + self.chance.gauss(0, 1))
            for name, side in run.version.polarity.items()
        }
        total = sum(weights.values())
        return {name: max(weight / total, 1e-6) for name, weight in weights.items()}


def _aggregate(talk: Talk) -> None:
    """What `show_last`, `refresh_mood` and the flags of the verbs would have stored."""
    rows = sorted([*talk.visitors, *talk.replies], key=lambda row: row.seq)
    scores = [row.score for row in talk.visitors if row.score is not None]
    conversation, last = talk.conversation, rows[-1]
    conversation.rev = conversation.message_count = last.seq
    conversation.visitor_count = len(talk.visitors)
    conversation.flagged = sum(row.flagged and not row.reviewed for row in talk.judged)
    conversation.last_message_at, conversation.last_text = last.created, last.text[:PREVIEW]
    conversation.mood_score = mood.conversation_score(scores)
    conversation.mood_trend = mood.conversation_trend(scores)

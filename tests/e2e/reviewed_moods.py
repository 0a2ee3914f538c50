"""A task whose messages people have reviewed, for browser tests: made in a shell of the site.

Reviewers agree with all that the model says under the first wording, whatever model it is. So that
one measures perfectly, and any other that makes a difference measures worse.
"""

from chat import conversations, labels, messages
from chat.evaluation.command import ready_engine
from chat.evaluation.labelled import Example
from chat.evaluation.predictions import predict
from chat.models import Conversation, Message, User
from inference import presets
from inference.models import Task
from tests.chat.desk import reads

SLUG, NAME = "moods", "Moods compared"
TEXTS = (
    "This is the third time you lost my parcel, I am furious",
    "Terrible service, I will never order again",
    "I am so angry, nobody answers me",
    "Thank you so much, you were wonderful!",
    "Great service, I love it",
    "Perfect, that was fast, thanks a lot!",
    "Thanks for nothing",
    "It came late, but it works well",
    "Not bad at all, for once",
    "Well, finally an answer, I had given up",
    "The box was damaged, the phone was not",
    "I do not know what to say to that",
    "Could be worse, could be better",
    "You said Monday, today is Friday",
    "My sister loves hers, mine is only so so",
    "Fine, keep the money then",
)


def create() -> None:
    """The task, switched off, and a conversation with a person, read and reviewed."""
    task = Task.objects.create(slug=SLUG, name=NAME, enabled=False)
    mood = presets.SENTIMENT
    version = task.publish(prompt=mood.prompt, labels=list(mood.labels), context=mood.context)
    examples = [Example(number, text, "") for number, text in enumerate(TEXTS)]
    run = labels.TaskRun(task, version)
    found = list(predict(ready_engine(), run, examples, version.names))
    for message, shares in zip(_written(), found, strict=True):
        row = reads(message, version, max(shares, key=shares.get), 0.5)
        labels.review(row, User.objects.get(username="admin"), "confirmed")


def _written() -> list[Message]:
    talk = conversations.open_conversation(name="Reviewed moods")
    conversations.set_status(talk.pk, Conversation.Status.HUMAN)  # so that nobody is answered
    return [
        messages.receive(talk.pk, f"moods-{number}", text).visitor
        for number, text in enumerate(TEXTS)
    ]

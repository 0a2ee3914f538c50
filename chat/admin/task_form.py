"""One form for a task: its switches, and the wording of its next version."""

from collections.abc import Sequence

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from chat.admin.label_rows import LabelsField
from chat.models import ReplyPrompt
from inference.config import InferenceConfig
from inference.errors import ModelError, PromptError
from inference.labelset import answer_problem
from inference.models import MOST_THOUGHT, MOST_WRITTEN, Task, TaskVersion
from inference.tasks import JSON_TOKENS, ChatMessage, conversation_context, message_context
from inference.wording import ruler

SWITCHES = ("name", "slug", "enabled", "threshold", "few_shot", "examples", "guides_reply")
WORDING = ("prompt", "labels", "context", "reasoning", "schema", "answer_tokens")


NO_EXAMPLES = (
    "A task that reads whole conversations is shown no examples: switch this off, or let it read "
    "the message alone."
)


class TaskForm(forms.ModelForm):
    """`wording` is what was written; `is_reworded` tells whether that makes a new version."""

    archive = forms.BooleanField(
        label="Archived",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Runs on nothing any more; what it has said stays.",
    )
    prompt = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}),
        help_text="The instruction: what each answer means, then the question.",
    )
    labels = LabelsField(
        required=False,
        help_text=(
            "Answers are the very words that the model chooses from. Polarity counts towards a "
            "score; a flagged answer is put before a person, or brings one. What an answer tells "
            "the reply counts where the switch “Guide the reply” is on."
        ),
    )
    context = forms.ChoiceField(
        label="The model reads", choices=TaskVersion.Context, widget=UnfoldAdminSelectWidget
    )
    reasoning = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MOST_THOUGHT,
        initial=0,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Tokens in which the model may think before it chooses a label. 0 is off.",
    )
    schema = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=(
            "A JSON Schema of an object makes the model write JSON instead of choosing a label; "
            "leave the answers above empty then."
        ),
    )
    answer_tokens = forms.IntegerField(
        label="Most tokens of the JSON",
        required=False,
        min_value=1,
        max_value=MOST_WRITTEN,
        initial=JSON_TOKENS,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="What is longer is cut, and says so. INFERENCE_MAX_NEW_TOKENS may allow less.",
    )
    based_on = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Task
        fields = SWITCHES
        help_texts = {
            "slug": "Names the task in commands and exports; it stays as it is.",
            "enabled": "Runs on every new message. Try a new task first.",
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        current = self.instance.current
        self.initial.setdefault("archive", self.instance.archived is not None)
        self.initial.setdefault("based_on", current and current.number)
        if current is None:
            self.initial.setdefault("enabled", False)
        for name in WORDING if current else ():
            self.initial.setdefault(name, getattr(current, name))

    @property
    def wording(self) -> dict:
        """What `Task.publish` takes; only of a valid form."""
        return {name: self.cleaned_data[name] for name in WORDING}

    @property
    def is_reworded(self) -> bool:
        current = self.instance.current
        return current is None or any(
            getattr(current, name) != value for name, value in self.wording.items()
        )

    def draft(self) -> TaskVersion:
        """The wording as a version that is not stored; only of a valid form."""
        return TaskVersion(task=self.instance, **self.wording)

    def clean_threshold(self) -> float:
        threshold = self.cleaned_data["threshold"]
        if not 0 <= threshold <= 1:
            raise ValidationError("The threshold is a probability: give a number from 0 to 1.")
        return threshold

    def clean_prompt(self) -> str:
        return self.cleaned_data["prompt"].replace("\r\n", "\n")  # browsers send both

    def clean_reasoning(self) -> int:
        return self.cleaned_data["reasoning"] or 0

    def clean_schema(self) -> str:
        return self.cleaned_data["schema"].replace("\r\n", "\n")

    def clean_answer_tokens(self) -> int:
        return self.cleaned_data["answer_tokens"] or JSON_TOKENS

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("few_shot") and cleaned.get("context") == TaskVersion.Context.CONVERSATION:
            self.add_error("few_shot", NO_EXAMPLES)
        if all(name in cleaned for name in ("labels", "schema", "reasoning")):
            self._check_answers()
        if all(name in cleaned for name in WORDING) and self.is_reworded:
            if overtaken := self._overtaken():
                self.add_error("prompt", overtaken)
            else:
                self._check_tokens()
        return cleaned

    def save(self, commit=True) -> Task:
        if self.cleaned_data["archive"]:
            self.instance.archived = self.instance.archived or timezone.now()
        else:
            self.instance.archived = None
        return super().save(commit)

    def _overtaken(self) -> str | None:
        """Two people with the form open must not undo each other unawares."""
        current = self.instance.current
        if current is None or self.cleaned_data.get("based_on") in (None, current.number):
            return None
        return f"Version {current.number} was published meanwhile. Load the page again."

    def _check_answers(self) -> None:
        asked = (self.cleaned_data[name] for name in ("labels", "schema", "reasoning"))
        field, problem = answer_problem(*asked)
        if problem:
            self.add_error(field, problem)

    def _check_tokens(self) -> None:
        written = self.wording
        names = [label["name"] for label in written["labels"]]
        around = _around_nothing(written["prompt"], written["context"])
        try:
            model = ruler(InferenceConfig.from_settings())
            problems = {
                "prompt": model.no_room(around, names, *_generated(written)),
                "labels": model.spelled_alike(names),
            }
        except (ModelError, PromptError) as error:
            problems = {None: f"This wording cannot be checked: {error}"}
        for field, problem in problems.items():
            if problem:
                self.add_error(field, problem)


def _generated(written: dict) -> tuple[int, int]:
    """Most tokens of a thought, and of what is written instead of a label."""
    return written["reasoning"], written["answer_tokens"] if written["schema"] else 0


def _around_nothing(prompt: str, context: str) -> Sequence[ChatMessage]:
    """The whole prompt that the model reads, around an empty message."""
    if context == TaskVersion.Context.MESSAGE:
        return message_context(prompt, "")
    system = ChatMessage("system", ReplyPrompt.objects.current().system)
    return conversation_context((system, ChatMessage("user", "")), prompt)

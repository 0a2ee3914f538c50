"""A reviewer's decision: the form it is written on, and what happens with it."""

from uuid import UUID

from asgiref.sync import async_to_sync
from django import forms
from django.db import transaction
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from chat import assignments, bell, labels
from chat.models import Classification, Review, User


class DecisionForm(forms.Form):
    """One of three buttons; a correction, and it alone, also names the right label."""

    verdict = forms.ChoiceField(choices=Review.Verdict)
    label = forms.ChoiceField(label="Right label", required=False, widget=UnfoldAdminSelectWidget)
    note = forms.CharField(
        label="Note (optional)",
        required=False,
        max_length=500,
        widget=UnfoldAdminTextInputWidget,
        help_text="Why, for whoever reads this decision later.",
    )

    def __init__(self, classification: Classification, *args, **kwargs):
        super().__init__(*args, **kwargs)
        names = [name for name in classification.version.names if name != classification.label]
        self.fields["label"].choices = [
            ("", "Choose the right label"),
            *((name, name) for name in names),
        ]

    def clean(self) -> dict:
        verdict, label = map(self.cleaned_data.get, ("verdict", "label"))
        corrected = verdict == Review.Verdict.CORRECTED
        if corrected and not label and "label" not in self.errors:
            self.add_error("label", "A correction needs the right label.")
        if verdict and label and not corrected:  # Enter in the note presses the first button
            self.add_error("label", "A label is chosen here: press Correct, or choose none.")
        return self.cleaned_data


class AssignmentForm(forms.Form):
    assignee = forms.ModelChoiceField(
        User.objects.none(),
        label="Assigned to",
        required=False,
        empty_label="Nobody in particular",
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["assignee"].queryset = assignments.reviewers()


def decide(classification: Classification, reviewer: User, **decision) -> Review:
    """Add the review and let every open page hear of it.

    Raises:
        ValueError: a correction names no label of the task.
    """
    may_settle = reviewer.has_perm("chat.settle_review")
    review = labels.review(classification, reviewer, **decision, may_settle=may_settle)
    ring_on_commit(classification.message.conversation_id)
    return review


def ring_on_commit(conversation_id: UUID) -> None:
    """Sockets read the database when the bell rings, so it rings after the commit."""
    transaction.on_commit(lambda: async_to_sync(bell.ring)(conversation_id))

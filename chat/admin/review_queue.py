"""The review queue: flagged messages, the conversation around each, and what people decide."""

from functools import partial

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.decorators import display

from chat.admin.decisions import DecisionForm, decide
from chat.admin.queue_filters import ConfidenceFilter, DecisionFilter, LabelFilter
from chat.admin.read_only import ReadOnlyAdmin
from chat.admin.surroundings import around
from chat.labels import enabled_tasks
from chat.models import Classification, Review

MAY_REVIEW = "chat.add_review"
NEWEST_REVIEW = Review.objects.filter(classification=OuterRef("pk")).order_by("-pk")


@admin.register(Classification)
class ReviewQueueAdmin(ReadOnlyAdmin):
    list_display = ["said", "by_model", "confidence_percent", "decision", "conversation", "when"]
    list_display_links = ["said"]
    list_filter = [
        DecisionFilter,
        LabelFilter,
        ConfidenceFilter,
        ("created", admin.DateFieldListFilter),
        ("message__conversation__status", admin.ChoicesFieldListFilter),
        ("message__conversation__language", admin.AllValuesFieldListFilter),
    ]
    search_fields = [
        "message__text",
        "message__conversation__name",
        "message__conversation__email",
    ]
    search_help_text = "Words of the message, name or e-mail"
    list_select_related = ["message__conversation", "version__task"]
    list_per_page = 50
    ordering = ["message__created"]  # whoever waits longest comes first
    show_full_result_count = False
    change_form_template = "admin/chat/classification/change_form.html"

    class Media:
        css = {"all": ["chat-admin/desk.css"]}

    def get_queryset(self, request):
        newest = Subquery(NEWEST_REVIEW.values("verdict")[:1])
        named = Subquery(NEWEST_REVIEW.values("label")[:1])
        return super().get_queryset(request).annotate(verdict=newest, decided_as=named)

    def get_urls(self):
        review = self.admin_site.admin_view(self.review_view)
        address = path("<int:pk>/review/", review, name="chat_classification_review")
        return [address, *super().get_urls()]

    # The list

    @display(description="Message", ordering="message__created")
    def said(self, row: Classification) -> SafeString:
        return format_html(
            '<span class="desk-said" dir="auto">{}</span>', Truncator(row.message.text).chars(140)
        )

    @display(description="Model", ordering="label")
    def by_model(self, row: Classification) -> str:
        return row.label

    @display(description="Confidence", ordering="confidence")
    def confidence_percent(self, row: Classification) -> str:
        return f"{row.confidence:.0%}"

    @display(
        description="Decision",
        ordering="verdict",
        label={"Open": "warning", "Confirmed": "info", "Dismissed": "default"},
    )
    def decision(self, row: Classification) -> str:
        if row.verdict is None:
            return "Open" if row.flagged else "–"
        if row.verdict == Review.Verdict.CORRECTED:
            return f"Corrected: {row.decided_as}"
        return Review.Verdict(row.verdict).label

    @display(description="Conversation")
    def conversation(self, row: Classification) -> SafeString:
        talk = row.message.conversation
        address = reverse("admin:chat_conversation_change", args=[talk.pk])
        return format_html('<a class="desk-link" href="{}">{}</a>', address, talk)

    @display(description="Time", ordering="message__created")
    def when(self, row: Classification) -> str:
        return timezone.localtime(row.message.created).strftime("%Y-%m-%d %H:%M")

    # Decisions over several at once

    def has_review_permission(self, request) -> bool:
        return request.user.has_perm(MAY_REVIEW)

    def get_actions(self, request):
        actions = super().get_actions(request)
        if not self.has_review_permission(request):
            return actions
        for name, title, decision in _bulk_decisions():
            actions[name] = (partial(_decide_all, decision=decision), name, title)
        return actions

    # One message

    def change_view(self, request, object_id, form_url="", extra_context=None):
        row = self.get_object(request, object_id)
        if row is None:
            return super().change_view(request, object_id, form_url, extra_context)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return self._page(request, row, DecisionForm(row))

    def review_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take a decision from the form of the message's page."""
        if not self.has_review_permission(request):
            raise PermissionDenied
        row = get_object_or_404(self.get_queryset(request), pk=pk)
        here = reverse("admin:chat_classification_change", args=[pk])
        form = DecisionForm(row, request.POST or None)
        if request.method != "POST":
            return redirect(here)
        if not form.is_valid():
            return self._page(request, row, form)
        review = decide(row, request.user, **form.cleaned_data)
        self.log_change(request, row, str(review))
        messages.success(request, f"{review.get_verdict_display()} as {review.label}.")
        return redirect(self._queue_address(request))

    def _page(
        self, request: HttpRequest, row: Classification, form: DecisionForm
    ) -> TemplateResponse:
        """The message in its conversation, what the model and people said, and the form."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Review",
            "opts": self.opts,
            "original": row,
            "change": True,
            "media": self.media,
            "has_view_permission": True,
            "row": row,
            "shares": sorted(row.probabilities.items(), key=lambda share: -share[1]),
            "talk": row.message.conversation,
            "surroundings": around(row.message),
            "reviews": row.reviews.select_related("reviewer"),
            "decision_form": form,
            "may_review": self.has_review_permission(request),
            "kept": request.GET.get("_changelist_filters", ""),
            "queue_address": self._queue_address(request),
        }
        return TemplateResponse(request, self.change_form_template, context)

    def _queue_address(self, request: HttpRequest) -> str:
        """The list as it was left, with its filters."""
        kept = request.GET.get("_changelist_filters", "")
        address = reverse("admin:chat_classification_changelist")
        return f"{address}?{kept}" if kept else address


def _bulk_decisions() -> list[tuple[str, str, dict]]:
    """Name, title and decision of each bulk action: the labels are those of the enabled tasks."""
    versions = [run.version for run in enabled_tasks()]
    names = dict.fromkeys(
        name for version in versions for name in version.names if not version.flags(name)
    )
    corrections = [
        (f"correct_{name}", f"Correct to {name}", {"verdict": "corrected", "label": name})
        for name in names
    ]
    return [
        ("confirm", "Confirm", {"verdict": "confirmed"}),
        *corrections,
        ("dismiss", "Dismiss", {"verdict": "dismissed"}),
    ]


def _decide_all(model_admin, request: HttpRequest, queryset, *, decision: dict) -> None:
    done = refused = 0
    for row in queryset.select_related("message", "version__task"):
        try:
            model_admin.log_change(request, row, str(decide(row, request.user, **decision)))
            done += 1
        except ValueError:  # the label belongs to another task than this row's
            refused += 1
    model_admin.message_user(request, f"{done} decided.", messages.SUCCESS)
    if refused:
        text = f"{refused} left as they were: their task has no label {decision['label']}."
        model_admin.message_user(request, text, messages.WARNING)

"""The review queue: flagged messages, the conversation around each, and what people decide."""

from copy import copy
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.decorators import display

from chat import assignments
from chat.admin import bulk
from chat.admin.decisions import AssignmentForm, DecisionForm, decide
from chat.admin.queue_filters import AssigneeFilter, ConfidenceFilter, DecisionFilter, LabelFilter
from chat.admin.read_only import ReadOnlyAdmin
from chat.admin.surroundings import around
from chat.models import Classification, Review

MAY_REVIEW = "chat.add_review"
MAY_SETTLE = "chat.settle_review"
NEWEST_REVIEW = Review.objects.filter(classification=OuterRef("pk")).order_by("-pk")


@admin.register(Classification)
class ReviewQueueAdmin(ReadOnlyAdmin):
    list_display = [
        "said",
        "by_model",
        "confidence_percent",
        "decision",
        "assignee",
        "conversation",
        "when",
    ]
    list_display_links = ["said"]
    list_filter = [
        DecisionFilter,
        AssigneeFilter,
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
    list_select_related = ["message__conversation", "version__task", "assignee"]
    list_per_page = 50
    ordering = ["created"]  # whoever waits longest comes first; an index has them in this order
    show_full_result_count = False
    change_form_template = "admin/chat/classification/change_form.html"
    list_before_template = "admin/chat/classification/before_list.html"

    class Media:
        css = {"all": ["chat-admin/desk.css", "chat-admin/live.css"]}
        js = ["chat-admin/keys.js", "chat-admin/renew.js", "chat-admin/live.js"]

    def get_queryset(self, request):
        newest = Subquery(NEWEST_REVIEW.values("verdict")[:1])
        named = Subquery(NEWEST_REVIEW.values("label")[:1])
        return super().get_queryset(request).annotate(verdict=newest, decided_as=named)

    def get_urls(self):
        review = self.admin_site.admin_view(self.review_view)
        assign = self.admin_site.admin_view(self.assign_view)
        return [
            path("<int:pk>/review/", review, name="chat_classification_review"),
            path("<int:pk>/assign/", assign, name="chat_classification_assign"),
            *super().get_urls(),
        ]

    # The list

    @display(description="Message", ordering="created")
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
        label={
            "Open": "warning",
            "Disputed": "danger",
            "Confirmed": "info",
            "Dismissed": "default",
        },
    )
    def decision(self, row: Classification) -> str:
        if row.disputed:
            return "Disputed"
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

    @display(description="Time", ordering="created")
    def when(self, row: Classification) -> str:
        return timezone.localtime(row.message.created).strftime("%Y-%m-%d %H:%M")

    # Decisions over several at once

    def has_review_permission(self, request) -> bool:
        return request.user.has_perm(MAY_REVIEW)

    def get_actions(self, request):
        actions = super().get_actions(request)
        if not self.has_review_permission(request):
            return actions
        return actions | bulk.actions()

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
        following = self._next(request, row) if request.POST.get("then") == "next" else None
        return redirect(following or self._queue_address(request))

    def assign_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give the message to a reviewer, from the form of its page."""
        if not self.has_review_permission(request):
            raise PermissionDenied
        row = get_object_or_404(Classification, pk=pk)
        form = AssignmentForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            assignee = form.cleaned_data["assignee"]
            assignments.assign(Classification.objects.filter(pk=pk), assignee)
            self.log_change(request, row, f"Assigned to {assignee or 'nobody'}")
            messages.success(request, f"Assigned to {assignee or 'nobody in particular'}.")
        elif request.method == "POST":
            messages.error(request, "This person may not decide on messages.")
        return redirect(self._with_filters(request, self._page_of(pk)))

    def _page(
        self, request: HttpRequest, row: Classification, form: DecisionForm
    ) -> TemplateResponse:
        """The message in its conversation, what the model and people said, and the form."""
        reviews = row.reviews.select_related("reviewer")
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
            "reviews": reviews,
            "disputed": row.disputed,
            "may_settle": request.user.has_perm(MAY_SETTLE),
            "decision_form": form,
            "choices": form.fields["label"].choices[1:],
            "assignment_form": AssignmentForm(initial={"assignee": row.assignee_id}),
            "next_address": self._next(request, row),
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

    def _next(self, request: HttpRequest, row: Classification) -> str | None:
        """The page of the next message in the list as it was left, round to its beginning."""
        rest = self._queue(request).exclude(pk=row.pk).order_by("created", "pk")
        later = Q(created=row.created, pk__gt=row.pk) | Q(created__gt=row.created)
        following = rest.filter(later).first() or rest.first()
        return self._with_filters(request, self._page_of(following.pk)) if following else None

    def _queue(self, request: HttpRequest) -> QuerySet[Classification]:
        """The rows of the list as it was left."""
        listing = copy(request)
        listing.GET = QueryDict(request.GET.get("_changelist_filters", ""))
        try:
            return self.get_changelist_instance(listing).queryset
        except IncorrectLookupParameters:  # somebody wrote the address by hand
            return self.get_queryset(request).flagged().unreviewed()

    def _page_of(self, pk: int) -> str:
        return reverse("admin:chat_classification_change", args=[pk])

    def _with_filters(self, request: HttpRequest, address: str) -> str:
        kept = request.GET.get("_changelist_filters", "")
        return f"{address}?{urlencode({'_changelist_filters': kept})}" if kept else address

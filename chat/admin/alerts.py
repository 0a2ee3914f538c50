"""Alerts to see to, and the rules that raise them."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.admin import ModelAdmin
from unfold.decorators import display

from chat import alerting
from chat.admin.read_only import ReadOnlyAdmin
from chat.alert_preview import DAYS, preview
from chat.models import Alert, AlertRule

WRITTEN = ["name", "kind", "enabled", "threshold", "k", "n", "points", "webhook"]


class OpenFilter(admin.SimpleListFilter):
    title = "alerts"
    parameter_name = "alerts"

    def lookups(self, request, model_admin):
        return [("seen", "Seen"), ("all", "All")]

    def choices(self, changelist):
        query = changelist.get_query_string
        yield {
            "selected": self.value() is None,
            "query_string": query(remove=[self.parameter_name]),
            "display": "Open",
        }
        for value, title in self.lookup_choices:
            chosen = query({self.parameter_name: value})
            yield {"selected": self.value() == value, "query_string": chosen, "display": title}

    def queryset(self, request, queryset):
        match self.value():
            case "seen":
                return queryset.exclude(seen=None)
            case "all":
                return queryset
        return queryset.open()


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    list_display = ["said", "rule", "reason", "conversation", "when", "webhook", "seen_by"]
    list_display_links = None
    list_filter = [OpenFilter, "rule", ("created", admin.DateFieldListFilter)]
    search_fields = ["message__text", "conversation__name", "conversation__email"]
    search_help_text = "Words of the message, name or e-mail"
    list_select_related = ["rule", "message", "conversation", "delivery", "seen_by"]
    list_per_page = 50
    show_full_result_count = False
    actions = ["see"]

    class Media:
        css = {"all": ["chat-admin/desk.css", "chat-admin/live.css"]}
        js = ["chat-admin/renew.js", "chat-admin/live.js"]

    def has_see_permission(self, request) -> bool:
        return request.user.has_perm("chat.change_alert")

    @admin.action(description="Mark as seen", permissions=["see"])
    def see(self, request, queryset) -> None:
        found = Alert.objects.filter(pk__in=queryset.values("pk"))
        self.message_user(request, f"{alerting.see(found, request.user)} seen.", messages.SUCCESS)

    @display(description="Message")
    def said(self, row: Alert) -> SafeString:
        address = reverse("analytics:conversation", args=[row.conversation_id])
        return format_html(
            '<a class="desk-link desk-said" dir="auto" href="{}#message-{}">{}</a>',
            address,
            row.message.seq,
            Truncator(row.message.text).chars(140),
        )

    @display(description="Webhook")
    def webhook(self, row: Alert) -> str:
        delivery = getattr(row, "delivery", None)
        if delivery is None:
            return "–"
        if delivery.delivered:
            return "Delivered"
        if delivery.due is None:
            return f"Given up: {delivery.error}"
        failed = f"Attempt {delivery.attempts} failed: {delivery.error}"
        return failed if delivery.error else "On its way"

    @display(description="Time", ordering="created")
    def when(self, row: Alert) -> str:
        return timezone.localtime(row.created).strftime("%Y-%m-%d %H:%M")


class RuleForm(forms.ModelForm):
    class Meta:
        model = AlertRule
        fields = WRITTEN


@admin.register(AlertRule)
class AlertRuleAdmin(ModelAdmin):
    """Every rule can be tried on the last days, as it is written, before it is saved."""

    form = RuleForm
    fields = WRITTEN
    list_display = ["name", "kind", "enabled", "webhook"]
    change_form_template = "admin/chat/alertrule/change_form.html"

    class Media:
        css = {"all": ["chat-admin/desk.css"]}

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def get_urls(self):
        view = self.admin_site.admin_view(self.preview_view)
        return [path("preview/", view, name="chat_alertrule_preview"), *super().get_urls()]

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """What the rule in the form would have done; stores nothing."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return redirect("admin:chat_alertrule_changelist")
        form = RuleForm(request.POST)
        form.fields["name"].required = False
        form.is_valid()
        form.errors.pop("name", None)  # its own name is taken when an existing rule is tried
        context = {
            **self.admin_site.each_context(request),
            "title": "What this rule would have done",
            "opts": self.opts,
            "media": self.media,
            "errors": {form[name].label: errors for name, errors in form.errors.items()},
            "rule": form.instance,
            "days": DAYS,
            "preview": None if form.errors else preview(form.instance),
        }
        return TemplateResponse(request, "admin/chat/alertrule/preview.html", context)

"""Tokens of the read API: made here, shown once, revoked here."""

from django import forms
from django.contrib import admin, messages
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from chat import tokens
from chat.models import ApiToken
from chat.models.token import Readable

SHOWN = ["name", "owner", "rights", "beginning", "created", "expires", "last_used", "revoked"]
ONE_BUTTON = {"show_save_and_add_another": False, "show_save_and_continue": False}


class TokenForm(forms.ModelForm):
    rights = forms.MultipleChoiceField(
        label="May read", choices=Readable, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    class Meta:
        model = ApiToken
        fields = ["name", "rights", "expires"]


@admin.register(ApiToken)
class TokenAdmin(ModelAdmin):
    form = TokenForm
    list_display = ["name", "owner", "tables", "beginning", "last_used", "expires", "works"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username", "beginning"]
    actions = ["revoke"]

    def has_change_permission(self, request, obj=None) -> bool:
        """A token is revoked, never edited: only the list knows of changing."""
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def get_fields(self, request, obj=None) -> list[str]:
        return SHOWN if obj else TokenForm.Meta.fields

    def get_readonly_fields(self, request, obj=None) -> list[str]:
        return SHOWN if obj else []

    def get_form(self, request, obj=None, change=False, **kwargs):
        """Offer only what the person who makes the token may read."""
        form = super().get_form(request, obj, change, **kwargs)
        if "rights" in form.base_fields:
            form.base_fields["rights"].choices = [
                (each.value, each.label) for each in Readable if request.user.has_perm(each.right)
            ]
        return form

    def add_view(self, request, form_url="", extra_context=None):
        return super().add_view(request, form_url, ONE_BUTTON | (extra_context or {}))

    def save_model(self, request, obj, form, change) -> None:
        written = form.cleaned_data
        row, request.issued = tokens.issue(
            request.user, written["name"], written["rights"], written["expires"]
        )
        obj.__dict__.update(row.__dict__)

    def response_add(self, request, obj, post_url_continue=None) -> TemplateResponse:
        """The one page that shows the token; it is in no message, cookie or log."""
        context = {
            **self.admin_site.each_context(request),
            "title": "API token",
            "opts": self.opts,
            "token": request.issued,
            "row": obj,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/chat/apitoken/issued.html", context)

    @admin.action(description="Revoke", permissions=["change"])
    def revoke(self, request, queryset) -> None:
        count = tokens.revoke(queryset)
        self.message_user(request, f"{count} revoked.", messages.SUCCESS)

    @display(description="May read")
    def tables(self, row: ApiToken) -> str:
        return ", ".join(row.rights)

    @display(description="Works", boolean=True)
    def works(self, row: ApiToken) -> bool:
        return row.works

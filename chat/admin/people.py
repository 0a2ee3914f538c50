"""Staff and their groups, on unfold's forms."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from chat.admin.read_only import ReadOnlyAdmin
from chat.models import User

admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    filter_horizontal = ()
    autocomplete_fields = ["groups", "user_permissions"]
    list_display = ["username", "email", "in_groups", "is_active", "is_superuser", "last_login"]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="Groups")
    def in_groups(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all()) or "–"


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    filter_horizontal = ()  # two wide boxes side by side leave the page
    autocomplete_fields = ["permissions"]

    class Media:
        css = {"all": ["chat-admin/desk.css"]}


@admin.register(Permission)
class PermissionAdmin(ReadOnlyAdmin):
    """Only for finding one by its words in the forms of users and groups."""

    search_fields = ["name", "codename", "content_type__model"]
    list_select_related = ["content_type"]

    def get_model_perms(self, request) -> dict:
        return {}  # no entry in the list of models

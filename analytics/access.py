"""Who may look at the dashboards."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

NEEDED = "chat.view_conversation"


def desk_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Staff who may view conversations. Strangers are sent to the login, others get 403."""

    @wraps(view)
    def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        user = request.user
        if not user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not (user.is_staff and user.has_perm(NEEDED)):
            return no_access(request)
        return view(request, *args, **kwargs)

    return guarded


def no_access(request: HttpRequest) -> HttpResponse:
    return render(request, "analytics/forbidden.html", status=403)

"""The one HTTP call a chat page makes: opening a conversation."""

import json

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from aio_site.security import client_address
from chat import conversations, origins, throttle, visitors

MAX_BODY = 8 * 1024  # bytes
FIELDS = {"name": 80, "email": 254, "page": 500, "language": 16}  # characters at most


@csrf_exempt  # no cookie is read: the Origin is checked, and the answer is a token
@require_http_methods(["POST", "OPTIONS"])
def open_conversation(request: HttpRequest) -> HttpResponse:
    """POST JSON with optional name, email, page, language -> 201 {"id", "token", "ws"}."""
    if not origins.request_allowed(request):
        return _error(403, "forbidden", "This origin may not open a conversation.")
    if request.method == "OPTIONS":
        return _shared(request, HttpResponse(status=204))
    return _shared(request, _open(request))


def _open(request: HttpRequest) -> JsonResponse:
    if not settings.CHAT_ENABLED:
        return _error(503, "unavailable", "The chat is switched off for now.")
    try:
        fields = _fields(request)
    except ValidationError as error:
        return _error(400, "bad_request", error.messages[0])
    if not throttle.admits_address(client_address(request)):
        return _error(429, "rate_limited", "Too many conversations in a minute.")
    conversation = conversations.open_conversation(**fields)
    return JsonResponse(
        {
            "id": str(conversation.pk),
            "token": visitors.token_for(conversation.pk),
            "ws": f"/ws/chat/{conversation.pk}/",
        },
        status=201,
    )


def _fields(request: HttpRequest) -> dict[str, str]:
    if int(request.headers.get("Content-Length") or 0) > MAX_BODY or len(request.body) > MAX_BODY:
        raise ValidationError(f"The body has at most {MAX_BODY} bytes.")
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        raise ValidationError("The body must be valid JSON.") from None
    if not isinstance(body, dict):
        raise ValidationError("The body must be a JSON object.")
    fields = {name: _text(body, name, limit) for name, limit in FIELDS.items() if body.get(name)}
    if "email" in fields:
        validate_email(fields["email"])
    return fields


def _text(body: dict, name: str, limit: int) -> str:
    value = body[name]
    if not isinstance(value, str) or len(value) > limit:
        raise ValidationError(f"{name} must be a text of at most {limit} characters.")
    if "\x00" in value or (not value.isascii() and not _encodes(value)):
        raise ValidationError(f"{name} must be valid text without NUL.")
    return value


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shared(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let the page that asked read the answer; its origin has been checked."""
    response["Access-Control-Allow-Origin"] = request.headers["Origin"]
    response["Access-Control-Allow-Headers"] = "Content-Type"
    response["Access-Control-Allow-Methods"] = "POST"
    response["Vary"] = "Origin"
    return response


def _error(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)

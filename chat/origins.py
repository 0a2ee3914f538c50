"""Which web pages may talk to the chat: its own, and those the settings name."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

from aio_site.security import forwarded_address, is_trusted_proxy

PORTS = {"http": 80, "https": 443}


def request_allowed(request: HttpRequest, *, embedded: bool = True) -> bool:
    """Whether an HTTP request comes from a page that may talk to the chat."""
    return _allowed(request.headers.get("Origin"), request.scheme, request.get_host(), embedded)


def socket_allowed(scope: dict, *, embedded: bool = True) -> bool:
    """The same for a websocket handshake; `embedded=False` admits the own origin only."""
    headers = headers_of(scope)
    peer = (scope.get("client") or [None])[0]
    forwarded = headers.get("X-Forwarded-Proto") if is_trusted_proxy(peer) else None
    secure = forwarded == "https" or scope.get("scheme") == "wss"
    scheme = "https" if secure else "http"
    return _allowed(headers.get("Origin"), scheme, headers.get("Host"), embedded)


def socket_address(scope: dict) -> str:
    """The visitor's address, behind trusted proxies too."""
    peer = (scope.get("client") or [None])[0]
    return forwarded_address(peer, headers_of(scope).get("X-Forwarded-For", ""))


def headers_of(scope: dict) -> dict[str, str]:
    """Headers of an ASGI scope by their usual names; repeated ones are joined by commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope.get("headers", []):
        name = raw_name.decode("latin1").title()
        value = raw_value.decode("latin1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _allowed(origin: str | None, scheme: str, host: str | None, embedded: bool) -> bool:
    if not origin or not host:
        return False
    # An attacker's domain that resolves to this server would otherwise be its own origin.
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS or [".localhost"]):
        return False
    foreign = settings.CHAT_ALLOWED_ORIGINS if embedded else []
    allowed = {_parts(f"{scheme}://{host}"), *map(_parts, foreign)} - {None}
    return _parts(origin) in allowed


def _parts(origin: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(origin)
        return (parts.scheme, parts.hostname or "", parts.port or PORTS.get(parts.scheme))
    except ValueError:
        return None

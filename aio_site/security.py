"""Who is really calling, and what a page may load: proxies and content security policy."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

ADMIN_POLICY = {
    # unfold's Alpine evaluates expressions from attributes and sets inline styles.
    "script-src": ["'self'", "'unsafe-eval'"],
    "style-src": ["'self'", "'unsafe-inline'"],
}


class TrustedProxyScheme:
    """Forget X-Forwarded-Proto unless a trusted proxy sent it; Django would believe anybody."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest):
        if not is_trusted_proxy(request.META.get("REMOTE_ADDR")):
            request.META.pop("HTTP_X_FORWARDED_PROTO", None)
        return self.get_response(request)


class AdminContentSecurityPolicy:
    """Relax the strict policy for /admin/ only; every other page keeps 'self'."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest):
        response = self.get_response(request)
        if request.path.startswith("/admin/"):
            response._csp_update = ADMIN_POLICY
        return response


def is_trusted_proxy(address: str | None) -> bool:
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return any(parsed in ipaddress.ip_network(network) for network in settings.TRUSTED_PROXIES)


def forwarded_address(peer: str | None, forwarded_for: str) -> str:
    """The nearest address that is no proxy of ours; the header counts only from a trusted peer."""
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    address = peer or ""
    while is_trusted_proxy(address) and hops:
        address = hops.pop()
    return address


def client_address(request: HttpRequest) -> str:
    return forwarded_address(
        request.META.get("REMOTE_ADDR"), request.META.get("HTTP_X_FORWARDED_FOR", "")
    )

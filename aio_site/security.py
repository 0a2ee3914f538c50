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
    parsed = _parsed(address or "")
    networks = map(ipaddress.ip_network, settings.TRUSTED_PROXIES)
    return parsed is not None and any(parsed in network for network in networks)


def forwarded_address(peer: str | None, forwarded_for: str) -> str:
    """The nearest address that is no proxy of ours; the header counts only from a trusted peer.

    What is no address, as a proxy's "unknown", ends the search at the proxy that said so: limits
    and lockouts by address would otherwise be as many as there are words to send.
    """
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    address = _parsed(peer or "")
    while address and is_trusted_proxy(str(address)) and hops:
        hop = _parsed(hops.pop())
        if hop is None:
            break
        address = hop
    return str(address or "")


def _parsed(hop: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in `203.0.113.9`, `203.0.113.9:51234`, `[2001:db8::1]:443`; None if none is.

    An IPv4 address that a socket for both kinds shows as `::ffff:203.0.113.9` is itself.
    """
    bare = hop[1:].partition("]")[0] if hop.startswith("[") else hop
    host, _, port = bare.rpartition(":")
    bare = host if "." in host and ":" not in host and port.isdecimal() else bare
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def client_address(request: HttpRequest) -> str:
    return forwarded_address(
        request.META.get("REMOTE_ADDR"), request.META.get("HTTP_X_FORWARDED_FOR", "")
    )

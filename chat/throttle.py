"""How much one visitor or one address may send; shared between processes where Redis is set."""

from functools import cache

from django.conf import settings
from limits import RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter


@cache
def _limiter() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(storage_from_string(settings.REDIS_URL or "memory://"))


def admits(visitor: str, address: str) -> bool:
    """Count one message; False if the visitor or the address has sent too many this minute."""
    by_visitor = RateLimitItemPerMinute(settings.CHAT_RATE_VISITOR)
    return _limiter().hit(by_visitor, "visitor", visitor) and admits_address(address)


def admits_address(address: str) -> bool:
    """Count one message or one new conversation of this address."""
    by_address = RateLimitItemPerMinute(settings.CHAT_RATE_ADDRESS)
    return _limiter().hit(by_address, "address", address)


def reset() -> None:
    """Forget what was counted (between tests)."""
    _limiter().storage.reset()

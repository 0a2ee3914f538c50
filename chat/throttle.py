"""How much one visitor or one address may send; messages are counted for all processes together
where Redis is set.
"""

from functools import cache

from django.conf import settings
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import MovingWindowRateLimiter


@cache
def _limiter() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(storage_from_string(settings.REDIS_URL or "memory://"))


@cache
def _frames() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(MemoryStorage())


def admits(visitor: str, address: str) -> bool:
    """Count one message; False if the visitor or the address has sent too many this minute."""
    by_visitor = RateLimitItemPerMinute(settings.CHAT_RATE_VISITOR)
    return _limiter().hit(by_visitor, "visitor", visitor) and admits_address(address)


def admits_address(address: str) -> bool:
    """Count one message or one new conversation of this address."""
    by_address = RateLimitItemPerMinute(settings.CHAT_RATE_ADDRESS)
    return _limiter().hit(by_address, "address", address)


def admits_frame(visitor: str) -> bool:
    """Count one of the frames that are no message, such as a stop; False if they are too many.

    Every process counts its own: a loop is told without asking Redis, and a stop waits for nobody.
    """
    by_visitor = RateLimitItemPerMinute(settings.CHAT_RATE_FRAMES)
    return _frames().hit(by_visitor, visitor)


def reset() -> None:
    """Forget what was counted (between tests)."""
    _limiter().storage.reset()
    _frames().storage.reset()

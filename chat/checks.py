"""System checks: what a deployer should hear before visitors do."""

from django.conf import settings
from django.core.checks import Warning, register


@register(deploy=True)
def shared_layer(app_configs, **kwargs):
    if settings.REDIS_URL:
        return []
    return [
        Warning(
            "REDIS_URL is not set: rate limits, login throttling and live updates stay within "
            "one process.",
            hint="Set REDIS_URL when more than one process serves the site.",
            id="chat.W001",
        )
    ]

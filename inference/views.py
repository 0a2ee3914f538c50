"""What a load balancer asks: is the process alive, and may it have visitors yet."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from inference import repeat, resident
from inference.fallback import resident as second


@never_cache
@require_safe
async def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process lives."""
    return HttpResponse("ok", content_type="text/plain")


@never_cache
@require_safe
async def readyz(request: HttpRequest) -> JsonResponse:
    """200 with the model's id and what this process counts once it is loaded; else 503 and why.

    A fallback classifier that fails is told and no reason for a 503: the main answers stand.
    """
    engine = resident.engine()
    if engine.state == "ready":
        counted = {
            "repeats": repeat.report(),
            "first_token_ms": engine.first_tokens.report(),
            "fallback": second.report(),
        }
        return JsonResponse({"state": engine.state, "model": engine.model_id, **counted})
    report = {"state": engine.state, "progress": engine.progress, "error": engine.error}
    response = JsonResponse(report, status=503)
    response._has_been_logged = True  # not yet ready is no error: Django would log each poll
    return response

"""What a load balancer asks: is the process alive, and may it have visitors yet."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from inference import repeat, resident


@never_cache
@require_safe
async def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process lives."""
    return HttpResponse("ok", content_type="text/plain")


@never_cache
@require_safe
async def readyz(request: HttpRequest) -> JsonResponse:
    """200 with the model's id and the process's repeats once it is loaded; else 503 and why."""
    engine = resident.engine()
    if engine.state == "ready":
        report = {"state": engine.state, "model": engine.model_id, "repeats": repeat.report()}
        return JsonResponse(report)
    report = {"state": engine.state, "progress": engine.progress, "error": engine.error}
    response = JsonResponse(report, status=503)
    response._has_been_logged = True  # not yet ready is no error: Django would log each poll
    return response

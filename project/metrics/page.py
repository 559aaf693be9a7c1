"""The page of the metrics, for Prometheus."""

from collections.abc import Iterator
from hmac import compare_digest

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder

from project.metrics.counters import counted
from project.metrics.state import state

#: A request that has a header of these came through a proxy: its address is the proxy's.
FORWARDED = ("HTTP_X_FORWARDED_", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA", "HTTP_CF_")
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


class Everything:
    """The metrics of one scrape."""

    def collect(self) -> Iterator[Metric]:
        yield from counted()
        yield from state()


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics to a client with METRICS_TOKEN, and without one to this machine only.

    Others get 401, or 404 if METRICS_TOKEN is not set.
    """
    if settings.METRICS_TOKEN and not has_token(request):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    if not settings.METRICS_TOKEN and not is_local(request):
        raise Http404
    try:
        encode, media_type = choose_encoder(request.headers.get("Accept", ""))
    except (TypeError, ValueError):  # a version that is not a number
        encode, media_type = choose_encoder("")
    response = HttpResponse(encode(Everything()), content_type=media_type)
    patch_vary_headers(response, ["Accept"])
    return response


def is_local(request: HttpRequest) -> bool:
    """Return whether the client is a program on this machine, and neither a proxy nor a page.

    A page of another site can make a browser send a request here, but under its own name.
    """
    host, _ = split_domain_port(request.META.get("HTTP_HOST", ""))
    return (
        request.META.get("REMOTE_ADDR") in LOOPBACK
        and host in settings.LOOPBACK
        and not any(name.startswith(FORWARDED) for name in request.META)
    )


def has_token(request: HttpRequest) -> bool:
    """Return whether the request has METRICS_TOKEN as its bearer token (RFC 6750, section 2.1)."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.METRICS_TOKEN.encode()
    return scheme.lower() == "bearer" and compare_digest(given.strip().encode(), wanted)

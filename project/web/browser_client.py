"""The JavaScript client of clients/browser, which pages of every origin may import."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

MODULE = Path(__file__).resolve().parents[2] / "clients" / "browser" / "latchkey.js"
MAX_AGE = 3600  # seconds: the URL stays the same when the module changes


@cache
def source() -> tuple[bytes, str]:
    """Return the module and its ETag. The file is read once per process.

    The ETag is weak, so that it is the same for the compressed module (RFC 9110, section 8.8.1).
    """
    content = MODULE.read_bytes()
    return content, f'W/"{sha256(content).hexdigest()[:16]}"'


@login_not_required
@csrf_exempt
@require_safe
@gzip_page
@vary_on_headers("Accept-Encoding")  # gzip_page adds it to long answers, but not to a 304
@cache_control(public=True, max_age=MAX_AGE)
def module(request: HttpRequest) -> HttpResponseBase:
    """Return the ES module. It does not depend on the caller, so every origin may read it."""
    content, etag = source()
    whole = HttpResponse(content, content_type="text/javascript; charset=utf-8")
    whole["ETag"] = etag
    answer = get_conditional_response(request, etag=etag, response=whole) or whole
    answer["Access-Control-Allow-Origin"] = "*"
    answer["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer

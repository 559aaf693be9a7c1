"""A request that the site refuses before a view reads it."""

import re
from dataclasses import dataclass
from typing import Any, cast

from django.http import HttpRequest
from django.utils.translation import gettext

from project.web.json import TOO_LARGE, longest_body
from tokens.http.paths import PRIVATE

#: The variable of the environ that makes the site refuse a request.
REFUSAL = "latchkey.refusal"
UTF8 = re.compile(r';\s*charset\s*=\s*"?utf-?8"?\s*(;|$)', re.IGNORECASE)


@dataclass(frozen=True)
class RequestRefusal:
    """The answer to a request that no view handles."""

    status: int
    code: str
    detail: str

    def put_into(self, environ: dict[str, Any]) -> None:
        environ[REFUSAL] = self
        # The refusal is the answer, not a redirect to https.
        environ["wsgi.url_scheme"] = "https"


def is_utf8(content_type: str) -> bool:
    """Return whether the header names UTF-8 or no charset.

    Django accepts any codec of Python, also for the query, and some of them fail later.
    """
    return "charset" not in content_type.lower() or UTF8.search(content_type) is not None


def why_unread(request: HttpRequest) -> RequestRefusal | None:
    """Return why no view may read the request, or None.

    Either the gateway refuses it, or its body has an unknown length, which looks empty to WSGI, is
    in another charset than UTF-8, too large or compressed.
    """
    meta = request.META
    if REFUSAL in meta:
        return cast("RequestRefusal", meta[REFUSAL])
    if "HTTP_TRANSFER_ENCODING" in meta and not meta.get("CONTENT_LENGTH"):
        return RequestRefusal(411, "length_required", gettext("Send a Content-Length."))
    if not is_utf8(meta.get("CONTENT_TYPE", "")):
        return RequestRefusal(400, "bad_request", gettext("Send the form in UTF-8."))
    longest, size = longest_body(request.path_info), length(request)
    if size > longest:
        return RequestRefusal(413, "too_large", TOO_LARGE.format(longest))
    if size and is_encoded(request):
        detail = gettext("Send the body without a Content-Encoding.")
        return RequestRefusal(415, "unsupported_media_type", detail)
    return None


def is_encoded(request: HttpRequest) -> bool:
    """Return whether a call of the API has a compressed body, which no parser decodes."""
    coding = str(request.META.get("HTTP_CONTENT_ENCODING", ""))
    return coding.lower() not in ("", "identity") and request.path_info.startswith(PRIVATE)


def length(request: HttpRequest) -> int:
    """Return the length of the body from the header. Like Django, read anything else as 0."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0

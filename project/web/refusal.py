"""A request that the site refuses before a view reads it."""

import re
from dataclasses import dataclass
from typing import Any

#: The variable of the environ that makes the site refuse a request.
REFUSAL = "latchkey.refusal"
UTF8 = re.compile(r';\s*charset\s*=\s*"?utf-?8"?\s*(;|$)', re.IGNORECASE)


@dataclass(frozen=True)
class Refusal:
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

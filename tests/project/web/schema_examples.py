"""The examples of the OpenAPI document, and the requests that they belong to."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from django.test import Client

from accounts import links
from accounts.models import User
from tests.conftest import Answer
from tests.support import shipped
from tokens.api.openapi.examples import ACCESS, REFRESH

Pair: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """A response in the document, with its operation."""

    method: str
    path: str
    operation: dict[str, Any]
    status: str
    name: str
    value: Any

    def __str__(self) -> str:
        return f"{self.operation['operationId']} {self.status} {self.name}"

    @property
    def body(self) -> dict[str, Any]:
        """The only example of the request, or an empty body."""
        if "requestBody" not in self.operation:
            return {}
        (asked,) = self.operation["requestBody"]["content"]["application/json"]["examples"].values()
        return dict(asked["value"])

    @property
    def signed_in(self) -> bool:
        return {"bearer": []} in self.operation.get("security", [])


def examples() -> Iterator[Example]:
    """Yield every documented answer; one without a body has no name and no value."""
    for path, methods in shipped.described().items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                content = answer.get("content", {}).get("application/json", {})
                for name, shown in content.get("examples", {"": {"value": None}}).items():
                    yield Example(method, path, operation, status, name, shown["value"])


def valid_body(example: Example) -> str:
    """Return the example's body. A valid link replaces the link that it shows."""
    alice = User.objects.get()
    mark = links.email_fingerprint(alice, "new@example.org")
    link = {
        "confirmEmail": links.email_link(alice, "new@example.org", mark),
        "confirmReset": links.password_link(alice),
    }.get(example.operation["operationId"], "")
    return json.dumps({**example.body, **dict(parse_qsl(urlsplit(link).query))})


def ask(example: Example, pair: Pair, body: Any = None, **headers: str) -> Answer:
    """Send the example's request, or another body, with valid tokens in place of the shown ones."""
    text = json.dumps(example.body) if body is None else body
    for shown, kind in ((ACCESS, "access"), (REFRESH, "refresh")):
        text = text.replace(shown, pair[kind])
    if example.signed_in and pair["access"]:
        headers["Authorization"] = f"Bearer {pair['access']}"
    path = example.path.replace("{sid}", pair["session"])
    kind = headers.pop("Content-Type", "application/json")
    return Client().generic(example.method.upper(), path, text, kind, headers=headers)


EVERY = list(examples())
THROTTLED = [example for example in EVERY if example.name == "Throttled"]
UNAVAILABLE = [example for example in EVERY if example.name == "Unavailable"]
OTHERS = [example for example in EVERY if example not in (*THROTTLED, *UNAVAILABLE)]

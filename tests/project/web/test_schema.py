"""The OpenAPI document is valid, and what it says of the site is true.

Schemathesis makes requests of the document, good and bad, the same ones every time, and no answer
may be a mistake of ours or have a status, a header or a shape that is not documented.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import pytest
import schemathesis
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from schemathesis.specs.openapi.checks import ignored_auth

from accounts import links
from accounts.models import User
from project.serving.environ import REFUSAL, Refusal
from project.serving.gateway import BUSY, TOO_SLOW
from project.web.docs import document
from project.wsgi import application
from tests.conftest import API, HASHED, Answer
from tests.project.conftest import Outage
from tests.support import shipped
from tokens.api.openapi.examples import ACCESS, IDEMPOTENCY_KEY, REFRESH, SID
from tokens.http import cookies
from tokens.jwt import claims
from tokens.revocation import snapshot
from tokens.sessions.lifecycle import Device, open_session

Pair: TypeAlias = dict[str, Any]
CONFIG = {
    "seed": 6819,
    "generation": {"deterministic": True, "max-examples": 25, "unique-inputs": True},
    # What a user name, a password or a token may be is decided by more than their schemas.
    "checks": {"positive_data_acceptance": {"enabled": False}},
}

pytestmark = pytest.mark.django_db
described = schemathesis.openapi.from_wsgi(
    "/api/schema/", application, config=schemathesis.Config.from_dict(CONFIG)
).include(path=[*shipped.described()])


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Keep the test's connection after a request, as Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def signed_in() -> claims.Pair:
    """Return what somebody has who signed in; a case before this one may have deleted alice."""
    user = User.objects.first() or User.objects.create(username="alice", password=HASHED)
    pair = open_session(user, Device())
    assert pair is not None
    return pair


@pytest.mark.slow
@described.parametrize()
@pytest.mark.usefixtures("alice", "one_connection")
def test_every_answer_to_a_stranger_is_documented(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate()


@pytest.mark.slow
@described.parametrize()
@pytest.mark.usefixtures("alice", "one_connection")
def test_every_answer_to_somebody_signed_in_is_documented(case: schemathesis.Case[Any]) -> None:
    pair = signed_in()
    case.call_and_validate(headers={"Authorization": f"Bearer {pair.access}"})


@pytest.mark.slow
@described.parametrize()
@pytest.mark.usefixtures("alice", "one_connection")
def test_every_answer_to_a_browser_is_documented(case: schemathesis.Case[Any]) -> None:
    pair = signed_in()
    secret = "s" * 32
    kept = {
        cookies.cookie_name("access"): str(pair.access),
        cookies.cookie_name("refresh"): str(pair.refresh),
        settings.CSRF_COOKIE_NAME: secret,
    }
    # The check that takes credentials away takes no cookies away that were given for the call.
    case.call_and_validate(
        cookies=kept, headers={"X-CSRFToken": secret}, excluded_checks=[ignored_auth]
    )


def test_the_document_is_valid_and_made_without_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("spectacular", urlconf=shipped.__name__, validate=True, fail_on_warn=True)
    assert capsys.readouterr().out.startswith("openapi: 3.1.")


def test_the_document_is_served_as_what_it_is(client: Client) -> None:
    answer = client.get("/api/schema/")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/vnd.oai.openapi+json"


@dataclass(frozen=True)
class Example:
    """An answer of the document, and how the operation is asked for it."""

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
        """The example of the request, of which there is one, or an empty body."""
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


def living_body(example: Example) -> str:
    """Return the example's body, with what a living link has if it is about one."""
    alice = User.objects.get()
    mark = links.email_fingerprint(alice, "new@example.org")
    link = {
        "confirmEmail": links.email_link(alice, "new@example.org", mark),
        "confirmReset": links.password_link(alice),
    }.get(example.operation["operationId"], "")
    return json.dumps({**example.body, **dict(parse_qsl(urlsplit(link).query))})


def ask(example: Example, pair: Pair, body: Any = None, **headers: str) -> Answer:
    """Send the example's request, or another body, with living tokens for those it shows."""
    text = json.dumps(example.body) if body is None else body
    for shown, living in ((ACCESS, "access"), (REFRESH, "refresh")):
        text = text.replace(shown, pair[living])
    if example.signed_in and pair["access"]:
        headers["Authorization"] = f"Bearer {pair['access']}"
    path = example.path.replace("{sid}", pair["session"])
    kind = headers.pop("Content-Type", "application/json")
    return Client().generic(example.method.upper(), path, text, kind, headers=headers)


def ask_by_cookie(example: Example, pair: Pair, *, strict: bool = False) -> Answer:
    """Send the example's request with the tokens in cookies; a strict site wants a CSRF token."""
    client = Client(enforce_csrf_checks=strict)
    for kind in ("access", "refresh"):
        client.cookies[cookies.cookie_name(kind)] = pair[kind]
    shown = {**example.body, "transport": "cookie"}
    shown.pop("refresh", None)
    path = example.path.replace("{sid}", pair["session"])
    headers = {"X-CSRFToken": ""}
    kind, send = "application/json", getattr(client, example.method)
    return send(path, json.dumps(shown), content_type=kind, headers=headers)


def with_many_roles(example: Example, pair: Pair) -> Answer:
    groups = [Group(name=f"a role of some length, number {number}") for number in range(75)]
    alice = User.objects.get()
    alice.groups.set(Group.objects.bulk_create(groups))
    return ask_by_cookie(example, API(Client()).login(alice))


def without_length(example: Example, pair: Pair) -> Answer:
    headers = {"Transfer-Encoding": "chunked"}
    client, method = Client(headers=headers), example.method.upper()
    return client.generic(method, example.path, "{}", "application/json", CONTENT_LENGTH="")


def refused_by_gateway(refusal: Refusal) -> "Provoke":
    """Return what sends the example's request as the gateway hands it over with a refusal."""

    def send(example: Example, pair: Pair) -> Answer:
        extra: dict[str, Any] = {REFUSAL: refusal}
        return Client().generic(example.method.upper(), example.path, "{}", **extra)

    return send


def in_body_and_cookie(example: Example, pair: Pair) -> Answer:
    client = Client(headers={"Cookie": f"{cookies.cookie_name('refresh')}={pair['refresh']}"})
    return client.post(example.path, {"refresh": pair["refresh"]}, content_type="application/json")


Provoke: TypeAlias = Callable[[Example, Pair], Answer]


def after_rotation(example: Example, pair: Pair) -> Answer:
    API(Client()).rotated(pair["refresh"], key=IDEMPOTENCY_KEY)
    return ask(example, pair)


def after_promotion(example: Example, pair: Pair) -> Answer:
    User.objects.get().groups.add(Group.objects.create(name="authors"))
    # Nothing is committed in these tests, so nothing is told either.
    snapshot.revocations.invalidate()
    return ask(example, pair)


def token_without_roles() -> Pair:
    User.objects.get().groups.clear()
    pair = open_session(User.objects.get(), Device())
    assert pair is not None
    return {**pair.as_json()}


#: How an answer that is not the first one is come by, by the name of its example.
PROVOKE: dict[str, Provoke] = {
    "Empty": lambda example, pair: ask(example, pair, "{}"),
    "NoJSON": lambda example, pair: ask(example, pair, "no JSON"),
    "NoLength": without_length,
    "Timeout": refused_by_gateway(TOO_SLOW),
    "Busy": refused_by_gateway(BUSY),
    "TooLarge": lambda example, pair: ask(example, pair, " " * 70_000),
    "Form": lambda example, pair: ask(
        example, pair, "a=b", **{"Content-Type": "application/x-www-form-urlencoded"}
    ),
    "ShortKey": lambda example, pair: ask(example, pair, **{"Idempotency-Key": "short"}),
    "NothingPresented": lambda example, pair: ask(example, {**pair, "access": ""}),
    "Refused": lambda example, pair: ask(
        example,
        {**pair, "access": "a.b.c", "refresh": "a.b.c"},
    ),
    "NoSuchAccount": lambda example, pair: ask(
        example, pair, json.dumps({**example.body, "password": "nine dry herons"})
    ),
    "WrongPassword": lambda example, pair: ask(
        example,
        pair,
        json.dumps(
            {
                **example.body,
                "email": "new@example.org",
                "current_password": "nine dry herons",
            }
        ),
    ),
    "NoPassword": lambda example, pair: ask(example, pair, '{"email": "new@example.org"}'),
    "InvalidLink": ask,
    "CsrfFailed": lambda example, pair: ask_by_cookie(example, pair, strict=True),
    "TooManyRoles": with_many_roles,
    "InBodyAndCookie": in_body_and_cookie,
    "AlreadyRotated": after_rotation,
    "RightsChanged": after_promotion,
    "NoEditor": lambda example, pair: ask(example, token_without_roles()),
    "OfSomebodyElse": lambda example, pair: ask(example, {**pair, "session": SID}),
}
EVERY = list(examples())
THROTTLED = [example for example in EVERY if example.name == "Throttled"]
UNAVAILABLE = [example for example in EVERY if example.name == "Unavailable"]
OTHERS = [example for example in EVERY if example not in (*THROTTLED, *UNAVAILABLE)]


def form(value: Any) -> Any:
    """Return the value with every leaf replaced by its type; a list is its first entry's form."""
    if isinstance(value, dict):
        return {key: form(entry) for key, entry in value.items()}
    return [form(entry) for entry in value[:1]] if isinstance(value, list) else type(value)


def resolved(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an answer's body with the components that it refers to."""
    shown: dict[str, Any] = answer["content"]["application/json"]["schema"]
    return {**shown, "components": json.loads(document())["components"]}


def is_as_documented(example: Example, answer: Answer) -> None:
    """Assert that status, headers and shape are those of the example; refusals to the word."""
    assert str(answer.status_code) == example.status, answer.content
    documented = example.operation["responses"][example.status]
    assert set(documented.get("headers", {})) <= set(answer.headers)
    if "content" not in documented:
        assert answer.content == b""
        return
    jsonschema.validate(answer.json(), resolved(documented))
    jsonschema.validate(example.value, resolved(documented))
    assert form(answer.json()) == form(example.value)
    if answer.status_code >= 400:
        assert answer.json() == example.value


@pytest.mark.parametrize("example", OTHERS, ids=str)
def test_every_example_is_true(api: API, alice: User, example: Example) -> None:
    alice.groups.add(Group.objects.create(name="editors"))
    pair = api.login(alice)
    if example.status < "300":
        is_as_documented(example, ask(example, pair, living_body(example)))
    else:
        is_as_documented(example, PROVOKE[example.name](example, pair))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("example", UNAVAILABLE, ids=str)
def test_every_call_documents_what_it_answers_without_the_database(
    api: API, alice: User, outage: Outage, example: Example
) -> None:
    pair = api.login(alice)
    body = living_body(example)
    snapshot.revocations.invalidate()
    with outage():
        is_as_documented(example, ask(example, pair, body))


def test_every_call_says_what_it_answers_without_the_database() -> None:
    operations = {example.operation["operationId"] for example in EVERY}
    answered = {example.operation["operationId"] for example in UNAVAILABLE}
    assert operations - answered == {"csrf"}


def test_every_refusal_names_its_headers() -> None:
    needed = {"401": {"WWW-Authenticate"}, "429": {"Retry-After"}, "503": {"Retry-After"}}
    for example in EVERY:
        documented = example.operation["responses"][example.status]
        assert set(documented.get("headers", {})) == needed.get(example.status, set()), example


def test_every_call_that_takes_a_body_says_how_long_it_may_be() -> None:
    for example in EVERY:
        told = {"411", "413", "415"} <= example.operation["responses"].keys()
        assert told is ("requestBody" in example.operation), example


def test_the_body_of_a_deletion_is_described() -> None:
    """OpenAPI 3.0 has none for DELETE."""
    deletions = {one.operation["operationId"]: one for one in EVERY if one.method == "delete"}
    asked = deletions.pop("deleteAccount").operation["requestBody"]
    assert asked["required"] is True
    assert "$ref" in asked["content"]["application/json"]["schema"]
    assert not [name for name, one in deletions.items() if "requestBody" in one.operation]


def test_every_operation_has_a_summary_a_tag_and_a_name_of_its_own() -> None:
    operations = [example.operation for example in EVERY]
    assert all(operation["summary"] and operation["tags"] for operation in operations)
    names = {(example.method, example.path): example.operation["operationId"] for example in EVERY}
    assert len(set(names.values())) == len(names)

"""Every example of the OpenAPI document is what the site answers."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import jsonschema
import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from project.serving.gateway import BUSY, TOO_SLOW
from project.web.docs import document
from project.web.refusal import REFUSAL, RequestRefusal
from tests.conftest import API, Answer
from tests.project.conftest import Outage
from tests.project.web.schema_examples import OTHERS, UNAVAILABLE, Example, ask, valid_body
from tests.support.roles import give_roles
from tokens.api.openapi.examples import IDEMPOTENCY_KEY, SID
from tokens.http import cookies
from tokens.revocation import snapshot
from tokens.sessions.lifecycle import Device, open_session
from tokens.testing import program_token

pytestmark = pytest.mark.django_db

Pair: TypeAlias = dict[str, Any]


def ask_by_cookie(example: Example, pair: Pair, *, strict: bool = False) -> Answer:
    """Send the example's request with the tokens in cookies. A strict client checks CSRF tokens."""
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
    alice = User.objects.get()
    give_roles(alice, 75, 32)
    return ask_by_cookie(example, API(Client()).login(alice))


def with_far_too_many_roles(example: Example, pair: Pair) -> Answer:
    """Ask with valid tokens, because these writes do not tell the site that the roles change."""
    groups = Group.objects.bulk_create(Group(name=f"{'r' * 140} {n}") for n in range(60))
    alice, membership = User.objects.get(), User.groups.through
    membership.objects.bulk_create(membership(user=alice, group=group) for group in groups)
    return ask(example, pair)


def without_length(example: Example, pair: Pair) -> Answer:
    headers = {"Transfer-Encoding": "chunked"}
    client, method = Client(headers=headers), example.method.upper()
    return client.generic(method, example.path, "{}", "application/json", CONTENT_LENGTH="")


def refused_by_gateway(refusal: RequestRefusal) -> "Provoke":
    """Return a function that sends the example's request with a refusal of the gateway."""

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
    # These tests commit nothing, so no signal invalidates the snapshot.
    snapshot.revocations.invalidate()
    return ask(example, pair)


def token_without_roles() -> Pair:
    User.objects.get().groups.clear()
    pair = open_session(User.objects.get(), Device())
    assert pair is not None
    return {**pair.as_json()}


#: The function that provokes each response that is not the first, by its example's name.
PROVOKE: dict[str, Provoke] = {
    "Empty": lambda example, pair: ask(example, pair, "{}"),
    "NotJSON": lambda example, pair: ask(example, pair, "not JSON"),
    "NoLength": without_length,
    "Timeout": refused_by_gateway(TOO_SLOW),
    "Busy": refused_by_gateway(BUSY),
    "TooLarge": lambda example, pair: ask(example, pair, " " * 70_000),
    "Form": lambda example, pair: ask(
        example, pair, "a=b", **{"Content-Type": "application/x-www-form-urlencoded"}
    ),
    "Compressed": lambda example, pair: ask(example, pair, **{"Content-Encoding": "gzip"}),
    "ShortKey": lambda example, pair: ask(example, pair, **{"Idempotency-Key": "short"}),
    "NoToken": lambda example, pair: ask(example, {**pair, "access": ""}),
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
    "InvalidId": lambda example, pair: ask(replace(example, path=f"{example.path}?before=x"), pair),
    "CsrfFailed": lambda example, pair: ask_by_cookie(example, pair, strict=True),
    "TooManyRoles": with_many_roles,
    "FarTooManyRoles": with_far_too_many_roles,
    "InBodyAndCookie": in_body_and_cookie,
    "AlreadyRotated": after_rotation,
    "OtherGeneration": lambda example, pair: ask(
        example, pair, json.dumps({"refresh": pair["refresh"], "generation": 2})
    ),
    "RightsChanged": after_promotion,
    "OfAProgram": lambda example, pair: ask(example, {**pair, "access": program_token()}),
    "NoEditor": lambda example, pair: ask(example, token_without_roles()),
    "OtherUser": lambda example, pair: ask(example, {**pair, "session": SID}),
}


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
        # The session has another id in each run.
        assert {**answer.json(), "session": SID} == {**example.value, "session": SID}


@pytest.mark.parametrize("example", OTHERS, ids=str)
def test_every_example_is_what_the_site_answers(api: API, alice: User, example: Example) -> None:
    alice.groups.add(Group.objects.create(name="editors"))
    pair = api.login(alice)
    if example.status < "300":
        is_as_documented(example, ask(example, pair, valid_body(example)))
    else:
        is_as_documented(example, PROVOKE[example.name](example, pair))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("example", UNAVAILABLE, ids=str)
def test_every_503_is_what_the_site_answers(
    api: API, alice: User, outage: Outage, example: Example
) -> None:
    pair = api.login(alice)
    body = valid_body(example)
    snapshot.revocations.invalidate()
    with outage():
        is_as_documented(example, ask(example, pair, body))

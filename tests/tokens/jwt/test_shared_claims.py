"""Requests with the same access token share its claims, and none of them can change these."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts.models import User
from tests.conftest import API
from tests.tokens.jwt.forging import resigned_access
from tokens.http.permissions import has_role
from tokens.jwt.claims import AccessToken

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.trap(99)]

NESTED: dict[str, Any] = {
    "tenants": [{"name": "north", "rights": ["read"]}],
    "plan": {"name": "free"},
}

#: The changes that a view may try, by their description.
CHANGES: dict[str, Callable[[Any], object]] = {
    "a role is appended": lambda token: token["roles"].append("editors"),
    "a role is replaced": lambda token: token["roles"].__setitem__(0, "editors"),
    "a list in a claim grows": lambda token: token["org"]["tenants"].append({}),
    "a list deep in a claim grows": lambda token: token["org"]["tenants"][0]["rights"].append(1),
    "a member of a claim is set": lambda token: token["org"]["plan"].__setitem__("name", "paid"),
    "a member of a claim is deleted": lambda token: token["org"].__delitem__("plan"),
    "a claim is merged": lambda token: token["org"].__ior__({"plan": {}}),
    "a claim is updated": lambda token: token["org"].update(plan={}),
    "a claim is cleared": lambda token: token["org"].clear(),
    "a member of a claim is taken out": lambda token: token["org"].pop("plan"),
    "any member of a claim is taken out": lambda token: token["org"].popitem(),
    "a member of a claim is given a default": lambda token: token["org"].setdefault("x", 1),
    "a copy is changed": lambda token: copy.deepcopy(token)["org"]["plan"].update(name="paid"),
}


@pytest.fixture
def raw(api: API, alice: User) -> str:
    """Return an access token of an author, with a nested claim of a developer's own."""
    alice.groups.add(Group.objects.create(name="authors"))
    return resigned_access(api.login(alice)["access"], org=NESTED)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_view_cannot_change_shared_claims(raw: str, change: Callable[[Any], object]) -> None:
    with pytest.raises((TypeError, AttributeError)):
        change(AccessToken(raw))
    later = AccessToken(raw)
    assert json.loads(json.dumps(later["org"])) == NESTED
    assert (set(later.roles), list(later["roles"])) == ({"authors"}, ["authors"])


def test_a_claim_set_on_a_token_stays_with_its_request(raw: str) -> None:
    AccessToken(raw)["roles"] = ["editors"]
    del AccessToken(raw).payload["org"]
    later = AccessToken(raw)
    assert (set(later.roles), "org" in later) == ({"authors"}, True)


class AppendingView(APIView):
    """A developer's view that gives the caller one more role."""

    def get(self, request: Request) -> Response:
        request.auth["roles"].append("editors")  # type: ignore[index]
        return Response()


class EditorsView(APIView):
    permission_classes = [has_role("editors")]

    def get(self, request: Request) -> Response:
        return Response()


def test_a_view_cannot_give_a_role_to_later_requests(raw: str) -> None:
    request = APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {raw}")
    with pytest.raises(AttributeError):
        AppendingView.as_view()(request)
    assert EditorsView.as_view()(request).status_code == 403


class ClaimsView(APIView):
    """A developer's view that answers with claims as they are."""

    def get(self, request: Request) -> Response:
        return Response({"roles": request.auth["roles"], "org": request.auth["org"]})  # type: ignore[index]


def test_a_view_can_answer_with_claims(raw: str) -> None:
    request = APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {raw}")
    answer = ClaimsView.as_view()(request).render()
    assert json.loads(answer.content) == {"roles": ["authors"], "org": NESTED}


def test_a_verified_token_is_signed_again_as_it_was(raw: str) -> None:
    """SimpleJWT signs a token anew where it is made a text, to be sent on to another service."""
    token = AccessToken(raw)
    assert dict(AccessToken(str(token)).payload) == dict(token.payload)


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))],  # noqa: S301  (ours)
    ids=["copied", "copied deeply", "pickled"],
)
def test_claims_can_be_copied(raw: str, duplicate: Callable[[Any], Any]) -> None:
    claim = AccessToken(raw)["org"]
    assert duplicate(claim) == claim
    assert dict(claim) | {"plan": None} != claim

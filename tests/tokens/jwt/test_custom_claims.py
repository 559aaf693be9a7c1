"""TOKENS["CLAIMS"]: a project adds further claims to access tokens."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Clock, row
from tests.tokens.oauth.conftest import PAYMENTS, OAuth, Service
from tests.tokens.oauth.test_exchange import exchanged
from tokens.jwt.claims import AccessToken, RefreshToken
from tokens.jwt.custom_claims import MAX_SIZE, RESERVED, custom_claims
from tokens.models import DeviceSession, Reason, ServiceAccount

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("known_scopes")]

#: What `returned` returns, or raises.
ANSWER: dict[str, Any] = {"value": {}}


def returned(subject: Any, session: DeviceSession) -> Mapping[str, Any]:
    """Return ANSWER without a look at the subject."""
    if isinstance(ANSWER["value"], Exception):
        raise ANSWER["value"]
    value: Mapping[str, Any] = ANSWER["value"]
    return value


def tenant(subject: Any, session: DeviceSession) -> Mapping[str, Any]:
    """Return a tenant from the row of the user or service account."""
    if isinstance(subject, ServiceAccount):
        return {"tenant": subject.name}
    return {"tenant": subject.last_name or None, "session": str(session.sid)}


def use(settings: Settings, function: str) -> None:
    settings.TOKENS = {**settings.TOKENS, "CLAIMS": f"{__name__}.{function}"}


REFUSED: dict[str, Any] = {
    **{f"the reserved claim {name}": {name: "x"} for name in sorted(RESERVED)},
    "too many bytes": {"tenant": "x" * MAX_SIZE},
    "a date": {"since": datetime(2026, 1, 1, tzinfo=UTC)},
    "bytes": {"tenant": b"x"},
    "a set": {"tenants": {"x"}},
    "not a number": {"share": float("nan")},
    "infinity": {"share": float("inf")},
    "a tuple": {"tenants": ("x", "y")},
    "a number as a name": {"tenants": {1: "x"}},
    "a text that UTF-8 lacks": {"tenant": "\ud800"},
}


@pytest.mark.parametrize("claims", REFUSED.values(), ids=REFUSED)
def test_a_claim_is_refused_unless_it_is_free_small_and_json(
    settings: Settings, claims: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(settings, "returned")
    monkeypatch.setitem(ANSWER, "value", claims)
    with pytest.raises(ImproperlyConfigured, match=f"^{__name__}.returned returned"):
        custom_claims(None, DeviceSession())


def test_every_claim_of_a_token_is_reserved(api: API, alice: User) -> None:
    tokens = api.login(alice)
    for token in (AccessToken(tokens["access"]), RefreshToken(tokens["refresh"])):
        assert token.payload.keys() <= RESERVED
    assert {"nbf", "scope", "act", "may_act", "actor_sids", "cnf", "status"} < RESERVED
    assert {"active", "username"} < RESERVED, "answers of introspection"


def test_claims_of_the_largest_size_are_added(
    settings: Settings, api: API, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(settings, "returned")
    claims = {"tenant": {"ids": [1, 2.5, None, True]}, "long": ""}
    claims["long"] = "x" * (MAX_SIZE - len('{"tenant": {"ids": [1, 2.5, null, true]}, "long": ""}'))
    monkeypatch.setitem(ANSWER, "value", claims)
    token = AccessToken(api.login(alice)["access"])
    assert token["long"] == claims["long"]
    assert token["tenant"] == {"ids": (1, 2.5, None, True)}


def test_claims_are_rebuilt_at_each_refresh(settings: Settings, api: API, alice: User) -> None:
    use(settings, "tenant")
    pair = api.login(alice)
    assert AccessToken(pair["access"])["tenant"] is None
    User.objects.filter(pk=alice.pk).update(last_name="Acme")
    token = AccessToken(api.rotated(pair["refresh"])["access"])
    assert (token["tenant"], token["session"]) == ("Acme", pair["session"])


def queries_of(call: Any) -> int:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


def test_a_function_costs_a_query_at_refresh_also_if_it_reads_the_user(
    settings: Settings, api: API, alice: User
) -> None:
    counts: dict[str, tuple[int, int]] = {}
    for function in ("", "returned", "tenant"):
        settings.TOKENS = {**settings.TOKENS, "CLAIMS": function and f"{__name__}.{function}"}
        pairs = [api.login(alice)]
        at_login = queries_of(lambda: pairs.append(api.login(alice)))  # noqa: B023
        at_refresh = queries_of(lambda: api.rotated(pairs[-1]["refresh"]))  # noqa: B023
        counts[function] = (at_login, at_refresh)
    login, refresh = counts[""]
    assert counts == {
        "": (login, refresh),
        "returned": (login, refresh + 1),
        "tenant": (login, refresh + 1),
    }


def test_a_service_account_has_claims_without_another_query(
    settings: Settings, oauth: OAuth, service: Service
) -> None:
    oauth.issued(service, grant_type="client_credentials")
    use(settings, "tenant")
    with CaptureQueriesContext(connection) as queries:
        token = oauth.issued(service, grant_type="client_credentials")
    assert (token["tenant"], len(queries)) == ("orders", 1)


def test_an_exchanged_token_keeps_the_claims_of_the_persons_token(
    settings: Settings, oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    """The next service must see the tenant that the first one saw."""
    use(settings, "tenant")
    User.objects.filter(pk=alice.pk).update(last_name="Acme")
    original = api.login(User.objects.get(pk=alice.pk))["access"]
    User.objects.filter(pk=alice.pk).update(last_name="Umbrella")
    token = exchanged(oauth, service, original, audience=PAYMENTS)
    assert token["tenant"] == "Acme"


def test_a_function_that_fails_is_logged_and_a_retry_gets_the_same_successor(
    settings: Settings,
    api: API,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    use(settings, "returned")
    pair = api.login(alice)
    broken = API(Client(raise_request_exception=False))
    key = "a fresh secret of this token"
    for answer in (RuntimeError("The directory is not reached."), {"sub": "mallory"}):
        monkeypatch.setitem(ANSWER, "value", answer)
        assert broken.refresh(pair["refresh"], key=key).status_code == 500
    assert "RuntimeError: The directory is not reached." in caplog.text
    assert f"{__name__}.returned returned the reserved claim 'sub'." in caplog.text
    monkeypatch.setitem(ANSWER, "value", {})
    second = api.rotated(pair["refresh"], key=key)
    assert second["generation"] == pair["generation"] + 1
    assert api.rotated(pair["refresh"], key=key)["refresh"] == second["refresh"]
    assert row(pair).revoked_at is None


def test_a_function_that_fails_spends_no_token(
    settings: Settings, api: API, alice: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client without a key can come again after the grace period."""
    use(settings, "returned")
    pair = api.login(alice)
    broken = API(Client(raise_request_exception=False))
    monkeypatch.setitem(ANSWER, "value", RuntimeError("The directory is not reached."))
    assert broken.refresh(pair["refresh"]).status_code == 500
    clock.forward(hours=1)
    monkeypatch.setitem(ANSWER, "value", {"tenant": "acme"})
    second = api.rotated(pair["refresh"])
    assert AccessToken(second["access"])["tenant"] == "acme"
    assert second["generation"] == pair["generation"] + 1


def test_a_reused_token_is_reported_although_the_function_fails(
    settings: Settings, api: API, alice: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(settings, "returned")
    monkeypatch.setitem(ANSWER, "value", {})
    pair = api.login(alice)
    api.rotated(pair["refresh"])
    clock.forward(hours=1)
    monkeypatch.setitem(ANSWER, "value", RuntimeError("The directory is not reached."))
    assert api.refresh(pair["refresh"]).status_code == 401
    assert row(pair).revoked_reason == Reason.REUSE


def test_a_refused_session_ends_although_the_function_fails(
    settings: Settings, api: API, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(settings, "returned")
    monkeypatch.setitem(ANSWER, "value", {})
    pair = api.login(alice)
    QuerySet(User).filter(pk=alice.pk).update(is_active=False)  # no code of the site runs
    monkeypatch.setitem(ANSWER, "value", RuntimeError("The directory is not reached."))
    assert api.refresh(pair["refresh"]).status_code == 401
    assert row(pair).revoked_reason == Reason.DEACTIVATED


def test_a_sign_in_whose_claims_fail_leaves_no_session(
    settings: Settings, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(settings, "returned")
    monkeypatch.setitem(ANSWER, "value", RuntimeError("The directory is not reached."))
    broken = API(Client(raise_request_exception=False))
    body = {"username": "alice", "password": "seven wet otters"}
    assert broken.post("login/", body).status_code == 500
    assert alice.device_sessions.count() == 0

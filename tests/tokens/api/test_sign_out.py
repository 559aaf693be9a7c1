"""The endpoints that list sessions and revoke one, all or all others."""

from typing import Any

import jwt
import pytest
from django.db.models import Model
from pytest_django import Settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts.models import User
from tests.conftest import API, Clock, row
from tokens.models import DeviceSession, Reason
from tokens.sessions.lifecycle import revoke_sessions

pytestmark = pytest.mark.django_db(transaction=True)

BOBS = "the one of bob"


def is_refused(api: API, pair: dict[str, Any]) -> bool:
    """Return whether both tokens of the pair are refused."""
    codes = (
        api.refresh(pair["refresh"]).status_code,
        api.post("verify/", {"token": pair["access"]}).status_code,
    )
    return codes == (401, 401)


@pytest.mark.trap(24)
@pytest.mark.spec("ASVS 5.0", "7.4.1")
def test_signing_out_revokes_the_session_immediately(api: API, alice: User) -> None:
    pair = api.login(alice)
    assert api.post("logout/", {"refresh": pair["refresh"]}).status_code == 204
    assert row(pair).revoked_reason == "logout"
    assert is_refused(api, pair)


@pytest.mark.trap(21)
def test_signing_out_twice_is_not_an_error(api: API, alice: User) -> None:
    pair = api.login(alice)
    for _ in range(2):
        assert api.post("logout/", {"refresh": pair["refresh"]}).status_code == 204


@pytest.mark.trap(21)
@pytest.mark.parametrize("token", ["garbage", "a.b.c", "x" * 10_000])
def test_signing_out_with_garbage_is_204_and_writes_nothing(
    api: API, alice: User, token: str
) -> None:
    pair = api.login(alice)
    assert api.post("logout/", {"refresh": token}).status_code == 204
    assert api.post("logout/", {"refresh": pair["access"]}).status_code == 204
    assert row(pair).revoked_at is None
    assert DeviceSession.objects.count() == 1


def test_signing_out_without_a_token_is_400(api: API, db: None) -> None:
    assert api.post("logout/", {}).status_code == 400


@pytest.mark.trap(49)
def test_signing_out_by_get_is_405(api: API, alice: User) -> None:
    pair = api.login(alice)
    assert api.get("logout/", bearer=pair["access"]).status_code == 405
    assert row(pair).revoked_at is None


@pytest.mark.spec("ASVS 5.0", "7.4.3")
def test_signing_out_everywhere_revokes_only_own_sessions(
    api: API, alice: User, bob: User, clock: Clock
) -> None:
    expired = api.login(alice)
    clock.forward(days=15)
    phone, laptop, bobs = api.login(alice), api.login(alice), api.login(bob)
    answer = api.post("logout/all/", bearer=phone["access"])
    assert (answer.status_code, answer.json()) == (200, {"ended": 2})
    assert is_refused(api, phone)
    assert is_refused(api, laptop)
    assert {row(phone).revoked_reason, row(laptop).revoked_reason} == {"logout_all"}
    assert api.refresh(bobs["refresh"]).status_code == 200
    assert api.refresh(expired["refresh"]).status_code == 401
    assert api.post("logout/all/", bearer=phone["access"]).status_code == 401


def test_signing_out_others_keeps_this_session(api: API, alice: User) -> None:
    phone, laptop, tablet = api.login(alice), api.login(alice), api.login(alice)
    answer = api.post("logout/others/", bearer=phone["access"])
    assert answer.json() == {"ended": 2}
    assert is_refused(api, laptop)
    assert is_refused(api, tablet)
    assert api.refresh(phone["refresh"]).status_code == 200


@pytest.mark.parametrize("path", ["logout/all/", "logout/others/"])
def test_without_a_token_nothing_is_revoked(api: API, alice: User, path: str) -> None:
    pair = api.login(alice)
    answer = api.post(path)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    refused = api.post(path, bearer="garbage")
    assert refused.status_code == 401
    assert refused["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert row(pair).revoked_at is None


@pytest.mark.spec("ASVS 5.0", "7.5.2")
def test_the_list_shows_active_sessions_newest_first(
    api: API, alice: User, bob: User, clock: Clock
) -> None:
    api.login(bob)
    gone = api.login(alice, "gone")
    api.post("logout/", {"refresh": gone["refresh"]})
    phone = api.login(alice, "phone")
    clock.forward(seconds=1)
    laptop = api.login(alice, "laptop")
    listed = api.get("sessions/", bearer=phone["access"])
    assert listed["Cache-Control"] == "no-store"
    assert [(entry["id"], entry["device"], entry["current"]) for entry in listed.json()] == [
        (laptop["session"], "laptop", False),
        (phone["session"], "phone", True),
    ]


@pytest.mark.trap(54)
def test_a_list_entry_shows_the_day_and_no_generation(api: API, alice: User, clock: Clock) -> None:
    """A thief who learns the time of a rotation could use the grace period."""
    phone = api.login(alice, "phone")
    (entry,) = api.get("sessions/", bearer=phone["access"]).json()
    session = row(phone)
    assert entry == {
        "id": phone["session"],
        "kind": "token",
        "device": "phone",
        "ip_address": "127.0.0.1",
        "user_agent": "",
        "created_at": session.created_at.isoformat().replace("+00:00", "Z"),
        "last_used_on": session.rotated_at.date().isoformat(),
        "expires_at": session.expires_at.isoformat().replace("+00:00", "Z"),
        "current": True,
    }


@pytest.mark.spec("ASVS 5.0", "10.4.9")
def test_deleting_a_session_revokes_only_that_session(api: API, alice: User) -> None:
    phone, laptop = api.login(alice), api.login(alice)
    for _ in range(2):
        path = f"sessions/{laptop['session']}/"
        assert api.delete(path, bearer=phone["access"]).status_code == 204
    assert is_refused(api, laptop)
    assert api.refresh(phone["refresh"]).status_code == 200


@pytest.mark.parametrize("name", [BOBS, "00000000-0000-4000-8000-000000000000", "no id"])
def test_deleting_another_users_session_is_404(api: API, alice: User, bob: User, name: str) -> None:
    phone, bobs = api.login(alice), api.login(bob)
    path = f"sessions/{bobs['session'] if name == BOBS else name}/"
    answer = api.delete(path, bearer=phone["access"])
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert row(bobs).revoked_at is None
    assert api.delete(path, bearer="").status_code == 401


def test_revoking_the_sessions_of_no_users_is_not_an_error(alice: User) -> None:
    assert revoke_sessions([], Reason.ADMIN) == 0


def test_a_session_is_identified_by_its_public_id(api: API, alice: User) -> None:
    pair = api.login(alice)
    assert str(row(pair)) == pair["session"]


@pytest.mark.spec("ASVS 5.0", "7.2.1")
def test_verify_accepts_only_a_valid_access_token(api: API, alice: User) -> None:
    pair = api.login(alice)
    answer = api.post("verify/", {"token": pair["access"]})
    assert (answer.status_code, answer.json()) == (200, {})
    assert api.post("verify/", {"token": pair["refresh"]}).json()["code"] == "token_not_valid"
    assert api.post("verify/", {}).status_code == 400


@pytest.mark.trap(12)
def test_verifying_an_old_token_revokes_nothing(api: API, alice: User) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"])
    third = api.rotated(second["refresh"])
    for token in (first["refresh"], first["access"]):
        api.post("verify/", {"token": token})
    assert api.refresh(third["refresh"]).status_code == 200


class Replicated:
    """A router that reads all tables of tokens from an outdated replica."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return "replica" if model._meta.app_label == "tokens" else None


@pytest.mark.trap(28)
def test_revocations_are_not_read_from_a_replica(api: API, alice: User, settings: Settings) -> None:
    """Guards `db` of the sessions' querysets. The replica does not exist here."""
    phone, laptop = api.login(alice), api.login(alice)
    settings.DATABASE_ROUTERS = [Replicated()]
    phone = api.rotated(phone["refresh"])
    assert len(api.get("sessions/", bearer=phone["access"]).json()) == 2
    assert api.post("verify/", {"token": laptop["access"]}).status_code == 200
    api.delete(f"sessions/{laptop['session']}/", bearer=phone["access"])
    assert api.post("logout/", {"refresh": phone["refresh"]}).status_code == 204
    assert is_refused(api, phone)
    assert is_refused(api, laptop)
    assert not DeviceSession.objects.active().exists()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_case_insensitive(api: API, alice: User, scheme: str) -> None:
    pair = api.login(alice)
    headers = {"Authorization": f"{scheme} {pair['access']}"}
    assert api.client.get("/api/auth/sessions/", headers=headers).status_code == 200


def test_a_developers_own_view_answers_with_the_same_challenge() -> None:
    class Own(APIView):
        def get(self, request: Request) -> Response:
            return Response()

    answer = Own.as_view()(APIRequestFactory().get("/"))
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("scheme", ["Basic", "Token", "JWT"])
def test_a_token_with_another_scheme_is_not_read(api: API, alice: User, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {api.login(alice)['access']}"}
    answer = api.client.get("/api/auth/sessions/", headers=headers)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.spec("ASVS 5.0", "14.2.1")
def test_the_endpoints_ignore_a_token_in_the_url(api: API, alice: User) -> None:
    pair = api.login(alice)
    for name in ("token", "access_token", "access"):
        answer = api.client.get(f"/api/auth/sessions/?{name}={pair['access']}")
        assert answer.status_code == 401


@pytest.mark.trap(66)
def test_an_access_token_with_another_sub_is_refused(api: API, alice: User, bob: User) -> None:
    pair = api.login(alice)
    bobs = api.login(bob)
    session = row(pair)
    DeviceSession.objects.filter(pk=session.pk).update(
        user=bob, credential_tag=row(bobs).credential_tag
    )
    assert api.post("verify/", {"token": pair["access"]}).status_code == 401
    assert jwt.decode(pair["access"], options={"verify_signature": False})["sub"] == str(alice.pk)


@pytest.mark.trap(66)
def test_a_refresh_token_with_another_sub_revokes_nothing(api: API, alice: User, bob: User) -> None:
    pair = api.login(alice)
    DeviceSession.objects.filter(sid=pair["session"]).update(user=bob)
    assert api.post("logout/", {"refresh": pair["refresh"]}).status_code == 204
    assert row(pair).revoked_at is None


@pytest.mark.parametrize("path", ["refresh/", "logout/", "verify/"])
@pytest.mark.parametrize("value", [7, True, ["a"], {}], ids=str)
def test_a_token_that_is_not_a_text_is_refused(api: API, path: str, value: object) -> None:
    name = "token" if path == "verify/" else "refresh"
    answer = api.post(path, {name: value})
    assert (answer.status_code, answer.json()[name]) == (400, ["This field must be a JSON string."])

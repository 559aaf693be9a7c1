"""A sign-in returns a pair of tokens with the documented claims."""

from typing import Any
from uuid import UUID

import jwt
import pytest
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session

from accounts.models import User
from tests.conftest import API, PASSWORD, row
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession
from tokens.sessions.lifecycle import Device, open_browser_session, open_session

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_pair_has_the_documented_fields(api: API, alice: User) -> None:
    answer = api.post("login/", {"username": "alice", "password": PASSWORD, "device": "phone"})
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    pair = answer.json()
    assert set(pair) == {
        "access",
        "refresh",
        "token_type",
        "expires_in",
        "refresh_expires_in",
        "session",
        "generation",
    }
    assert pair["token_type"] == "Bearer"
    assert pair["generation"] == 1
    assert UUID(pair["session"]) == row(pair).sid
    assert row(pair).device == "phone"


@pytest.mark.trap(15)
@pytest.mark.spec("RFC 9068", "2.1", "2.2")
@pytest.mark.usefixtures("clock")  # No second ends between the row and the token.
def test_the_access_token_has_no_personal_data(api: API, alice: User) -> None:
    alice.groups.add(Group.objects.create(name="writers"), Group.objects.create(name="editors"))
    pair = api.login(alice)
    key = keyring.current().signer
    read = jwt.decode_complete(
        pair["access"],
        key.public,
        algorithms=["ES256"],
        audience="http://localhost:8000",
        issuer="http://localhost:8000",
    )
    assert read["header"] == {"alg": "ES256", "typ": "at+jwt", "kid": key.kid}
    claims: dict[str, Any] = read["payload"]
    assert len(claims.pop("jti")) >= 22
    assert claims.pop("exp") - claims["iat"] == 300
    assert claims == {
        "iss": "http://localhost:8000",
        "aud": "http://localhost:8000",
        "sub": str(alice.pk),
        "iat": int(row(pair).created_at.timestamp()),
        "sid": pair["session"],
        "client_id": "latchkey",
        "token_type": "access",
        "status": {
            "status_list": {
                "idx": row(pair).pk,
                "uri": "http://localhost:8000/.well-known/status/0",
            }
        },
        "roles": ["editors", "writers"],
        "rv": 1,
        "auth_time": int(row(pair).auth_time.timestamp()),
    }


@pytest.mark.trap(15)
def test_the_refresh_token_has_its_claims(api: API, alice: User) -> None:
    pair = api.login(alice)
    header = jwt.get_unverified_header(pair["refresh"])
    assert (header["alg"], header["typ"], len(header["kid"])) == ("HS256", "JWT", 12)
    claims = jwt.decode(pair["refresh"], options={"verify_signature": False})
    assert len(claims.pop("jti")) == 43
    assert claims.pop("exp") - claims.pop("iat") == 14 * 24 * 3600
    assert claims == {
        "iss": "http://localhost:8000",
        "sub": str(alice.pk),
        "sid": pair["session"],
        "gen": 1,
        "token_type": "refresh",
    }


@pytest.mark.trap(17)
def test_every_refresh_reads_the_roles_again(api: API, alice: User) -> None:
    pair = api.login(alice)
    editors = Group.objects.create(name="editors")

    def roles(token: str) -> list[str]:
        said: list[str] = jwt.decode(token, options={"verify_signature": False})["roles"]
        return said

    alice.groups.add(editors)
    second = api.rotated(pair["refresh"])
    assert roles(second["access"]) == ["editors"]
    again = api.rotated(pair["refresh"])
    assert roles(again["access"]) == ["editors"]
    alice.groups.clear()
    assert roles(api.rotated(second["refresh"])["access"]) == []


@pytest.mark.spec("ASVS 5.0", "7.2.2")
@pytest.mark.spec("ASVS 5.0", "7.2.4")
def test_every_sign_in_opens_a_separate_session(api: API, alice: User) -> None:
    phone, laptop = api.login(alice), api.login(alice)
    assert phone["session"] != laptop["session"]
    api.rotated(phone["refresh"])
    assert api.rotated(laptop["refresh"])["generation"] == 2


@pytest.mark.trap(10)
def test_no_session_state_is_stored_in_a_django_session(api: API, alice: User) -> None:
    """The API creates no Django session, which requests read and write as a whole."""
    pair = api.login(alice)
    pair = api.rotated(pair["refresh"])
    api.get("sessions/", bearer=pair["access"])
    api.post("logout/", {"refresh": pair["refresh"]})
    assert not api.client.cookies
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    "body",
    [{}, {"username": "alice"}, {"password": PASSWORD}, {"username": "", "password": ""}],
    ids=["nothing", "no password", "no user name", "both empty"],
)
def test_a_sign_in_without_its_fields_is_400(api: API, alice: User, body: dict[str, str]) -> None:
    answer = api.post("login/", body)
    assert answer.status_code == 400
    assert set(answer.json()) <= {"username", "password"}


@pytest.mark.trap(57)
def test_a_wrong_password_is_401_without_an_error_word(api: API, alice: User) -> None:
    answer = api.post("login/", {"username": "alice", "password": "wrong"})
    assert answer.status_code == 401
    assert answer.json()["code"] == "no_active_account"
    assert answer["WWW-Authenticate"] == "Bearer"
    assert not alice.device_sessions.exists()


def test_a_long_user_agent_is_truncated(api: API, alice: User) -> None:
    body = {"username": "alice", "password": PASSWORD}
    pair = api.post("login/", body, **{"User-Agent": "x" * 5000}).json()
    assert row(pair).user_agent == "x" * 255
    assert api.post("login/", {**body, "device": "d" * 101}).status_code == 400


@pytest.mark.spec("ASVS 5.0", "7.4.2")
@pytest.mark.parametrize(
    "changes",
    [{"is_active": False}, {"password": "changed"}, {"username": "alicia"}],
    ids=["deactivated", "password changed", "renamed"],
)
def test_a_user_changed_after_verification_gets_no_session(
    alice: User, changes: dict[str, Any]
) -> None:
    User._base_manager.filter(pk=alice.pk).update(**changes)
    assert open_session(alice, Device()) is None
    assert open_browser_session(alice, Device(), remember=True) is None
    assert not DeviceSession.objects.exists()

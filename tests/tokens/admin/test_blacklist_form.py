"""An administrator pastes a leaked token, and the site refuses it from then on."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, row
from tests.support.staff import BLACKLIST
from tests.support.wrappings import WRAPPINGS
from tests.tokens.admin.pages import listed, staff
from tests.tokens.jwt.forging import parts
from tokens.keys import lifecycle
from tokens.models import BlacklistedToken, Reason

pytestmark = pytest.mark.django_db


def wrapped(token: str) -> str:
    """Return the token as a mail shows it."""
    return "\r\n  ".join(re.findall(".{1,76}", token)) + "\n"


@pytest.mark.spec("ASVS 5.0", "7.4.5")
@pytest.mark.parametrize("paste", [str, wrapped], ids=["in one line", "wrapped"])
def test_a_pasted_access_token_is_blacklisted(
    api: API, alice: User, carol: Client, paste: Callable[[str], str]
) -> None:
    phone = api.login(alice)
    answer = carol.post(BLACKLIST + "add/", {"token": paste(phone["access"])}, follow=True)
    assert "Blacklisted: an access token of alice." in answer.content.decode()
    entry = BlacklistedToken.objects.get()
    assert (entry.jti, entry.reason) == (parts(phone["access"])[1]["jti"], Reason.ADMIN)
    assert api.post("verify/", {"token": phone["access"]}).status_code == 401
    assert listed(carol.get(BLACKLIST, {"q": entry.jti})) == {entry}
    assert listed(carol.get(BLACKLIST, {"q": "Alice"})) == {entry}
    assert listed(carol.get(BLACKLIST, {"reason__exact": "logout"})) == set()
    assert row(phone).revoked_at is None


@pytest.mark.spec("ASVS 5.0", "7.4.5")
def test_a_pasted_refresh_token_revokes_its_session(api: API, alice: User, carol: Client) -> None:
    phone, laptop = api.login(alice), api.login(alice)
    answer = carol.post(BLACKLIST + "add/", {"token": phone["refresh"]}, follow=True)
    told = answer.content.decode()
    assert f"Revoked: the session {phone['session']} of alice, by a refresh token." in told
    assert row(phone).revoked_reason == Reason.ADMIN
    assert api.refresh(phone["refresh"]).status_code == 401
    api.rotated(laptop["refresh"])


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_pasted_token_is_found_in_copied_text(
    api: API, alice: User, carol: Client, wrapping: str
) -> None:
    phone = api.login(alice)
    carol.post(BLACKLIST + "add/", {"token": wrapping.format(phone["access"])})
    assert api.post("verify/", {"token": phone["access"]}).status_code == 401
    carol.post(BLACKLIST + "add/", {"token": wrapping.format(phone["refresh"])})
    assert row(phone).revoked_reason == Reason.ADMIN


@pytest.mark.django_db(transaction=True)
def test_a_foreign_pasted_token_is_explained(
    api: API, alice: User, carol: Client, settings: Settings
) -> None:
    phone = api.login(alice)
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "ISSUER": "https://id.example.org"}
    answer = carol.post(BLACKLIST + "add/", {"token": phone["access"]})
    assert "Its iss is http://localhost:8000" in answer.content.decode()
    lifecycle.replace_all()
    answer = carol.post(BLACKLIST + "add/", {"token": phone["access"]})
    assert "Its key is unknown: another site signed it" in answer.content.decode()
    assert not BlacklistedToken.objects.exists()
    assert row(phone).revoked_at is None


def test_blacklisting_needs_no_other_permission(api: API, alice: User) -> None:
    phone = api.login(alice)
    dave = staff("dave", "add_blacklistedtoken")
    answer = dave.post(BLACKLIST + "add/", {"token": phone["access"]}, follow=True)
    assert "Blacklisted: an access token of alice." in answer.content.decode()
    assert dave.get(BLACKLIST).status_code == 403


def test_a_pasted_text_without_effect_is_explained(api: API, alice: User, carol: Client) -> None:
    phone = api.login(alice)
    api.post("logout/", {"refresh": phone["refresh"]})
    for text, why in {
        phone["refresh"]: "This token has expired or was revoked before.",
        "garbage-that-is-not-shown": "The text contains no token or secret of this site.",
        "eyJhbGciOiJub25lIn0.e30.c2lnbmF0dXJl": "This site did not issue this token.",
        "": "This field is required.",
        "garbage\0": "Null characters are not allowed.",
    }.items():
        answer = carol.post(BLACKLIST + "add/", {"token": text})
        shown = answer.content.decode()
        assert (answer.status_code, why in shown) == (200, True)
        assert not text or text not in shown
    assert not BlacklistedToken.objects.exists()
    assert not LogEntry.objects.exists()


@pytest.mark.trap(25)
@pytest.mark.spec("ASVS 5.0", "16.2.5")
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_the_pasted_text_is_not_shown_or_logged(
    api: API, alice: User, carol: Client, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    phone = api.login(alice)
    answer = carol.post(BLACKLIST + "add/", {"token": phone[kind]}, follow=True)
    assert answer.status_code == 200
    kept = [answer.content.decode(), carol.get("/admin/").content.decode(), caplog.text]
    kept += [repr(LogEntry.objects.values().get()), str(answer.client.session.items())]
    for part in phone[kind].split("."):
        assert not [text for text in kept if part in text]


@pytest.mark.spec("ASVS 5.0", "14.2.2")
def test_the_form_forbids_autocompletion(carol: Client) -> None:
    answer = carol.get(BLACKLIST + "add/")
    assert re.search(
        r"<textarea[^>]* autocomplete=\"off\" spellcheck=\"false\"", answer.content.decode()
    )
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.trap(25)
@pytest.mark.spec("ASVS 5.0", "16.5.1")
@pytest.mark.parametrize("debug", [False, True], ids=["in production", "under DEBUG"])
def test_an_error_page_does_not_show_the_pasted_text(
    phone: dict[str, Any],
    carol: Client,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    debug: bool,
) -> None:
    def fail(execute: Any, sql: str, *rest: Any) -> Any:
        if "blacklisted" in sql:
            raise RuntimeError("the disk is full")
        return execute(sql, *rest)

    settings.DEBUG = debug
    carol.raise_request_exception = False
    with connection.execute_wrapper(fail):
        answer = carol.post(BLACKLIST + "add/", {"token": phone["access"]})
    shown = answer.content.decode()
    assert answer.status_code == 500
    assert ("the disk is full" in shown) is debug
    for part in phone["access"].split("."):
        assert part not in shown
        assert part not in caplog.text

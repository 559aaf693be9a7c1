"""Tries of the current password and mailed links are limited."""

import pytest
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings

from accounts.models import User
from tests.accounts.conftest import Account, post_office
from tests.conftest import API, HASHED, PASSWORD, Answer, Clock, allow
from tests.support.people import signed_in

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("fresh_counters"),
]


def ask(api: API, path: str, body: dict[str, str], access: str = "") -> Answer:
    headers = {"Authorization": f"Bearer {access}"} if access else {}
    return api.client.post(
        f"/api/account/{path}", body, content_type="application/json", headers=headers
    )


def test_a_stolen_access_token_cannot_guess_the_password(
    api: API, alice: User, bob: User, settings: Settings
) -> None:
    allow(settings, current_password="2 per minute")
    access, bobs = api.login(alice)["access"], api.login(bob)["access"]
    wrong = {"current_password": "wrong", "new_password": "nine dry herons"}
    right = {**wrong, "current_password": PASSWORD}
    assert [ask(api, "password/", wrong, access).status_code for _ in range(2)] == [400, 400]
    refused = ask(api, "password/", right, access)
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert 1 <= int(refused["Retry-After"]) <= 61
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert ask(api, "password/", wrong, bobs).status_code == 400


#: Each form and call that verifies the current password, with its other fields.
FORMS: dict[str, dict[str, str]] = {
    "password/change/": {"new_password": "nine dry herons"},
    "email/change/": {"email": "a@example.net"},
    "devices/others/end/": {},
    "delete/": {},
}
CALLS: dict[str, tuple[str, str, dict[str, str]]] = {
    "change the password": ("post", "password/", {"new_password": "nine dry herons"}),
    "change the address": ("patch", "me/", {"email": "a@example.net"}),
    "delete the account": ("delete", "me/", {}),
}


@pytest.mark.spec("ASVS 5.0", "6.1.1")
@pytest.mark.parametrize("path", FORMS)
def test_every_form_counts_a_password_before_it_is_verified(
    alice: User, settings: Settings, clock: Clock, path: str
) -> None:
    person = signed_in(alice)
    clock.forward(minutes=11)
    allow(settings, current_password="2 per hour")
    tries = [person.post(path, current_password="wrong", **FORMS[path]) for _ in range(2)]
    assert [answer.status_code for answer in tries] == [400, 400]
    assert person.post(path, current_password=PASSWORD, **FORMS[path]).status_code == 429
    assert User.objects.get().password == HASHED


@pytest.mark.spec("ASVS 5.0", "6.1.1")
@pytest.mark.parametrize(("method", "path", "body"), CALLS.values(), ids=CALLS)
def test_every_endpoint_counts_a_password_before_verification(
    api: API, alice: User, settings: Settings, *, method: str, path: str, body: dict[str, str]
) -> None:
    allow(settings, current_password="2 per hour")
    headers = {"Authorization": f"Bearer {api.login(alice)['access']}"}

    def send(password: str) -> int:
        call = getattr(api.client, method)
        asked = {**body, "current_password": password}
        answer = call(f"/api/account/{path}", asked, "application/json", headers=headers)
        return int(answer.status_code)

    assert [send("wrong"), send("wrong"), send(PASSWORD)] == [400, 400, 429]
    assert User.objects.get().password == HASHED


WRONG = {"current_password": "wrong", "new_password": "nine dry herons"}
RIGHT = {**WRONG, "current_password": PASSWORD}
HOME, THIEF, CAFE = "192.0.2.1", "198.51.100.66", "203.0.113.9"


@pytest.mark.spec("ASVS 5.0", "6.1.1", "6.3.1")
def test_a_thief_of_one_session_does_not_lock_out_another(
    api: API, alice: User, settings: Settings
) -> None:
    allow(settings, current_password="10 per 5 minutes")
    stolen, laptop, browser = api.login(alice)["access"], api.login(alice), signed_in(alice)
    codes = [ask(api, "password/", WRONG, stolen).status_code for _ in range(11)]
    assert codes == [*[400] * 10, 429]
    by_page = browser.post("email/change/", email="a@example.net", current_password=PASSWORD)
    assert by_page.status_code == 302
    assert ask(api, "password/", RIGHT, laptop["access"]).status_code == 200
    alice.refresh_from_db()
    assert alice.check_password("nine dry herons")


@pytest.mark.spec("ASVS 5.0", "6.3.1")
def test_stolen_sessions_share_the_tries_of_the_account(
    api: API, alice: User, settings: Settings
) -> None:
    allow(settings, current_password="2 per hour", current_password_account="5 per hour")
    stolen = [api.login(alice)["access"] for _ in range(4)]
    api.client.defaults["REMOTE_ADDR"] = THIEF
    codes = [ask(api, "password/", WRONG, access).status_code for access in stolen * 2]
    assert (codes.count(400), codes.count(429)) == (5, 3)
    last = ask(api, "password/", RIGHT, stolen[-1])
    assert (last.status_code, last.json()["code"]) == (429, "throttled")
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


@pytest.mark.spec("ASVS 5.0", "6.1.1")
def test_a_guessed_account_stays_open_to_its_owners_networks(
    api: API, alice: User, settings: Settings
) -> None:
    allow(settings, current_password="2 per hour", current_password_account="2 per hour")
    api.client.defaults["REMOTE_ADDR"] = HOME
    stolen, laptop = api.login(alice)["access"], api.login(alice)["access"]
    for address in (THIEF, HOME):
        api.client.defaults["REMOTE_ADDR"] = address
        ask(api, "password/", WRONG, stolen)
    api.client.defaults["REMOTE_ADDR"] = CAFE
    assert ask(api, "password/", RIGHT, laptop).status_code == 429
    api.client.defaults["REMOTE_ADDR"] = HOME
    assert ask(api, "password/", RIGHT, stolen).status_code == 429
    assert ask(api, "password/", RIGHT, laptop).status_code == 200


@pytest.mark.spec("ASVS 5.0", "6.1.1")
def test_a_sign_in_from_a_new_network_allows_tries_there(
    api: API, alice: User, settings: Settings
) -> None:
    allow(settings, current_password_account="1 per hour")
    stolen = api.login(alice)["access"]
    api.client.defaults["REMOTE_ADDR"] = CAFE
    assert ask(api, "password/", WRONG, stolen).status_code == 400
    assert ask(api, "password/", RIGHT, stolen).status_code == 429
    assert ask(api, "password/", RIGHT, api.login(alice)["access"]).status_code == 200


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
def test_links_are_limited_per_mailbox_with_or_without_account(
    api: API, alice: User, settings: Settings, email: str
) -> None:
    allow(settings, reset_account="2 per hour")
    codes = [ask(api, "password/reset/", {"email": email}).status_code for _ in range(3)]
    assert codes == [202, 202, 429]
    assert ask(api, "password/reset/", {"email": email.upper()}).status_code == 429
    assert DBTaskResult.objects.count() == 2


def test_links_are_limited_per_network(api: API, alice: User, settings: Settings) -> None:
    allow(settings, reset_address="1 per hour", link="1 per hour")
    assert ask(api, "password/reset/", {"email": "a@example.org"}).status_code == 202
    assert ask(api, "password/reset/", {"email": "b@example.org"}).status_code == 429
    guess = {"uid": "x", "token": "y", "new_password": "nine dry herons"}
    assert ask(api, "password/reset/confirm/", guess).status_code == 400
    assert ask(api, "password/reset/confirm/", guess).status_code == 429
    assert ask(api, "me/email/confirm/", {"token": "x"}).status_code == 429


def change_to(email: str) -> dict[str, str]:
    return {"email": email, "first_name": "Eve", "current_password": PASSWORD}


#: The limit, and calls that use it up: account, address of the caller, new address.
EMAIL_LIMITS: dict[str, tuple[str, list[tuple[str, str, str]], tuple[str, str, str]]] = {
    "one account": (
        "email_change_account",
        [("alice", HOME, "a@example.net"), ("alice", THIEF, "b@example.net")],
        ("bob", HOME, "a@example.net"),
    ),
    "one caller's address": (
        "email_change_address",
        [("alice", HOME, "a@example.net"), ("bob", HOME, "b@example.net")],
        ("alice", THIEF, "a@example.net"),
    ),
    "one new address in any case": (
        "email_change_target",
        [("alice", HOME, "a@example.net"), ("bob", THIEF, "A@Example.net")],
        ("alice", HOME, "b@example.net"),
    ),
}


@pytest.mark.parametrize(("limit", "asked", "other"), EMAIL_LIMITS.values(), ids=EMAIL_LIMITS)
def test_email_changes_cannot_flood_a_mailbox(
    api: API,
    account: Account,
    alice: User,
    bob: User,
    settings: Settings,
    *,
    limit: str,
    asked: list[tuple[str, str, str]],
    other: tuple[str, str, str],
) -> None:
    allow(settings, **{limit: "1 per hour"})
    bearers = {user.username: api.login(user)["access"] for user in (alice, bob)}

    def change(name: str, address: str, email: str) -> Answer:
        account.client.defaults["REMOTE_ADDR"] = address
        return account.patch(change_to(email), bearer=bearers[name])

    first, second = asked
    assert change(*first).status_code == 200
    User.objects.update(first_name="")
    refused = change(*second)
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert 3500 <= int(refused["Retry-After"]) <= 3601
    assert not User.objects.exclude(first_name="").exists()
    assert change(*other).status_code == 200
    assert len(post_office()) == 2


def test_the_email_page_shares_the_limit_of_the_api(
    api: API, account: Account, alice: User, settings: Settings
) -> None:
    allow(settings, email_change_target="2 per hour")
    person, bearer = signed_in(alice), api.login(alice)["access"]
    form = {"email": "victim@example.net", "current_password": PASSWORD}
    assert person.post("email/change/", **form).status_code == 302
    assert account.patch(form, bearer=bearer).status_code == 200
    refused = person.post("email/change/", **form)
    assert refused.status_code == 429
    assert refused["Retry-After"]
    assert account.patch(form, bearer=bearer).status_code == 429
    assert len(post_office()) == 2


@pytest.mark.spec("ASVS 5.0", "6.3.8")
def test_the_limit_of_mails_does_not_reveal_accounts(
    api: API, account: Account, alice: User, bob: User, settings: Settings
) -> None:
    allow(settings, email_change_target="2 per hour")
    bearer = api.login(alice)["access"]
    answers = [
        [
            (answer.status_code, answer.json().get("code"))
            for answer in (account.patch(change_to(email), bearer=bearer) for _ in range(3))
        ]
        for email in ("bob@example.org", "nobody@example.org")
    ]
    assert answers[0] == answers[1] == [(200, None), (200, None), (429, "throttled")]


def test_a_wrong_password_uses_no_mail_of_the_limit(
    api: API, account: Account, alice: User, settings: Settings
) -> None:
    allow(settings, email_change_account="1 per hour", email_change_target="1 per hour")
    stolen, laptop = api.login(alice)["access"], api.login(alice)["access"]
    wrong = {**change_to("new@example.net"), "current_password": "wrong"}
    assert account.patch(wrong, bearer=stolen).status_code == 400
    assert account.patch(change_to("new@example.net"), bearer=laptop).status_code == 200


def test_changes_of_names_are_limited(api: API, alice: User, settings: Settings) -> None:
    """Each change adds an event, which is kept for a year."""
    allow(settings, name_change="2 per hour")
    access = api.login(alice)["access"]
    headers = {"Authorization": f"Bearer {access}"}
    statuses = [
        api.client.patch(
            "/api/account/me/",
            {"first_name": name},
            content_type="application/json",
            headers=headers,
        ).status_code
        for name in ("A", "B", "C")
    ]
    assert statuses == [200, 200, 429]
    page = signed_in(alice).client.post("/accounts/", {"first_name": "D"})
    assert page.status_code == 429
    alice.refresh_from_db()
    assert alice.first_name == "B"

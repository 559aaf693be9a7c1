"""How often a password or a link may be tried by who is signed in, or has lost theirs."""

import pytest
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, PASSWORD, Answer, allow

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("fresh_counters"),
]


def ask(api: API, path: str, body: dict[str, str], access: str = "") -> Answer:
    headers = {"Authorization": f"Bearer {access}"} if access else {}
    return api.client.post(
        f"/api/account/{path}", body, content_type="application/json", headers=headers
    )


def test_a_stolen_access_token_does_not_guess_the_password(
    api: API, alice: User, bob: User, settings: Settings
) -> None:
    allow(settings, current_password="2 per minute")
    access, bobs = api.login(alice)["access"], api.login(bob)["access"]
    wrong = {"current_password": "wrong", "new_password": "nine dry herons"}
    right = {**wrong, "current_password": PASSWORD}
    assert [ask(api, "password/", wrong, access).status_code for _ in range(2)] == [400, 400]
    refused = ask(api, "password/", right, access)
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert ask(api, "password/", wrong, bobs).status_code == 400


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
def test_a_mailbox_is_not_flooded_whether_or_not_it_has_an_account(
    api: API, alice: User, settings: Settings, email: str
) -> None:
    allow(settings, reset_account="2 per hour")
    codes = [ask(api, "password/reset/", {"email": email}).status_code for _ in range(3)]
    assert codes == [202, 202, 429]
    assert ask(api, "password/reset/", {"email": email.upper()}).status_code == 429
    assert DBTaskResult.objects.count() == 2


def test_one_address_asks_for_so_many_links_and_tries_so_many(
    api: API, alice: User, settings: Settings
) -> None:
    allow(settings, reset_address="1 per hour", link="1 per hour")
    assert ask(api, "password/reset/", {"email": "a@example.org"}).status_code == 202
    assert ask(api, "password/reset/", {"email": "b@example.org"}).status_code == 429
    guess = {"uid": "x", "token": "y", "new_password": "nine dry herons"}
    assert ask(api, "password/reset/confirm/", guess).status_code == 400
    assert ask(api, "password/reset/confirm/", guess).status_code == 429
    assert ask(api, "me/email/confirm/", {"token": "x"}).status_code == 429

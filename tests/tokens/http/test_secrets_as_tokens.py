"""With SERVICE_SECRETS_AS_TOKENS the API accepts a service account's secret as a bearer token."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.log import AdminEmailHandler
from pytest_django import DjangoAssertNumQueries, Settings

from tests.conftest import Answer, allow
from tests.tokens.oauth.conftest import PAYMENTS, SCOPES, SITE, Service, create_service
from tokens.errors import InvalidClientError
from tokens.http import cookies
from tokens.keys.lifecycle import replace_all
from tokens.models import DeviceSession, Reason
from tokens.service_accounts import cache as caching
from tokens.service_accounts.accounts import disable_secret

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/example/"


@pytest.fixture
def direct(settings: Settings, known_scopes: None) -> None:
    settings.TOKENS = {**settings.TOKENS, "SERVICE_SECRETS_AS_TOKENS": True}


def call(secret: str, path: str = PATH) -> Answer:
    return Client().get(path, headers={"Authorization": f"Bearer {secret}"})


def test_a_secret_is_refused_unless_the_setting_allows_it(service: Service) -> None:
    answer = call(service.secret)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.usefixtures("direct")
def test_a_secret_is_a_token_with_the_rights_of_its_account(service: Service) -> None:
    answer = call(service.secret)
    assert (answer.status_code, answer.json()["user"]) == (200, service.client_id)


@pytest.mark.usefixtures("direct")
def test_a_secret_costs_one_indexed_query_in_a_minute(
    service: Service,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call(service.secret)  # writes the first use
    caching.cache.clear()
    with CaptureQueriesContext(connection) as first:
        assert call(service.secret).status_code == 200
    assert len(first) == 1
    assert ".digest =" in first[0]["sql"]
    with django_assert_num_queries(0):
        assert call(service.secret).status_code == 200
    monkeypatch.setattr(caching, "MAX_AGE", 0)  # as if the minute were over
    with django_assert_num_queries(1):
        assert call(service.secret).status_code == 200


@pytest.mark.trap(74)
@pytest.mark.usefixtures("direct")
@pytest.mark.parametrize("end", ["secret", "session", "account"])
def test_disabling_reaches_a_secret_that_a_process_knows(service: Service, end: str) -> None:
    assert call(service.secret).status_code == 200
    if end == "secret":
        assert disable_secret(service.secret)
    elif end == "session":
        DeviceSession.objects.filter(pk=service.row.session_id).revoke(Reason.ADMIN)
    else:
        service.account.is_active = False
        service.account.save()
    assert call(service.secret).status_code == 401


@pytest.mark.usefixtures("direct")
def test_a_changed_scope_reaches_a_secret_that_a_process_knows(service: Service) -> None:
    assert caching.verify_secret(service.secret).scopes == {"orders:read", "orders:write"}
    service.account.scope = "stock"
    service.account.save()
    assert call(service.secret).status_code == 200
    assert caching.verify_secret(service.secret).scopes == {"stock"}


@pytest.mark.usefixtures("direct")
def test_a_secret_stays_valid_when_all_keys_are_replaced(service: Service) -> None:
    """The token that a process keeps for it has a key that is gone."""
    assert call(service.secret).status_code == 200
    replace_all()
    assert call(service.secret).status_code == 200


@pytest.mark.usefixtures("direct")
@pytest.mark.parametrize(
    ("audience", "status"), [(f"{PAYMENTS} {SITE}", 200), (PAYMENTS, 401)], ids=["second", "no"]
)
def test_a_secret_is_accepted_if_its_account_lists_this_site(
    service: Service, audience: str, status: int
) -> None:
    """The first audience of the account is the default of its tokens."""
    service.account.audience = audience
    service.account.save()
    assert call(service.secret).status_code == status


@pytest.mark.usefixtures("direct")
def test_a_view_that_reads_the_row_recognises_the_service_too(service: Service) -> None:
    """It answers 403, because its endpoints are for people."""
    assert call(service.secret, "/api/auth/sessions/").status_code == 403
    disable_secret(service.secret)
    assert call(service.secret, "/api/auth/sessions/").status_code == 401


@pytest.mark.usefixtures("direct")
def test_a_secret_in_a_cookie_is_refused(service: Service) -> None:
    client = Client()
    client.cookies[cookies.cookie_name("access")] = service.secret
    assert client.get(PATH).status_code == 401


@pytest.mark.usefixtures("direct")
def test_a_mistyped_secret_costs_no_query(
    service: Service, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert call(f"{service.secret[:-1]}?").status_code == 401


@pytest.mark.usefixtures("fresh_counters", "direct")
def test_unknown_secrets_are_limited_by_network(service: Service, settings: Settings) -> None:
    allow(settings, failed_client="2 per minute")
    unknown = "latchkey_" + "0" * 32 + "2wjyrI"
    assert [call(unknown).status_code for _ in range(3)] == [401, 401, 429]
    assert call(service.secret).status_code == 200


@pytest.mark.usefixtures("direct")
def test_a_secret_for_another_audience_is_refused(known_scopes: None) -> None:
    payments = create_service("payments", audience="https://payments.example.org")
    assert call(payments.secret).status_code == 401


def broken(subject: object, session: DeviceSession) -> dict[str, object]:
    raise RuntimeError("The directory is not reached.")


@pytest.fixture
def reports(settings: Settings) -> Iterator[list[str]]:
    """Return the error reports that Django would mail to ADMINS, with all variables."""
    reports: list[str] = []

    class Handler(AdminEmailHandler):
        def send_mail(self, subject: Any, message: Any, *args: Any, **kwargs: Any) -> None:
            reports.append(f"{message}{kwargs['html_message']}")

    settings.ADMINS = [("Admin", "admin@example.org")]
    handler, logger = Handler(include_html=True), logging.getLogger("django.request")
    logger.addHandler(handler)
    yield reports
    logger.removeHandler(handler)


@pytest.mark.trap(72)
@pytest.mark.usefixtures("direct")
def test_no_log_and_no_error_report_contains_a_secret(
    service: Service, settings: Settings, caplog: pytest.LogCaptureFixture, reports: list[str]
) -> None:
    settings.TOKENS = {**settings.TOKENS, "CLAIMS": f"{__name__}.broken"}
    client = Client(raise_request_exception=False)
    credentials = urlencode({"grant_type": "client_credentials", **service.credentials})
    form = "application/x-www-form-urlencoded"
    with caplog.at_level(logging.DEBUG):
        answers = [
            client.get(PATH, headers={"Authorization": f"Bearer {service.secret}"}),
            client.post("/oauth/token", credentials, form),
            client.post(f"/oauth/{service.secret}", credentials, form),
        ]
    assert [answer.status_code for answer in answers] == [500, 500, 404]
    assert len(reports) == 2
    assert "client_secret" in reports[1]
    assert service.secret not in "".join(reports)
    for answer in answers:
        assert service.secret not in answer.content.decode()
    assert "The directory is not reached." in caplog.text
    assert service.secret not in caplog.text


def test_the_cache_forgets_the_oldest_of_too_many(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching, "MAX_SECRETS", 2)
    kept, token = caching.SecretCache(), caching.verify_secret(service.secret)
    for digest in (b"a", b"b", b"a", b"c"):
        kept.put(digest, token)
    assert [kept.get(digest) for digest in (b"a", b"b", b"c")] == [token, None, token]
    kept.discard(b"a")
    assert kept.get(b"a") is None


def test_a_service_may_be_granted_every_scope(known_scopes: None) -> None:
    inspector = create_service("inspector", scope=" ".join([*SCOPES, "introspect"]))
    assert caching.verify_secret(inspector.secret).scopes == {*SCOPES, "introspect"}


def test_an_expired_secret_is_not_kept_longer(service: Service) -> None:
    service.row.session.expires_at -= timedelta(days=400)
    service.row.session.save()
    with pytest.raises(InvalidClientError):
        caching.verify_secret(service.secret)

"""Mail is queued in the transaction of its change, sent by a worker, and then deleted."""

import re
import smtplib
from collections.abc import Sequence
from html import unescape

import pytest
from django.conf import settings as site
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings

from accounts.mail.letters import COMPOSE, Mail, write
from accounts.mail.queue import RETRIES, deliver, queue
from accounts.models import User
from tests.accounts.conftest import Account, link_in, post_office, query_of
from tests.conftest import API, PASSWORD, Clock
from tokens.models import DeviceSession

pytestmark = pytest.mark.django_db(transaction=True)


class ClosedPostOffice(BaseEmailBackend):
    """A mail server that refuses every mail."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")


@pytest.fixture
def closed(settings: Settings) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.ClosedPostOffice"


@pytest.mark.trap(62)
@pytest.mark.usefixtures("closed")
def test_a_broken_mail_server_affects_no_request(api: API, account: Account, alice: User) -> None:
    phone = api.login(alice)
    assert account.post("password/reset/", {"email": alice.email}).status_code == 202
    change = {"email": "alice@example.net", "current_password": PASSWORD}
    assert account.patch(change, bearer=phone["access"]).status_code == 200
    pair = account.change_password(phone["access"], PASSWORD).json()
    api.rotated(pair["refresh"])
    assert DBTaskResult.objects.ready().count() == 3


@pytest.mark.spec("ASVS 5.0", "2.3.3")
@pytest.mark.trap(62)
def test_a_mail_is_queued_only_if_its_change_is_committed(alice: User) -> None:
    class UndoneError(Exception):
        pass

    def change_and_fail() -> None:
        with transaction.atomic():
            User.objects.filter(pk=alice.pk).update(email="alice@example.net")
            queue(Mail.EMAIL_CHANGED, address="alice@example.org", username="alice")
            raise UndoneError

    with pytest.raises(UndoneError):
        change_and_fail()
    assert not DBTaskResult.objects.exists()
    assert post_office() == []


@pytest.mark.spec("ASVS 5.0", "13.3.1", "14.2.1")
def test_the_queue_contains_no_secret(api: API, account: Account, alice: User) -> None:
    phone = api.login(alice)
    account.post("password/reset/", {"email": alice.email})
    change = {"email": "alice@example.net", "current_password": PASSWORD}
    account.patch(change, bearer=phone["access"])
    queue(Mail.INVITATION, user=str(alice.pk))
    stored = repr(list(DBTaskResult.objects.values()))
    messages = post_office()
    assert len(messages) == 3
    for message in messages:
        query = query_of(link_in(message))
        assert query["token"] not in stored
        assert query["token"].rpartition(":")[2] not in stored
    assert PASSWORD not in stored
    assert alice.password not in stored


def test_sent_and_undeliverable_mails_are_deleted(account: Account, alice: User) -> None:
    for address in (alice.email, "nobody@example.org"):
        account.post("password/reset/", {"email": address})
    assert DBTaskResult.objects.count() == 2
    assert len(post_office()) == 1
    assert not DBTaskResult.objects.exists()


@pytest.mark.usefixtures("closed")
def test_a_failed_mail_is_retried_with_growing_pauses(
    alice: User, clock: Clock, settings: Settings
) -> None:
    queue(Mail.PASSWORD_RESET, address=alice.email)
    for pause in RETRIES:
        assert post_office() == []
        assert DBTaskResult.objects.get().run_after > timezone.now()
        clock.forward(seconds=pause.total_seconds())
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    (message,) = post_office()
    assert message.to == [alice.email]
    assert not DBTaskResult.objects.exists()


@pytest.mark.usefixtures("closed")
def test_a_mail_that_fails_for_a_day_is_deleted(alice: User, clock: Clock) -> None:
    deliver.enqueue(Mail.PASSWORD_RESET, {"address": alice.email}, len(RETRIES))
    post_office()
    assert DBTaskResult.objects.failed().count() == 1
    clock.forward(days=1, seconds=1)
    queue(Mail.PASSWORD_RESET, address="nobody@example.org")
    post_office()
    assert not DBTaskResult.objects.exists()


def test_the_mails_of_a_killed_worker_are_sent_by_the_next(alice: User, clock: Clock) -> None:
    queue(Mail.PASSWORD_RESET, address=alice.email)
    DBTaskResult.objects.get().claim("killed")
    assert post_office() == []
    clock.forward(minutes=11)
    queue(Mail.PASSWORD_RESET, address="nobody@example.org")
    assert [message.to for message in post_office()] == [[alice.email]]
    assert not DBTaskResult.objects.exists()


def test_a_mail_is_sent_by_one_worker_only(alice: User, clock: Clock) -> None:
    queue(Mail.PASSWORD_RESET, address=alice.email)
    DBTaskResult.objects.get().claim("slow")
    clock.forward(minutes=9)
    queue(Mail.PASSWORD_RESET, address="nobody@example.org")
    assert post_office() == []
    assert DBTaskResult.objects.running().count() == 1


@pytest.mark.parametrize("mail", Mail)
def test_every_mail_has_a_subject_a_body_and_the_site_url(mail: Mail) -> None:
    message = write(mail, "alice@example.org", username="a.l+i-c_e", link="http://x/?a=1&b=2")
    assert message.to == ["alice@example.org"]
    assert message.from_email == "Latchkey <no-reply@localhost>"
    assert 0 < len(message.subject) < 78
    assert "\n" not in message.subject
    assert "http://localhost:8000" in f"{message.subject} {message.body}"
    assert ("http://x/?a=1&b=2" in message.body) is ("{{ link }}" in source(mail))
    assert set(COMPOSE) == set(Mail)


@pytest.mark.parametrize("mail", Mail)
def test_every_mail_has_the_same_text_in_plain_and_html(mail: Mail) -> None:
    link = "http://localhost:8000/accounts/?a=1&b=2"
    message = write(mail, "alice@example.org", username="a.l+i-c_e", link=link, act="Go on")
    ((page, kind),) = message.alternatives
    assert kind == "text/html"
    assert message.message().get_content_type() == "multipart/alternative"
    shown = unescape(re.sub(r"<[^>]+>", "", str(page)))
    assert str(message.subject) in shown
    for paragraph in str(message.body).strip().split("\n\n"):
        assert paragraph in shown
    links = [unescape(one) for one in re.findall(r'href="([^"]*)"', str(page))]
    assert links == re.findall(r"http://localhost:8000/\S+", str(message.body))
    assert not re.search(r"<(?:img|script|link)|url\(", str(page))


def test_values_are_escaped_in_the_html_part() -> None:
    message = write(Mail.ACCOUNT_DELETED, "alice@example.org", username="<b>&")
    assert "&lt;b&gt;&amp;" in str(message.alternatives[0][0])
    assert "<b>&" in str(message.body)


@pytest.mark.parametrize(
    "device",
    ["https://evil.example/", "http://localhost:8000.evil.example/", "<a href='//evil.example'>"],
)
def test_a_mail_links_to_pages_of_the_site_only(device: str) -> None:
    message = write(Mail.REFRESH_TOKEN_REUSED, "alice@example.org", username="a", device=device)
    assert device in str(message.body)
    links = re.findall(r'<a href="([^"]*)"', str(message.alternatives[0][0]))
    pages = ("password/change", "devices")
    assert links == [f"http://localhost:8000/accounts/{page}/" for page in pages]


INJECTED = "x.\r\n\r\nYour account is in danger.\u2029\n\nhttps://evil.example/\n\n\x85\x0cy"


VALUES = (
    *("username", "device", "changed", "act", "link", "account", "prefix", "creator", "expires"),
    "password",
)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("mail", Mail)
def test_no_value_adds_a_line_to_a_mail(mail: Mail, name: str) -> None:
    """Rows that are older than the check of labels can contain line breaks, and so can raw SQL."""
    plain = dict.fromkeys(VALUES, "plain")
    usual = write(mail, "alice@example.org", **plain)
    hostile = write(mail, "alice@example.org", **{**plain, name: INJECTED})
    assert len(str(hostile.body).splitlines()) == len(str(usual.body).splitlines())
    assert len(str(hostile.subject).splitlines()) == 1
    paragraphs = [str(one.alternatives[0][0]).count("<p ") for one in (hostile, usual)]
    assert paragraphs[0] == paragraphs[1]
    assert hostile.message()["Subject"] == usual.message()["Subject"]


def test_an_old_label_with_line_breaks_adds_no_paragraph(api: API, alice: User) -> None:
    phone = api.login(alice)
    DeviceSession.objects.update(device=INJECTED)
    second = api.rotated(phone["refresh"])
    api.rotated(second["refresh"])
    assert api.refresh(phone["refresh"]).status_code == 401
    (message,) = post_office()
    assert message.subject == "A device was signed out to be safe"
    assert "https://evil.example/" in message.body
    assert not [line for line in message.body.splitlines() if line.startswith("https://evil")]
    assert len(message.body.strip().split("\n\n")) == 3


def source(mail: Mail) -> str:
    text: str = (site.BASE_DIR / "templates" / "mail" / f"{mail}.txt").read_text()
    return text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1800, "30 minutes"), (5400, "1 hour, 30 minutes"), (86_400, "1 day"), (172_800, "2 days")],
)
def test_a_mail_states_the_lifetime_of_its_link(
    alice: User, settings: Settings, seconds: int, words: str
) -> None:
    settings.PASSWORD_RESET_TIMEOUT = seconds
    queue(Mail.PASSWORD_RESET, address=alice.email)
    (message,) = post_office()
    assert f"Choose it here, within {words}:" in message.body.replace("\N{NO-BREAK SPACE}", " ")

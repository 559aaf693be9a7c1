"""The first page of the admin shows the state of the site, with few queries."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from project.web import dashboard
from tests.conftest import API, HASHED, Clock, row
from tests.support.staff import create_superuser
from tokens.keys.keyring import load_keyring
from tokens.models import DeviceSession

pytestmark = pytest.mark.django_db


@pytest.fixture
def carol(db: None) -> Client:
    """A superuser's browser, signed in without an event."""
    return create_superuser("carol")[1]


def panel(client: Client, title: str) -> str:
    """Return the panel with this title of the first page, without the tags."""
    page = client.get("/admin/").content.decode()
    found = [part for part in page.split("<section")[1:] if title in part.partition("</h2>")[0]]
    assert len(found) == 1, title
    inside = found[0].partition("</section>")[0].partition(">")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", inside).split())


def test_the_number_of_active_sessions_is_shown(api: API, alice: User, carol: Client) -> None:
    api.login(alice)
    api.post("logout/", {"refresh": api.login(alice)["refresh"]})
    assert "Active sessions 2" in panel(carol, "Active sessions")  # hers and the browser


def test_refreshes_are_shown_by_hour(api: API, alice: User, carol: Client, clock: Clock) -> None:
    phone, laptop = api.login(alice), api.login(alice)
    old = row(api.login(alice))
    DeviceSession.objects.filter(pk=old.pk).update(rotated_at=timezone.now() - timedelta(days=2))
    DeviceSession.objects.filter(pk=row(laptop).pk).update(
        rotated_at=timezone.now() - timedelta(hours=3)
    )
    api.rotated(phone["refresh"])
    panels = dashboard.sessions()
    next(panels)
    hours = next(panels).hours
    assert len(hours) == 24
    assert hours[-4] == 1
    assert hours[-1] == 2  # the phone and the browser
    assert sum(hours) == 3


def test_reuse_is_counted_and_alarming(api: API, alice: User, carol: Client) -> None:
    assert "An old token was used again 0" in panel(carol, "An old token was used again")
    link = "/admin/tokens/event/?day=recent&amp;kind__exact=token_reused"
    alarm = f'class="panel alarming">\n<h2><a href="{link}"'
    assert alarm not in carol.get("/admin/").content.decode()
    phone = api.login(alice)
    api.rotated(api.rotated(phone["refresh"])["refresh"])
    assert api.refresh(phone["refresh"]).status_code == 401
    assert "An old token was used again 1" in panel(carol, "An old token was used again")
    assert alarm in carol.get("/admin/").content.decode()


def test_sign_ins_and_failures_are_shown(api: API, alice: User, carol: Client) -> None:
    before = dashboard_sign_ins(carol)
    api.login(alice)
    for _ in range(3):
        api.post("login/", {"username": "alice", "password": "wrong wrong wrong"})
    assert dashboard_sign_ins(carol) == before + 1
    assert "127.0.0.1: 3" in panel(carol, "Failed sign-ins by address")


def dashboard_sign_ins(client: Client) -> int:
    shown = re.search(r"Sign-ins in the last 24 hours (\d+)", panel(client, "Sign-ins in the last"))
    assert shown
    return int(shown[1])


def test_the_signing_key_and_its_next_change_are_shown(carol: Client) -> None:
    kid = load_keyring().signer.kid
    shown = panel(carol, "Signing keys")
    assert kid[:8] in shown
    assert "Next change: " in shown


def test_the_mail_queue_is_shown_and_a_failure_alarming(carol: Client) -> None:
    for status in (TaskResultStatus.READY, TaskResultStatus.READY, TaskResultStatus.FAILED):
        DBTaskResult.objects.create(
            task_path="accounts.mail.queue.deliver",
            backend_name="default",
            args_kwargs={"args": [], "kwargs": {}},
            run_after=timezone.now(),
            status=status,
            exception_class_path="",
            traceback="",
        )
    assert "Mail queue 2 waiting 1 failed" in panel(carol, "Mail queue")


def test_the_age_of_the_snapshot_is_shown(carol: Client) -> None:
    assert re.search(r"Age of the list of revocations \d+\.\d s", panel(carol, "Age of the list"))


def test_the_findings_of_the_deployment_checks_are_shown(carol: Client) -> None:
    found = dashboard.deployment_findings()
    shown = panel(carol, "Findings of")
    assert f"Findings of check --deploy {len(found)}" in shown
    assert all(escape(" ".join(message.split())) in shown for message in found)


@pytest.mark.parametrize(
    ("permission", "title"),
    [
        ("view_devicesession", "Active sessions"),
        ("view_event", "Failed sign-ins by address"),
        ("view_signingkey", "Signing keys"),
    ],
)
def test_a_panel_needs_the_permission_for_its_list(db: None, permission: str, title: str) -> None:
    user = User.objects.create(username="dave", password=HASHED, is_staff=True)
    client = Client()
    client.force_login(user)
    assert "<section" not in client.get("/admin/").content.decode()
    user.user_permissions.set(Permission.objects.filter(codename=permission))
    assert panel(client, title)
    assert "Mail queue" not in client.get("/admin/").content.decode()


def test_every_link_leads_to_its_list(carol: Client) -> None:
    page = carol.get("/admin/").content.decode()
    links = re.findall(r'<h2><a href="([^"]+)"', page)
    assert len(links) == 7
    for link in links:
        assert carol.get(link.replace("&amp;", "&")).status_code == 200, link


def test_the_page_needs_fewer_than_twelve_queries(api: API, alice: User, carol: Client) -> None:
    for _ in range(3):
        api.login(alice)
    carol.get("/admin/")  # loads the caches
    with CaptureQueriesContext(connection) as captured:
        carol.get("/admin/")
    assert len(captured) < 12, [query["sql"] for query in captured]


def test_no_panel_counts_more_than_the_limit(
    api: API, alice: User, carol: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        api.login(alice)
    monkeypatch.setattr("tokens.admin.lists.LimitedPaginator.limit", 2)
    assert "Active sessions more than 2" in panel(carol, "Active sessions")

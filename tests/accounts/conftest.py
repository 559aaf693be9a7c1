"""carol administers the site in Django admin; people look after their accounts by the API."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from accounts.changes import Caller
from accounts.models import User
from tests.conftest import Answer
from tests.support.staff import (
    MAY,
    Staff,
    create_superuser,
)

NEW_PASSWORD = "nine dry badgers"
NEW_HASH = make_password(NEW_PASSWORD)


@dataclass
class AdminPages:
    """The pages about users, filled in as a person does."""

    client: Client
    carol: User

    def get(self, path: str = "", **query: str) -> Answer:
        return self.client.get(f"/admin/accounts/user/{path}", query)

    def post(self, path: str, **fields: str | list[str]) -> Answer:
        return self.client.post(f"/admin/accounts/user/{path}", fields)

    def change(self, user: User, **changes: str | None) -> Answer:
        """Save the user's form with these fields changed; None unticks a box."""
        form = self.get(f"{user.pk}/change/").context["adminform"].form
        shown = {
            "username": form["username"].value(),
            "email": form["email"].value(),
            "first_name": form["first_name"].value(),
            "is_active": "on" if form["is_active"].value() else None,
        }
        filled = {name: value for name, value in {**shown, **changes}.items() if value is not None}
        return self.post(f"{user.pk}/change/", **filled)


@pytest.fixture
def admin(db: None) -> AdminPages:
    carol, client = create_superuser("carol")
    return AdminPages(client, carol)


def execute_sql(sql: str, *values: str | bool) -> None:
    """Change the database without Django."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        assert cursor.rowcount == 1


def by_name(*ways: Callable[[User], None]) -> dict[str, Callable[[User], None]]:
    """Return these functions by their names in words."""
    return {way.__name__.replace("_", " "): way for way in ways}


@dataclass
class Account:
    """The account endpoints, called as a program calls them."""

    client: Client

    def get(self, path: str = "me/", *, bearer: str = "") -> Answer:
        return self.client.get(f"/api/account/{path}", headers=authorization(bearer))

    def patch(self, body: Any, *, bearer: str = "") -> Answer:
        return self._send("patch", "me/", body, bearer)

    def delete(self, body: Any, *, bearer: str = "") -> Answer:
        return self._send("delete", "me/", body, bearer)

    def post(self, path: str, body: Any, *, bearer: str = "") -> Answer:
        return self._send("post", path, body, bearer)

    def change_password(self, bearer: str, current: str, new: str = NEW_PASSWORD) -> Answer:
        body = {"current_password": current, "new_password": new}
        return self.post("password/", body, bearer=bearer)

    def _send(self, method: str, path: str, body: Any, bearer: str) -> Answer:
        send = getattr(self.client, method)
        kind, headers = "application/json", authorization(bearer)
        return send(f"/api/account/{path}", body, content_type=kind, headers=headers)


def authorization(bearer: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {bearer}"} if bearer else {}


@pytest.fixture
def account() -> Account:
    return Account(Client())


def caller(user: User, sid: str = "") -> Caller:
    """Return this user as a caller with this session, or with an unknown one."""
    return Caller(user=user, sid=UUID(sid) if sid else uuid4(), ip_address="127.0.0.1")


def post_office() -> list[EmailMessage]:
    """Let the worker run the tasks that are ready, and return the mails that it sent."""
    mail.outbox = []
    worker = Worker(
        queue_names=["*"],
        interval=0,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id="worker",
        excluded_queue_names=[],
    )
    while (task := DBTaskResult.objects.ready().first()) is not None:
        task.claim(worker.worker_id)
        worker.run_task(task)
    return mail.outbox


def link_in(message: EmailMessage) -> str:
    """Return the only link of the mail that has a path."""
    (link,) = re.findall(r"^http\S+$", str(message.body), re.MULTILINE)
    return str(link)


def query_of(link: str) -> dict[str, str]:
    """Return the parameters of the link."""
    return dict(parse_qsl(urlsplit(link).query))


@pytest.fixture
def dave(db: None) -> Staff:
    return Staff("dave", *MAY)

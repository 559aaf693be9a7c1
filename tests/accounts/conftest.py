"""carol administers the site; she does it in the pages of Django admin."""

from dataclasses import dataclass

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client

from accounts.models import User
from tests.conftest import HASHED, Answer

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
            "date_joined_0": user.date_joined.date().isoformat(),
            "date_joined_1": user.date_joined.time().isoformat(),
        }
        filled = {name: value for name, value in {**shown, **changes}.items() if value is not None}
        return self.post(f"{user.pk}/change/", **filled)


@pytest.fixture
def admin(db: None) -> AdminPages:
    carol = User.objects.create(username="carol", password=HASHED, is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(carol)
    return AdminPages(client, carol)


def execute_sql(sql: str, *values: str | bool) -> None:
    """Change the database behind Django's back."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        assert cursor.rowcount == 1

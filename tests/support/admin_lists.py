"""The admin classes that the site ships, and rows for their lists."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model

from accounts.models import User
from tokens.models import Event, Reason, ServiceAccount, SigningKey
from tokens.revocation.blacklist import blacklist
from tokens.service_accounts.accounts import create_secret
from tokens.sessions.lifecycle import Device, open_session

SHIPPED = {
    *("accounts", "tokens", "project", "django_tasks_db"),
    *(f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "sessions")),
}
ADMINS: dict[str, admin.ModelAdmin[Any]] = {
    model._meta.label_lower: model_admin
    for model, model_admin in admin.site._registry.items()
    if model._meta.app_config.name in SHIPPED
}


def create_rows(alice: User) -> dict[str, Model]:
    """Create a row of each model that has an admin class, and return them by its label."""
    pair = open_session(alice, Device(label="phone"))
    assert pair is not None
    token = blacklist(str(pair.access), Reason.ADMIN)
    group, key = Group.objects.create(name="editors"), SigningKey.objects.get()
    service = ServiceAccount.objects.create(name="orders")
    create_secret(service, lifetime=timedelta(days=1))
    event = Event.objects.filter(user=alice).latest("pk")
    rows = (alice, group, pair.session, token, key, service, event)
    return {row._meta.label_lower: row for row in rows}


def path(label: str, page: str, pk: object = "") -> str:
    start = f"/admin/{label.replace('.', '/')}/"
    return {"list": start, "add": f"{start}add/"}.get(page, f"{start}{quote(str(pk))}/{page}/")

"""The admin pages of service accounts, as tests open them."""

import re
from typing import Any

from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.conftest import Answer
from tests.tokens.oauth.conftest import Service
from tokens.errors import InvalidClientError
from tokens.service_accounts.accounts import authenticate

PAGE = "/admin/tokens/serviceaccount/"
#: The permissions of dave, who manages service accounts.
MAY = tuple(f"{does}_serviceaccount" for does in ("view", "add", "change", "delete"))
SHOWN = re.compile(r"client_id: (\S+)\nclient_secret: (\S+)</pre>")


def form(**changes: Any) -> dict[str, Any]:
    """Return the fields of the form of an account, with these changes."""
    fields = {"name": "orders", "description": "Ships orders.", "is_active": "on"}
    inline = {"secrets-TOTAL_FORMS": "0", "secrets-INITIAL_FORMS": "0"}
    return {**fields, **inline, **changes}


def change(client: Client, service: Service, **changes: Any) -> Answer:
    return client.post(f"{PAGE}{service.client_id}/change/", form(**changes))


def create(client: Client, service: Service, days: object = 365) -> Answer:
    """Open the form for a new secret, and submit it."""
    return submit(client, service, days=days, sid=open_form(client, service))


def open_form(client: Client, service: Service) -> str:
    """Return the hidden value of a new form, or an empty text without a form."""
    page = client.get(f"{PAGE}{service.client_id}/secrets/add/").content.decode()
    found = re.search(r'name="sid" value="([^"]+)"', page)
    return found[1] if found else ""


def submit(client: Client, service: Service, *, sid: str, days: object = 365) -> Answer:
    address = f"{PAGE}{service.client_id}/secrets/add/"
    return client.post(address, {"days": days, "sid": sid})


def disable(client: Client, service: Service) -> Answer:
    address = f"{PAGE}{service.client_id}/secrets/{service.row.pk}/disable/"
    return client.post(address, follow=True)


def is_valid(service: Service) -> bool:
    try:
        authenticate(service.secret)
    except InvalidClientError:
        return False
    return True


def history() -> list[str]:
    return [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]

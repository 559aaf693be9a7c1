"""Functions that read and compare the table of events."""

import pytest

from tests.accounts.conftest import AdminPages
from tests.support.staff import create_superuser
from tokens.models import Event, EventKind

HERE = "127.0.0.1"


@pytest.fixture
def admin(db: None) -> AdminPages:
    """carol administers the site."""
    carol, client = create_superuser("carol")
    return AdminPages(client, carol)


def kinds() -> list[str]:
    """Return the kinds of all events, the oldest first, except that of the first signing key."""
    events = Event.objects.exclude(kind=EventKind.KEY_PUBLISHED).order_by("pk")
    return list(events.values_list("kind", flat=True))


def only(kind: EventKind) -> Event:
    """Return the only event of this kind."""
    return Event.objects.get(kind=kind)


def forget() -> None:
    """Delete the events that the preparation of a test wrote."""
    Event.objects.all().delete()

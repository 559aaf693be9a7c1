"""The command `inspecttoken`, which must change nothing."""

from collections.abc import Callable
from io import BytesIO, StringIO, TextIOWrapper
from typing import TypeAlias

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tokens.keys.keyring import keyring
from tokens.models import DeviceSession

Inspect: TypeAlias = Callable[[str], tuple[int, str]]


@pytest.fixture
def inspect(monkeypatch: pytest.MonkeyPatch) -> Inspect:
    """Return a function that passes a token to the command and returns status and output."""

    def run(raw: str) -> tuple[int, str]:
        keyring.current()  # The key exists before a token is inspected.
        printed = StringIO()
        given = TextIOWrapper(BytesIO(raw.encode("utf-8", "surrogateescape")))
        monkeypatch.setattr("sys.stdin", given)
        before = list(DeviceSession.objects.order_by("pk").values())
        status = 0
        with CaptureQueriesContext(connection) as captured:
            try:
                call_command("inspecttoken", stdout=printed)
            except SystemExit as stopped:
                status = int(str(stopped.code))
        assert all(query["sql"].startswith("SELECT") for query in captured)
        assert len(captured) <= 3  # the third is for the services that exchanged the token
        assert list(DeviceSession.objects.order_by("pk").values()) == before
        return status, printed.getvalue()

    return run

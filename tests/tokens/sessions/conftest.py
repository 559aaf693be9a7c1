"""Settings that the tests of sessions change."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from pytest_django import Settings


@pytest.fixture
def no_grace(settings: Settings) -> None:
    settings.TOKENS = {**settings.TOKENS, "GRACE_PERIOD": timedelta(0)}


@pytest.fixture
def editors(db: None) -> Group:
    return Group.objects.create(name="editors")


@pytest.fixture
def authors(db: None) -> Group:
    return Group.objects.create(name="authors")

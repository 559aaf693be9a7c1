"""A system check reports views under /api/ that do not declare their callers."""

import re

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from project.web.plain_views import PlainViewMiddleware

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.support.plain"),
]


def found() -> list[str]:
    return [message.msg for message in run_checks() if message.id == "latchkey.W020"]


def without_guard(settings: Settings) -> list[str]:
    return [name for name in settings.MIDDLEWARE if not name.endswith("PlainViewMiddleware")]


def test_with_the_middleware_no_view_is_reported() -> None:
    assert found() == []


@pytest.mark.parametrize(
    "guard",
    [
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
        "tests.project.test_plain_view_checks.Guard",
    ],
)
def test_another_guard_is_enough(settings: Settings, guard: str) -> None:
    settings.MIDDLEWARE = [*without_guard(settings), guard]
    assert found() == []


class Guard(PlainViewMiddleware):
    """A developer's own."""


def test_without_middleware_every_unguarded_view_is_reported(settings: Settings) -> None:
    settings.MIDDLEWARE = without_guard(settings)
    reported = [re.findall(r"/api/\S+(?=\.$)", message)[0] for message in found()]
    names = ("function", "class", "exempt", "protect", "row", "form", "later", "later/greeting")
    expected = [f"/api/plain/{name}/" for name in (*names, "redirect")] + ["/api/regex/$"]
    assert reported == expected
    assert "tests.support.plain.who " in found()[0]


def test_every_shipped_view_declares_its_callers(settings: Settings) -> None:
    settings.MIDDLEWARE = without_guard(settings)
    settings.ROOT_URLCONF = "tests.support.shipped"
    assert found() == []

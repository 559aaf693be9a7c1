"""The calls that an app makes with its cookies."""

from collections.abc import Callable
from typing import Any

from accounts.models import User
from tests.accounts.conftest import NEW_PASSWORD
from tests.conftest import PASSWORD, Answer
from tests.support.browsing import App
from tokens.models import DeviceSession


def active_session() -> DeviceSession:
    """Return the only active session."""
    return DeviceSession.objects.active().get()


def login(app: App, **more: Any) -> Answer:
    return app.login(User.objects.get(), **more)


def refresh(app: App, **more: Any) -> Answer:
    return app.post("auth/refresh/", **more)


def logout(app: App, **more: Any) -> Answer:
    return app.post("auth/logout/", **more)


def logout_all(app: App, **more: Any) -> Answer:
    return app.post("auth/logout/all/", **more)


def logout_others(app: App, **more: Any) -> Answer:
    return app.post("auth/logout/others/", **more)


def end(app: App, **more: Any) -> Answer:
    return app.send("delete", f"auth/sessions/{active_session().sid}/", **more)


def rename(app: App, **more: Any) -> Answer:
    return app.send("patch", "account/me/", {"first_name": "Alice"}, **more)


def change_password(app: App, **more: Any) -> Answer:
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    return app.post("account/password/", body, **more)


def delete_account(app: App, **more: Any) -> Answer:
    return app.send("delete", "account/me/", {"current_password": PASSWORD}, **more)


Call = Callable[..., Answer]

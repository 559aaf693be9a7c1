"""Browsers that are signed in: each is a device session, and believed as long as that row lives.

Django's `login` begins one, whoever calls it, and `logout` ends it. Pages use

    sign_in(request, user, remember=True)       instead of `login`, where the person may choose
    device_session(request)                     the row of this browser, or None: its `sid` marks
                                                "this device", its `auth_time` the last password
    caller(request)                             the user, session and address, for `changes`
    is_remembered(request)                      whether it outlives the browser's closing
    change_password(request, current=…, new=…)  which keeps this browser signed in and no other

To ask for the password again is to sign in again: the session so far is ended and a new one begun.
"""

from typing import Any, cast

from django.contrib.auth import login, logout
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import changes
from accounts.browser.sessiondata import SID, BrowserData
from accounts.models import User
from tokens.http.client_address import client_address
from tokens.http.request_context import note_session, noted_session
from tokens.models import DeviceSession, Reason
from tokens.sessions.lifecycle import Device, open_browser_session, revoke_sessions
from tokens.sessions.standing import record_use, verify_browser_session


class SignInOvertakenError(PermissionDenied):
    """The password was changed, or the user deactivated, since it was verified a moment ago."""


def device_session(request: HttpRequest) -> DeviceSession | None:
    """Return the device session of the browser that asks, its user loaded, or None."""
    session = noted_session(request)
    if session is None:  # Where nobody is signed in, to look again costs no query.
        session = _load_session(cast("BrowserData", request.session))
        note_session(request, session)
    return session


def caller(request: HttpRequest) -> changes.Caller:
    """Return the caller that this browser is signed in as, or raise PermissionDenied."""
    session = device_session(request)
    if session is None or session.user is None:
        raise PermissionDenied
    address = client_address(request)
    return changes.Caller(user=session.user, sid=session.sid, ip_address=address)


def is_remembered(request: HttpRequest) -> bool:
    """Return whether the browser is to stay signed in when it is closed."""
    return not request.session.get_expire_at_browser_close()


def sign_in(request: HttpRequest, user: User, *, remember: bool) -> None:
    """Sign the browser in as the user whose password was just verified, or raise
    SignInOvertakenError.

    A session that the browser has so far is ended.
    """
    request.__dict__["_remember"] = remember
    login(request, user)


def change_password(request: HttpRequest, *, current: str, new: str) -> None:
    """Change the password and end every session; this browser goes on in a new one.

    Raises WrongPasswordError, WeakPasswordError, Throttled, or PermissionDenied if the browser was
    signed out meanwhile: then nothing is changed.
    """
    remember = is_remembered(request)
    session = changes.change_password_in_browser(
        caller(request), remember=remember, current=current, new=new
    )
    request.session.cycle_key()
    _store_session(request, session, remember=remember)


@receiver(user_logged_in)
def _create_session(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Begin the device session of a browser that `login` is signing in."""
    if SID in request.session:  # of the same user; of another, `login` has flushed it
        revoke_sessions([user.pk], Reason.LOGOUT, sid=cast("BrowserData", request.session).sid)
        request.session.cycle_key()
    remember: bool = request.__dict__.get("_remember", False)
    device = Device(
        ip_address=client_address(request), user_agent=request.headers.get("User-Agent", "")
    )
    session = open_browser_session(user, device, remember=remember)
    if session is None:
        logout(request)
        raise SignInOvertakenError
    _store_session(request, session, remember=remember)


@receiver(user_logged_out)
def _note_sign_out(request: HttpRequest, **kwargs: Any) -> None:
    request.__dict__["_signed_out"] = True
    note_session(request, None)


def _store_session(request: HttpRequest, session: DeviceSession, *, remember: bool) -> None:
    """Have the browser carry this session, until it is closed or until the row's last day."""
    request.session[SID] = str(session.sid)
    request.session.set_expiry(session.expires_at if remember else 0)
    note_session(request, session)


def _load_session(data: BrowserData) -> DeviceSession | None:
    sid = data.sid
    if sid is None:
        return None
    session = verify_browser_session(sid)
    if session is None:
        del data[SID]  # It has ended already, for a reason of its own.
        data.flush()
    elif record_use(session):
        data.modified = True  # It is signed anew, and so survives a change of the secret key.
    return session

"""Sign browsers in and out. A browser is signed in while its device session is active.

Every call of Django's `login` opens a device session, and `logout` revokes it. Pages use

    sign_in(request, user, remember=True)       like `login`, where the person may choose
    device_session(request)                     the row of this browser, or None: `sid` identifies
                                                this device, `auth_time` is the time of sign-in
    caller(request)                             the user, session and IP address, for `changes`
    is_remembered(request)                      whether the session survives closing the browser
    change_password(request, current=…, new=…)  keeps this browser signed in and no other

To ask for the password again, sign the browser in again: that replaces its session.
"""

from typing import Any, cast

from django.contrib.auth import login, logout
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import changes, throttles
from accounts.browser.sessiondata import SID, BrowserData
from accounts.errors import SessionEndedError
from accounts.models import User
from tokens.http.client_address import client_address
from tokens.http.devices import device_of
from tokens.http.request_context import state_of
from tokens.models import DeviceSession, Reason
from tokens.sessions.lifecycle import open_browser_session, revoke_sessions
from tokens.sessions.standing import record_use, verify_browser_session


class SignInOvertakenError(PermissionDenied):
    """The password was changed, or the user deactivated, after the password was verified."""


def device_session(request: HttpRequest) -> DeviceSession | None:
    """Return the device session of the request's browser, with its user, or None."""
    state = state_of(request)
    if state.session is None:  # For a browser that is not signed in, this costs no query.
        state.session = _load_session(cast("BrowserData", request.session))
    return state.session


def caller(request: HttpRequest) -> changes.Caller:
    """Return the caller that this browser is signed in as, or raise PermissionDenied."""
    session = device_session(request)
    if session is None or session.user is None:
        raise PermissionDenied
    address = client_address(request)
    return changes.Caller(user=session.user, sid=session.sid, ip_address=address)


def is_remembered(request: HttpRequest) -> bool:
    """Return whether the browser stays signed in when it is closed."""
    return not request.session.get_expire_at_browser_close()


def sign_in(request: HttpRequest, user: User, *, remember: bool) -> None:
    """Sign the browser in as the user whose password was just verified.

    The browser's previous session is revoked. Raises SignInOvertakenError.
    """
    state_of(request).remember = remember
    login(request, user)


def change_password(request: HttpRequest, *, current: str, new: str) -> None:
    """Change the password and revoke every session; this browser continues in a new one.

    Raises WrongPasswordError, WeakPasswordError, Throttled, or PermissionDenied if the browser is
    not signed in. Then nothing is changed.
    """
    remember, who = is_remembered(request), caller(request)
    throttles.count_current_password(who)
    try:
        session = changes.change_password_in_browser(
            who, remember=remember, current=current, new=new
        )
    except SessionEndedError as error:
        raise PermissionDenied from error
    request.session.cycle_key()
    _store_session(request, session, remember=remember)


@receiver(user_logged_in)
def _create_session(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Open the device session of a browser that `login` is signing in."""
    if SID in request.session:  # It is the same user's; `login` flushes another user's session.
        revoke_sessions([user.pk], Reason.LOGOUT, sid=cast("BrowserData", request.session).sid)
        request.session.cycle_key()
    remember = state_of(request).remember
    session = open_browser_session(user, device_of(request), remember=remember)
    if session is None:
        logout(request)
        raise SignInOvertakenError
    _store_session(request, session, remember=remember)


@receiver(user_logged_out)
def _note_sign_out(request: HttpRequest, **kwargs: Any) -> None:
    state = state_of(request)
    state.signed_out, state.session = True, None


def _store_session(request: HttpRequest, session: DeviceSession, *, remember: bool) -> None:
    """Store the session's id in the browser's data, until it is closed or the session expires."""
    request.session[SID] = str(session.sid)
    request.session.set_expiry(session.expires_at if remember else 0)
    state_of(request).session = session


def _load_session(data: BrowserData) -> DeviceSession | None:
    sid = data.sid
    if sid is None:
        return None
    session = verify_browser_session(sid)
    if session is None:
        del data[SID]  # `flush` would revoke it, and the row has another reason already.
        data.flush()
    elif record_use(session):
        data.modified = True  # It is signed with the present secret key, which may be new.
    return session

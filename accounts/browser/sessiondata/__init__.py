"""The stores of the browsers' session data, which the setting SESSION_STORE selects.

Each module has the `SessionStore` that Django expects. A store never contains the key of a cookie,
only its hash. The data names the device session; the row of that session decides whether the
browser is signed in.
"""

import hashlib
from typing import Any, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.base import SessionBase

from tokens.models import DeviceSession, Reason

SID = "_device_session"  # the key under which the data has the `sid`


class BrowserData(SessionBase):
    """The base of the stores: flushing the data also revokes the device session.

    Asynchronous callers run the same code in a thread.
    """

    aload, acreate = SessionBase.aload, SessionBase.acreate
    asave, adelete = SessionBase.asave, SessionBase.adelete
    aexists = SessionBase.aexists

    @property
    def sid(self) -> UUID | None:
        """The `sid` of this browser's device session, which may be revoked, or None."""
        return UUID(self[SID]) if SID in self else None

    @property
    def own_key(self) -> str:
        """The key of the cookie, which the first call creates."""
        key: str = cast("Any", self)._get_or_create_session_key()  # unknown to the stubs
        return key

    def flush(self) -> None:
        """Delete the data and revoke the device session, at sign-out or another user's sign-in."""
        sid = self.sid
        super().flush()
        if sid is not None:
            DeviceSession.objects.filter(sid=sid).revoke(Reason.LOGOUT)

    async def aflush(self) -> None:
        await sync_to_async(self.flush)()


def stored_key(session_key: str | None) -> str:
    """Return the name under which a store keeps the data of the cookie with this key.

    A copy of the store contains no usable cookie. The name has 160 bits of a SHA-256: as many as
    the key has, and as many as fit into the column of Django's table in hexadecimal digits.
    """
    return hashlib.sha256(cast("str", session_key).encode()).hexdigest()[:40]

"""Where the data of browsers is kept, by the setting SESSION_STORE: never under their cookie's key.

Each module has the `SessionStore` that Django wants. The data says which device session the browser
is, and it is that row which is believed.
"""

import hashlib
from typing import Any, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.base import SessionBase

from tokens.models import DeviceSession, Reason

SID = "_device_session"  # where the data has the name of the device session


class BrowserData(SessionBase):
    """What the stores share: hashed keys, and an end of the device session with the data's.

    Asynchronous callers run the same code in a thread.
    """

    aload, acreate = SessionBase.aload, SessionBase.acreate
    asave, adelete = SessionBase.asave, SessionBase.adelete
    aexists = SessionBase.aexists

    @property
    def sid(self) -> UUID | None:
        """The device session of this browser, living or not."""
        return UUID(self[SID]) if SID in self else None

    @property
    def own_key(self) -> str:
        """The key of the cookie, made if there is none yet."""
        key: str = cast("Any", self)._get_or_create_session_key()  # unknown to the stubs
        return key

    def flush(self) -> None:
        """Forget the data, and end the device session: so do sign-out and another's sign-in."""
        sid = self.sid
        super().flush()
        if sid is not None:
            DeviceSession.objects.filter(sid=sid).revoke(Reason.LOGOUT)

    async def aflush(self) -> None:
        await sync_to_async(self.flush)()


def stored_key(session_key: str | None) -> str:
    """Return the name under which the data is kept of the cookie that has this key.

    Who reads the names can make no cookie of them. They are 160 bits of a SHA-256, as many as the
    key has and as the column of Django's table holds in hexadecimal digits.
    """
    return hashlib.sha256(cast("str", session_key).encode()).hexdigest()[:40]

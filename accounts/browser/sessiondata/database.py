"""Session data in Django's own table."""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.browser.sessiondata import BrowserData, stored_key
from tokens.sessions.purge import delete_unlocked

SLICE = 1000  # rows of one transaction


class SessionStore(BrowserData, db.SessionStore):
    """Django's, with hashed keys. Expired rows are deleted in slices."""

    def _get_session_from_db(self) -> Session | None:
        kept = Session.objects.filter(session_key=stored_key(self.session_key))
        found = kept.filter(expire_date__gt=timezone.now()).first()
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        return super().exists(stored_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row = super().create_model_instance(data)
        row.session_key = stored_key(self.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            Session.objects.filter(session_key=stored_key(key)).delete()

    @classmethod
    def clear_expired(cls) -> None:
        deleted = SLICE
        while deleted == SLICE:
            expired = Session.objects.filter(expire_date__lt=timezone.now())
            deleted = delete_unlocked(expired.order_by("expire_date")[:SLICE])

"""Many rows in a few statements."""

from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from accounts.models import User
from tests.conftest import HASHED
from tokens.models import BlacklistedToken, DeviceSession, Reason, TokenType


def fill(rows: int) -> None:
    """Create this many users, each with a session and a blacklisted token."""
    now = timezone.now()
    users = User.objects.bulk_create(
        User(username=f"user-{n}", password=HASHED) for n in range(rows)
    )
    moments = dict.fromkeys(("created_at", "rotated_at", "auth_time"), now)
    ends = dict.fromkeys(("idle_expires_at", "expires_at"), now + timedelta(days=1))
    DeviceSession.objects.bulk_create(
        DeviceSession(
            user=user, secret_hash=b"h", nonce=b"n", credential_tag=b"t", **moments, **ends
        )
        for user in users
    )
    BlacklistedToken.objects.bulk_create(
        BlacklistedToken(
            jti=str(uuid4()),
            user=user,
            token_type=TokenType.ACCESS,
            reason=Reason.ADMIN,
            expires_at=now,
        )
        for user in users
    )

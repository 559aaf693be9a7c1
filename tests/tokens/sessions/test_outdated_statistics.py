"""PostgreSQL revokes sessions quickly even if its statistics say that their table is empty."""

import pytest
from django.db import connection

from accounts.models import User
from tests.support.rows import fill
from tokens.models import DeviceSession, Reason


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="statistics of PostgreSQL")
def test_outdated_statistics_do_not_delay_a_revocation(db: None) -> None:
    """Guards the array of ids. Without the array, the statement takes minutes."""
    fill(10)
    User.objects.all().delete()
    DeviceSession.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_user, tokens_devicesession")
        fill(1000)
        cursor.execute("SET LOCAL statement_timeout = '10s'")
        ended = DeviceSession.objects.filter(user__username="user-7").revoke(Reason.REUSE)
        cursor.execute("ANALYZE accounts_user, tokens_devicesession")  # as later tests expect
    assert [session.user for session in ended] == [User.objects.get(username="user-7")]

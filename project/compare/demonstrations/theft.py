"""Four stories of an owner and a thief of one refresh token, played with calls of the API."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from project.compare.demo import demo_user
from project.compare.demonstrations.story import Actor, Step, Story
from tokens.conf import conf
from tokens.models import DeviceSession, Reason
from tokens.sessions.lifecycle import revoke_sessions

OWNER, THIEF, OPERATOR = Actor.OWNER, Actor.THIEF, Actor.OPERATOR
SIGN_IN = _("signs in on a phone. The site issues the first token.")
COPY = _("copies the token from the phone.")
REFRESH_WITH_KEY = _("refreshes. The client derives a retry key from a secret and the token.")
CONTINUE = _("refreshes with the newest token.")


@dataclass(frozen=True)
class Stories:
    """The steps of each story, in the order of the page."""

    with_key: list[Step]
    without_key: list[Step]
    too_late: list[Step]
    restored: list[Step]


def run() -> Stories:
    """Play all stories with a temporary user, which is removed with its sessions."""
    with demo_user() as user:
        return play(user)


def play(user: User) -> Stories:
    """Play all stories with this user, each with a new session."""
    return Stories(
        with_key=with_key(Story(user)),
        without_key=without_key(Story(user)),
        too_late=too_late(Story(user)),
        restored=restored(Story(user)),
    )


def with_key(story: Story) -> list[Step]:
    """The owner sends a retry key, and the thief comes second."""
    first = story.sign_in(SIGN_IN)
    key = story.retry_key(first)
    story.note(THIEF, COPY, first)
    story.refresh(OWNER, REFRESH_WITH_KEY, first, retry_key=key)
    story.refresh(THIEF, _("presents the copy, without a key."), first)
    story.refresh(THIEF, _("presents the copy with an invented key."), first, retry_key="0" * 64)
    second = story.refresh(
        OWNER,
        _("has lost the answer in a tunnel, and sends the same request again."),
        first,
        retry_key=key,
    )
    story.refresh(OWNER, CONTINUE, second, retry_key=story.retry_key(second))
    return story.steps


def without_key(story: Story) -> list[Step]:
    """The owner sends no key, and the thief comes within the grace period."""
    stolen = token = story.sign_in(SIGN_IN)
    story.note(THIEF, COPY, stolen)
    token = story.refresh(OWNER, _("refreshes without a retry key."), token)
    stolen = story.refresh(THIEF, _("presents the copy a moment later."), stolen)
    token = story.refresh(OWNER, CONTINUE, token)
    token = story.refresh(OWNER, CONTINUE, token)
    story.refresh(THIEF, _("presents the newest token that the thief has."), stolen)
    story.refresh(OWNER, CONTINUE, token)
    return story.steps


def too_late(story: Story) -> list[Step]:
    """The thief comes after the grace period. It is not waited for: the row is changed."""
    first = story.sign_in(SIGN_IN)
    story.note(THIEF, COPY, first)
    key = story.retry_key(first)
    second = story.refresh(OWNER, REFRESH_WITH_KEY, first, retry_key=key)
    passed = conf().GRACE_PERIOD + timedelta(seconds=1)
    DeviceSession.objects.filter(sid=first.sid).update(rotated_at=F("rotated_at") - passed)
    story.note(
        THIEF,
        _("waits until the grace period is over. This page moves the time of the refresh back."),
        second,
    )
    story.refresh(THIEF, _("presents the copy."), first)
    story.refresh(OWNER, CONTINUE, second, retry_key=story.retry_key(second))
    return story.steps


def restored(story: Story) -> list[Step]:
    """The database is restored from a backup that is older than the owner's token."""
    first = story.sign_in(SIGN_IN)
    story.note(THIEF, COPY, first)
    backup = story.session(first)
    story.note(OPERATOR, _("makes a backup of the database."), first)
    key = story.retry_key(first)
    second = story.refresh(OWNER, REFRESH_WITH_KEY, first, retry_key=key)
    backup.save()
    story.note(
        OPERATOR, _("restores the backup. This page restores the row of the session."), first
    )
    story.refresh(OWNER, CONTINUE, second, retry_key=story.retry_key(second))
    token = story.sign_in(_("signs in again, and has a new session."))
    story.refresh(OWNER, CONTINUE, token, retry_key=story.retry_key(token))
    stolen = story.refresh(
        THIEF, _("presents the copy, which the backup does not know as spent."), first
    )
    revoke_sessions([story.user.pk], Reason.ADMIN)
    story.note(
        OPERATOR,
        _("ends all sessions, as the operating guide advises after such a restore."),
        stolen,
    )
    story.refresh(THIEF, CONTINUE, stolen)
    return story.steps

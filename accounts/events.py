"""The log of security events: one line each, with who and why, never a token, key or password."""

import logging
from typing import Any

from django.contrib.auth.signals import user_login_failed
from django.dispatch import receiver

from tokens import signals
from tokens.models import DeviceSession

log = logging.getLogger("latchkey.security")


@receiver(signals.session_started)
def note_start(session: DeviceSession, **kwargs: Any) -> None:
    log.info("session_started user=%s sid=%s", session.user_id, session.sid)


@receiver(signals.session_ended)
def note_end(session: DeviceSession, **kwargs: Any) -> None:
    log.info(
        "session_ended user=%s sid=%s reason=%s",
        session.user_id,
        session.sid,
        session.revoked_reason,
    )


@receiver(signals.refresh_token_reused)
def note_reuse(session: DeviceSession, generation: int, ip_address: str | None, **kw: Any) -> None:
    log.warning(
        "refresh_token_reused user=%s sid=%s generation=%d of=%d address=%s",
        session.user_id,
        session.sid,
        generation,
        session.generation,
        ip_address,
    )


@receiver(signals.refresh_token_out_of_step)
def note_out_of_step(
    session: DeviceSession, generation: int, ip_address: str | None, **kwargs: Any
) -> None:
    log.error(
        "refresh_token_out_of_step user=%s sid=%s generation=%d of=%d address=%s",
        session.user_id,
        session.sid,
        generation,
        session.generation,
        ip_address,
    )


@receiver(signals.refresh_token_sent_again)
def note_sent_again(session: DeviceSession, ip_address: str | None, **kwargs: Any) -> None:
    log.info(
        "refresh_token_sent_again user=%s sid=%s rotated_by=%s address=%s",
        session.user_id,
        session.sid,
        session.rotated_from,
        ip_address,
    )


@receiver(user_login_failed)
def note_failure(**kwargs: Any) -> None:
    # The name that was tried is left out: people type their password there.
    log.warning("login_failed")

"""The log of security events: one line each, without tokens, keys and passwords."""

from typing import Any

import structlog
from django.contrib.auth.signals import user_login_failed
from django.dispatch import receiver

from tokens import signals
from tokens.models import BlacklistedToken, DeviceSession, ServiceSecret

log = structlog.stdlib.get_logger("latchkey.security")


@receiver(signals.session_started)
def note_start(session: DeviceSession, **kwargs: Any) -> None:
    log.info("session_started", **who(session))


@receiver(signals.session_ended)
def note_end(session: DeviceSession, **kwargs: Any) -> None:
    log.info("session_ended", **who(session), reason=session.revoked_reason)


@receiver(signals.refresh_token_reused)
def note_reuse(session: DeviceSession, generation: int, ip_address: str | None, **kw: Any) -> None:
    steps = {"generation": generation, "of": session.generation}
    log.warning("refresh_token_reused", **who(session), **steps, address=ip_address)


@receiver(signals.refresh_token_out_of_step)
def note_out_of_step(
    session: DeviceSession, generation: int, ip_address: str | None, **kwargs: Any
) -> None:
    steps = {"generation": generation, "of": session.generation}
    log.error("refresh_token_out_of_step", **who(session), **steps, address=ip_address)


@receiver(signals.refresh_token_sent_again)
def note_sent_again(session: DeviceSession, ip_address: str | None, **kwargs: Any) -> None:
    addresses = {"rotated_by": session.rotated_from, "address": ip_address}
    log.info("refresh_token_sent_again", **who(session), **addresses)


@receiver(signals.refresh_token_replayed_elsewhere)
def note_replay_elsewhere(
    session: DeviceSession, ip_address: str, with_key: bool, **kwargs: Any
) -> None:
    facts = {"rotated_by": session.rotated_from, "address": ip_address, "with_key": with_key}
    log.warning("refresh_token_replayed_elsewhere", **who(session), **facts)


@receiver(signals.refresh_token_contended)
def note_contention(session: DeviceSession, ip_address: str | None, **kwargs: Any) -> None:
    addresses = {"rotated_by": session.rotated_from, "address": ip_address}
    log.warning("refresh_token_contended", **who(session), **addresses)


@receiver(signals.token_blacklisted)
def note_blacklisting(token: BlacklistedToken, **kwargs: Any) -> None:
    log.info("token_blacklisted", user=text_of(token.user_id), entry=token.pk, reason=token.reason)


@receiver(signals.service_secret_created)
def note_secret_created(secret: ServiceSecret, **kwargs: Any) -> None:
    log.info("service_secret_created", **which(secret), created_by=text_of(secret.created_by_id))


@receiver(signals.service_secret_used)
def note_secret_used(secret: ServiceSecret, **kwargs: Any) -> None:
    log.info("service_secret_used", **which(secret))


@receiver(user_login_failed)
def note_failure(**kwargs: Any) -> None:
    # The line does not contain the name: people type their password into that field.
    log.warning("login_failed")


def who(session: DeviceSession) -> dict[str, str | None]:
    """Return the fields that identify the session and its user."""
    return {"user": text_of(session.user_id), "sid": str(session.sid)}


def which(secret: ServiceSecret) -> dict[str, str]:
    """Return the fields that identify the secret, its service account and its session."""
    return {
        "client_id": str(secret.account_id),
        "prefix": secret.prefix,
        "sid": str(secret.session.sid),
    }


def text_of(key: object) -> str | None:
    """Return the primary key as text, or None, which JSON writes as null."""
    return None if key is None else str(key)

"""The values that columns can have."""

from django.db import models


class Kind(models.TextChoices):
    """What the session's client carries."""

    TOKEN = "token", "tokens"
    BROWSER = "browser", "browser"


class Reason(models.TextChoices):
    """Why a session was ended."""

    LOGOUT = "logout", "signed out"
    LOGOUT_ALL = "logout_all", "signed out everywhere"
    CREDENTIALS_CHANGED = "credentials_changed", "password or user name changed"
    REUSE = "reuse", "a spent refresh token came back"
    ADMIN = "admin", "ended by an administrator"
    DEACTIVATED = "deactivated", "user deactivated"
    DELETED = "deleted", "user deleted"
    EVICTED = "evicted", "too many sessions"


class TokenType(models.TextChoices):
    """Which of the two tokens: what its claim `token_type` says."""

    ACCESS = "access", "access token"
    REFRESH = "refresh", "refresh token"

"""The values that columns can have."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """How the session's client signs in to each request: by tokens or by a browser session."""

    TOKEN = "token", _("tokens")
    BROWSER = "browser", _("browser")
    SERVICE = "service", _("service account")


class Reason(models.TextChoices):
    """Why a session or an access token was revoked."""

    LOGOUT = "logout", _("signed out")
    LOGOUT_ALL = "logout_all", _("signed out with other devices")
    CREDENTIALS_CHANGED = "credentials_changed", _("password or user name changed")
    REUSE = "reuse", _("a spent refresh token was presented")
    ADMIN = "admin", _("by an administrator")
    DEACTIVATED = "deactivated", _("user deactivated")
    DELETED = "deleted", _("user deleted")
    EVICTED = "evicted", _("too many sessions")


class TokenType(models.TextChoices):
    """The values of the claim `token_type`."""

    ACCESS = "access", _("access token")
    REFRESH = "refresh", _("refresh token")


class EventKind(models.TextChoices):
    """What happened, in the table of security events. docs/events.md describes each kind."""

    SIGN_IN = "sign_in", _("Signed in")
    NEW_DEVICE = "sign_in_new_device", _("Signed in on a new device")
    SIGN_IN_FAILED = "sign_in_failed", _("Sign-in failed")
    SESSION_ENDED = "session_ended", _("Session ended")
    TOKEN_REUSED = "token_reused", _("An old token was used again")
    TOKEN_CONTENDED = "token_contended", _("Two clients used the same token")
    TOKEN_OUT_OF_STEP = "token_out_of_step", _("A token was ahead of the database")
    TOKEN_BLACKLISTED = "token_blacklisted", _("An access token was blacklisted")
    PASSWORD_CHANGED = "password_changed", _("Password changed")
    EMAIL_CHANGED = "email_changed", _("E-mail address changed")
    NAME_CHANGED = "name_changed", _("Name changed")
    ROLES_CHANGED = "roles_changed", _("Roles changed")
    DEACTIVATED = "account_deactivated", _("Account deactivated")
    ACTIVATED = "account_activated", _("Account activated")
    DELETED = "account_deleted", _("Account deleted")
    SECRET_CREATED = "secret_created", _("Service secret created")
    SECRET_USED = "secret_used", _("Service secret used for the first time")
    SECRET_REVOKED = "secret_revoked", _("Service secret revoked")
    KEY_PUBLISHED = "signing_key_published", _("Signing key published")
    KEYS_REPLACED = "signing_keys_replaced", _("All signing keys replaced")
    ADMIN_ACTION = "admin_action", _("Administrator action")

"""django-oauth-toolkit's own token view at the address Latchkey has; two programs."""

from base64 import b64encode

from django.urls import path
from oauth2_provider.models import Application
from oauth2_provider.views import TokenView

from benchmarks.views import healthz

urlpatterns = [
    path("oauth/token", TokenView.as_view()),
    path("healthz", healthz),
]


def credentials() -> dict[str, str]:
    """Return the credentials of two programs.

    The secret of the first is stored under Django's password hash, as it is by default, and that of
    the second in plain text.
    """
    return {
        "basic": program(hash_client_secret=True),
        "basic_plain": program(hash_client_secret=False),
    }


def program(*, hash_client_secret: bool) -> str:
    secret = "s" * 47  # as long as Latchkey's
    application = Application.objects.create(
        name="benchmark",
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        client_secret=secret,
        hash_client_secret=hash_client_secret,
    )
    return b64encode(f"{application.client_id}:{secret}".encode()).decode()

"""allauth's own refresh view, and the read by its access token."""

from allauth.headless.contrib.rest_framework.authentication import JWTTokenAuthentication
from allauth.headless.tokens.strategies.jwt import internal
from cryptography.hazmat.primitives import (  # noqa: F401  (allauth imports only the package)
    ciphers,
    serialization,
)
from django.contrib.auth.models import AbstractUser
from django.test import Client
from django.urls import include, path

from benchmarks.clients import ALLAUTH_REFRESH, JSON
from benchmarks.stock_urls import browser_session
from benchmarks.views import WhoView, healthz

urlpatterns = [
    path("_allauth/", include("allauth.headless.urls")),
    path("accounts/", include("allauth.urls")),
    path("healthz", healthz),
    path("api/who/", WhoView.as_view(authentication_classes=[JWTTokenAuthentication])),
]


def sign_in(user: AbstractUser) -> dict[str, str]:
    """Return what the sign-in of the headless API does once the password is verified."""
    session = browser_session(user)
    refresh = internal.create_refresh_token(user, session)
    session.save()
    return {"access": internal.create_access_token(user, session, {}), "refresh": refresh}


def refresh(client: Client, pair: dict[str, str]) -> None:
    body = {"refresh_token": pair["refresh"]}
    answer = client.post(ALLAUTH_REFRESH, body, content_type=JSON)
    pair["refresh"] = answer.json()["data"]["refresh_token"]

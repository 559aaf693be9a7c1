"""Latchkey's addresses and the trivial authenticated read; how clients of this side sign in."""

from base64 import b64encode
from datetime import timedelta

from django.contrib.auth.models import AbstractUser
from django.urls import path

from benchmarks.views import WhoView
from project.urls import urlpatterns as site
from tokens.models import ServiceAccount
from tokens.service_accounts.accounts import create_secret
from tokens.sessions.lifecycle import Device, open_session

urlpatterns = [path("api/who/", WhoView.as_view()), *site]


def sign_in(user: AbstractUser) -> dict[str, str]:
    """Return what the login view does once the password is verified: a pair."""
    pair = open_session(user, Device(label="benchmark", user_agent="benchmark"))
    if pair is None:
        raise RuntimeError(f"{user} cannot sign in")
    return {"access": str(pair.access), "refresh": str(pair.refresh)}


def credentials() -> dict[str, str]:
    """Return the secret and the credentials of a service account, which may introspect."""
    account = ServiceAccount.objects.create(name="benchmark", scope="introspect")
    _, secret = create_secret(account, lifetime=timedelta(days=1))
    return {"secret": secret, "basic": b64encode(f"{account.pk}:{secret}".encode()).decode()}

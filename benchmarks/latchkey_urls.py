"""Latchkey's addresses and the trivial authenticated read; how a client of this side signs in."""

from django.contrib.auth.models import AbstractUser
from django.urls import path

from benchmarks.views import WhoView
from project.urls import urlpatterns as site
from tokens.sessions.lifecycle import Device, open_session

urlpatterns = [path("who/", WhoView.as_view()), *site]


def sign_in(user: AbstractUser) -> dict[str, str]:
    """Return what the login view does once the password is verified: a pair."""
    pair = open_session(user, Device(label="benchmark", user_agent="benchmark"))
    if pair is None:
        raise RuntimeError(f"{user} cannot sign in")
    return {"access": str(pair.access), "refresh": str(pair.refresh)}

"""The read by a token of knox."""

from django.contrib.auth.models import AbstractUser
from django.urls import path
from knox.models import AuthToken  # type: ignore[import-untyped]  # neither stubs nor py.typed

from benchmarks.views import WhoView, healthz

urlpatterns = [path("healthz", healthz), path("api/who/", WhoView.as_view())]


def sign_in(user: AbstractUser) -> dict[str, str]:
    """Return what knox's login view does once the password is verified."""
    return {"access": AuthToken.objects.create(user)[1], "refresh": ""}

"""SimpleJWT's own refresh view at the address Latchkey has, and the trivial authenticated read."""

from django.contrib.auth.models import AbstractUser
from django.urls import path
from rest_framework_simplejwt.tokens import RefreshToken
from rest_framework_simplejwt.views import TokenRefreshView

from benchmarks.views import WhoView

urlpatterns = [
    path("api/auth/refresh/", TokenRefreshView.as_view()),
    path("who/", WhoView.as_view()),
]


def sign_in(user: AbstractUser) -> dict[str, str]:
    """Return what SimpleJWT's login view does once the password is verified: a pair."""
    token = RefreshToken.for_user(user)
    return {"access": str(token.access_token), "refresh": str(token)}

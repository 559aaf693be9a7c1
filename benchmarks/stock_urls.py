"""SimpleJWT's own refresh view at the address Latchkey has; the read, by token and by session."""

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.backends.db import SessionStore
from django.urls import path
from rest_framework.authentication import SessionAuthentication
from rest_framework_simplejwt.tokens import RefreshToken
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from benchmarks.views import WhoView, healthz

urlpatterns = [
    path("api/auth/login/", TokenObtainPairView.as_view()),
    path("api/auth/refresh/", TokenRefreshView.as_view()),
    path("healthz", healthz),
    path("api/who/", WhoView.as_view()),
    path("api/who/session/", WhoView.as_view(authentication_classes=[SessionAuthentication])),
]


def sign_in(user: AbstractUser) -> dict[str, str]:
    """Return what SimpleJWT's login view and Django's `login` do once the password is verified."""
    token, session = RefreshToken.for_user(user), browser_session(user)
    key = str(session.session_key)
    return {"access": str(token.access_token), "refresh": str(token), "session": key}


def browser_session(user: AbstractUser) -> SessionStore:
    """Return the new session of a browser that is signed in."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return session

from django.urls import path

from tokens.api import views
from tokens.api import well_known as api_well_known
from tokens.api.exchange import ExchangeView
from tokens.oauth.introspect import IntrospectView
from tokens.oauth.metadata import metadata
from tokens.oauth.revoke import RevokeView
from tokens.oauth.token import GrantView
from tokens.sessions.old_keys import sources

#: Under /api/auth/.
urlpatterns = [
    path("login/", views.LoginView.as_view(), name="api-login"),
    path("refresh/", views.RefreshView.as_view(), name="refresh"),
    path("logout/", views.LogoutView.as_view(), name="api-logout"),
    path("logout/all/", views.LogoutAllView.as_view(), name="logout-all"),
    path("logout/others/", views.LogoutOthersView.as_view(), name="logout-others"),
    path("verify/", views.VerifyView.as_view(), name="verify"),
    path("csrf/", views.CsrfView.as_view(), name="csrf"),
    path("sessions/", views.SessionsView.as_view(), name="sessions"),
    path("sessions/<str:sid>/", views.SessionView.as_view(), name="session"),
    # Only while an app with old keys is installed.
    *([path("exchange/", ExchangeView.as_view(), name="exchange")] if [*sources()] else []),
]

#: Under /oauth/.
oauth = [
    path("token", GrantView.as_view(), name="oauth-token"),
    path("revoke", RevokeView.as_view(), name="oauth-revoke"),
    path("introspect", IntrospectView.as_view(), name="oauth-introspect"),
]

#: The documents for other services, under /.well-known/ (RFC 8615).
well_known = [
    path("jwks.json", api_well_known.key_set, name="key-set"),
    path("oauth-authorization-server", metadata, name="oauth-metadata"),
    path("status/<int:number>", api_well_known.status_list, name="status-list"),
]

"""Every URL of the site."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

import tokens.urls
from accounts.api.views import UserInfoView
from accounts.pages.administration import AdminSignInPage
from accounts.pages.home import HomePage
from accounts.pages.sign_in import SignOutPage
from accounts.pages.token import TokenPage
from project.metrics.page import metrics
from project.web import browser_client, docs, example, probes

urlpatterns = [
    # The most frequent requests come first.
    path("api/auth/", include("tokens.urls")),
    path("api/auth/userinfo/", UserInfoView.as_view(), name="userinfo"),
    path(".well-known/", include(tokens.urls.well_known)),
    path("oauth/", include(tokens.urls.oauth)),
    path("api/account/", include("accounts.api.urls")),
    path("api/example/", example.CallerView.as_view()),
    path("api/example/editors/", example.EditorsView.as_view()),
    path("", HomePage.as_view(), name="home"),
    path("tokens/", TokenPage.as_view(), name="token"),
    path("compare/", include("project.compare.urls")),
    path("healthz", probes.healthz),
    path("readyz", probes.readyz),
    path("metrics", metrics, name="metrics"),
    path("admin/login/", AdminSignInPage.as_view()),
    path("admin/logout/", SignOutPage.as_view()),
    path("admin/password_change/", RedirectView.as_view(pattern_name="password-change")),
    path("admin/", admin.site.urls),
    path(".well-known/change-password", RedirectView.as_view(pattern_name="password-change")),
    path("accounts/", include("accounts.pages.urls")),
    path("api/schema/", docs.schema, name="schema"),
    path("api/docs/", docs.page, name="docs"),
    path("clients/latchkey.js", browser_client.module, name="browser-client"),
]

handler400 = "project.web.errors.bad_request"
handler403 = "project.web.errors.forbidden"
handler404 = "project.web.errors.not_found"
handler500 = "project.web.errors.server_error"

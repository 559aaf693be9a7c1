"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

import tokens.urls
from accounts.pages.administration import AdminSignInPage
from accounts.pages.home import HomePage
from accounts.pages.sign_in import SignOutPage
from project import docs, example, views

urlpatterns = [
    # First what is asked most.
    path("api/auth/", include("tokens.urls")),
    path(".well-known/", include(tokens.urls.well_known)),
    path("api/account/", include("accounts.urls")),
    path("api/example/", example.CallerView.as_view()),
    path("api/example/editors/", example.EditorsView.as_view()),
    path("", HomePage.as_view(), name="home"),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("admin/login/", AdminSignInPage.as_view()),
    path("admin/logout/", SignOutPage.as_view()),
    path("admin/password_change/", RedirectView.as_view(pattern_name="password-change")),
    path("admin/", admin.site.urls),
    path(".well-known/change-password", RedirectView.as_view(pattern_name="password-change")),
    path("accounts/", include("accounts.pages.urls")),
    path("api/schema/", docs.schema, name="schema"),
    path("api/docs/", docs.page, name="docs"),
]

handler400 = "project.errors.bad_request"
handler403 = "project.errors.forbidden"
handler404 = "project.errors.not_found"
handler500 = "project.errors.server_error"

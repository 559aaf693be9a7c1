"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import TemplateView

import tokens.urls
from accounts import pages
from project import docs, example, views

urlpatterns = [
    path("", TemplateView.as_view(template_name="home.html"), name="home"),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("admin/", admin.site.urls),
    path("api/auth/", include("tokens.urls")),
    path(".well-known/", include(tokens.urls.well_known)),
    path("api/account/", include("accounts.urls")),
    path("accounts/password/choose/", pages.PasswordPage.as_view(), name="password-link"),
    path("accounts/email/confirm/", pages.EmailPage.as_view(), name="email-link"),
    path("api/example/", example.CallerView.as_view()),
    path("api/example/editors/", example.EditorsView.as_view()),
    path("api/schema/", docs.schema, name="schema"),
    path("api/docs/", docs.page, name="docs"),
]

handler400 = "project.errors.bad_request"
handler403 = "project.errors.forbidden"
handler404 = "project.errors.not_found"
handler500 = "project.errors.server_error"

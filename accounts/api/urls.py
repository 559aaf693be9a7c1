from django.urls import path

from accounts.api import views

urlpatterns = [
    path("events/", views.EventsView.as_view(), name="events"),
    path("me/", views.MeView.as_view(), name="me"),
    path("me/email/confirm/", views.EmailConfirmView.as_view(), name="email-confirm"),
    path("password/", views.PasswordView.as_view(), name="password"),
    path("password/reset/", views.ResetView.as_view(), name="password-reset"),
    path(
        "password/reset/confirm/", views.ResetConfirmView.as_view(), name="password-reset-confirm"
    ),
]

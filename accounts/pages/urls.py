"""URLs of the pages under /accounts/."""

from django.urls import path

from accounts.pages import account, activity, devices, passwords, sign_in

urlpatterns = [
    path("", account.AccountPage.as_view(), name="account"),
    path("login/", sign_in.SignInPage.as_view(), name="login"),
    path("logout/", sign_in.SignOutPage.as_view(), name="logout"),
    path("activity/", activity.ActivityPage.as_view(), name="activity"),
    path("devices/", devices.DevicesPage.as_view(), name="devices"),
    path("devices/others/end/", devices.EndOthersPage.as_view(), name="others-end"),
    path("devices/<uuid:sid>/end/", devices.EndOnePage.as_view(), name="device-end"),
    path("password/change/", passwords.PasswordChangePage.as_view(), name="password-change"),
    path("password/reset/", passwords.ForgottenPage.as_view(), name="password-forgotten"),
    path("password/reset/sent/", passwords.LinkSentPage.as_view(), name="password-link-sent"),
    path("password/choose/", passwords.ChoosePage.as_view(), name="password-link"),
    path("password/chosen/", passwords.ChosenPage.as_view(), name="password-chosen"),
    path("email/change/", account.EmailChangePage.as_view(), name="email-change"),
    path("email/confirm/", account.EmailConfirmPage.as_view(), name="email-link"),
    path("email/confirmed/", account.EmailConfirmedPage.as_view(), name="email-confirmed"),
    path("delete/", account.DeletePage.as_view(), name="account-delete"),
    path("deleted/", account.DeletedPage.as_view(), name="account-deleted"),
]

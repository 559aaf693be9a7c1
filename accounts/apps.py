from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import security_log, sign_in_alerts  # noqa: F401  (connect their receivers)
        from accounts.browser import sign_in  # noqa: F401  (connect their receivers)
        from accounts.mail import notices, queue  # noqa: F401  (connect their receivers)

        # Opening a session writes last_login already, if the verified password is still stored.
        user_logged_in.disconnect(dispatch_uid="update_last_login")

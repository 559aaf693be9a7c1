from django.apps import AppConfig
from django.conf import settings
from django.core.checks import register
from django.db.models.signals import pre_delete


class TokensConfig(AppConfig):
    name = "tokens"

    def ready(self) -> None:
        # The receivers need models, which exist only now.
        from tokens.checks import check_deployment, check_settings
        from tokens.sessions import end_sessions_of_deleted

        register(check_settings)
        register(check_deployment, deploy=True)
        pre_delete.connect(end_sessions_of_deleted, sender=settings.AUTH_USER_MODEL)

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import register
from django.db.models.signals import m2m_changed, post_save, pre_delete, pre_save


class TokensConfig(AppConfig):
    name = "tokens"

    def ready(self) -> None:
        # The receivers need models, which exist only now.
        from django.contrib.auth import get_user_model
        from django.contrib.auth.models import Group

        from tokens.checks.settings import check_deployment, check_settings
        from tokens.events import erasure, record  # noqa: F401  (connect the receivers)
        from tokens.models import ServiceAccount
        from tokens.service_accounts import accounts
        from tokens.sessions import roles
        from tokens.sessions.credentials import on_user_saved
        from tokens.sessions.lifecycle import revoke_sessions_of_deleted_user

        register(check_settings)
        register(check_deployment, deploy=True)
        post_save.connect(on_user_saved)  # of every model, because a proxy sends its own class
        pre_delete.connect(revoke_sessions_of_deleted_user, sender=settings.AUTH_USER_MODEL)
        pre_delete.connect(erasure.on_user_deleted, sender=settings.AUTH_USER_MODEL)
        m2m_changed.connect(roles.on_membership_change, sender=get_user_model().groups.through)
        pre_save.connect(roles.remember_group_name, sender=Group)
        post_save.connect(roles.on_group_saved, sender=Group)
        pre_delete.connect(roles.on_group_deleted, sender=Group)
        post_save.connect(accounts.on_account_saved, sender=ServiceAccount)
        pre_delete.connect(accounts.on_account_deleted, sender=ServiceAccount)

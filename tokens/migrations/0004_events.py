"""The table of security events."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tokens", "0003_service_accounts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("sign_in", "Signed in"),
                            ("sign_in_new_device", "Signed in on a new device"),
                            ("sign_in_failed", "Sign-in failed"),
                            ("session_ended", "Session ended"),
                            ("token_reused", "An old token was used again"),
                            ("token_contended", "Two clients used the same token"),
                            ("token_out_of_step", "A token was ahead of the database"),
                            ("token_blacklisted", "An access token was blacklisted"),
                            ("password_changed", "Password changed"),
                            ("email_changed", "E-mail address changed"),
                            ("name_changed", "Name changed"),
                            ("roles_changed", "Roles changed"),
                            ("account_deactivated", "Account deactivated"),
                            ("account_activated", "Account activated"),
                            ("account_deleted", "Account deleted"),
                            ("secret_created", "Service secret created"),
                            ("secret_used", "Service secret used for the first time"),
                            ("secret_revoked", "Service secret revoked"),
                            ("signing_key_published", "Signing key published"),
                            ("signing_keys_replaced", "All signing keys replaced"),
                            ("admin_action", "Administrator action"),
                        ],
                        max_length=24,
                        verbose_name="event",
                    ),
                ),
                ("created_at", models.DateTimeField(verbose_name="time")),
                ("count", models.PositiveIntegerField(default=1, verbose_name="count")),
                ("sid", models.UUIDField(null=True, verbose_name="session")),
                ("device", models.CharField(blank=True, max_length=100, verbose_name="device")),
                ("ip_address", models.GenericIPAddressField(null=True, verbose_name="IP address")),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("logout", "signed out"),
                            ("logout_all", "signed out with other devices"),
                            ("credentials_changed", "password or user name changed"),
                            ("reuse", "a spent refresh token was presented"),
                            ("admin", "by an administrator"),
                            ("deactivated", "user deactivated"),
                            ("deleted", "user deleted"),
                            ("evicted", "too many sessions"),
                        ],
                        max_length=19,
                        verbose_name="reason",
                    ),
                ),
                ("about", models.CharField(blank=True, max_length=200, verbose_name="about")),
                ("device_mark", models.BinaryField(max_length=8, null=True)),
                ("flood_key", models.BinaryField(max_length=16, null=True, unique=True)),
                (
                    "actor",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="changed by",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="events",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "security event",
                "verbose_name_plural": "security events",
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("user__isnull", False)),
                        fields=["user", "-id"],
                        name="tokens_event_of_user",
                    ),
                    models.Index(
                        condition=models.Q(("actor__isnull", False)),
                        fields=["actor"],
                        name="tokens_event_by_actor",
                    ),
                    models.Index(fields=["kind", "-created_at"], name="tokens_event_of_kind"),
                    models.Index(
                        condition=models.Q(("ip_address__isnull", False)),
                        fields=["ip_address"],
                        name="tokens_event_from_address",
                    ),
                    models.Index(fields=["created_at"], name="tokens_event_at"),
                ],
            },
        ),
    ]

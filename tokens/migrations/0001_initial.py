import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SigningKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kid', models.CharField(max_length=43, unique=True, verbose_name='thumbprint')),
                ('follows', models.CharField(blank=True, max_length=43, unique=True, verbose_name='follows the key')),
                ('algorithm', models.CharField(max_length=5)),
                ('public_jwk', models.JSONField(verbose_name='public key')),
                ('private_key', models.BinaryField(verbose_name='encrypted private key')),
                ('published_at', models.DateTimeField()),
                ('signs_from', models.DateTimeField()),
                ('signs_until', models.DateTimeField(null=True)),
                ('disappears_at', models.DateTimeField(null=True)),
                ('all_revoked_at', models.JSONField(default=list, verbose_name='times at which all sessions were revoked')),
            ],
        ),
        migrations.CreateModel(
            name='BlacklistedToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('jti', models.CharField(max_length=64, unique=True, verbose_name='token id')),
                ('token_type', models.CharField(choices=[('access', 'access token'), ('refresh', 'refresh token')], max_length=7)),
                ('reason', models.CharField(choices=[('logout', 'signed out'), ('logout_all', 'signed out with other devices'), ('credentials_changed', 'password or user name changed'), ('reuse', 'a spent refresh token was presented'), ('admin', 'by an administrator'), ('deactivated', 'user deactivated'), ('deleted', 'user deleted'), ('evicted', 'too many sessions')], max_length=19)),
                ('expires_at', models.DateTimeField(db_index=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='blacklisted_tokens', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='DeviceSession',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='public id')),
                ('kind', models.CharField(choices=[('token', 'tokens'), ('browser', 'browser')], default='token', max_length=7)),
                ('generation', models.BigIntegerField(default=1)),
                ('secret_hash', models.BinaryField(max_length=32)),
                ('nonce', models.BinaryField(max_length=16)),
                ('retry_hash', models.BinaryField(max_length=32, null=True)),
                ('credential_tag', models.BinaryField(max_length=32)),
                ('roles_version', models.BigIntegerField(default=1)),
                ('roles_changed_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
                ('rotated_at', models.DateTimeField()),
                ('idle_expires_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(null=True)),
                ('revoked_reason', models.CharField(blank=True, choices=[('logout', 'signed out'), ('logout_all', 'signed out with other devices'), ('credentials_changed', 'password or user name changed'), ('reuse', 'a spent refresh token was presented'), ('admin', 'by an administrator'), ('deactivated', 'user deactivated'), ('deleted', 'user deleted'), ('evicted', 'too many sessions')], max_length=19)),
                ('device', models.CharField(blank=True, max_length=100)),
                ('ip_address', models.GenericIPAddressField(null=True, verbose_name='IP address')),
                ('rotated_from', models.GenericIPAddressField(null=True, verbose_name='address of the last refresh')),
                ('user_agent', models.CharField(blank=True, max_length=255)),
                ('auth_time', models.DateTimeField(verbose_name='time of sign-in')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='device_sessions', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('revoked_at', None)), fields=['user'], name='tokens_session_of_user'), models.Index(fields=['expires_at'], name='tokens_session_expires'), models.Index(condition=models.Q(('revoked_at__isnull', False)), fields=['revoked_at'], name='tokens_session_revoked'), models.Index(condition=models.Q(('revoked_reason', ''), _negated=True), fields=['revoked_reason', '-id'], name='tokens_session_reason'), models.Index(condition=models.Q(('roles_changed_at__isnull', False)), fields=['roles_changed_at'], name='tokens_session_roles')],
                'constraints': [models.CheckConstraint(condition=models.Q(('generation__gte', 1)), name='tokens_session_generation_positive'), models.CheckConstraint(condition=models.Q(models.Q(('revoked_at', None), ('revoked_reason', '')), models.Q(('revoked_at__isnull', False), models.Q(('revoked_reason', ''), _negated=True)), _connector='OR'), name='tokens_session_revoked_with_reason')],
            },
        ),
    ]

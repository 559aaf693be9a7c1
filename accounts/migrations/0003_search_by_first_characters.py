"""Let PostgreSQL find users by the first characters of a name, in any case, without reading all.

SQLite has no index that its LIKE … ESCAPE would use.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

COLUMNS = ("username", "email", "first_name", "last_name")


def add_indexes(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for column in COLUMNS:
            schema_editor.execute(
                f"CREATE INDEX accounts_user_{column}_begins"
                f" ON accounts_user (UPPER({column}) text_pattern_ops)"
            )


def remove_indexes(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for column in COLUMNS:
            schema_editor.execute(f"DROP INDEX accounts_user_{column}_begins")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_email_changed_at")]
    operations = [migrations.RunPython(add_indexes, remove_indexes)]

"""Find the events of a session without reading all events."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tokens", "0004_events")]
    operations = [
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("sid__isnull", False)),
                fields=["sid"],
                name="tokens_event_of_session",
            ),
        ),
    ]

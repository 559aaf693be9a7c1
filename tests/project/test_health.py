"""/healthz says that the process runs, /readyz that it can serve."""

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.project.conftest import Outage


@pytest.mark.django_db
def test_the_process_is_alive_without_a_query(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_the_site_is_ready(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
    assert answer["Cache-Control"] == "no-store"
    assert "Retry-After" not in answer


def test_the_process_is_alive_but_not_ready_without_the_database(
    client: Client, outage: Outage
) -> None:
    with outage():
        alive, ready = client.get("/healthz"), client.get("/readyz")
    assert alive.status_code == 200
    assert (ready.status_code, ready.json()) == (503, {"status": "the database is not reached"})
    assert ready["Retry-After"] == "5"
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_the_site_is_not_ready_while_a_migration_is_missing(client: Client) -> None:
    [last] = MigrationLoader(connection).graph.leaf_nodes("tokens")
    MigrationRecorder(connection).record_unapplied(*last)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "1 migrations are not applied"}
    assert answer["Retry-After"] == "5"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_asked_with_get_and_head_alone(client: Client, path: str) -> None:
    assert client.head(path).status_code == 200
    for method in (client.post, client.put, client.delete):
        assert method(path).status_code == 405


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_nothing_about_the_database_is_told(client: Client, outage: Outage, path: str) -> None:
    settings = connection.settings_dict
    with outage():
        shown = client.get(path).content.decode()
    assert not [
        str(settings[key])
        for key in ("NAME", "HOST")
        if settings[key] and str(settings[key]) in shown
    ]

"""The OpenAPI document is valid, and describes every call completely."""

import json

import pytest
from django.core.management import call_command
from django.test import Client

from project.web.docs import document
from tests.project.web.schema_examples import EVERY, UNAVAILABLE
from tests.support import shipped

pytestmark = pytest.mark.django_db


def test_the_document_is_valid_and_has_no_warnings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("spectacular", urlconf=shipped.__name__, validate=True, fail_on_warn=True)
    assert capsys.readouterr().out.startswith("openapi: 3.1.")


def test_the_document_is_served_with_its_content_type(client: Client) -> None:
    answer = client.get("/api/schema/")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/vnd.oai.openapi+json"


def test_every_operation_documents_its_503() -> None:
    operations = {example.operation["operationId"] for example in EVERY}
    answered = {example.operation["operationId"] for example in UNAVAILABLE}
    assert operations - answered == {"csrf"}


def test_every_refusal_names_its_headers() -> None:
    needed = {"401": {"WWW-Authenticate"}, "429": {"Retry-After"}, "503": {"Retry-After"}}
    for example in EVERY:
        documented = example.operation["responses"][example.status]
        assert set(documented.get("headers", {})) == needed.get(example.status, set()), example


def test_every_operation_with_a_body_documents_its_limit() -> None:
    for example in EVERY:
        told = {"411", "413", "415"} <= example.operation["responses"].keys()
        assert told is ("requestBody" in example.operation), example


def test_the_body_of_a_deletion_is_described() -> None:
    """OpenAPI 3.0 has none for DELETE."""
    deletions = {one.operation["operationId"]: one for one in EVERY if one.method == "delete"}
    asked = deletions.pop("deleteAccount").operation["requestBody"]
    assert asked["required"] is True
    assert "$ref" in asked["content"]["application/json"]["schema"]
    assert not [name for name, one in deletions.items() if "requestBody" in one.operation]


def test_every_operation_has_a_summary_a_tag_and_a_name() -> None:
    operations = [example.operation for example in EVERY]
    assert all(operation["summary"] and operation["tags"] for operation in operations)
    names = {(example.method, example.path): example.operation["operationId"] for example in EVERY}
    assert len(set(names.values())) == len(names)


def test_the_expiry_of_a_session_says_which_limit_it_is() -> None:
    schemas = json.loads(document())["components"]["schemas"]
    assert "at the latest" in schemas["Session"]["properties"]["expires_at"]["description"]


def test_oauth_endpoints_take_the_credentials_in_the_form_too() -> None:
    paths = shipped.described(shipped.OAUTH)
    security = {path: call["post"]["security"] for path, call in paths.items()}
    either: list[dict[str, list[str]]] = [{}, {"clientSecret": []}]
    assert security == {"/oauth/token": either, "/oauth/introspect": either, "/oauth/revoke": [{}]}


def test_both_refresh_calls_document_the_idempotency_key() -> None:
    paths = shipped.described(shipped.API | shipped.OAUTH)
    with_key = {
        path
        for path, calls in paths.items()
        for call in calls.values()
        if "Idempotency-Key" in [parameter["name"] for parameter in call.get("parameters", [])]
    }
    assert with_key == {"/api/auth/refresh/", "/oauth/token"}

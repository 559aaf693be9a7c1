"""The OpenAPI document describes the views that a developer adds."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from pytest_django import Settings
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

from project.checks import findings
from project.web import docs


class TeamSerializer(serializers.ModelSerializer[Group]):
    class Meta:
        model = Group
        fields = ["id", "name"]


class TeamViewSet(viewsets.ModelViewSet[Group]):
    queryset = Group.objects.all()
    serializer_class = TeamSerializer


class BulkView(APIView):
    @extend_schema(request=TeamSerializer(many=True), responses={204: None})
    def delete(self, request: Request) -> Response:
        return Response(status=204)


class StockView(APIView):
    """A view that the document cannot describe completely: it has no serializer."""

    def get(self, request: Request) -> Response:
        return Response({"tea": 3})


router = SimpleRouter()
router.register("teams", TeamViewSet)
urlpatterns = [
    path("api/shop/", include(router.urls)),
    path("api/shop/bulk/", BulkView.as_view()),
    path("api/shop/stock/", StockView.as_view()),
]


@pytest.fixture
def paths() -> dict[str, Any]:
    """Return the paths of the document of this module's URLs."""
    generator = SchemaGenerator(patterns=urlpatterns)  # type: ignore[no-untyped-call]  # not annotated
    described: dict[str, Any] = json.loads(json.dumps(generator.get_schema(public=True)))  # type: ignore[no-untyped-call]  # not annotated
    return described["paths"]  # type: ignore[no-any-return]


def test_an_operation_has_the_tag_of_its_app(paths: dict[str, Any]) -> None:
    """Without the prefix of the API, each view of a developer would have the tag "api"."""
    tags = [one["tags"] for operations in paths.values() for one in operations.values()]
    assert tags == [["shop"]] * len(tags)
    assert paths["/api/shop/teams/"]["get"]["operationId"] == "shop_teams_list"


def test_a_deletion_in_a_viewset_has_no_body(paths: dict[str, Any]) -> None:
    """The serializer of the view describes the bodies of its other operations."""
    operations = paths["/api/shop/teams/{id}/"]
    with_body = {method for method, one in operations.items() if "requestBody" in one}
    assert with_body == {"put", "patch"}
    assert operations.keys() == {"get", "put", "patch", "delete"}


def test_a_deletion_that_names_its_body_has_it(paths: dict[str, Any]) -> None:
    assert paths["/api/shop/bulk/"]["delete"]["requestBody"]["required"] is True


def test_a_view_without_a_serializer_is_no_finding(settings: Settings) -> None:
    """The checks at the start report unsafe settings, and this text begins with "Error"."""
    settings.ROOT_URLCONF = __name__
    assert [one for one in findings(deploy=True) if "drf_spectacular" in str(one.id)] == []


def test_the_served_document_prints_no_complaints(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line of the server is an event, and drf-spectacular would print text."""
    settings.ROOT_URLCONF = __name__
    document = json.loads(docs._document.__wrapped__())
    assert "/api/shop/stock/" in document["paths"]
    assert capsys.readouterr().err == ""

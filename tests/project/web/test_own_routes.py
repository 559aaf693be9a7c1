"""The log and the metrics name the routes of a developer's views in a readable form."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import include, path, re_path, resolve
from rest_framework.routers import DefaultRouter
from rest_framework.viewsets import ViewSet

from project.web.logs import route


class Orders(ViewSet):
    def list(self, request: Any) -> None: ...

    def retrieve(self, request: Any, pk: str) -> None: ...


def view(request: HttpRequest, **values: str) -> HttpResponse:
    raise AssertionError


router = DefaultRouter()
router.register("orders", Orders, basename="order")
urlpatterns = [
    path("api/shop/", include(router.urls)),
    path("days/<int:year>/", view),
    re_path(r"^files/(?P<name>[a-z]+)\.txt$", view),
]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("/api/shop/orders/", "/api/shop/orders/"),
        ("/api/shop/orders/7/", "/api/shop/orders/<pk>/"),
        ("/api/shop/orders/7.json", "/api/shop/orders/<pk>.<format>/"),
        ("/days/2026/", "/days/<int:year>/"),
        ("/files/tea.txt", "/files/<name>.txt"),
    ],
)
def test_a_route_is_shown_without_regular_expressions(address: str, shown: str) -> None:
    request = RequestFactory().get(address)
    request.resolver_match = resolve(address, __name__)
    assert route(request) == shown

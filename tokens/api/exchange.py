"""The endpoint that exchanges a key of `rest_framework.authtoken` or knox for a session."""

from rest_framework.request import Request
from rest_framework.response import Response

from tokens.api.openapi import operations
from tokens.api.serializers import ExchangeSerializer
from tokens.api.views import TokenView, validate_body
from tokens.http.devices import device_of
from tokens.http.throttles import count
from tokens.sessions.networks import client_network
from tokens.sessions.old_keys import exchange


class ExchangeView(TokenView):
    """Exchange a key, once, for the first pair of a new device session."""

    @operations.exchange
    def post(self, request: Request) -> Response:
        asked = validate_body(ExchangeSerializer, request)
        device = device_of(request, asked["device"])
        count("exchange", client_network(device.ip_address))
        return Response(exchange(asked["key"], device).as_json())

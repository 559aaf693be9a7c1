"""Limit how often one network may present a wrong secret of a service account."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest
from rest_framework.request import Request

from tokens.errors import InvalidClientError
from tokens.http.client_address import client_address
from tokens.http.throttles import count
from tokens.sessions.networks import client_network


@contextmanager
def counted_failures(request: HttpRequest | Request) -> Iterator[None]:
    """Count an InvalidClientError of the block; raise Throttled instead if there are too many.

    A correct secret is never refused, so that one faulty program cannot stop the others behind the
    same address. Guessing a secret of 190 random bits stays hopeless.
    """
    try:
        yield
    except InvalidClientError:
        count("failed_client", client_network(client_address(request)))
        raise

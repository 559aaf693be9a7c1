"""Throttles count the address that the site's own proxies report."""

import pytest
from django.http import HttpRequest
from pytest_django import Settings

from tokens.http.client_address import client_address
from tokens.sessions.networks import client_network

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("fresh_counters"),
]

HOME = "192.0.2.1"


def came_from(settings: Settings, forwarded: str | None, *, proxies: int, peer: str) -> str | None:
    settings.TOKENS = {**settings.TOKENS, "PROXIES": proxies}
    request = HttpRequest()
    request.META["REMOTE_ADDR"] = peer
    if forwarded is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    return client_address(request)


@pytest.mark.trap(46)
@pytest.mark.parametrize(
    ("forwarded", "proxies", "peer", "address"),
    [
        pytest.param("1.1.1.1", 0, HOME, HOME, id="not trusted without a proxy"),
        pytest.param("1.1.1.1, 2.2.2.2", 1, HOME, "2.2.2.2", id="one proxy: the last"),
        pytest.param("1.1.1.1, 2.2.2.2", 2, HOME, "1.1.1.1", id="two proxies: the last but one"),
        pytest.param("2.2.2.2", 2, HOME, HOME, id="fewer hops than proxies"),
        pytest.param("made up, 2.2.2.2", 1, HOME, "2.2.2.2", id="a lie before the truth"),
        pytest.param("made up", 1, HOME, HOME, id="no address"),
        pytest.param(None, 1, HOME, HOME, id="no header"),
        pytest.param(None, 0, "", None, id="a socket file"),
        pytest.param(None, 0, "::ffff:192.0.2.1", HOME, id="IPv4 in IPv6"),
        pytest.param("203.0.113.7:5123", 1, HOME, "203.0.113.7", id="IPv4 with a port"),
        pytest.param("fe80::1%eth0", 1, HOME, HOME, id="IPv6 with a zone"),
        pytest.param("[2001:db8::1]:443", 1, HOME, "2001:db8::1", id="IPv6 with a port"),
        pytest.param("[2001:db8::1]", 1, HOME, "2001:db8::1", id="IPv6 in brackets"),
        pytest.param("2001:db8::1", 1, HOME, "2001:db8::1", id="IPv6"),
        pytest.param("2.2.2.2:x", 1, HOME, HOME, id="no port"),
        pytest.param("2.2.2.2:000443", 1, HOME, HOME, id="a port of any length"),
        pytest.param("[2.2.2.2", 1, HOME, HOME, id="half a bracket"),
    ],
)
def test_only_the_entries_of_own_proxies_are_trusted(
    settings: Settings, forwarded: str | None, proxies: int, peer: str, address: str | None
) -> None:
    assert came_from(settings, forwarded, proxies=proxies, peer=peer) == address


def test_clients_of_a_unix_socket_are_counted_together() -> None:
    assert client_network(None) == ""

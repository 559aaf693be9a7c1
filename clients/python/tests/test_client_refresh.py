"""Signing in, refreshing and signing out against a site that fails."""

import time

import pytest
from client_fixtures import Clock, sign_in, stored
from latchkey_client import Client, FileStore, Refused, SignedOut, Unavailable
from latchkey_client.state import State
from pretend_site import NOT_VALID, PASSWORD, ROTATED, Answer, PretendSite, lost


def test_a_sign_in_is_stored(client: Client, site: PretendSite, store: FileStore) -> None:
    assert client.access_token() in site.valid
    assert site.log == ["POST /api/auth/login/"]
    assert stored(store).refresh == site.session.token
    assert len(bytes.fromhex(stored(store).secret)) == 32


def test_a_wrong_password_is_refused(site: PretendSite, store: FileStore) -> None:
    client = Client(site.url, store=store)
    with pytest.raises(Refused, match="No active account") as refused:
        client.sign_in("alice", "wrong")
    assert (refused.value.status, refused.value.code) == (401, "no_active_account")
    with pytest.raises(SignedOut):
        client.access_token()


def test_a_second_sign_in_ends_the_first_session(client: Client, site: PretendSite) -> None:
    client.sign_in("alice", PASSWORD)
    assert [session.ended for session in site.sessions.values()] == ["logout", ""]
    assert client.access_token() in site.valid


def test_refresh_rotates_now(client: Client, site: PretendSite, store: FileStore) -> None:
    before = client.access_token()
    after = client.refresh()
    assert after != before
    assert client.access_token() == after
    assert stored(store).refresh == site.session.token
    assert site.session.generation == 2


def test_a_fresh_token_costs_no_request(client: Client, site: PretendSite, clock: Clock) -> None:
    client.refresh()
    clock.forward(269)
    client.access_token()
    assert site.count("refresh/") == 1
    clock.forward(2)  # The token is about to expire.
    client.access_token()
    assert site.count("refresh/") == 2


@pytest.mark.parametrize("jump", [3600, -3600, 86400 * 400, -86400 * 400])
@pytest.mark.trap(86)
def test_a_clock_that_jumps_costs_one_refresh(
    jump: float, client: Client, site: PretendSite, clock: Clock
) -> None:
    client.refresh()
    clock.forward(jump)
    assert len({client.access_token() for _ in range(5)}) == 1
    assert site.session.generation == 3
    assert not site.session.ended


@pytest.mark.trap(4)
def test_a_lost_answer_is_asked_for_again(client: Client, site: PretendSite) -> None:
    site.faults += [lost, lost]
    assert client.refresh() in site.valid
    assert site.session.generation == 2
    assert len(site.keys) == 3
    assert len({*site.keys}) == 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param((409, {}, ROTATED), id="409"),
        pytest.param((429, {"Retry-After": "0"}, {}), id="429"),
        pytest.param((503, {"Retry-After": "0"}, {}), id="503"),
        pytest.param((500, {}, b"<h1>Error</h1>"), id="500"),
        pytest.param((502, {}, b""), id="502"),
        pytest.param(lambda answer: (200, {}, b'{"access": '), id="half an answer"),
        pytest.param(lambda answer: (200, {}, b"<html>"), id="a page instead of the answer"),
    ],
)
@pytest.mark.trap(50, 84)
def test_a_refresh_succeeds_after(fault: Answer, client: Client, site: PretendSite) -> None:
    site.faults += [fault, fault]
    assert client.refresh() in site.valid
    assert site.session.generation == 2
    assert len({*site.keys}) == 1


def test_the_site_decides_how_long_to_wait(client: Client, site: PretendSite) -> None:
    site.faults.append((503, {"Retry-After": "1"}, {}))
    started = time.monotonic()
    client.refresh()
    assert time.monotonic() - started >= 1


@pytest.mark.parametrize(
    ("fault", "message", "retry_after"),
    [
        ((503, {"Retry-After": "3600"}, {"detail": "The site is closed."}), "closed", 3600),
        ((429, {"Retry-After": "60"}, {}), "429", 60),
        ((403, {}, {"detail": "Not here."}), "Not here", None),
        ((401, {}, b"<html>a proxy</html>"), "401", None),
        ((302, {"Location": "/portal"}, b""), "302", None),
    ],
    ids=["a long 503", "a long 429", "403", "401 of a proxy", "a captive portal"],
)
def test_the_session_continues_after_a_failure(
    fault: Answer, message: str, retry_after: float | None, client: Client, site: PretendSite
) -> None:
    site.faults.append(fault)
    with pytest.raises(Unavailable, match=message) as raised:
        client.refresh()
    assert raised.value.retry_after == retry_after
    assert client.refresh() in site.valid


def test_a_site_that_is_away_is_unavailable(site: PretendSite, store: FileStore) -> None:
    client = sign_in(site, store)
    client.patience = 0.3
    site.close()
    with pytest.raises(Unavailable, match="did not answer"):
        client.refresh()
    assert client.access_token() in site.valid


def test_a_valid_token_is_used_while_the_site_is_away(
    client: Client, site: PretendSite, clock: Clock
) -> None:
    token = client.refresh()
    clock.forward(299)
    site.faults += [(503, {"Retry-After": "60"}, {})] * 2
    assert client.access_token() == token
    clock.forward(1)
    with pytest.raises(Unavailable):
        client.access_token()


def test_an_ended_session_empties_the_store(
    client: Client, site: PretendSite, store: FileStore
) -> None:
    site.session.ended = "admin"
    with pytest.raises(SignedOut, match="ended"):
        client.refresh()
    assert store.read() is None
    with pytest.raises(SignedOut):
        client.access_token()
    assert site.count("refresh/") == 1


def test_sign_out_ends_the_session(client: Client, site: PretendSite, store: FileStore) -> None:
    client.sign_out()
    assert site.session.ended == "logout"
    assert store.read() is None
    with pytest.raises(SignedOut):
        client.access_token()
    client.sign_out()  # There is nothing to do.
    assert site.count("logout/") == 1


def test_sign_out_without_a_site_empties_the_store(site: PretendSite, store: FileStore) -> None:
    client = sign_in(site, store)
    client.patience = 0.3
    site.close()
    with pytest.raises(Unavailable):
        client.sign_out()
    assert store.read() is None


@pytest.mark.trap(2, 83)
def test_nothing_is_stored_after_a_sign_out(
    client: Client, site: PretendSite, store: FileStore
) -> None:
    other = Client(site.url, store=store)

    def sign_out(answer: Answer) -> Answer:
        text = store.read()
        assert store.swap(text, None)  # as `other.sign_out` does, in another process
        return answer

    site.faults.append(sign_out)
    with pytest.raises(SignedOut):
        client.refresh()
    assert store.read() is None
    with pytest.raises(SignedOut):
        other.access_token()


def test_a_sign_in_during_a_refresh_is_kept(
    client: Client, site: PretendSite, store: FileStore
) -> None:
    def sign_in_again(answer: Answer) -> Answer:
        _, _, pair = site.sign_in({"password": PASSWORD})
        new = State.from_pair(site.url, pair, time.time())
        assert store.swap(store.read(), new.as_text())
        return 401, {}, NOT_VALID

    first = site.session.sid
    site.faults.append(sign_in_again)
    assert site.valid[client.refresh()] != first
    assert stored(store).sid == site.session.sid != first


@pytest.mark.parametrize(
    "site_url",
    [
        "http://id.example.org",
        "https://id.example.org/path",
        "ftp://id.example.org",
        "id.example.org",
        "http://localhost.example.org",
        "",
    ],
)
def test_a_site_without_https_is_refused(site_url: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        Client(site_url)


def test_the_secret_and_the_tokens_are_not_shown(client: Client, store: FileStore) -> None:
    state = stored(store)
    shown = repr(client) + str(store) + repr(store)
    assert not any(text in shown for text in (state.secret, state.refresh, state.access))

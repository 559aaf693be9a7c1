"""The accepted passwords. Every character of a password counts."""

import hashlib
import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, PASSWORD

STOLEN = "nine dry herons"
ALICE = User(username="alice", first_name="Liddell", email="wonderland@example.org")

TAKEN = {
    "8 characters": "vgq7xkrp",
    "lower case only": "vgqhxkrpwm",
    "digits only, not common": "8302947561",
    "one character many times over": "z" * 40,
    "words and spaces": "seven wet otters",
    "only spaces": " " * 12,
    "64 characters": "vgq7xkrp" * 8,
    "1024 characters": "vgq7xkrp" * 128,
    "accents": "crème brûlée",
    "Chinese": "我有三只湿水獭呢",
    "emoji": "🦦🦦🦦🦦🦦🦦🦦🦦",
    "combining characters": "e\u0301" * 6,
    "a word of the site in a sentence": "my latchkey opens seven doors",
    "a name in a sentence": "alice falls for ever",
}

REFUSED = {
    "empty": ("", "password_too_short"),
    "7 characters": ("vgq7xkr", "password_too_short"),
    "7 emoji": ("🦦" * 7, "password_too_short"),
    "1025 characters": ("v" * 1025, "password_too_long"),
    "common": ("password123", "password_too_common"),
    "common in other case": ("PassWord123", "password_too_common"),
    "common digits": ("1234567890", "password_too_common"),
    "the site's name": ("latchkey", "password_context_word"),
    "the site's name in capitals with digits": ("LatchKey2024!", "password_context_word"),
    "the site's name twice": ("latchkeylatchkey", "password_context_word"),
    "the host's name": ("localhost123", "password_context_word"),
    "the user name twice": ("alicealice", "password_context_word"),
    "the user's names": ("Alice.Liddell!", "password_context_word"),
    "a name and the site": ("latchkey4alice", "password_context_word"),
    "the first part of the e-mail": ("wonderland!wonderland", "password_context_word"),
    "the user name": ("alice123", "password_too_similar"),
    "the first name": ("liddell1", "password_too_similar"),
    "the e-mail": ("wonderland@example.org", "password_too_similar"),
}


@pytest.mark.spec("ASVS 5.0", "6.2.1", "6.2.5", "6.2.9")
@pytest.mark.parametrize("password", TAKEN.values(), ids=TAKEN)
def test_a_password_of_any_composition_is_accepted(password: str) -> None:
    validate_password(password, ALICE)


@pytest.mark.spec("ASVS 5.0", "6.2.1", "6.2.4", "6.2.11")
@pytest.mark.parametrize(("password", "code"), REFUSED.values(), ids=REFUSED)
def test_a_password_that_is_easy_to_guess_is_refused(password: str, code: str) -> None:
    with pytest.raises(ValidationError) as error:
        validate_password(password, ALICE)
    assert code in [problem.code for problem in error.value.error_list]


@pytest.mark.spec("ASVS 5.0", "6.2.11")
@pytest.mark.parametrize("name", ["u_acc", "thr", "a.b-c"])
def test_a_name_of_short_words_is_refused_as_a_password(name: str) -> None:
    for password in (name * 3, f"{name} {name}!"):
        with pytest.raises(ValidationError) as error:
            validate_password(password, User(username=name))
        assert "password_context_word" in [problem.code for problem in error.value.error_list]


@pytest.mark.spec("ASVS 5.0", "6.2.11")
@pytest.mark.parametrize("password", ["brewery99", "Hopworks!!", "id.hopworks"])
def test_the_words_of_the_public_url_are_refused_as_passwords(
    settings: Settings, password: str
) -> None:
    settings.PUBLIC_URL = "https://id.hopworks.brewery"
    with pytest.raises(ValidationError) as error:
        validate_password(password)
    assert [problem.code for problem in error.value.error_list] == ["password_context_word"]


class Breaches(BaseHTTPRequestHandler):
    """A service that knows one breached password and some with the same prefix."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        digest = hashlib.sha1(STOLEN.encode(), usedforsecurity=False).hexdigest().upper()
        found = digest[5:] if self.path.endswith(digest[:5]) else "F" * 35
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{'0' * 35}:0\r\n{found}:1,234\r\n".encode())

    def log_message(self, *arguments: object) -> None:
        """Write nothing to the standard error output."""


@pytest.fixture
def breaches() -> Iterator[tuple[str, list[str]]]:
    """Serve the list; return its URL and the requested paths."""
    asked: list[str] = []
    handler = type("Handler", (Breaches,), {"asked": asked})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/range/", asked
        server.shutdown()


def ask_at(settings: Settings, url: str) -> None:
    breached = {"NAME": "accounts.breaches.BreachedPasswordValidator", "OPTIONS": {"url": url}}
    settings.AUTH_PASSWORD_VALIDATORS = [*settings.AUTH_PASSWORD_VALIDATORS, breached]


@pytest.mark.spec("ASVS 5.0", "6.2.12")
def test_a_breached_password_is_refused_without_revealing_it(
    settings: Settings, breaches: tuple[str, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    url, asked = breaches
    ask_at(settings, url)
    caplog.set_level(logging.DEBUG)
    validate_password("seven wet otters", ALICE)
    with pytest.raises(ValidationError) as error:
        validate_password(STOLEN, ALICE)
    (problem,) = error.value.error_list
    assert problem.code == "password_compromised"
    assert problem.messages == ["This password was stolen from another site, and is known."]
    assert [len(path) for path in asked] == [len("/range/01234")] * 2
    assert not any(path[-5:] in caplog.text for path in asked)


@pytest.mark.spec("ASVS 5.0", "6.2.12")
def test_without_the_service_common_passwords_are_refused(settings: Settings) -> None:
    ask_at(settings, "http://127.0.0.1:1/range/")
    validate_password(STOLEN, ALICE)
    with pytest.raises(ValidationError, match="too common"):
        validate_password("password123", ALICE)


@pytest.mark.spec("ASVS 5.0", "6.2.8")
@pytest.mark.parametrize("length", [73, 100, 129, 1024])
def test_the_last_character_of_a_long_password_counts(length: int) -> None:
    long, other = "v" * (length - 1) + "a", "v" * (length - 1) + "b"
    user = User(username="alice")
    user.set_password(long)
    assert user.check_password(long)
    assert not user.check_password(other)
    assert not user.check_password(long[:-1])
    assert not user.check_password(f"{long}a")


@pytest.mark.django_db
@pytest.mark.spec("ASVS 5.0", "6.2.8")
@pytest.mark.parametrize("password", TAKEN.values(), ids=TAKEN)
def test_a_password_signs_in_exactly_as_it_was_set(api: API, alice: User, password: str) -> None:
    alice.set_password(password)
    alice.save()
    for tried, status in ((password, 200), (f"{password} ", 401), (password[:-1], 401)):
        answer = api.post("login/", {"username": "alice", "password": tried})
        assert answer.status_code == status


@pytest.mark.spec("ASVS 5.0", "11.4.1", "11.4.2")
def test_fast_password_hashes_are_not_used(alice: User) -> None:
    fast = MD5PasswordHasher().encode(PASSWORD, "s" * 22)
    for stored, accepted in ((fast, False), (make_password(PASSWORD, hasher="scrypt"), True)):
        User.objects.filter(pk=alice.pk).update(password=stored)
        alice.refresh_from_db()
        assert alice.check_password(PASSWORD) is accepted
    assert alice.password.startswith("argon2$")

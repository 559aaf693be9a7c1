"""Hashing passwords never takes all threads."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Event, get_native_id

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import check_password, make_password
from django.test import Client
from pytest_django import Settings

from accounts import hashers
from accounts.errors import HashingBusyError
from accounts.models import User
from project.web.errors import RETRY_AFTER
from tests.conftest import API, HASHED, PASSWORD
from tokens.models import DeviceSession

HASHERS = ["argon2", "pbkdf2_sha256", "scrypt"]


@contextmanager
def all_hash(threads: int) -> Iterator[None]:
    """Occupy as many threads for hashing as a server of that many threads has."""
    limit = hashers.hashing_limit(threads)
    ready, enough = Barrier(limit + 1), Event()

    def occupy() -> None:
        ready.wait()
        enough.wait()

    with ThreadPoolExecutor(limit) as callers:
        for _ in range(limit):
            callers.submit(hashers._run, occupy)
        ready.wait()
        yield
        enough.set()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashers, "PATIENCE", 0.05)


@pytest.fixture
def busy(impatient: None, settings: Settings) -> Iterator[None]:
    """All threads for hashing are in use."""
    settings.THREADS = 3
    with all_hash(3):
        yield


@pytest.mark.parametrize(("threads", "limit"), [(1, 1), (2, 1), (4, 3), (256, 255)])
def test_all_threads_but_one_may_hash(
    impatient: None, settings: Settings, threads: int, limit: int
) -> None:
    settings.THREADS = threads
    assert hashers.hashing_limit(threads) == limit
    with all_hash(threads), pytest.raises(HashingBusyError):
        make_password(PASSWORD)
    assert check_password(PASSWORD, make_password(PASSWORD))


@pytest.mark.parametrize("algorithm", HASHERS)
def test_each_algorithm_is_limited(busy: None, algorithm: str) -> None:
    with pytest.raises(HashingBusyError):
        make_password(PASSWORD, hasher=algorithm)


@pytest.mark.slow  # at the full cost
@pytest.mark.parametrize("algorithm", HASHERS)
def test_each_algorithm_hashes_as_django_does(algorithm: str) -> None:
    stored = make_password(PASSWORD, hasher=algorithm)
    assert check_password(PASSWORD, stored)
    assert not check_password("wrong", stored)


def test_a_caller_waits_a_limited_time_for_a_thread(settings: Settings) -> None:
    settings.THREADS = 2
    with ThreadPoolExecutor(4) as callers:
        began = time.monotonic()
        waits = [callers.submit(hashers._run, time.sleep, 0.1) for _ in range(4)]
        for wait in waits:
            wait.result()
    assert 0.4 <= time.monotonic() - began < hashers.PATIENCE


def test_other_threads_are_served_first() -> None:
    ours = os.getpriority(os.PRIO_PROCESS, get_native_id())
    theirs = hashers._run(lambda: os.getpriority(os.PRIO_PROCESS, get_native_id()))
    assert theirs == max(ours, hashers.NICENESS)
    assert os.getpriority(os.PRIO_PROCESS, get_native_id()) == ours


@pytest.mark.trap(97)
@pytest.mark.django_db
@pytest.mark.parametrize("name", ["alice", "nobody", "alice@example.org"])
@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_a_busy_server_answers_503_with_retry_after(
    api: API, alice: User, busy: None, name: str, password: str
) -> None:
    answer = api.post("login/", {"username": name, "password": password})
    assert answer.status_code == 503
    assert answer.json() == {
        "detail": "The server is busy. Try again.",
        "code": "busy",
    }
    assert int(answer["Retry-After"]) > 0
    assert not DeviceSession.objects.exists()


@pytest.mark.django_db
def test_a_busy_server_shows_a_page_to_people(client: Client, alice: User, busy: None) -> None:
    answer = client.post("/accounts/login/", {"username": "alice", "password": PASSWORD})
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert answer["Content-Type"].startswith("text/html")
    assert "The server is busy. Try again." in answer.content.decode()
    assert not DeviceSession.objects.exists()


@pytest.mark.django_db
def test_a_busy_server_sends_the_same_wait_to_all_clients(
    api: API, client: Client, alice: User, busy: None
) -> None:
    form = {"username": "alice", "password": PASSWORD}
    answers = [api.post("login/", form), client.post("/accounts/login/", form)]
    assert {answer["Retry-After"] for answer in answers} == {str(RETRY_AFTER)}


@pytest.mark.django_db
def test_a_busy_server_changes_no_password(api: API, alice: User, settings: Settings) -> None:
    pair = api.login(alice)
    settings.THREADS = 3
    body = {"current_password": PASSWORD, "new_password": "nine dry badgers"}
    with pytest.MonkeyPatch.context() as patch, all_hash(3):
        patch.setattr(hashers, "PATIENCE", 0.05)
        answer = api.client.post(
            "/api/account/password/",
            body,
            content_type="application/json",
            headers={"Authorization": f"Bearer {pair['access']}"},
        )
    assert answer.status_code == 503
    assert User.objects.get().password == HASHED
    assert authenticate(username="alice", password=PASSWORD) == alice

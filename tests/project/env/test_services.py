"""The URLs of mail, Redis and the breach list: an error never repeats their passwords."""

import pytest

from tests.project.env.reading import Run, read, refusal


def test_mail_is_printed_without_a_mail_server(run: Run) -> None:
    printed = read(run)
    assert printed["EMAIL_BACKEND"].endswith("console.EmailBackend")
    sent = read(run, EMAIL_URL="smtp+tls://latchkey:pa%2Fss@smtp.example.org:587")
    assert sent["EMAIL_BACKEND"].endswith("smtp.EmailBackend")
    assert (sent["EMAIL_HOST"], sent["EMAIL_PORT"]) == ("smtp.example.org", 587)
    assert (sent["EMAIL_HOST_PASSWORD"], sent["EMAIL_USE_TLS"]) == ("pa/ss", True)
    assert sent["EMAIL_TIMEOUT"] <= 30


@pytest.mark.parametrize(
    "url",
    [
        *("pigeon://example.org", "smtp.example.org", "smtp://a:pass1word@b:c"),
        *("smtp://a:pass1word/x@b:25", "smtp://", "smtp+tls://:587", "smtps://a:pass1word@"),
        *("smtp+tls//a:pass1word@b:587", "a:pass1word@b", "smtp://[a:pass1word@b", "pass1word"),
    ],
)
def test_an_invalid_mail_url_is_reported_without_password(run: Run, url: str) -> None:
    stopped = run("import project.settings", EMAIL_URL=url)
    assert stopped.returncode == 1
    last = stopped.stderr.splitlines()[-1]
    assert "ImproperlyConfigured: EMAIL_URL must be like" in last
    assert "pass1word" not in stopped.stderr


@pytest.mark.spec("ASVS 5.0", "6.2.12")
def test_the_breach_service_is_off_or_has_a_safe_url(run: Run) -> None:
    without = read(run, BREACHED_PASSWORDS_URL="")["AUTH_PASSWORD_VALIDATORS"]
    url = "https://api.pwnedpasswords.com/range/"
    (asked,) = (
        validator
        for validator in read(run, BREACHED_PASSWORDS_URL=url)["AUTH_PASSWORD_VALIDATORS"]
        if validator not in without
    )
    assert asked["OPTIONS"] == {"url": url}
    local = "http://localhost:8080/"
    assert read(run, BREACHED_PASSWORDS_URL=local)["AUTH_PASSWORD_VALIDATORS"][-1]["OPTIONS"] == {
        "url": local
    }


@pytest.mark.parametrize(
    "url",
    [
        "yes",
        "http://pwned.example.org/range/",
        "http://localhost.example.org/",
        "https://pwned.example.org/range",
        "https:///",
        "https://[/",
        "https://pwned.example.org:99999/",
        "https://pwned.example.org/a b/",
    ],
)
def test_an_unsafe_breach_service_url_is_reported(run: Run, url: str) -> None:
    assert refusal(run, BREACHED_PASSWORDS_URL=url).startswith("BREACHED_PASSWORDS_URL must be")


REDISES = [
    *("nonsense", "http://:pass1word@example.org/0", "memcached://127.0.0.1:11211", "redis:/h"),
    *("redis://:pass1word@127.0.0.1:notaport/0", "redis://:pass1word@127.0.0.1:99999/0"),
    *("redis://:pass1word/x@127.0.0.1/0", "redis://[/", "redis://127.0.0.1/nonsense", "unix://"),
    *("redis://:pass1word@127.0.0.1/0?nonsense=1", "rediss://127.0.0.1/0?ssl_cert_reqs=perhaps"),
    *("redis://:pass1word@redis..example.org/0", f"redis://:pass1word@{'r' * 64}.example.org/0"),
]


@pytest.mark.parametrize("url", REDISES)
def test_an_invalid_redis_url_is_reported_without_password(run: Run, url: str) -> None:
    stopped = run("import project.settings", REDIS_URL=url)
    last = stopped.stderr.splitlines()[-1]
    assert "ImproperlyConfigured: REDIS_URL must be like redis://" in last
    assert "pass1word" not in stopped.stderr


@pytest.mark.parametrize(
    "url",
    [
        *("redis://127.0.0.1:6379/99", "redis://:pass1word@redis.example.org", "redis:///1"),
        *("rediss://redis.example.org/0?ssl_cert_reqs=none", "unix:///run/redis.sock?db=2"),
    ],
)
def test_a_redis_url_is_used_for_counters_and_session_data(run: Run, url: str) -> None:
    settings = read(run, REDIS_URL=url, SESSION_STORE="redis")
    assert settings["TOKENS"]["THROTTLE_STORAGE"] == url.replace("unix:", "redis+unix:")
    assert settings["CACHES"]["sessions"]["LOCATION"] == url


@pytest.mark.parametrize("url", ["filemail:///tmp/x", "filemail://tmp/x", "filemail://"])
def test_mail_files_in_a_relative_directory_are_refused(run: Run, url: str) -> None:
    assert "four slashes" in refusal(run, EMAIL_URL=url)


def test_mail_files_are_written_into_an_absolute_directory(run: Run) -> None:
    assert read(run, EMAIL_URL="filemail:////tmp/x")["EMAIL_FILE_PATH"] == "/tmp/x"  # noqa: S108  (nothing is written)

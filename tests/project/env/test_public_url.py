"""PUBLIC_URL decides about https: secure cookies, redirects and HSTS."""

import json

import pytest
from django.http.request import split_domain_port, validate_host

from tests.project.env.reading import SHOW, Run, read


@pytest.mark.trap(63)
@pytest.mark.spec("ASVS 5.0", "3.3.1", "3.4.1")
@pytest.mark.parametrize("debug", ["False", "True"], ids=["production", "DEBUG"])
@pytest.mark.parametrize(
    ("public_url", "secure"),
    [("https://id.example.org", True), ("http://localhost:8000", False)],
    ids=["https", "http"],
)
def test_public_url_alone_decides_about_https(
    run: Run, public_url: str, debug: str, *, secure: bool
) -> None:
    settings = read(run, PUBLIC_URL=public_url, DEBUG=debug)
    assert settings["DEBUG"] is (debug == "True")
    assert settings["SESSION_COOKIE_SECURE"] is secure
    assert settings["CSRF_COOKIE_SECURE"] is secure
    for name in ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME"):
        assert settings[name].startswith("__Host-") is secure
    assert settings["TOKENS"]["COOKIES_SECURE"] is secure
    assert settings["SECURE_SSL_REDIRECT"] is secure
    assert (settings["SECURE_HSTS_SECONDS"] >= 31_536_000) is secure
    assert (settings["SECURE_PROXY_SSL_HEADER"] is not None) is secure
    assert settings["SIMPLE_JWT"]["ISSUER"] == public_url
    assert settings["SIMPLE_JWT"]["AUDIENCE"] == [public_url]
    assert settings["CSRF_TRUSTED_ORIGINS"] == [public_url]


@pytest.mark.spec("ASVS 5.0", "3.4.1")
@pytest.mark.parametrize(
    ("environment", "header"),
    [
        ({}, (False, False)),
        ({"HSTS_SUBDOMAINS": "on"}, (True, False)),
        ({"HSTS_SUBDOMAINS": "on", "HSTS_PRELOAD": "on"}, (True, True)),
    ],
    ids=["by default", "subdomains", "preload"],
)
def test_hsts_includes_other_hosts_only_if_configured(
    run: Run, environment: dict[str, str], header: tuple[bool, bool]
) -> None:
    for public_url in ("https://id.example.org", "http://localhost:8000"):
        secure = public_url.startswith("https")
        settings = read(run, PUBLIC_URL=public_url, **environment)
        names = ("SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD")
        assert tuple(settings[name] for name in names) == (header if secure else (False, False))


def test_a_public_url_in_capitals_is_as_secure_or_refused(run: Run) -> None:
    shown = run(SHOW, PUBLIC_URL="HTTPS://ID.example.org")
    if shown.returncode:
        assert "ImproperlyConfigured: PUBLIC_URL" in shown.stderr
    else:
        assert json.loads(shown.stdout)["SESSION_COOKIE_SECURE"] is True


@pytest.mark.parametrize(
    ("public_url", "host"),
    [
        ("https://id.example.org", "id.example.org"),
        ("https://id.example.org:8443", "id.example.org:8443"),
        ("https://id.example.org:65535", "id.example.org:65535"),
        ("http://localhost:8000", "127.0.0.1:8000"),
        ("http://127.0.0.1:8000", "localhost:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_the_site_answers_at_its_public_url(run: Run, public_url: str, host: str) -> None:
    domain, _ = split_domain_port(host)
    assert validate_host(domain, read(run, PUBLIC_URL=public_url)["ALLOWED_HOSTS"])


@pytest.mark.parametrize(
    "public_url",
    [
        "id.example.org",
        "localhost:8000",
        "https://",
        "ftp://id.example.org",
        "https://id.example.org/",
        "https://id.example.org/accounts",
        "https://id.example.org?a=b",
        "https://id.example.org#top",
        "https://alice:secret@id.example.org",
        "https://id.example.org:65536",
        "https://id example.org",
        "http://[::1",
    ],
)
def test_a_public_url_that_is_not_an_origin_is_reported(run: Run, public_url: str) -> None:
    stopped = run("import project.settings", PUBLIC_URL=public_url)
    assert stopped.returncode == 1
    last = stopped.stderr.splitlines()[-1]
    assert "ImproperlyConfigured: PUBLIC_URL must be an origin" in last
    assert "without a path or a slash at the end" in last

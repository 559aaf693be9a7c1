"""The environment is read once, and loudly where it is wrong; PUBLIC_URL decides what is secure."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.http.request import split_domain_port, validate_host

from tests.project.preloaded import Preloaded
from tests.support.site import ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]

SHOW = """
import json
from project import settings
names = [name for name in dir(settings) if name.isupper()]
print(json.dumps({name: getattr(settings, name) for name in names}, default=str))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return where a copy of the settings is, with no `.env` beside it."""
    shutil.copytree(ROOT / "project", tmp_path / "latchkey/project")
    return tmp_path / "latchkey"


@pytest.fixture
def run(interpreter: Preloaded, checkout: Path) -> Run:
    """Return a function that runs a Python program there, in a changed environment."""
    return partial(interpreter.run, checkout, LATCHKEY_ENV_FILE="")


def refusal(run: Run, **environment: str) -> str:
    """Return the sentence with which a process of this environment does not start."""
    stopped = run("import project.settings", **environment)
    assert stopped.returncode == 1
    kind, _, sentence = stopped.stderr.splitlines()[-1].partition(": ")
    assert kind == "django.core.exceptions.ImproperlyConfigured"
    return sentence


def read(run: Run, **environment: str) -> dict[str, Any]:
    """Return the settings that a process with this environment has."""
    shown = run(SHOW, **environment)
    assert shown.returncode == 0, shown.stderr
    settings: dict[str, Any] = json.loads(shown.stdout)
    return settings


@pytest.mark.trap(63)
@pytest.mark.spec("ASVS 5.0", "3.3.1", "3.4.1")
@pytest.mark.parametrize("debug", ["False", "True"], ids=["production", "DEBUG"])
@pytest.mark.parametrize(
    ("public_url", "secure"),
    [("https://id.example.org", True), ("http://localhost:8000", False)],
    ids=["https", "http"],
)
def test_the_public_address_alone_decides_what_is_secure(
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
    assert settings["SIMPLE_JWT"]["AUDIENCE"] == public_url
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
def test_hsts_binds_other_hosts_only_if_it_is_told_to(
    run: Run, environment: dict[str, str], header: tuple[bool, bool]
) -> None:
    for public_url in ("https://id.example.org", "http://localhost:8000"):
        secure = public_url.startswith("https")
        settings = read(run, PUBLIC_URL=public_url, **environment)
        names = ("SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD")
        assert tuple(settings[name] for name in names) == (header if secure else (False, False))


SWITCHES = ["DEBUG", "HSTS_PRELOAD", "HSTS_SUBDOMAINS", "STATUS_LIST", "THROTTLES"]
SHOW_SWITCHES = """
import json, os
from project import settings
given = json.loads(os.environ["GIVEN"])
print(json.dumps([settings.switch(name, default=False) for name in given]))
"""


@pytest.mark.parametrize(
    ("words", "on"),
    [
        (["1", "true", "True", "TRUE", "yes", "Yes", "on", "ON", " on "], True),
        (["0", "false", "False", "FALSE", "no", "No", "off", "OFF", "off "], False),
    ],
    ids=["on", "off"],
)
def test_a_switch_understands_the_usual_words(run: Run, words: list[str], *, on: bool) -> None:
    given = {f"GIVEN_{number}": word for number, word in enumerate(words)}
    shown = run(SHOW_SWITCHES, **given, GIVEN=json.dumps([*given]))
    assert json.loads(shown.stdout) == [on] * len(words), shown.stderr


@pytest.mark.parametrize("name", SWITCHES)
def test_every_switch_takes_these_words_and_names_any_other(run: Run, name: str) -> None:
    on, off = read(run, **{name: "YES"}), read(run, **{name: "no"})
    values: dict[str, Callable[[dict[str, Any]], bool]] = {
        "DEBUG": lambda settings: settings["DEBUG"],
        "HSTS_PRELOAD": lambda settings: settings["HSTS_PRELOAD"],
        "HSTS_SUBDOMAINS": lambda settings: settings["HSTS_SUBDOMAINS"],
        "STATUS_LIST": lambda settings: settings["TOKENS"]["STATUS_LIST"],
        "THROTTLES": lambda settings: bool(settings["TOKENS"]["THROTTLES"]),
    }
    assert (values[name](on), values[name](off)) == (True, False)
    assert refusal(run, **{name: "perhaps"}).startswith(f"{name} is on (1, true, yes, on) or off")


def test_a_public_address_in_capitals_is_as_secure_or_refused(run: Run) -> None:
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
        ("http://localhost:8000", "127.0.0.1:8000"),
        ("http://127.0.0.1:8000", "localhost:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_the_site_answers_at_its_public_address(run: Run, public_url: str, host: str) -> None:
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
        "https://id.example.org:99999",
        "https://id example.org",
        "http://[::1",
    ],
)
def test_a_public_address_that_is_no_origin_is_named(run: Run, public_url: str) -> None:
    stopped = run("import project.settings", PUBLIC_URL=public_url)
    assert stopped.returncode == 1
    last = stopped.stderr.splitlines()[-1]
    assert "ImproperlyConfigured: PUBLIC_URL must be an origin" in last


DURATIONS = [
    "ACCESS_TOKEN_LIFETIME",
    "REFRESH_TOKEN_IDLE_LIFETIME",
    "REFRESH_TOKEN_ABSOLUTE_LIFETIME",
    "REFRESH_GRACE_PERIOD",
    "REFRESH_RETRY_WINDOW",
    "BROWSER_LIFETIME",
    "TOKEN_LEEWAY",
    "LINK_LIFETIME",
]


@pytest.mark.parametrize("name", DURATIONS)
def test_a_negative_duration_is_named(run: Run, name: str) -> None:
    stopped = run("import project.settings", **{name: "-1"})
    assert stopped.returncode == 1
    assert f"ImproperlyConfigured: {name} is a number of seconds" in stopped.stderr


@pytest.mark.parametrize("value", ["5m", "1.5", "9" * 30])
def test_a_duration_that_is_no_number_is_named(run: Run, value: str) -> None:
    stopped = run("import project.settings", ACCESS_TOKEN_LIFETIME=value)
    assert stopped.returncode == 1
    assert "ACCESS_TOKEN_LIFETIME" in stopped.stderr.splitlines()[-1]


def test_a_duration_is_taken_in_seconds(run: Run) -> None:
    settings = read(run, ACCESS_TOKEN_LIFETIME="120", REFRESH_GRACE_PERIOD="0")
    assert settings["SIMPLE_JWT"]["ACCESS_TOKEN_LIFETIME"] == "0:02:00"
    assert settings["TOKENS"]["GRACE_PERIOD"] == "0:00:00"


def test_mail_is_printed_unless_a_server_is_named(run: Run) -> None:
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
def test_a_mail_server_that_cannot_be_read_is_named_without_its_password(
    run: Run, url: str
) -> None:
    stopped = run("import project.settings", EMAIL_URL=url)
    assert stopped.returncode == 1
    last = stopped.stderr.splitlines()[-1]
    assert "ImproperlyConfigured: EMAIL_URL must be like" in last
    assert "pass1word" not in stopped.stderr


@pytest.mark.spec("ASVS 5.0", "6.2.12")
def test_who_is_asked_of_stolen_passwords_is_nobody_or_a_safe_address(run: Run) -> None:
    nobody = read(run, BREACHED_PASSWORDS_URL="")["AUTH_PASSWORD_VALIDATORS"]
    url = "https://api.pwnedpasswords.com/range/"
    (asked,) = (
        validator
        for validator in read(run, BREACHED_PASSWORDS_URL=url)["AUTH_PASSWORD_VALIDATORS"]
        if validator not in nobody
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
def test_an_unsafe_or_impossible_address_for_stolen_passwords_is_named(run: Run, url: str) -> None:
    assert refusal(run, BREACHED_PASSWORDS_URL=url).startswith("BREACHED_PASSWORDS_URL must be")


@pytest.mark.spec("ASVS 5.0", "13.3.1")
def test_there_is_no_default_secret_key(run: Run) -> None:
    assert "SECRET_KEY" in refusal(run, SECRET_KEY="")


@pytest.mark.parametrize("given", ["", "  "], ids=["empty", "blank"])
def test_an_empty_variable_hides_no_line_of_the_file(run: Run, checkout: Path, given: str) -> None:
    (checkout / ".env").write_text("SECRET_KEY=of the file\nWORKERS=3\nPROXIES=1\n")
    settings = read(run, SECRET_KEY=given, WORKERS=given, PROXIES="2")
    assert settings["SECRET_KEY"] == "of the file"
    assert settings["WORKERS"] == 3
    assert settings["TOKENS"]["PROXIES"] == 2


def test_another_file_may_take_the_place_of_env(run: Run, checkout: Path) -> None:
    (checkout / ".env").write_text("WORKERS=3\n")
    (checkout / "other.env").write_text("PROXIES=2\n")
    settings = read(run, LATCHKEY_ENV_FILE=str(checkout / "other.env"))
    assert (settings["WORKERS"], settings["TOKENS"]["PROXIES"]) == (1, 2)


def test_a_file_that_is_missing_is_named(run: Run, checkout: Path) -> None:
    """With the defaults in its place, a site with users would start as an empty one."""
    (checkout / ".env").write_text("PROXIES=2\n")
    sentence = refusal(run, LATCHKEY_ENV_FILE="missing.env")
    assert sentence == "There is no file 'missing.env', which LATCHKEY_ENV_FILE names."


def test_a_setting_that_is_empty_has_its_default(run: Run, checkout: Path) -> None:
    example = (ROOT / ".env.example").read_text()
    names = re.findall("^#([A-Z_]+)=", example, re.MULTILINE)
    (checkout / ".env").write_text("".join(f"{name}=\n" for name in names))
    settings = read(run, **{**dict.fromkeys(names, ""), "SECRET_KEY": "k" * 50})
    assert settings["STATIC_ROOT"] == str(checkout / "var/static")
    assert settings["PUBLIC_URL"] == "http://localhost:8000"
    assert settings["SIMPLE_JWT"]["ACCESS_TOKEN_LIFETIME"] == "0:05:00"
    assert settings["EMAIL_BACKEND"].endswith("console.EmailBackend")


@pytest.mark.parametrize(
    "root",
    [
        *(".", "..", "../latchkey", "project/..", "/", "var", "var/../var/", "var/sessions"),
        *("{checkout}", "{checkout}/..", "{checkout}/var", "link", "{database}"),
    ],
)
def test_no_directory_with_secrets_is_served(run: Run, checkout: Path, root: str) -> None:
    (checkout / "link").symlink_to(checkout.parent)
    database = checkout.parent / "data"
    database.mkdir()
    sentence = refusal(
        run,
        STATIC_ROOT=root.format(checkout=checkout, database=database),
        DATABASE_URL=f"sqlite:///{database}/latchkey.sqlite3",
    )
    assert sentence.startswith("STATIC_ROOT cannot be")


@pytest.mark.parametrize("root", ["public", "{checkout}/var/public", "{checkout}-static"])
def test_static_files_may_be_collected_beside_the_secrets(
    run: Run, checkout: Path, root: str
) -> None:
    wanted = root.format(checkout=checkout)
    assert read(run, STATIC_ROOT=wanted)["STATIC_ROOT"] == str(checkout / wanted)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("WORKERS", wrong) for wrong in ("0", "257", "5000", "x")),
        *(("THREADS", wrong) for wrong in ("0", "257", "9999", "x")),
        *(("PORT", wrong) for wrong in ("0", "65536", "http")),
        *(("PROXIES", wrong) for wrong in ("11", "-1")),
        *(("DATABASE_POOL_SIZE", wrong) for wrong in ("0", "1", "1001", "-3")),
    ],
)
def test_a_number_out_of_bounds_is_named(run: Run, name: str, wrong: str) -> None:
    url = "postgres://latchkey@db.example.org/latchkey"
    sentence = refusal(run, **{"DATABASE_URL": url, name: wrong})
    assert sentence.startswith(f"{name} is a number ")
    assert wrong in sentence


REDISES = [
    *("nonsense", "http://:pass1word@example.org/0", "memcached://127.0.0.1:11211", "redis:/h"),
    *("redis://:pass1word@127.0.0.1:notaport/0", "redis://:pass1word@127.0.0.1:99999/0"),
    *("redis://:pass1word/x@127.0.0.1/0", "redis://[/", "redis://127.0.0.1/nonsense", "unix://"),
    *("redis://:pass1word@127.0.0.1/0?nonsense=1", "rediss://127.0.0.1/0?ssl_cert_reqs=perhaps"),
]


@pytest.mark.parametrize("url", REDISES)
def test_an_address_that_is_not_of_redis_is_named_without_its_password(run: Run, url: str) -> None:
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
def test_an_address_of_redis_is_taken_for_counters_and_data(run: Run, url: str) -> None:
    settings = read(run, REDIS_URL=url, SESSION_STORE="redis")
    assert settings["TOKENS"]["THROTTLE_STORAGE"] == url.replace("unix:", "redis+unix:")
    assert settings["CACHES"]["sessions"]["LOCATION"] == url


NO_DATABASES = [
    *("postgres://u:pass1word/x@h/name", "mysql://u:pass1word@h/name", "foo://u:pass1word@h/name"),
    *("postgres//u:pass1word@h/name", "postgres:/u:pass1word@h/name", "u:pass1word@h/name"),
    *("sqlite://u:pass1word@h/name", "://u:pass1word@h/name", "pass1word"),
]


@pytest.mark.parametrize("url", NO_DATABASES)
def test_a_database_that_cannot_be_read_is_named_without_its_password(run: Run, url: str) -> None:
    stopped = run("import project.settings", DATABASE_URL=url)
    assert "ImproperlyConfigured: DATABASE_URL must be" in stopped.stderr.splitlines()[-1]
    assert "pass1word" not in stopped.stderr


@pytest.mark.parametrize("url", ["filemail:///tmp/x", "filemail://tmp/x", "filemail://"])
def test_mail_files_in_a_relative_directory_are_refused(run: Run, url: str) -> None:
    assert "four slashes" in refusal(run, EMAIL_URL=url)


def test_mail_files_are_written_into_an_absolute_directory(run: Run) -> None:
    assert read(run, EMAIL_URL="filemail:////tmp/x")["EMAIL_FILE_PATH"] == "/tmp/x"  # noqa: S108


@pytest.mark.trap(29)
def test_sqlite_waits_for_its_lock_and_reaches_the_disk(run: Run) -> None:
    database = read(run, DATABASE_URL="sqlite:////tmp/x.sqlite3")["DATABASES"]["default"]
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in database["OPTIONS"]["init_command"]
    assert "synchronous=FULL" in database["OPTIONS"]["init_command"]
    assert database["OPTIONS"]["timeout"] >= 5


def test_postgresql_is_reached_through_a_pool_whose_size_is_settable(run: Run) -> None:
    url = "postgres://latchkey@db.example.org/latchkey"
    database = read(run, DATABASE_URL=url, DATABASE_POOL_SIZE="5")["DATABASES"]["default"]
    assert database["OPTIONS"]["pool"]["max_size"] == 5
    assert not database.get("CONN_MAX_AGE")


def test_what_the_database_address_asks_of_tls_is_kept(run: Run) -> None:
    url = "postgres://latchkey@db.example.org/latchkey?sslmode=verify-full"
    database = read(run, DATABASE_URL=url)["DATABASES"]["default"]
    assert database["OPTIONS"]["sslmode"] == "verify-full"
    assert "pool" in database["OPTIONS"]


def test_an_empty_database_address_is_none(run: Run) -> None:
    shown = run(SHOW, DATABASE_URL="")
    assert (shown.returncode, shown.stderr) == (0, "")
    database = json.loads(shown.stdout)["DATABASES"]["default"]
    assert database["NAME"].endswith("var/latchkey.sqlite3")


@pytest.mark.parametrize(
    ("environment", "workers"),
    [
        ({"REDIS_URL": ""}, 1),
        ({"REDIS_URL": "redis://redis.example.org:6379/0"}, 2),
        ({"REDIS_URL": "", "WORKERS": "3"}, 3),
    ],
    ids=["each would count for itself", "they count together", "as the operator wants"],
)
def test_processes_are_several_where_they_count_together(
    run: Run, environment: dict[str, str], workers: int
) -> None:
    assert read(run, **environment)["WORKERS"] == workers


@pytest.mark.parametrize("store", ["database", "file", "redis"])
def test_the_setting_chooses_where_data_of_browsers_is_kept(run: Run, store: str) -> None:
    settings = read(run, SESSION_STORE=store, REDIS_URL="redis://redis.example.org:6379/1")
    assert settings["SESSION_ENGINE"] == f"accounts.browser.sessiondata.{store}"
    assert import_module(settings["SESSION_ENGINE"]).SessionStore
    assert ("redis.example.org" in str(settings["CACHES"])) is (store == "redis")


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"SESSION_STORE": "cookie"}, "SESSION_STORE is one of database, file, redis"),
        ({"SESSION_STORE": "redis", "REDIS_URL": ""}, "SESSION_STORE is redis, and REDIS_URL"),
    ],
    ids=["unknown", "redis without an address"],
)
def test_a_store_that_is_none_is_named(
    run: Run, environment: dict[str, str], sentence: str
) -> None:
    stopped = run("import project.settings", **environment)
    assert stopped.returncode == 1
    assert sentence in stopped.stderr.splitlines()[-1]

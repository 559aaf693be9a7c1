"""The error about an invalid switch, duration, number or choice names the variable."""

import json
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from project.throttles import RATES
from tests.project.env.reading import Run, read, refusal
from tests.support.site import ROOT

SWITCHES = [
    "DEBUG",
    "HSTS_PRELOAD",
    "HSTS_SUBDOMAINS",
    "SERVICE_SECRETS_AS_TOKENS",
    "STATUS_LIST",
    "THROTTLES",
]
SHOW_SWITCHES = """
import json, os
from project import settings
given = json.loads(os.environ["GIVEN"])
print(json.dumps([settings.env.switch(name, default=False) for name in given]))
"""


@pytest.mark.parametrize(
    ("words", "on"),
    [
        (["1", "true", "True", "TRUE", "yes", "Yes", "on", "ON", " on "], True),
        (["0", "false", "False", "FALSE", "no", "No", "off", "OFF", "off "], False),
    ],
    ids=["on", "off"],
)
def test_a_switch_accepts_the_usual_words(run: Run, words: list[str], *, on: bool) -> None:
    given = {f"GIVEN_{number}": word for number, word in enumerate(words)}
    shown = run(SHOW_SWITCHES, **given, GIVEN=json.dumps([*given]))
    assert json.loads(shown.stdout) == [on] * len(words), shown.stderr


@pytest.mark.parametrize("name", SWITCHES)
def test_every_switch_accepts_these_words_and_reports_others(run: Run, name: str) -> None:
    on, off = read(run, **{name: "YES"}), read(run, **{name: "no"})
    values: dict[str, Callable[[dict[str, Any]], bool]] = {
        "DEBUG": lambda settings: settings["DEBUG"],
        "HSTS_PRELOAD": lambda settings: settings["HSTS_PRELOAD"],
        "HSTS_SUBDOMAINS": lambda settings: settings["HSTS_SUBDOMAINS"],
        "SERVICE_SECRETS_AS_TOKENS": lambda settings: settings["TOKENS"][
            "SERVICE_SECRETS_AS_TOKENS"
        ],
        "STATUS_LIST": lambda settings: settings["TOKENS"]["STATUS_LIST"],
        "THROTTLES": lambda settings: bool(settings["TOKENS"]["THROTTLES"]),
    }
    assert (values[name](on), values[name](off)) == (True, False)
    assert refusal(run, **{name: "perhaps"}).startswith(f"{name} is on (1, true, yes, on) or off")


def test_throttles_are_on_and_each_rate_can_be_changed(run: Run) -> None:
    assert read(run, THROTTLES="")["TOKENS"]["THROTTLES"] == RATES
    changed = read(run, THROTTLES="", THROTTLE_REFRESH="7 per minute")["TOKENS"]["THROTTLES"]
    assert changed == {**RATES, "refresh": "7 per minute"}


def test_scopes_are_a_json_object_of_sentences(run: Run) -> None:
    scopes = {"orders:read": "Read an order's lines."}
    assert read(run, TOKEN_SCOPES=json.dumps(scopes))["TOKENS"]["SCOPES"] == scopes
    assert read(run)["TOKENS"]["SCOPES"] == {}


@pytest.mark.parametrize("value", ["orders:read", '["orders:read"]', '{"orders:read": 1}', "{"])
def test_scopes_that_are_not_an_object_of_texts_are_named(run: Run, value: str) -> None:
    assert refusal(run, TOKEN_SCOPES=value).startswith("TOKEN_SCOPES is a JSON object of texts")


def test_audiences_are_a_list_whose_first_is_the_default(run: Run) -> None:
    audiences = ["https://id.example.org", "https://orders.example.org"]
    settings = read(run, TOKEN_AUDIENCE=",".join(audiences))
    assert settings["SIMPLE_JWT"]["AUDIENCE"] == audiences


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
def test_a_negative_duration_is_reported(run: Run, name: str) -> None:
    stopped = run("import project.settings", **{name: "-1"})
    assert stopped.returncode == 1
    assert f"ImproperlyConfigured: {name} is a whole number of seconds from 0 to" in stopped.stderr


@pytest.mark.parametrize("value", ["5m", "1.5", "9" * 30])
def test_a_duration_that_is_not_a_number_is_reported(run: Run, value: str) -> None:
    stopped = run("import project.settings", ACCESS_TOKEN_LIFETIME=value)
    assert stopped.returncode == 1
    last = stopped.stderr.splitlines()[-1]
    assert "ACCESS_TOKEN_LIFETIME is a whole number of seconds from 0 to 9999999999, not" in last


def test_a_duration_is_in_seconds(run: Run) -> None:
    settings = read(run, ACCESS_TOKEN_LIFETIME="120", REFRESH_GRACE_PERIOD="0")
    assert settings["SIMPLE_JWT"]["ACCESS_TOKEN_LIFETIME"] == "0:02:00"
    assert settings["TOKENS"]["GRACE_PERIOD"] == "0:00:00"


def test_an_empty_setting_has_its_default(run: Run, checkout: Path) -> None:
    example = (ROOT / ".env.example").read_text()
    names = re.findall("^#([A-Z_]+)=", example, re.MULTILINE)
    (checkout / ".env").write_text("".join(f"{name}=\n" for name in names))
    settings = read(run, **{**dict.fromkeys(names, ""), "SECRET_KEY": "k" * 50})
    assert settings["STATIC_ROOT"] == str(checkout / "var/static")
    assert settings["PUBLIC_URL"] == "http://localhost:8000"
    assert settings["SIMPLE_JWT"]["ACCESS_TOKEN_LIFETIME"] == "0:05:00"
    assert settings["EMAIL_BACKEND"].endswith("console.EmailBackend")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("WORKERS", wrong) for wrong in ("0", "257", "5000", "x")),
        *(("THREADS", wrong) for wrong in ("0", "257", "9999", "x")),
        *(("PORT", wrong) for wrong in ("0", "65536", "http")),
        *(("PROXIES", wrong) for wrong in ("11", "-1")),
    ],
)
def test_a_number_out_of_bounds_is_reported(run: Run, name: str, wrong: str) -> None:
    url = "postgres://latchkey@db.example.org/latchkey"
    sentence = refusal(run, **{"DATABASE_URL": url, name: wrong})
    assert sentence.startswith(f"{name} is a whole number from ")
    assert wrong in sentence


def test_the_largest_numbers_are_accepted(run: Run) -> None:
    url = "postgres://latchkey@db.example.org/latchkey"
    largest = {"WORKERS": "256", "THREADS": "256", "PORT": "65535", "PROXIES": "10"}
    settings = read(run, DATABASE_URL=url, **largest)
    assert (settings["WORKERS"], settings["THREADS"]) == (256, 256)
    assert settings["TOKENS"]["PROXIES"] == 10


@pytest.mark.parametrize(
    ("environment", "workers"),
    [
        ({"REDIS_URL": ""}, 1),
        ({"REDIS_URL": "redis://redis.example.org:6379/0"}, 2),
        ({"REDIS_URL": "", "WORKERS": "3"}, 3),
    ],
    ids=["each would count for itself", "they count together", "as the operator wants"],
)
def test_several_workers_are_the_default_with_redis(
    run: Run, environment: dict[str, str], workers: int
) -> None:
    assert read(run, **environment)["WORKERS"] == workers


@pytest.mark.parametrize("store", ["database", "file", "redis"])
def test_session_store_selects_the_store(run: Run, store: str) -> None:
    settings = read(run, SESSION_STORE=store, REDIS_URL="redis://redis.example.org:6379/1")
    assert settings["SESSION_ENGINE"] == f"accounts.browser.sessiondata.{store}"
    assert import_module(settings["SESSION_ENGINE"]).SessionStore
    assert ("redis.example.org" in str(settings["CACHES"])) is (store == "redis")


def test_a_choice_may_be_written_in_capitals(run: Run) -> None:
    engine = read(run, SESSION_STORE="Database")["SESSION_ENGINE"]
    assert engine == "accounts.browser.sessiondata.database"


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"SESSION_STORE": "cookie"}, "SESSION_STORE is one of database, file, redis"),
        ({"SESSION_STORE": "redis", "REDIS_URL": ""}, "SESSION_STORE is redis, and REDIS_URL"),
    ],
    ids=["unknown", "redis without an address"],
)
def test_an_unknown_store_is_reported(run: Run, environment: dict[str, str], sentence: str) -> None:
    stopped = run("import project.settings", **environment)
    assert stopped.returncode == 1
    assert sentence in stopped.stderr.splitlines()[-1]


def test_everything_that_the_site_writes_is_in_one_directory(run: Run, tmp_path: Path) -> None:
    state = tmp_path / "state"
    settings = read(run, STATE_DIR=str(state), SESSION_STORE="file", STATIC_ROOT="")
    written = (settings["STATIC_ROOT"], settings["SESSION_FILE_PATH"])
    assert written == (str(state / "static"), str(state / "sessions"))
    other = tmp_path / "latchkey/var"
    assert not other.exists()
    read(run, STATE_DIR=str(state), DATABASE_URL="", STATIC_ROOT="")
    assert state.exists()
    assert not other.exists()


@pytest.mark.parametrize("name", ["STATE_DIR", "STATIC_ROOT"])
def test_a_directory_that_cannot_be_created_is_named(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    directory = str(tmp_path / "file/state")
    sentence = refusal(run, **{"DATABASE_URL": "", name: directory})
    assert sentence == f"The directory '{directory}' of {name} cannot be created: Not a directory."


def test_static_files_cannot_be_the_directory_of_the_data(run: Run, tmp_path: Path) -> None:
    sentence = refusal(run, STATE_DIR=str(tmp_path / "state"), STATIC_ROOT=str(tmp_path / "state"))
    assert sentence.startswith("STATIC_ROOT cannot be")

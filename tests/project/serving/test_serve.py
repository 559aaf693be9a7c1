"""Starting the site keeps the secret key, reports mistakes and configures the server."""

import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from pytest_django import Settings

from project import env
from project.serving.serve import keep_secret_key, open_port
from project.serving.server import CONNECTIONS, bind_address, gateway, server
from tests.environment import STATE
from tests.support.servers import free_port
from tests.tokens.sessions.test_processes import database_url

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    # Set first, so that monkeypatch also removes the variables of the file afterwards.
    for name in ("SECRET_KEY", "PORT", "EXAMPLE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.spec("ASVS 5.0", "13.3.1", "11.5.1")
def test_a_random_key_is_written_for_its_owner_only(
    no_key: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        keep_secret_key(file)
        monkeypatch.delenv("SECRET_KEY", raising=False)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    one, two = (file.read_text() for file in files)
    assert one.startswith("SECRET_KEY=")
    assert one.endswith("\n")
    assert len(one) >= 64
    assert one != two
    assert sorted(tmp_path.iterdir()) == files


def test_a_key_in_the_file_is_kept(
    no_key: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    keep_secret_key(file)
    kept = file.read_text()
    monkeypatch.delenv("SECRET_KEY", raising=False)
    keep_secret_key(file)
    assert file.read_text() == kept


@pytest.mark.parametrize("ending", ["", "\n"], ids=["no newline", "newline"])
def test_other_lines_of_the_file_are_kept(no_key: None, tmp_path: Path, ending: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"# mine\nEXAMPLE=8100{ending}")
    file.chmod(0o644)
    keep_secret_key(file)
    lines = file.read_text().splitlines()
    assert lines[:2] == ["# mine", "EXAMPLE=8100"]
    assert lines[2].startswith("SECRET_KEY=")
    assert len(lines) == 3
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_that_cannot_be_written_has_to_be_set(no_key: None, tmp_path: Path) -> None:
    file = tmp_path / "missing/.env"
    with pytest.raises(ImproperlyConfigured, match=f"Set SECRET_KEY: the start .* into {file}"):
        keep_secret_key(file)


def test_a_key_of_the_environment_is_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET_KEY", "k" * 50)
    keep_secret_key(tmp_path / ".env")
    assert not list(tmp_path.iterdir())


def test_an_empty_key_in_the_file_is_filled_once(
    no_key: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("SECRET_KEY=\nEXAMPLE=8100\n")
    for _ in range(2):
        keep_secret_key(file)
        assert len(env.read(file)["SECRET_KEY"]) >= 50
        monkeypatch.delenv("SECRET_KEY")
    assert file.read_text().count("SECRET_KEY=") == 1


def test_an_empty_variable_does_not_hide_the_key_of_the_file(
    no_key: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "")
    file = tmp_path / ".env"
    file.write_text(f"SECRET_KEY={'k' * 50}\n")
    keep_secret_key(file)
    assert file.read_text() == f"SECRET_KEY={'k' * 50}\n"
    assert env.read(file)["SECRET_KEY"] == "k" * 50


def test_the_server_is_configured_by_the_settings(settings: Settings) -> None:
    settings.WORKERS, settings.THREADS = 3, 9
    settings.HOST, settings.PORT = "192.0.2.1", 8100
    made = server()
    assert (made.bind_addr, made.bind_port) == bind_address() == ("192.0.2.1", 8100)
    assert (made.workers, made.http, made.websockets) == (3, "1", False)
    assert gateway().threads == 9


def test_a_host_can_be_a_name(settings: Settings) -> None:
    settings.HOST = "localhost"
    assert server().bind_addr in ("127.0.0.1", "::1")


@pytest.mark.parametrize("host", ["nonsense.invalid", "http://localhost", "a..b", "l" * 64])
def test_an_invalid_host_is_reported(settings: Settings, host: str) -> None:
    settings.HOST = host
    with pytest.raises(ImproperlyConfigured, match=f"HOST cannot be '{host}'"):
        bind_address()


@pytest.mark.parametrize(
    ("hard", "connections"), [(10_000, CONNECTIONS), (1000, 744)], ids=["enough", "too few"]
)
def test_the_server_opens_as_many_files_as_it_needs(run: Run, hard: int, connections: int) -> None:
    shown = run(
        "-c",
        "from resource import RLIMIT_NOFILE, getrlimit, setrlimit\n"
        f"setrlimit(RLIMIT_NOFILE, (512, {hard}))\n"
        "from project.serving.server import server\n"
        "print(server().backpressure, getrlimit(RLIMIT_NOFILE)[0])",
        DJANGO_SETTINGS_MODULE="project.settings",
    )
    backpressure, files = map(int, shown.stdout.split())
    assert backpressure == connections
    assert files >= connections + 256


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="a limit of PostgreSQL's")
@pytest.mark.parametrize(
    ("program", "given", "limit"),
    [
        ("server.limit_statements()", "", "30s"),
        ("server.limit_statements()", "-c statement_timeout=5s", "5s"),
        ("", "", "0"),
    ],
    ids=["the server", "as the operator wants", "a command"],
)
def test_only_the_server_cancels_long_statements(
    run: Run, program: str, given: str, limit: str
) -> None:
    shown = run(
        "-c",
        f"from project.serving import server; {program}\n"
        "import django; django.setup()\n"
        "from django.db import connection\n"
        "with connection.cursor() as cursor:\n"
        "    print(cursor.execute('SHOW statement_timeout').fetchone()[0])",
        DATABASE_URL=database_url(),
        DJANGO_SETTINGS_MODULE="project.settings",
        **({"PGOPTIONS": given} if given else {}),
    )
    assert shown.stdout.strip() == limit, shown.stderr


@pytest.mark.parametrize(
    "hsts", [{}, {"HSTS_SUBDOMAINS": "on", "HSTS_PRELOAD": "on"}], ids=["this host", "preloading"]
)
def test_the_deployment_check_finds_nothing(run: Run, hsts: dict[str, str]) -> None:
    checked = run(
        *("manage.py", "check", "--deploy", "--fail-level", "INFO"),
        PUBLIC_URL="https://id.example.org",
        CORS_ORIGINS="https://app.example.org",
        SECRET_KEY="vGq7XkRp-" * 8,
        DATABASE_URL="postgres://latchkey@db.example.org/latchkey",
        THROTTLES="on",
        EMAIL_URL="smtp+tls://latchkey:password@smtp.example.org:587",
        DEFAULT_FROM_EMAIL="Latchkey <no-reply@example.org>",
        REDIS_URL="redis://redis.example.org:6379/0",
        PROXIES="1",
        **hsts,
    )
    assert checked.returncode == 0, checked.stderr
    assert checked.stderr == ""
    assert checked.stdout.startswith("System check identified no issues")


@pytest.mark.trap(59)
@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PUBLIC_URL": "nonsense"}, "PUBLIC_URL must be an origin"),
        ({"REFRESH_GRACE_PERIOD": "3600"}, "The grace period must be at most 300 seconds"),
        ({"DATABASE_URL": f"sqlite:///{STATE}"}, "unable to open database file"),
        ({"HOST": "nonsense.invalid"}, "HOST cannot be 'nonsense.invalid'"),
        ({"THREADS": "x"}, "THREADS is a whole number from 1 to 256, not 'x'"),
        ({"HSTS_PRELOAD": "on"}, "accept a domain only together with its subdomains"),
    ],
    ids=[
        *("an unreadable setting", "an impossible setting", "no database", "no host", "no number"),
        "preloading alone",
    ],
)
def test_a_failed_start_is_explained_without_a_traceback(
    run: Run, environment: dict[str, str], sentence: str
) -> None:
    stopped = run("-m", "project.serving.serve", **environment)
    assert stopped.returncode == 1
    assert sentence in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert "Starting Latchkey" not in stopped.stderr


@pytest.mark.parametrize(
    ("words", "environment", "sentence"),
    [
        (("check",), {"PORT": "x"}, "PORT is a whole number from 1 to 65535, not 'x'."),
        (("revoke", "--all"), {"PORT": "x"}, "PORT is a whole number from 1 to 65535, not 'x'."),
        (
            ("revoke", "--all"),
            {"DATABASE_URL": f"sqlite:///{STATE}"},
            f"The database of DATABASE_URL, {STATE}, cannot be reached: unable to open database"
            " file",
        ),
        (
            ("revoke", "--all"),
            {"DATABASE_URL": "postgres://u:pass1word@127.0.0.1:1/x"},
            "The database of DATABASE_URL, x at 127.0.0.1:1, cannot be reached: connection failed",
        ),
        (
            ("revoke", "--all"),
            {"DATABASE_URL": "postgres://u:pass1word@nonsense.invalid/x"},
            "The database of DATABASE_URL, x at nonsense.invalid, cannot be reached: ",
        ),
    ],
    ids=["check with a setting", "a setting", "no SQLite", "no PostgreSQL", "no such host"],
)
def test_a_failed_command_is_explained_without_a_traceback(
    run: Run, words: tuple[str, ...], environment: dict[str, str], sentence: str
) -> None:
    stopped = run("manage.py", *words, **environment)
    assert stopped.returncode == 1
    assert stopped.stderr.splitlines()[-1].startswith(sentence)
    assert "Traceback" not in stopped.stderr
    assert "pass1word" not in stopped.stderr
    assert "Traceback" in run("manage.py", *words, "--traceback", **environment).stderr


@pytest.mark.spec("ASVS 5.0", "13.3.1")
def test_all_files_are_readable_for_their_owner_only(run: Run, tmp_path: Path) -> None:
    """The umask of the caller does not matter. A wrong setting stops the start early here."""
    started = run(
        "-c",
        "import os, pathlib, sys; os.umask(0o022)\n"
        "from project.serving import serve\n"
        "try:\n    serve.main()\nexcept SystemExit:\n    pathlib.Path(sys.argv[1]).touch()",
        str(tmp_path / "written"),
        PUBLIC_URL="nonsense",
    )
    assert started.returncode == 0, started.stderr
    assert stat.S_IMODE((tmp_path / "written").stat().st_mode) == 0o600


def test_a_port_in_use_is_reported() -> None:
    port = free_port()
    with socket.socket(fileno=open_port("127.0.0.1", port)):  # noqa: SIM117
        with pytest.raises(OSError, match=f"Port {port} of 127.0.0.1 is not available: Address"):
            open_port("127.0.0.1", port)
    socket.socket(fileno=open_port("127.0.0.1", port)).close()

"""Starting the site: a secret key is kept, mistakes are named, and the server is started right."""

import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import environ
import pytest

from project.serve import claim_port, keep_secret_key, server_command
from tests.environment import STATE

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    # Set first, so that what the file brings into the environment is taken out again afterwards.
    for name in ("SECRET_KEY", "PORT", "EXAMPLE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.spec("ASVS 5.0", "13.3.1", "11.5.1")
def test_a_random_key_is_written_for_its_owner_alone(
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
def test_what_the_file_has_already_is_kept(no_key: None, tmp_path: Path, ending: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"# mine\nEXAMPLE=8100{ending}")
    file.chmod(0o644)
    keep_secret_key(file)
    lines = file.read_text().splitlines()
    assert lines[:2] == ["# mine", "EXAMPLE=8100"]
    assert lines[2].startswith("SECRET_KEY=")
    assert len(lines) == 3
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_of_the_environment_is_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET_KEY", "k" * 50)
    keep_secret_key(tmp_path / ".env")
    assert not list(tmp_path.iterdir())


def test_an_empty_key_in_the_file_is_filled_in_once_and_is_what_the_settings_read(
    no_key: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("SECRET_KEY=\nEXAMPLE=8100\n")
    for _ in range(2):
        keep_secret_key(file)
        env = environ.Env()
        environ.Env.read_env(file)
        assert len(env.str("SECRET_KEY")) >= 50
        monkeypatch.delenv("SECRET_KEY")
    assert file.read_text().count("SECRET_KEY=") == 1


def test_the_server_listens_on_loopback_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HOST", "PORT", "WORKERS", "THREADS"):
        monkeypatch.delenv(name, raising=False)
    command = server_command()
    assert command[:3] == [sys.executable, "-m", "granian"]
    assert command[-1] == "project.wsgi:application"
    options = dict(zip(command[4:-1:2], command[5:-1:2], strict=True))
    assert options["--host"] == "127.0.0.1"
    assert options["--port"] == "8000"


def test_the_environment_decides_where_and_how_the_server_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {"HOST": "192.0.2.1", "PORT": "8100", "WORKERS": "3", "THREADS": "9"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    command = server_command()
    options = dict(zip(command[4:-1:2], command[5:-1:2], strict=True))
    assert options == {
        "--interface": "wsgi",
        "--host": "192.0.2.1",
        "--port": "8100",
        "--workers": "3",
        "--blocking-threads": "9",
    }


def test_the_servers_options_are_options_of_the_server(run: Run) -> None:
    shown = run("-m", "granian", "--help").stdout
    words = [word for word in server_command()[3:] if word.startswith("--")]
    assert [word for word in words if word.replace("--no-", "--") not in shown] == []


def test_the_deployment_check_has_nothing_to_say(run: Run) -> None:
    checked = run(
        *("manage.py", "check", "--deploy", "--fail-level", "INFO"),
        PUBLIC_URL="https://id.example.org",
        CORS_ORIGINS="https://app.example.org",
        SECRET_KEY="vGq7XkRp-" * 8,
        DATABASE_URL="postgres://latchkey@db.example.org/latchkey",
        THROTTLES="on",
    )
    assert checked.returncode == 0, checked.stderr
    assert checked.stderr == ""
    assert checked.stdout == "System check identified no issues (0 silenced).\n"


@pytest.mark.trap(59)
@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PUBLIC_URL": "nonsense"}, "PUBLIC_URL must be an origin"),
        ({"REFRESH_GRACE_PERIOD": "3600"}, "A grace period over five minutes"),
        ({"DATABASE_URL": f"sqlite:///{STATE}"}, "unable to open database file"),
    ],
    ids=["a setting that cannot be read", "an impossible setting", "no database"],
)
def test_a_site_that_cannot_start_says_why_without_a_traceback(
    run: Run, environment: dict[str, str], sentence: str
) -> None:
    stopped = run("-m", "project.serve", **environment)
    assert stopped.returncode == 1
    assert sentence in stopped.stderr
    assert "Traceback" not in stopped.stderr


def test_a_port_that_somebody_listens_at_is_named() -> None:
    """The server shares its port: two of them would serve the same site, one of them outdated."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=str(port)):
            claim_port("127.0.0.1", port)
    claim_port("127.0.0.1", port)

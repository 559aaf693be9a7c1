"""The command `latchkey`, started as a shell or cron starts it."""

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail
from latchkey_client import cli
from pretend_site import PASSWORD, PretendSite, lost


@dataclass
class Done:
    """The result of a command."""

    returncode: int
    stdout: str
    stderr: str


class Shell:
    """Runs the command with a separate home directory and without a terminal."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file = home / ".local" / "state" / "latchkey" / "session.json"
        self.patch = monkeypatch
        monkeypatch.setenv("HOME", str(home))
        for name in ("LATCHKEY_SITE", "LATCHKEY_STORE"):
            monkeypatch.delenv(name, raising=False)

    def run(self, *words: str, typed: str = "") -> Done:
        """Run the command in this process."""
        self.patch.setattr(sys, "stdin", io.StringIO(typed))
        printed, errors = io.StringIO(), io.StringIO()
        with redirect_stdout(printed), redirect_stderr(errors):
            try:
                status = cli.main(words)
            except SystemExit as error:
                status = int(error.code or 0)
        return Done(status, printed.getvalue(), errors.getvalue())

    def start(self, *words: str) -> Done:
        """Run the command in another process, as a shell or cron does."""
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "latchkey_client", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def output(self, *words: str, typed: str = "") -> str:
        """Run the command, which must succeed, and return what it printed."""
        done = self.run(*words, typed=typed)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, monkeypatch)


@pytest.fixture
def signed_in(shell: Shell, site: PretendSite) -> Shell:
    words = ("login", "--site", site.url, "--username", "alice", "--device", "laptop")
    printed = shell.output(*words, typed=f"{PASSWORD}\n")
    assert printed == f"Signed in to {site.url} as alice.\n"
    return shell


def test_the_token_is_printed_alone(signed_in: Shell, site: PretendSite) -> None:
    done = signed_in.start("token")
    assert (done.returncode, done.stderr) == (0, "")
    [line] = done.stdout.splitlines()
    assert line in site.valid
    assert signed_in.file.stat().st_mode & 0o777 == 0o600


def test_the_user_name_is_asked_for(shell: Shell, site: PretendSite) -> None:
    shell.output("login", "--site", site.url, typed=f"alice\n{PASSWORD}\n")
    assert shell.output("token").strip() in site.valid


def test_the_account_is_printed(signed_in: Shell) -> None:
    assert signed_in.output("whoami") == (
        "username: alice\nemail: alice@example.org\nroles: staff\nid:\n"
    )


def test_sessions_are_listed(signed_in: Shell) -> None:
    lines = signed_in.output("sessions").splitlines()
    assert lines[0] == "*  2026-01-02  token  127.0.0.1  laptop [2J  s1"
    assert lines[1].startswith("   2026-01-01  browser")


def test_logout_ends_the_session(signed_in: Shell, site: PretendSite) -> None:
    assert signed_in.output("logout") == "Signed out.\n"
    assert site.session.ended == "logout"
    assert signed_in.output("logout") == "There is no session.\n"
    done = signed_in.run("token")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "latchkey: There is no session: sign in. Run: latchkey login\n"


def test_ten_shells_refresh_together(shell: Shell, site: PretendSite) -> None:
    site.expires_in = 0  # The token of the sign-in has expired when the ten commands start.
    shell.output("login", "--site", site.url, "--username", "alice", typed=f"{PASSWORD}\n")
    site.expires_in = 300
    site.faults.append(lost)
    with ThreadPoolExecutor(10) as pool:
        done = list(pool.map(lambda _: shell.start("token"), range(10)))
    assert {(each.returncode, each.stderr) for each in done} == {(0, "")}
    assert len({each.stdout for each in done}) == 1
    assert site.session.generation == 2
    assert site.count("refresh/") == 2  # The first answer was lost.


def test_a_site_that_is_away_is_status_75(signed_in: Shell, site: PretendSite) -> None:
    site.close()
    done = signed_in.run("whoami")
    assert (done.returncode, done.stdout) == (75, "")
    assert done.stderr.startswith("latchkey: The site did not answer")
    assert signed_in.file.exists()


def test_a_logout_without_the_site_says_what_remains(signed_in: Shell, site: PretendSite) -> None:
    site.close()
    signed_in.patch.setattr(cli, "PATIENCE", 0.1)
    done = signed_in.run("logout")
    assert (done.returncode, done.stdout) == (75, "")
    assert "end the session in the list of devices" in done.stderr
    assert not signed_in.file.exists()


def test_a_device_is_no_store(signed_in: Shell) -> None:
    done = signed_in.run("--store", "/dev/zero", "token")
    assert (done.returncode, done.stderr) == (75, "latchkey: /dev/zero is not a file.\n")


def test_a_wrong_password_is_status_1(shell: Shell, site: PretendSite) -> None:
    done = shell.run("login", "--site", site.url, "--username", "alice", typed="wrong\n")
    assert (done.returncode, done.stderr) == (1, "latchkey: No active account.\n")


def test_a_damaged_file_is_named(signed_in: Shell) -> None:
    signed_in.file.write_text("{")
    done = signed_in.run("token")
    assert done.returncode == 75
    assert str(signed_in.file) in done.stderr
    assert signed_in.file.read_text() == "{"


def test_a_password_that_is_not_typed_is_status_1(shell: Shell, site: PretendSite) -> None:
    done = shell.run("login", "--site", site.url, "--username", "alice")
    assert (done.returncode, done.stderr) == (1, "latchkey: Standard input has ended.\n")


def test_a_site_has_to_be_named(shell: Shell) -> None:
    done = shell.run("login")
    assert done.returncode == 2
    assert "--site" in done.stderr


def test_another_store_can_be_chosen(signed_in: Shell, tmp_path: Path) -> None:
    assert signed_in.run("--store", str(tmp_path / "other.json"), "token").returncode == 1
    signed_in.patch.setenv("LATCHKEY_STORE", str(tmp_path / "other.json"))
    assert signed_in.run("token").returncode == 1
    signed_in.patch.setenv("LATCHKEY_STORE", str(signed_in.file))
    assert signed_in.run("token").returncode == 0


def test_the_keyring_can_be_chosen(signed_in: Shell) -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())  # type: ignore[no-untyped-call]
    try:
        done = signed_in.run("--store", "keyring", "token")
    finally:
        keyring.set_keyring(before)
    assert done.returncode == 75
    assert "keyring cannot be read" in done.stderr


def test_a_site_without_https_is_refused(shell: Shell) -> None:
    done = shell.run("login", "--site", "http://id.example.org", "--username", "alice", typed="x\n")
    assert done.returncode == 1
    assert "https" in done.stderr

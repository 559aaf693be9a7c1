"""The file `.env` completes the environment, and no secret has a default."""

from pathlib import Path

import pytest

from tests.project.env.reading import Run, read, refusal

NOBODY = 65534  # a user without rights


@pytest.mark.spec("ASVS 5.0", "13.3.1")
def test_there_is_no_default_secret_key(run: Run) -> None:
    assert "SECRET_KEY" in refusal(run, SECRET_KEY="")


@pytest.mark.parametrize("given", ["", "  "], ids=["empty", "blank"])
def test_an_empty_variable_does_not_hide_a_line_of_the_file(
    run: Run, checkout: Path, given: str
) -> None:
    (checkout / ".env").write_text("SECRET_KEY=of the file\nWORKERS=3\nPROXIES=1\n")
    settings = read(run, SECRET_KEY=given, WORKERS=given, PROXIES="2")
    assert settings["SECRET_KEY"] == "of the file"
    assert settings["WORKERS"] == 3
    assert settings["TOKENS"]["PROXIES"] == 2


def test_another_file_can_replace_dot_env(run: Run, checkout: Path) -> None:
    (checkout / ".env").write_text("WORKERS=3\n")
    (checkout / "other.env").write_text("PROXIES=2\n")
    settings = read(run, LATCHKEY_ENV_FILE=str(checkout / "other.env"))
    assert (settings["WORKERS"], settings["TOKENS"]["PROXIES"]) == (1, 2)


def test_a_blank_name_of_another_file_counts_as_not_set(run: Run, checkout: Path) -> None:
    (checkout / ".env").write_text("WORKERS=3\n")
    assert read(run, LATCHKEY_ENV_FILE=" ")["WORKERS"] == 3


def test_a_missing_file_is_reported(run: Run, checkout: Path) -> None:
    """With the defaults instead, a site with users would start as an empty one."""
    (checkout / ".env").write_text("PROXIES=2\n")
    sentence = refusal(run, LATCHKEY_ENV_FILE="missing.env")
    assert sentence == "There is no file 'missing.env', which LATCHKEY_ENV_FILE names."


def test_a_byte_order_mark_is_no_part_of_a_name(run: Run, checkout: Path) -> None:
    (checkout / ".env").write_text("SECRET_KEY=of the file\n", encoding="utf-8-sig")
    assert read(run, SECRET_KEY="")["SECRET_KEY"] == "of the file"


def test_comments_exports_and_quotes_are_accepted(run: Run, checkout: Path) -> None:
    lines = [
        *("# a comment", "   # another: one", "", "  ", "export WORKERS=3"),
        *("SITE_NAME='The \"site\"'", 'SITE_LOGO="a b.svg"', "PROXIES=2"),
    ]
    (checkout / ".env").write_text("\r\n".join(lines))
    settings = read(run)
    assert (settings["WORKERS"], settings["TOKENS"]["PROXIES"]) == (3, 2)
    assert (settings["SITE_NAME"], settings["SITE_LOGO"]) == ('The "site"', "a b.svg")


@pytest.mark.parametrize(
    "line",
    [
        *("SECRET_KEY = pass1word", " SECRET_KEY=pass1word", "export  SECRET_KEY=pass1word"),
        *("SECRET_KEY: pass1word", "SECRET-KEY=pass1word", "pass1word", "SECRET_KEY=pass1word\0"),
    ],
)
def test_a_line_that_sets_no_variable_is_refused(run: Run, checkout: Path, line: str) -> None:
    """The line may contain a secret, so the error only has its number."""
    (checkout / ".env").write_text(f"WORKERS=3\n\n{line}\n")
    stopped = run("import project.settings")
    sentence = f"Line 3 of {checkout / '.env'} is not NAME=value."
    assert stopped.stderr.splitlines()[-1].endswith(f"ImproperlyConfigured: {sentence}")
    assert "pass1word" not in stopped.stderr


def test_a_directory_in_place_of_the_file_is_reported(run: Run, checkout: Path) -> None:
    sentence = refusal(run, LATCHKEY_ENV_FILE=str(checkout))
    assert sentence.startswith(f"{checkout} cannot be read (Is a directory): let the user of")
    assert sentence.endswith("set LATCHKEY_ENV_FILE to another file.")


#: What a process runs that root starts: it gives up root's rights, which no modes of files limit.
WITHOUT_RIGHTS = f"""
import os
from project import env
if os.geteuid() == 0:
    os.setuid({NOBODY})
env.read(env.file())
"""


@pytest.mark.parametrize("hidden", ["file", "directory"])
def test_a_file_that_may_not_be_read_is_reported(run: Run, tmp_path: Path, hidden: str) -> None:
    directory = tmp_path / "etc"
    directory.mkdir(0o755)
    (directory / "site.env").touch()
    (directory / "site.env" if hidden == "file" else directory).chmod(0)
    stopped = run(WITHOUT_RIGHTS, LATCHKEY_ENV_FILE=str(directory / "site.env"))
    directory.chmod(0o700)
    last = stopped.stderr.splitlines()[-1]
    assert "ImproperlyConfigured" in last
    assert f"{directory / 'site.env'} cannot be read (Permission denied): let the user" in last


def test_a_file_in_another_encoding_is_reported(run: Run, checkout: Path) -> None:
    file = checkout / ".env"
    file.write_text("SITE_NAME=Schlüssel pass1word\n", encoding="latin-1")
    stopped = run("import project.settings")
    sentence = f"{file} is not in UTF-8: save it in this encoding."
    assert stopped.stderr.splitlines()[-1].endswith(f"ImproperlyConfigured: {sentence}")
    assert "pass1word" not in stopped.stderr


@pytest.mark.parametrize(
    "root",
    [
        *(".", "..", "../latchkey", "project/..", "/", "var", "var/../var/", "var/sessions"),
        *("{checkout}", "{checkout}/..", "{checkout}/var", "link", "{database}"),
    ],
)
def test_directories_with_secrets_are_not_served(run: Run, checkout: Path, root: str) -> None:
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
def test_static_files_can_be_collected_next_to_secrets(run: Run, checkout: Path, root: str) -> None:
    wanted = root.format(checkout=checkout)
    assert read(run, STATIC_ROOT=wanted)["STATIC_ROOT"] == str(checkout / wanted)

"""systemd accepts the units, and their limits are those of the site."""

from pathlib import Path

import pytest

from project.serving.server import CONNECTIONS, OTHER_FILES
from project.serving.supervisor import SHUTDOWN_TIMEOUT
from tests.project.deploy.programs import DEPLOY, run
from tests.support.site import ROOT

UNITS = sorted(path.name for path in DEPLOY.glob("latchkey*.*"))


def written(directory: Path, change: str = "") -> list[str]:
    """Write the units with the path of this checkout, and return their paths."""
    for name in UNITS:
        text = (DEPLOY / name).read_text().replace("/srv/latchkey/.venv/bin/python", "/bin/true")
        (directory / name).write_text(text + change)
    return [str(directory / name) for name in UNITS]


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    assert len(UNITS) == 3
    checked = run("systemd-analyze", "verify", *written(tmp_path))
    assert (checked.returncode, checked.stdout) == (0, "")
    checked = run("systemd-analyze", "verify", *written(tmp_path, "[Service]\nMisspelt=yes\n"))
    assert "Misspelt" in checked.stdout


@pytest.mark.parametrize("name", ["latchkey.service", "latchkey-purgetokens.service"])
def test_the_services_are_hardened(tmp_path: Path, name: str) -> None:
    """systemd's exposure is from 0.0 to 10.0; a service without protection has 9.6."""
    written(tmp_path)
    command = ("systemd-analyze", "security", "--offline=yes", "--threshold=20")
    checked = run(*command, str(tmp_path / name))
    assert checked.returncode == 0, checked.stdout


def test_the_limits_of_the_service_are_those_of_the_site() -> None:
    lines = (DEPLOY / "latchkey.service").read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    assert int(values["LimitNOFILE"]) >= CONNECTIONS + OTHER_FILES
    assert int(values["TimeoutStopSec"]) > SHUTDOWN_TIMEOUT
    assert values["KillMode"] == "mixed"
    program = values["ExecStart"].split()
    assert program[1:] == ["-m", "project.serving.serve"]
    assert (ROOT / program[2].replace(".", "/")).with_suffix(".py").exists()

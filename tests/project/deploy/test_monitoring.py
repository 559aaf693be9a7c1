"""The alerts and the dashboard use metrics that exist, and every alert can fire."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from project.metrics import counters, state
from tests.project.deploy.programs import DEPLOY, run

RULES = DEPLOY / "prometheus/alerts.yml"
DASHBOARD = DEPLOY / "grafana/latchkey.json"


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(RULES.read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def existing() -> set[str]:
    """Return the names of all metrics, as a scrape has them."""
    counted = {
        sample.removesuffix("_created")
        for metric in counters.registry.collect()
        for sample in [metric.name, f"{metric.name}_{'total' if metric.type == 'counter' else ''}"]
    }
    gauges = re.findall(
        r'(?:gauge|GaugeMetricFamily)\(\s*"(\w+)"', Path(state.__file__).read_text()
    )
    names = {name if name.startswith("latchkey_") else f"latchkey_{name}" for name in gauges}
    return counted | names | {"latchkey_request_seconds_bucket"}


@pytest.mark.parametrize("path", [RULES, DASHBOARD], ids=["alerts", "dashboard"])
def test_every_metric_exists(path: Path) -> None:
    if path is RULES:
        expressions = [rule["expr"] for rule in rules()]
    else:
        panels = json.loads(path.read_text())["panels"]
        expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    used = {name for expression in expressions for name in re.findall(r"latchkey_\w+", expression)}
    assert len(used) >= 9
    assert used <= existing()


def test_the_dashboard_shows_every_metric() -> None:
    text = DASHBOARD.read_text()
    families = {metric.name for metric in counters.registry.collect()}
    assert [name for name in families if name not in text] == []
    gauges = existing() - families - {f"{name}_total" for name in families}
    assert [name for name in gauges if name.rstrip("_") not in text] == []


def test_promtool_accepts_the_alerts() -> None:
    checked = run("promtool", "check", "rules", str(RULES))
    assert checked.returncode == 0, checked.stdout
    assert f"SUCCESS: {len(rules())} rules found" in checked.stdout


def test_promtool_accepts_the_configuration() -> None:
    checked = run("promtool", "check", "config", "--syntax-only", "prometheus/prometheus.yml")
    assert checked.returncode == 0, checked.stdout


def test_each_alert_fires_for_a_bad_site_only(tmp_path: Path) -> None:
    cases = (DEPLOY / "prometheus/alerts-test.yml").read_text()
    assert {rule["alert"] for rule in rules()} == {*re.findall(r'alertname="(\w+)"', cases)}
    tested = run("promtool", "test", "rules", "alerts-test.yml", cwd=DEPLOY / "prometheus")
    assert tested.returncode == 0, tested.stdout
    # A rule that never fires is noticed.
    (tmp_path / "alerts-test.yml").write_text(cases)
    broken = RULES.read_text().replace("latchkey_database_up == 0", "latchkey_database_up == 2")
    (tmp_path / "alerts.yml").write_text(broken)
    tested = run("promtool", "test", "rules", "alerts-test.yml", cwd=tmp_path)
    assert tested.returncode == 1
    assert "LatchkeyDatabaseDown" in tested.stdout

"""The files that operators take over: each names only what there is. (promtool has checked the rules and the
dashboard's expressions by hand; here their names are.)"""

import json
import re
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from rq_scheduler.cli.app import rqscheduler
from support import ROOT

DEPLOY = ROOT / "deploy"
_NAME = re.compile(r"\brq_scheduler_\w+")


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    return group["rules"]


def dashboard() -> dict[str, Any]:
    return json.loads((DEPLOY / "grafana.json").read_text())


def check(expression: str, known: set[str]) -> None:
    names = _NAME.findall(expression)
    assert names, expression
    assert {*names} <= known, {*names} - known
    for opening, closing in ("()", "[]", "{}"):
        assert expression.count(opening) == expression.count(closing), expression
    assert re.fullmatch(r"[\w\s()\[\]{}=~,\".|$+*/<>:-]+", expression), expression
    if re.search(r"_(total|bucket)\b", expression):
        assert re.search(r"(rate|increase)\(", expression), f"{expression}: a counter says little by itself"


class TestAlerts:
    def test_name_what_is_exposed(self, sample_names: set[str]) -> None:
        for rule in rules():
            check(rule["expr"], sample_names)

    def test_are_whole(self) -> None:
        names = [rule["alert"] for rule in rules()]
        assert len(set(names)) == len(names) >= 10
        for rule in rules():
            assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert rule["annotations"]["summary"].endswith((".", "log."))

    def test_commands_that_they_name_exist(self) -> None:
        named = re.findall(r"rqscheduler ([a-z-]+)", (DEPLOY / "alerts.yml").read_text())
        assert {*named} <= {*rqscheduler.commands}


class TestDashboard:
    def test_names_what_is_exposed(self, sample_names: set[str]) -> None:
        for panel in dashboard()["panels"]:
            for target in panel["targets"]:
                check(target["expr"], sample_names)

    def test_is_one(self) -> None:
        """As Grafana loads it: places that do not overlap, a data source that is chosen."""
        found = dashboard()
        assert found["schemaVersion"] >= 36
        assert found["id" if "id" in found else "uid"]
        (variable,) = found["templating"]["list"]
        assert variable["type"] == "datasource"
        taken: set[tuple[int, int]] = set()
        ids: set[int] = set()
        for panel in found["panels"]:
            assert panel["type"] in ("stat", "timeseries", "table")
            place = panel["gridPos"]
            cells = {(x + place["x"], y + place["y"]) for x in range(place["w"]) for y in range(place["h"])}
            assert not cells & taken, panel["title"]
            assert max(x for x, _ in cells) < 24
            taken |= cells
            ids.add(panel["id"])
            references = [target["refId"] for target in panel["targets"]]
            assert len({*references}) == len(references)
            for target in panel["targets"]:
                assert target["datasource"]["uid"] == f"${{{variable['name']}}}"
        assert len(ids) == len(found["panels"])


class TestCommandLines:
    """What the unit and the manifest start: an option that there is not would only be seen there."""

    @pytest.mark.parametrize("container", [0, 1])
    def test_of_kubernetes(self, container: int) -> None:
        found = yaml.safe_load_all((DEPLOY / "kubernetes.yml").read_text())
        deployments = [each for each in found if each["kind"] == "Deployment"]
        (spec,) = deployments[container]["spec"]["template"]["spec"]["containers"]
        program, *arguments = spec["args"]
        assert program == "rqscheduler"
        self.parses(arguments)
        for probe in ("livenessProbe", "readinessProbe"):
            assert spec[probe]["httpGet"]["path"] in ("/health/live", "/health/ready")

    def test_of_systemd(self) -> None:
        unit = (DEPLOY / "rqscheduler.service").read_text()
        (line,) = re.findall(r"^ExecStart=\S+/rqscheduler (.*)$", unit, re.MULTILINE)
        self.parses(line.split())
        assert "Type=notify" in unit
        assert "WatchdogSec=" in unit

    def parses(self, arguments: list[str]) -> None:
        command = [*arguments, "--help"]
        result = CliRunner().invoke(rqscheduler, command)
        assert result.exit_code == 0, result.output


class TestDocs:
    def test_the_table_is_what_is_exposed(self, families: dict[str, tuple[str, set[str]]]) -> None:
        rows = re.findall(
            r"^\| `(rq_scheduler_\w+)` \| (\w+) \|([^|]*)\|", (ROOT / "docs/monitoring.md").read_text(), re.MULTILINE
        )
        told = {name: (type, {*re.findall(r"`(\w+)`", labels)}) for name, type, labels in rows}
        assert told == families

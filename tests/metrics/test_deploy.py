"""The files that operators take over: each expression is one of PromQL, and names only what there is."""

import json
import re
from collections.abc import Mapping
from typing import Any

import promql_parser
import pytest
import yaml
from click.testing import CliRunner

from rq_scheduler.cli.app import rqscheduler
from support import ROOT

pytestmark = pytest.mark.once

DEPLOY = ROOT / "deploy"
TARGET = {"job", "instance"}
"""Labels that Prometheus adds."""


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    return group["rules"]


def dashboard() -> dict[str, Any]:
    return json.loads((DEPLOY / "grafana.json").read_text())


def parsed(expression: str) -> promql_parser.Expr:
    return promql_parser.parse(expression.replace("$__rate_interval", "1m"))


def check(expression: str, exposed: Mapping[str, set[str]]) -> None:
    """Raises ValueError for what is no PromQL."""
    selectors: list[promql_parser.VectorSelector] = []
    windows: list[promql_parser.VectorSelector] = []

    def note(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            selectors.append(node)
        elif isinstance(node, promql_parser.MatrixSelector):
            windows.append(node.vector_selector)

    promql_parser.walk(parsed(expression), note)
    names = [selector.name for selector in selectors if selector.name != "up"]
    assert names, expression
    for selector in selectors:
        if selector.name != "up":
            assert selector.name in exposed, expression
            labels = {matcher.name for matcher in selector.matchers.matchers}
            assert labels <= exposed[selector.name] | TARGET, expression
    for name in names:
        if name is not None and re.search(r"_(total|bucket|sum|count)$", name):
            assert name in {window.name for window in windows}, f"{expression}: a counter says little by itself"


def labels_of(node: promql_parser.Expr, exposed: Mapping[str, set[str]]) -> set[str]:
    """The labels that what it yields may have."""
    match node:
        case promql_parser.AggregateExpr():
            return {*node.modifier.labels} if node.modifier else set()
        case promql_parser.BinaryExpr():
            return labels_of(node.lhs, exposed) | labels_of(node.rhs, exposed)
        case promql_parser.Call():
            return set[str]().union(*(labels_of(argument, exposed) for argument in node.args))
        case promql_parser.MatrixSelector():
            return labels_of(node.vector_selector, exposed)
        case promql_parser.VectorSelector():
            return exposed[node.name or ""] | TARGET
        case _:
            return set()


class TestAlerts:
    def test_name_what_is_exposed(self, exposed: dict[str, set[str]]) -> None:
        for rule in rules():
            check(rule["expr"], exposed)

    def test_are_whole(self) -> None:
        names = [rule["alert"] for rule in rules()]
        assert len(set(names)) == len(names) >= 10
        for rule in rules():
            assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert rule["annotations"]["summary"].endswith((".", "log."))

    def test_a_rule_waits_less_than_its_window(self) -> None:
        """Else what happens once in a while is out of the window before it is told."""
        for rule in rules():
            for window in re.findall(r"rate\(.*\[(\d+)m\]", rule["expr"]):
                assert int(rule.get("for", "0m").removesuffix("m")) < int(window) / 2, rule["alert"]

    def test_commands_that_they_name_exist(self) -> None:
        named = re.findall(r"rqscheduler ([a-z-]+)", (DEPLOY / "alerts.yml").read_text())
        assert {*named} <= {*rqscheduler.commands}


class TestDashboard:
    def test_names_what_is_exposed(self, exposed: dict[str, set[str]]) -> None:
        for panel in dashboard()["panels"]:
            for target in panel["targets"]:
                check(target["expr"], exposed)
                assert 'job=~"$job"' in target["expr"]
                shown = {*re.findall(r"{{(\w+)}}", target["legendFormat"])}
                assert shown <= labels_of(parsed(target["expr"]), exposed)

    def test_is_one(self) -> None:
        """As Grafana loads it: places that do not overlap, a data source that is chosen."""
        found = dashboard()
        assert found["schemaVersion"] >= 36
        assert found["id" if "id" in found else "uid"]
        source, job = found["templating"]["list"]
        assert source["type"] == "datasource"
        assert job["name"] == "job"
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
                assert target["datasource"]["uid"] == f"${{{source['name']}}}"
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

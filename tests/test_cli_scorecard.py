"""`boardpack scorecard`: what it says, what it writes, its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

import workspaces
from boardpack.cli import main

Run = Callable[..., Result]

#: A scorecard of few KPIs, so that little is computed.
CARD = """\
scorecard: few
title: Few targets
currency: USD
north_star: {kpis: [arr]}
stages:
  - stage: Growth
    months: [1, 48]
    categories:
      Revenue:
        - {kpi: arr, comparator: ">=", value: 1}
        - {kpi: net_revenue_retention, comparator: ">=", value: 1000}
risks:
  - {risk: Few stay, kpis: [net_revenue_retention], family: financial, comparator: "<", value: 1000}
kpis:
  arr: {owner: CFO, comparator: ">=", path: {month 12: 1, month 48: 900000000}, baseline: 1}
  mrr: {owner: CFO, branch: output, comparator: ">=", value: 1}
  net_revenue_retention: {owner: CFO, branch: output}
"""


@pytest.fixture
def workspace(tmp_path: Path, demo_warehouse: Path) -> Path:
    folder = workspaces.over_demo(tmp_path / "w", demo_warehouse)
    settings = folder / "boardpack.yml"
    text = settings.read_text("utf-8").replace("scorecard: datainsight_pro", "scorecard: few")
    settings.write_text(text, encoding="utf-8")
    (folder / "scorecards").mkdir()
    (folder / "scorecards" / "few.yml").write_text(CARD, encoding="utf-8")
    return folder


def invoke(workspace: Path, command: str) -> Result:
    return CliRunner().invoke(main, [*command.split(), "--workspace", str(workspace)])


def said(result: Result, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_the_scorecard_at_a_period(workspace: Path) -> None:
    result = invoke(workspace, "scorecard --period 2025-12")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "Few targets, December 2025 as of 2025-12-31 (few)"
    assert lines[1] == "Growth, month 36: 1 of 2 met, 1 not met, 0 not measurable"
    assert lines[2].split() == ["met", "Annual", "recurring", "revenue", "at", "least", "$1"]
    assert "1 of 1 early warnings breached: Few stay" in lines
    (row,) = [line for line in lines if line.startswith("arr")]
    assert "missed, off track" in row
    assert "more a month to reach $900M by December 2026" in row
    # Without a target there is no row.
    assert not any(line.startswith("net_revenue_retention") for line in lines)


def test_the_same_for_programs(workspace: Path) -> None:
    found = said(invoke(workspace, "scorecard --period 2025-12 --json"))
    assert (found["scorecard"], found["period"], found["as_of"]) == ("few", "2025-12", "2025-12-31")
    (stage,) = found["stages"]
    assert (stage["stage"], stage["age"], stage["unit"]) == ("Growth", 36, "month")
    assert [item["state"] for item in stage["categories"][0]["items"]] == ["met", "not met"]
    (risk,) = found["risks"]
    assert (risk["kpi"], risk["state"], risk["comparator"]) == (
        "net_revenue_retention",
        "breached",
        "<",
    )
    kpis = {entry["kpi"]: entry for entry in found["kpis"]}
    assert kpis["mrr"]["standing"] == "met"
    assert kpis["mrr"]["progress"] == 100
    assert kpis["arr"]["status"] == "off track"
    assert kpis["net_revenue_retention"]["target"] is None


def test_check_flags_and_fails(workspace: Path) -> None:
    found = said(invoke(workspace, "scorecard check --period 2025-12 --json"), code=1)
    assert [(flag["kpi"], flag["rule"]) for flag in found] == [
        ("arr", "stretch"), ("mrr", "date"), ("mrr", "baseline"), ("mrr", "stretch"),
    ]  # fmt: skip
    text = invoke(workspace, "scorecard check --period 2025-12")
    assert text.exit_code == 1
    assert "2 of 2 KPIs with a target have something to settle" in text.stdout


def test_propose_writes_a_file_for_approval_and_never_another_over_it(workspace: Path) -> None:
    found = said(invoke(workspace, "scorecard propose --period 2025-Q4 --json"))
    assert (found["file"], found["written"], found["for"]) == (
        "proposals/2026-Q1.yml",
        True,
        "2026-Q1",
    )
    path = workspace / found["file"]
    before = path.read_text("utf-8")
    document = yaml.safe_load(before)
    assert (document["from"], document["approved_by"]) == ("2025-Q4", "")
    entries = {entry["kpi"]: entry for entry in document["proposals"]}
    assert set(entries) == {"arr", "mrr"}
    assert entries["mrr"]["action"] == "raise"
    assert list(entries["mrr"]["change"]["steps"]) == ["month 1", "month 37"]
    again = said(invoke(workspace, "scorecard propose --period 2025-Q4 --json"))
    assert (again["file"], again["written"]) == ("proposals/2026-Q1.yml", False)
    path.write_text(before + "# approved by nobody yet\n", encoding="utf-8")
    third = invoke(workspace, "scorecard propose --period 2025-Q4")
    assert third.stdout.splitlines()[-1] == "proposals/2026-Q1-2.yml"
    assert path.read_text("utf-8").endswith("yet\n")


def test_without_a_scorecard_it_says_what_to_write(tmp_path: Path) -> None:
    folder = workspaces.small(tmp_path / "none")
    for command in ("scorecard", "scorecard check", "scorecard propose"):
        found = said(invoke(folder, f"{command} --json"), code=1)["error"]
        assert found["code"] == "workspace_error"
        assert "names no scorecard" in found["message"]
        assert "scorecard:" in found["hint"]


def test_a_period_that_cannot_be_is_refused(workspace: Path) -> None:
    found = said(invoke(workspace, "scorecard --period 2025-13 --json"), code=1)["error"]
    assert found["code"] == "period_error"


def test_a_segment_is_held_against_its_own_targets_and_not_the_companys(workspace: Path) -> None:
    import boardpack as bp

    path = workspace / "scorecards" / "few.yml"
    text = CARD.replace("branch: output, comparator", "branch: output, members: {segment=smb:"
                        " {value: 7}}, comparator")  # fmt: skip
    path.write_text(text, encoding="utf-8")
    names = ["mrr", "arr"]
    values = bp.open(workspace, period="2025-12", segment="smb", kpis=names)
    target = values.target("mrr")
    assert target is not None
    assert target.value == 7
    assert values.target("arr") is None
    assert values.report.objectives is not None
    assert (values.report.objectives.stages, values.report.objectives.risks) == ((), ())
    whole = bp.open(workspace, period="2025-12", kpis=names)
    of_smb = whole.target("mrr", dims="segment=smb")
    assert of_smb is not None
    assert of_smb.value == 7
    assert whole.target("mrr", dims="segment=enterprise") is None

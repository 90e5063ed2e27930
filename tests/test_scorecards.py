from __future__ import annotations

import json
from pathlib import Path

import pytest

import workspaces
from boardpack.errors import BoardpackError
from boardpack.model import Model
from boardpack.objectives import Target
from boardpack.periods import Period
from boardpack.workspace import SUITE

SETTINGS = """\
company: Small
currency: USD
scorecard: own
start: 2024-03-01
dimensions: []
"""


def scorecard(kpis: str) -> str:
    return f"scorecard: own\ntitle: Own\ncurrency: USD\nkpis:\n{kpis}"


def opened(tmp_path: Path, text: str, settings: str = SETTINGS) -> Model:
    return Model.open(workspaces.small(tmp_path / "w", settings, **{"scorecards/own.yml": text}))


def targets(model: Model, kpi: str, periods: str) -> list[object]:
    assert model.scorecard is not None
    found = model.scorecard.targets(kpi, [Period.parse(p) for p in periods.split()])
    return [found[p].value if p in found else None for p in periods.split()]


GOALS = """\
  mrr: {owner: CFO, comparator: ">=", path: {month 2: 100, month 6: 300, month 10: 300}}
  arr: {comparator: ">", steps: {month 13: 50, month 1: 10}}
  nps: {comparator: between, value: [20, 40]}
  gross_margin: {comparator: ">=", value: 80}
  trial_signups: {comparator: ">=", value: 500, grains: [month]}
  mau: {owner: Product, cadence: daily}
"""


@pytest.mark.parametrize(
    ("kpi", "periods", "values"),
    [
        # Month 1 is March 2024; straight lines between milestones, nothing before, flat after.
        ("mrr", "2024-03 2024-04 2024-05 2024-08 2024-11 2024-12 2026-01",
         [None, 100, 150, 300, 300, 300, 300]),
        # A quarter and a year are measured by their last month, a day and a week by theirs.
        ("mrr", "2024-Q2 2024 2024-05-31 2024-W22 2024-W23", [200, 300, 150, 200, 200]),
        ("arr", "2024-02 2024-03 2025-02 2025-03 2025-Q1", [None, 10, 10, 50, 50]),
        ("nps", "2020-01 2025-Q1", [(20, 40), (20, 40)]),
        ("gross_margin", "2020-01 2025", [80, 80]),
        ("trial_signups", "2025-01 2025-Q1 2025-W01", [500, None, None]),
        ("mau", "2025-01", [None]),
        ("churned_mrr", "2025-01", [None]),
    ],
)  # fmt: skip
def test_targets(tmp_path: Path, kpi: str, periods: str, values: list[object]) -> None:
    assert targets(opened(tmp_path, scorecard(GOALS)), kpi, periods) == values


def test_months_of_a_plan_are_those_of_the_calendar(tmp_path: Path) -> None:
    calendar = "calendar: {months: 4-4-5, year_end: last saturday of february}\n"
    model = opened(tmp_path, scorecard(GOALS), SETTINGS + calendar)
    assert model.scorecard is not None
    labels = ["FY2025-P01", "FY2025-P02", "FY2025-P03", "FY2025-Q1", "FY2025-W09"]
    periods = [Period.parse(label, model.workspace.calendar) for label in labels]
    found = model.scorecard.targets("mrr", [*periods, periods[0].first(3), periods[1].first(3)])
    values = {"FY2025-P02": 100, "FY2025-P03": 150, "FY2025-Q1": 150, "FY2025-W09": 150}
    assert found == {label: Target(value, ">=") for label, value in values.items()}


def test_owner_and_targets_reach_the_facts_of_a_page(tmp_path: Path) -> None:
    model = opened(tmp_path, scorecard(GOALS))
    facts = model.facts("mrr", [Period.parse("2024-04")])
    assert (facts.owner, facts.targets) == ("CFO", {"2024-04": Target(100, ">=")})
    # Whom the scorecard does not name is who the definition names.
    assert model.facts("churned_mrr", []).owner == "CS/Analytics"
    assert model.facts("arr", []).owner == "CFO"


@pytest.mark.parametrize(
    ("comparator", "value", "met"),
    [
        (">=", 10.0, {9.9: False, 10.0: True}),
        (">", 10.0, {10.0: False, 10.1: True}),
        ("<=", 10.0, {10.0: True, 10.1: False}),
        ("<", 10.0, {9.9: True, 10.0: False}),
        ("between", (5.0, 10.0), {4.9: False, 5.0: True, 10.0: True, 10.1: False}),
    ],
)
def test_met(comparator: str, value: float | tuple[float, float], met: dict[float, bool]) -> None:
    target = Target(value, comparator)  # type: ignore[arg-type]
    assert {figure: target.met_by(figure) for figure in met} == met


@pytest.mark.parametrize(
    ("text", "line", "says", "hint"),
    [
        (scorecard("  mmr: {owner: X}\n"), 5, "Unknown KPI 'mmr'", "'mrr'"),
        (scorecard("  mrr: {ownr: X}\n"), 5, "unknown key 'kpis.mrr.ownr'", "'owner'"),
        (scorecard("  mrr: {value: 5}\n"), 5, "a target needs a comparator", ""),
        (scorecard('  mrr: {comparator: "=>", value: 5}\n'), 5, "kpis.mrr.comparator", ""),
        (scorecard('  mrr: {comparator: ">", value: 5, steps: {month 1: 5}}\n'), 5, "give one of", ""),
        (scorecard("  mrr: {comparator: between, value: 5}\n"), 5, "pair of values", ""),
        (scorecard('  mrr: {comparator: ">", value: [1, 2]}\n'), 5, "pair of values", ""),
        (scorecard('  mrr: {comparator: ">", path: {2025-12: 5}}\n'), 5, "no month of the plan", ""),
        (scorecard('  mrr: {comparator: ">", value: much}\n'), 5, "kpis.mrr.value", ""),
        (scorecard("  mrr: {cadence: hourly}\n"), 5, "kpis.mrr.cadence", ""),
        (scorecard("").replace("kpis:", "kpi:"), 4, "unknown key 'kpi'", "'kpis'"),
        (scorecard("  mrr: {}\n").replace(": own", ": datainsight_pro"), 1, "already there",
         "replaces: datainsight_pro"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_line_and_key(
    tmp_path: Path, text: str, line: int, says: str, hint: str
) -> None:
    with pytest.raises(BoardpackError) as caught:
        opened(tmp_path, text)
    assert caught.value.exit_code == 1
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")
    assert (caught.value.file or "").endswith("scorecards/own.yml")
    assert caught.value.line == line


@pytest.mark.parametrize("kind", ["path", "steps"])
def test_months_of_a_plan_need_its_start(tmp_path: Path, kind: str) -> None:
    text = scorecard(f'  mrr: {{comparator: ">", {kind}: {{month 1: 5}}}}\n')
    undated = "".join(line for line in SETTINGS.splitlines(True) if not line.startswith("start:"))
    with pytest.raises(BoardpackError, match="which is not given \\(as for 'mrr'\\)") as caught:
        opened(tmp_path, text, undated)
    assert caught.value.exit_code == 1
    assert "start: 2023-01-01" in (caught.value.hint or "")


def test_a_workspace_replaces_the_suites_scorecard_as_a_whole(tmp_path: Path) -> None:
    text = scorecard('  nps: {comparator: ">", value: 1}\n').replace(": own", ": datainsight_pro")
    text = text.replace("title:", "replaces: datainsight_pro\ntitle:")
    model = opened(tmp_path, text, SETTINGS.replace(": own", ": datainsight_pro"))
    assert targets(model, "nps", "2025-01") == [1]
    assert targets(model, "gross_margin", "2025-01") == [None]


def test_without_a_scorecard_there_are_owners_and_no_targets(tmp_path: Path) -> None:
    model = Model.open(workspaces.small(tmp_path / "w"))
    assert model.scorecard is None
    facts = model.facts("mrr", [Period.parse("2025-12")])
    assert (facts.owner, facts.targets) == ("CFO", {})


def test_the_plan_of_the_demo_company() -> None:
    model = Model.open(SUITE)
    assert targets(model, "mrr", "2025-11 2025-12 2025-Q4") == [None, 2_000_000, 2_000_000]
    assert targets(model, "arr", "2023-12 2024-12 2025-12") == [2_000_000, 13_500_000, 25_000_000]
    assert targets(model, "mabv", "2023-06 2023-12 2024-12 2025-12") == [5e4, 2e5, 8e5, 2e6]
    assert targets(model, "ltv_cac_ratio", "2023-12 2024-01") == [3, 5]
    assert targets(model, "customer_churn_rate", "2025-12") == [2]
    assert model.scorecard is not None
    assert set(model.scorecard.goals) <= set(model.catalogue.kpis)


def test_the_notebook_of_all_kpis_has_each_of_the_demo() -> None:
    """What the scorecard gains, the report that lists everything has to show."""
    model = Model.open(SUITE)
    notebook = json.loads((SUITE / "notebooks" / "catalogue.ipynb").read_text(encoding="utf-8"))
    cells = "".join("".join(cell["source"]) for cell in notebook["cells"])
    assert model.scorecard is not None
    assert {kpi for kpi in model.scorecard.goals if f'"{kpi}"' not in cells} == set()

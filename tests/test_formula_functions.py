"""What a formula may call: earlier periods, what the scorecard wants, what is weighed into one."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import workspaces
from boardpack.engine.compute import compute
from boardpack.engine.plans import make_plan, unavailable
from boardpack.engine.shifts import parse_shift
from boardpack.errors import BoardpackError
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.warehouse import slice_of_rows
from boardpack.workspace import SUITE
from test_compute import UTC, movement

HEAD = """\
- kpi: {0}
  name: {0}
  definition: Of this workspace.
  category: revenue
  unit: {1}
  direction: higher
"""
SETTINGS = "company: Small\ncurrency: USD\nscorecard: own\nstart: 2025-01-01\ndimensions: []\n"
CARD = "scorecard: own\ntitle: Own\ncurrency: USD\nkpis:\n"
ROWS = {
    "accounts": [{"account_id": "a", "segment": "smb"}, {"account_id": "b", "segment": "apac"}],
    "mrr_movements": [
        movement("a", "2025-01-10", 100),
        movement("a", "2025-02-10", 50, "expansion"),
        movement("b", "2025-04-10", 150),
        movement("a", "2025-04-20", -150, "churn"),
    ],
}


def own(folder: Path, text: str, card: str = "  mrr: {}\n") -> Model:
    files = {"kpis/own.yml": text, "scorecards/own.yml": CARD + card}
    return Model.open(workspaces.small(folder, SETTINGS, **files))


def figures(model: Model, kpis: str, periods: str, as_of: str = "2025-12-31") -> pd.DataFrame:
    names = kpis.split()
    given = {table: ROWS.get(table, ()) for table in model.catalogue.tables(names)}
    slice_ = slice_of_rows(model.sources, given, date.fromisoformat(as_of), UTC)
    try:
        return compute(model.catalogue, slice_, names, [Period.parse(p) for p in periods.split()])
    finally:
        slice_.close()


@pytest.mark.parametrize(
    ("n", "unit", "period", "before"),
    [
        (1, "period", "2025-01", "2024-12"),
        (2, "periods", "2025-W01", "2024-W51"),
        (12, "months", "2025-Q1", "2024-Q1"),
        (1, "quarter", "2025-01", "2024-10"),
        (1, "month", "2025-Q1", None),
        (1, "year", "2024-02-29", "2023-03-02"),
        (12, "months", "2025-W01", "2024-W01"),
        (1, "month", "2025-01-31", None),
        (7, "days", "2025-01-31", "2025-01-24"),
        (2, "weeks", "2025-W03", "2025-W01"),
        (10, "days", "2025-W03", None),
        (7, "days", "2025-01", None),
    ],
)
def test_how_far_before(n: int, unit: str, period: str, before: str | None) -> None:
    found = parse_shift(n, unit).before(Period.parse(period))
    assert (found and found.label) == before


GROWTH = HEAD.format("own", "percent") + "  formula: growth(mrr, 1 period)\n"


def test_growth_of_a_balance_and_why_there_is_none(tmp_path: Path) -> None:
    frame = figures(own(tmp_path / "w", GROWTH), "own", "2025-01 2025-02 2025-03 2025-04 2025-05")
    assert frame["value"].fillna(-1).tolist() == [-1, 50, 0, 0, 0]
    reason = frame["reason"][0]
    # MRR is carried forward from the beginning of the table, so it was nothing before.
    assert "before the data" in reason or "nothing to grow from" in reason
    found = figures(own(tmp_path / "v", GROWTH.replace("1 period", "1 month")), "own", "2025-Q2")
    assert found["reason"].tolist() == ["no quarter lies 1 month before a quarter"]


def test_growth_from_less_than_nothing_is_no_number(tmp_path: Path) -> None:
    text = HEAD.format("loss", "currency") + "  formula: mrr - 120\n"
    text += HEAD.format("own", "percent") + "  formula: growth(loss, 1 period)\n"
    frame = figures(own(tmp_path / "w", text), "own", "2025-02 2025-03")
    assert frame["value"].fillna(-1).tolist() == [-1, 0]
    assert frame["reason"][0] == "nothing to grow from 1 period before"


def test_growth_of_growth_and_of_a_ratio_that_rolls_up(tmp_path: Path) -> None:
    text = GROWTH + HEAD.format("faster", "percent") + "  formula: change(own, 1 period)\n"
    text += HEAD.format("lost", "percent") + "  formula: before(revenue_churn_rate, 1 period)\n"
    model = own(tmp_path / "w", text)
    assert figures(model, "faster", "2025-03")["value"].tolist() == [-50]
    # April loses 150 of 150; the other months of the quarter open with 150 and lose nothing.
    quarter = figures(model, "lost", "2025-Q3 2025-Q4")
    assert quarter["value"].round(6).tolist() == [pytest.approx(100 * 150 / 450), 0]


def test_an_earlier_period_goes_into_the_same_statement_and_into_no_other(tmp_path: Path) -> None:
    model = own(tmp_path / "w", GROWTH)
    kpis = ["own", "mrr", "trial_signups"]
    given = {table: () for table in model.catalogue.tables(kpis)}
    slice_ = slice_of_rows(model.sources, given, date(2025, 12, 31), UTC)
    periods = Period.parse("2025-12").last(2)
    try:
        planned = make_plan(model.catalogue, slice_, kpis, periods)
        alone = make_plan(model.catalogue, slice_, ["trial_signups"], periods)
    finally:
        slice_.close()
    labels = {s.source: [p.label for p in s.periods] for s in planned.statements}
    assert labels == {
        "mrr_movements": ["2025-11", "2025-12", "2025-10"],
        "trials": ["2025-11", "2025-12"],
    }
    (trials,) = (s.sql for s in planned.statements if s.source == "trials")
    assert re.sub(r"m\d", "m0", trials) == alone.statements[0].sql


WEIGHED = (
    HEAD.format("own", "currency") + "  weights: {mrr: 75, new_mrr: 25}\n"
    + HEAD.format("share", "currency") + "  measures:\n"
    "    gained: {source: mrr_movements, value: sum(amount), where: amount > 0}\n"
    "    changes: {source: mrr_movements, value: count(*)}\n"
    "  weights: {gained: 40, mrr: 60}\n  formula: weighted / changes\n"
)  # fmt: skip


def test_weights_stand_in_the_definition_and_a_scorecard_sets_its_own(tmp_path: Path) -> None:
    model = own(tmp_path / "w", WEIGHED)
    frame = figures(model, "own share", "2025-01 2025-04")
    assert frame["value"].tolist() == [100, 150, 100, (0.4 * 150 + 0.6 * 150) / 2]
    mine = own(tmp_path / "v", WEIGHED, "  own: {weights: {mrr: 0, new_mrr: 100}}\n")
    assert figures(mine, "own", "2025-02 2025-04")["value"].tolist() == [0, 150]
    hashes = [m.catalogue.definition_hash("own") for m in (model, mine)]
    assert hashes[0] != hashes[1]
    assert mine.catalogue.definition_hash("share") == model.catalogue.definition_hash("share")


TARGETS = (
    HEAD.format("reached", "ratio") + "  formula: mrr / target(mrr)\n"
    + HEAD.format("good", "count") + "  formula: met(mrr) + met(arr)\n"
    + HEAD.format("gained", "currency") + "  formula: mrr - baseline(mrr)\n"
    + HEAD.format("counted", "count") + "  formula: on_target()\n"
)  # fmt: skip
CARD_OF_TARGETS = """\
  mrr: {comparator: ">=", steps: {month 2: 120, month 4: 300}, baseline: 90}
  arr: {comparator: between, value: [1000, 1500]}
  counted: {comparator: ">=", value: 1}
"""


def test_targets_are_figures_of_their_period(tmp_path: Path) -> None:
    model = own(tmp_path / "w", TARGETS, CARD_OF_TARGETS)
    frame = figures(model, "reached good gained counted", "2025-01 2025-02 2025-04")
    found = frame.pivot(index="kpi", columns="period", values="value").fillna(-1)
    assert found.loc["reached"].tolist() == [-1, 1.25, 0.5]
    assert found.loc["good"].tolist() == [-1, 1, 0]
    assert found.loc["gained"].tolist() == [10, 60, 60]
    # A KPI that counts is not among those that it counts.
    assert found.loc["counted"].tolist() == [1, 1, 0]
    (reason,) = frame[(frame["kpi"] == "reached") & frame["value"].isna()]["reason"]
    assert reason == "no target of mrr in 2025-01"


@pytest.mark.parametrize(
    ("card", "says"),
    [
        ("  arr: {}\n", "the scorecard has no target of mrr"),
        ("  mrr: {comparator: between, value: [1, 2]}\n", "the target of mrr is a range"),
    ],
)
def test_without_a_target_it_is_not_available(tmp_path: Path, card: str, says: str) -> None:
    model = own(tmp_path / "w", TARGETS, card)
    slice_ = slice_of_rows(
        model.sources, {"mrr_movements": (), "accounts": ()}, date(2025, 12, 31), UTC
    )
    try:
        assert says in unavailable(model.catalogue, slice_, "reached")
        assert unavailable(model.catalogue, slice_, "mrr") == ""
    finally:
        slice_.close()
    assert figures(model, "reached", "2025-01").empty


def test_a_workspace_without_a_scorecard_has_no_targets(tmp_path: Path) -> None:
    root = workspaces.small(tmp_path / "w", **{"kpis/own.yml": TARGETS})
    catalogue = Model.open(root).catalogue
    assert "needs a scorecard" in catalogue.lacks_goal("reached")
    assert Model.open(SUITE).catalogue.lacks_goal("unit_economics_health") == ""


BROKEN = [
    ("  formula: growth(mmr, 1 period)\n", 7, "Unknown measure or KPI 'mmr'", "'mrr'"),
    ("  formula: growth(mrr)\n", 7, "write it as growth(mrr, 12 months)", ""),
    ("  formula: growth(mrr, 3 moons)\n", 7, "3 moons is no stretch of time", ""),
    ("  formula: change(growth(mrr, 1 period), 1 period)\n", 7, "no call of a function", ""),
    ("  formula: grwth(mrr, 1 period)\n", 7, "did you mean growth(mrr, 12 months)?", ""),
    ("  formula: mrr / target(mmr)\n", 7, "Unknown KPI 'mmr'", "'mrr'"),
    ("  formula: mrr / target()\n", 7, "write it as target(nps)", ""),
    ("  formula: met(mrr, arr)\n", 7, "write it as met(nps)", ""),
    ("  formula: threshold(mrr)\n", 7, "threshold(ltv_cac_ratio, healthy)", ""),
    ("  formula: mrr / on_target(mrr)\n", 7, "write it as on_target()", ""),
    ("  weights: {mrr: 60, arr: 30}\n", 7, "add up to 90, not to 100", "60 mrr + 30 arr"),
    ("  weights: {mrr: 160, arr: -60}\n", 7, "the weight of 'arr' is negative", ""),
    ("  weights: {mmr: 60, arr: 40}\n", 7, "Unknown measure or KPI 'mmr'", "'mrr'"),
    ("  formula: weighted / mrr\n", 7, "Unknown measure or KPI 'weighted'", ""),
]


@pytest.mark.parametrize(("more", "line", "says", "hint"), BROKEN)
def test_what_stops_the_load(tmp_path: Path, more: str, line: int, says: str, hint: str) -> None:
    with pytest.raises(BoardpackError) as caught:
        own(tmp_path / "w", HEAD.format("own", "percent") + more)
    error = caught.value
    assert says in error.message
    assert hint in (error.hint or "")
    assert (error.file or "").endswith("own.yml")
    assert error.line == line


def test_a_circle_through_an_earlier_period_is_one(tmp_path: Path) -> None:
    text = HEAD.format("one", "currency") + "  formula: two + 1\n"
    text += HEAD.format("two", "currency") + "  formula: change(one, 1 period)\n"
    with pytest.raises(BoardpackError, match=r"circle: .*(one → two|two → one)"):
        own(tmp_path / "w", text)


@pytest.mark.parametrize(
    ("card", "line", "says"),
    [
        ("  own: {weights: {mrr: 75, new_mrr: 35}}\n", 5, "add up to 110, not to 100"),
        ("  own: {weights: {mrr: 75, new_mr: 25}}\n", 5, "Unknown part of own 'new_mr'"),
        ("  own: {weights: {mrr: 100}}\n", 5, "say nothing of new_mrr"),
        ("  mrr: {weights: {arr: 100}}\n", 5, "weighs nothing"),
        ("  mrr: {value: 3}\n", 5, "needs a comparator"),
    ],
)
def test_what_a_scorecard_may_not_say(tmp_path: Path, card: str, line: int, says: str) -> None:
    with pytest.raises(BoardpackError) as caught:
        own(tmp_path / "w", WEIGHED, card)
    assert says in caught.value.message
    assert (caught.value.file or "").endswith("scorecards/own.yml")
    assert caught.value.line == line


def test_the_same_formula_read_again_says_the_same(tmp_path: Path) -> None:
    first, again = (own(tmp_path / name, TARGETS, CARD_OF_TARGETS) for name in ("w", "v"))
    for kpi in ("reached", "good", "gained", "counted"):
        assert first.catalogue[kpi].formula.goals == again.catalogue[kpi].formula.goals != ()
        assert first.catalogue[kpi].formula == again.catalogue[kpi].formula

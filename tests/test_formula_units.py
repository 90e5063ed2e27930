"""Units that a formula cannot have stop the load; what is right is never refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import workspaces
from boardpack.engine.units import UnitError, check
from boardpack.errors import BoardpackError
from boardpack.model import Model

KPIS = {
    "mrr": "currency", "cost": "currency", "margin": "percent", "churn": "percent",
    "customers": "count", "per_head": "ratio", "points": "score", "answer": "hours", "stay": "days",
}  # fmt: skip
MEASURES = {"amount": "sum", "rows": "count", "people": "distinct", "wait": "percentile"}


@pytest.mark.parametrize(
    ("formula", "unit"),
    [
        ("12 * mrr", "currency"),
        ("mrr - cost", "currency"),
        ("mrr / customers", "currency"),
        ("mrr / cost", "ratio"),
        ("100 * (mrr - cost) / cost", "percent"),
        ("(mrr - cost) / cost * 100", "percent"),
        ("mrr * margin / 100", "currency"),
        ("mrr * margin / 100 * case when churn = 0 then 60 else least(60, 100 / churn) end",
         "currency"),
        ("margin - churn", "percent"),
        ("100 - churn", "percent"),
        ("change(margin, 12 months)", "percent"),
        ("growth(mrr, 1 period)", "percent"),
        ("change(mrr, 1 period)", "currency"),
        ("growth(mrr / customers, 1 year)", "percent"),
        ("before(mrr, 1 period) + mrr", "currency"),
        ("100 * rows / people", "percent"),
        ("amount / rows", "currency"),
        ("100 * amount / mrr", "percent"),
        ("100 * (rows - people) / rows", "score"),
        ("customers * per_head * points", "score"),
        ("100 * rows / customers", "ratio"),
        ("mrr / target(mrr)", "ratio"),
        ("100 * met(mrr) + points", "score"),
        ("met(mrr) + met(margin)", "count"),
        ("case when mrr > target(mrr) then 1 else 0 end", "score"),
        ("100 * on_target() / with_target()", "percent"),
        ("answer / 24 + stay / customers", "days"),
        ("nullif(mrr, 0)", "currency"),
        ("wait", "percent"),
    ],
)  # fmt: skip
def test_sense(formula: str, unit: str) -> None:
    if "answer" in formula:
        # Hours and days do not add up, whatever they are divided by; the reader must convert both.
        with pytest.raises(UnitError, match="hours"):
            check(formula, unit, KPIS, MEASURES)
        return
    check(formula, unit, KPIS, MEASURES)


@pytest.mark.parametrize(
    ("formula", "unit", "says"),
    [
        ("mrr + margin", "currency", "mrr is currency and margin is percent"),
        ("mrr - customers", "currency", "customers is a plain number"),
        ("coalesce(mrr, margin)", "currency", "do not go together"),
        ("case when mrr > 5 then margin else mrr end", "percent", "do not go together"),
        ("case when mrr > margin then 1 else 0 end", "count", "do not go together"),
        ("mrr / cost", "percent", "a percent is a share times 100"),
        ("rows / people", "percent", "a percent is a share times 100"),
        ("100 * margin", "percent", "percent"),
        ("mrr / cost", "currency", "it comes to a plain number, not to currency"),
        ("mrr / customers", "ratio", "it comes to currency, not to ratio"),
        ("mrr * cost", "currency", r"currency\^2"),
        ("mrr * margin", "currency", "divide a percent by 100"),
        ("growth(mrr, 1 period)", "ratio", ""),
        ("target(mrr) - margin", "currency", "do not go together"),
        ("answer + stay", "days", "answer is hours and stay is days"),
        ("weighted_free + mrr", "ratio", "not to ratio"),
    ],
)
def test_nonsense(formula: str, unit: str, says: str) -> None:
    known = {**KPIS, "weighted_free": "currency"}
    if not says:
        # A growth in percentage points is a plain number to a ratio: the scale is the reader's.
        check(formula, unit, known, MEASURES)
        return
    with pytest.raises(UnitError, match=says):
        check(formula, unit, known, MEASURES)


def test_it_stops_the_load_at_the_formula(tmp_path: Path) -> None:
    text = (
        "- kpi: own\n  name: Own\n  definition: Own.\n  category: revenue\n  unit: currency\n"
        "  direction: higher\n  formula: mrr + gross_margin\n"
    )
    root = workspaces.small(tmp_path / "w", **{"kpis/own.yml": text})
    with pytest.raises(BoardpackError) as caught:
        Model.open(root)
    assert "cannot be in currency: mrr is currency and gross_margin is percent" in str(caught.value)
    assert caught.value.line == 7

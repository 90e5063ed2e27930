"""Units that a formula cannot have stop the load; what is right is never refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import workspaces
from boardpack.engine.units import Unit, UnitError, check, of_measure
from boardpack.errors import BoardpackError
from boardpack.model import Model

KPIS = {
    "mrr": "currency", "cost": "currency", "margin": "percent", "churn": "percent",
    "customers": "count", "per_head": "ratio", "points": "score", "answer": "hours", "stay": "days",
}  # fmt: skip
HOURS = of_measure("sum(hours_between(began, ended))", {})
MEASURES = {"amount": None, "rows": Unit(), "people": Unit(), "wait": None, "spent": HOURS}


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
        ("60 * spent / rows", "minutes"),
        ("spent / rows", "hours"),
        ("spent / 24", "days"),
        ("3600 * spent", "seconds"),
        ("spent / 720", "months"),
        ("30 * spent", "minutes"),
        ("100 * spent / answer", "percent"),
        ("(spent + answer) / 2", "hours"),
        ("60 * spent + 40 * answer", "score"),
        ("mrr / spent", "currency"),
        ("nullif(mrr, 0)", "currency"),
        ("wait", "percent"),
    ],
)  # fmt: skip
def test_sense(formula: str, unit: str) -> None:
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
        ("60 * answer + stay", "days", "do not go together"),
        ("spent", "minutes", "it comes to hours"),
        ("spent / rows", "days", "it comes to hours"),
        ("60 * spent / rows", "hours", "it comes to minutes"),
        ("spent / 60", "minutes", "it divides hours by 60"),
        ("24 * spent", "days", "it multiplies hours by 24"),
        ("spent", "months", "it comes to hours"),
        ("spent", "count", "it comes to hours"),
        ("100 * spent / rows", "percent", "it comes to hours"),
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


@pytest.mark.parametrize(
    ("value", "comes_to"),
    [
        ("percentile(hours_between(a, b), 0.5)", "hours"),
        ("max(least(hours_between(a, b), 8))", "hours"),
        ("sum(case when kind = 'x' then hours_between(a, b) else 0 end)", "hours"),
        ("sum(60 * hours_between(a, b))", "minutes"),
        ("percentile(hours_between(a, b) / 24, 0.5)", "days"),
        ("km_median(a, b, days)", "days"),
        ("sum(trailing_distinct(a, 7 days))", "a plain number"),
        ("count(distinct a)", "a plain number"),
        ("min(stored)", "hours"),
        ("sum(amount)", ""),
        ("sum(attributed(amount, linear))", ""),
        ("histogram_percentile(0.95)", ""),
        ("sum(hours_between(a, b) + of_a_column)", ""),
    ],
)
def test_what_a_measure_is_in(value: str, comes_to: str) -> None:
    found = of_measure(value, {"stored": Unit({"hours": 1})})
    assert (str(found.converted()) if found else "") == comes_to


@pytest.mark.parametrize(
    ("unit", "formula", "line", "hint"),
    [
        ("minutes", "", 8, "write formula: 60 * value, or convert it inside the measure, or write unit: hours"),
        ("days", "", 8, "write formula: value / 24"),
        ("days", "  formula: value / period_days\n", None, ""),
        ("minutes", "  formula: value / mau\n", 9, "write formula: 60 * (value / mau)"),
    ],
)  # fmt: skip
def test_hours_are_no_minutes(
    tmp_path: Path, unit: str, formula: str, line: int | None, hint: str
) -> None:
    text = (
        f"- kpi: own\n  name: Own\n  definition: Own.\n  category: c\n  unit: {unit}\n"
        "  direction: lower\n  measures:\n"
        '    value: {source: tickets, value: "sum(hours_between(created_at, resolved_at))"}\n'
    )
    root = workspaces.small(tmp_path / "w", **{"kpis/own.yml": text + formula})
    if line is None:
        # In what a period's days are counted here nobody has said.
        assert Model.open(root).catalogue["own"].unit == unit
        return
    with pytest.raises(BoardpackError) as caught:
        Model.open(root)
    assert f"cannot be in {unit}: it comes to hours" in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.line == line


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

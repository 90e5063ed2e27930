"""Cohorts: triangles with nothing where a month is not over, and sentences read off the figures."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

import boardpack as bp
import workspaces
from boardpack.cohort_tables import (
    NET_RETENTION,
    PER_CUSTOMER,
    PER_SURVIVOR,
    RETENTION,
)
from boardpack.errors import UnknownNameError, UserError
from boardpack.feature_cohorts import WEEKS
from boardpack.formats import Formatter
from boardpack.periods import Period
from boardpack.values import Values
from tables_fixture import by_hand, cells, said
from values_fixture import titles

MONTHS = ["2024-01", "2024-02", "2024-03", "2024-04", "2024-05"]
KEPT = {
    "2024-01": [100, 92, 78], "2024-02": [100, 94, 81], "2024-03": [100, 91], "2024-04": [100, 89],
    "2024-05": [100],
}  # fmt: skip
PAID = {
    "2024-01": [1250, 1280, 1420], "2024-02": [1300, 1340, 1480], "2024-03": [1280, 1310],
    "2024-04": [1320, 1350], "2024-05": [1350],
}  # fmt: skip
FEATURES = [f"feature_use_{by}w{week}" for by in ("", "by_") for week in WEEKS]


def triangle(
    ages: dict[int, str], rows: dict[str, list[float]], unit: str, **more: object
) -> Values:
    """Cohorts by age, each figure in the month in which the cohort had it."""
    figures: dict[str, dict[object, object]] = {kpi: {} for kpi in ages.values()}
    for cohort, known in rows.items():
        for age, figure in zip(ages, known, strict=False):
            at = Period.parse(cohort).shift(age).label
            figures[ages[age]][at] = (float(figure), 40.0)
    return by_hand("2024-05", figures, dict.fromkeys(figures, unit), **more)  # type: ignore[arg-type]


def test_retention_is_a_triangle() -> None:
    targets = {RETENTION[1]: 95.0, RETENTION[3]: 80.0}
    values = triangle(dict(RETENTION), KEPT, "percent", targets=targets)
    block = bp.cohorts(values, last=5)
    assert cells(block) == [
        ["Cohort", "Customers", "Month 0", "Month 1", "Month 3", "Month 6", "Month 12"],
        ["Jan 2024", "40", "100.00%", "92.0% ▼", "78.0% ▼", "", ""],
        ["Feb 2024", "40", "100.00%", "94.0% ▼", "81.0%", "", ""],
        ["Mar 2024", "40", "100.00%", "91.0% ▼", "", "", ""],
        ["Apr 2024", "40", "100.00%", "89.0% ▼", "", "", ""],
        ["May 2024", "40", "100.00%", "", "", "", ""],
        ["Target", "", "", "95%", "80%", "", ""],
    ]
    assert said(block) == [
        "Month 1 varies over the newest cohorts, between 89.0% (Apr 2024) and 94.0% (Feb 2024);"
        " 0 of 4 cohorts met 95%."
    ]


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ([92, 94, 95], "rises with each of"), ([94, 91, 89], "falls with each of"),
        ([94, 94, 95], "varies over"), ([94, 95], None),
    ],
)  # fmt: skip
def test_a_direction_is_one_only_where_every_cohort_goes_it(
    figures: list[int], words: str | None
) -> None:
    rows: dict[str, list[float]] = {
        month: [100, figure]
        for month, figure in zip(MONTHS[4 - len(figures) : 4], figures, strict=True)
    }
    found = said(bp.cohorts(triangle(dict(RETENTION), rows, "percent"), last=5))
    assert [words in line for line in found if words] == ([True] if words else [])
    assert bool(found) is (words is not None)


@pytest.mark.parametrize(("per", "ages"), [("customer", PER_CUSTOMER), ("survivor", PER_SURVIVOR)])
def test_net_revenue_retention_is_the_last_closed_cell_against_month_0(
    per: str, ages: dict[int, str]
) -> None:
    block = bp.cohorts(triangle(dict(ages), PAID, "currency"), "revenue", per=per, last=5)  # type: ignore[arg-type]
    assert cells(block)[1:] == [
        ["Jan 2024", "40", "$1,250", "$1,280", "$1,420", "", "", "114%"],
        ["Feb 2024", "40", "$1,300", "$1,340", "$1,480", "", "", "114%"],
        ["Mar 2024", "40", "$1,280", "$1,310", "", "", "", "102%"],
        ["Apr 2024", "40", "$1,320", "$1,350", "", "", "", "102%"],
        ["May 2024", "40", "$1,350", "", "", "", "", ""],
    ]
    assert said(block) == [
        "At the start revenue per customer varies over the newest cohorts,"
        " between $1,280 (Mar 2024) and $1,350 (May 2024)."
    ]


def test_a_month_that_is_open_has_no_cells() -> None:
    values = triangle(dict(RETENTION), KEPT, "percent", status="provisional")
    assert [row[2:] for row in cells(bp.cohorts(values, last=5))[1:]] == [
        ["100.00%", "92.0%", "78.0%", "", ""], ["100.00%", "94.0%", "", "", ""],
        ["100.00%", "91.0%", "", "", ""], ["100.00%", "", "", "", ""], ["", "", "", "", ""],
    ]  # fmt: skip


def test_a_month_in_which_nobody_was_won() -> None:
    values = triangle(dict(RETENTION), {**KEPT, "2024-03": []}, "percent")
    frame = values.frame[values.frame["value"].notna()]
    row = cells(bp.cohorts(Values(frame, values.report, values.kpis), last=5))[3]
    assert row == ["Mar 2024", "", "—", "—", "", "", ""]


def test_darker_cells_have_more() -> None:
    block = bp.cohorts(triangle(dict(RETENTION), KEPT, "percent"), last=5)
    shades = re.findall(
        r"\[([\d.]+)\\?%\]\{[^}]*\}\]\{\.heat-(\d)\}", block.markdown.replace("\\", "")
    )
    assert shades == [
        ("92.0", "5"), ("78.0", "0"), ("94.0", "5"), ("81.0", "1"), ("91.0", "4"), ("89.0", "4"),
    ]  # fmt: skip


FEATURE_CELLS = {
    "api": [5, 12, 25, 38], "dashboard_builder": [78, 85, 89, 91], "odd | <b>one</b>": [1, 2, 3, 4],
}  # fmt: skip


def feature_values() -> Values:
    figures: dict[str, dict[object, object]] = {kpi: {} for kpi in FEATURES}
    for name, known in FEATURE_CELLS.items():
        for by in ("", "by_"):
            for week, figure in zip(WEEKS, [*known, known[-1]], strict=True):
                state = "maturing" if week == 52 else None
                key = ("2023-05", f"feature={name}")
                figures[f"feature_use_{by}w{week}"][key] = (float(figure), state)
                figures[f"feature_use_{by}w{week}"]["2023-05"] = 40.0
    return by_hand("2024-05", figures, dict.fromkeys(figures, "percent"))


def test_features_stand_by_their_use_and_open_weeks_are_empty() -> None:
    block = bp.cohorts(feature_values(), "features")
    assert cells(block) == [
        ["Feature", "Week 1", "Week 4", "Week 12", "Week 24", "Week 52"],
        ["Dashboard builder", "78.0%", "85.0%", "89.0%", "91.0%", ""],
        ["API", "5.0%", "12.0%", "25.0%", "38.0%", ""],
        ["odd | <b>one</b>", "1.0%", "2.0%", "3.0%", "4.0%", ""],
    ]
    assert said(block) == [
        "API gains most from week 1 to week 24, from 5.0% to 38.0%.",
    ]
    assert titles(block) == [
        "Dashboard builder is used most in week 24, by 91.0%; odd | <b>one</b> least, by 4.0%"
    ]
    assert "<b>" not in block.html.replace("<b>API", "")


def test_what_cannot_be_shown() -> None:
    values = triangle(dict(RETENTION), KEPT, "percent")
    with pytest.raises(UserError, match="no table of cohorts about 'churn'"):
        bp.cohorts(values, "churn")  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="cohort_revenue_per_customer"):
        bp.cohorts(values, "revenue")
    away = by_hand(
        "2024-05", {kpi: {} for kpi in RETENTION.values()}, dict.fromkeys(RETENTION.values(), "percent"),
        not_defined=dict.fromkeys(RETENTION.values(), "not defined for a quarter"),
    )  # fmt: skip
    assert "not defined for a quarter" in bp.cohorts(away).markdown


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Path) -> Values:
    folder = workspaces.over_demo(tmp_path_factory.mktemp("cohorts") / "demo", demo_warehouse)
    kpis = [*RETENTION.values(), *PER_CUSTOMER.values(), *PER_SURVIVOR.values(), NET_RETENTION]
    return bp.open(folder, period="2025-12", kpis=[*kpis, *FEATURES])


TRIANGLE = """
WITH won AS (
  SELECT account_id, date_trunc('month', min(effective_on))::DATE AS cohort
  FROM mrr_movements JOIN accounts USING (account_id)
  WHERE movement_type = 'new' AND NOT is_internal GROUP BY account_id),
later AS (
  SELECT cohort, age, account_id, coalesce(sum(amount), 0) AS mrr
  FROM won JOIN mrr_movements USING (account_id), (VALUES (0), (1), (3), (6), (12)) AS a(age)
  WHERE effective_on < cohort + to_months(age + 1) GROUP BY ALL)
SELECT strftime(cohort, '%Y-%m'), age, count(*), count(*) FILTER (mrr > 0), sum(mrr)
FROM later WHERE cohort + to_months(age) < DATE '2026-01-01' AND cohort >= DATE '2024-12-01'
GROUP BY ALL
"""


def test_every_cell_equals_independent_sql(demo: Values, demo_warehouse: Path) -> None:
    with duckdb.connect(str(demo_warehouse), read_only=True) as con:
        rows = con.execute(TRIANGLE).fetchall()
    assert len(rows) == 13 + 12 + 10 + 7 + 1
    shown = {
        (s.kpi, s.period): s.text
        for block in (bp.cohorts(demo), bp.cohorts(demo, "revenue"))
        for s in block.numbers
        if s.what == "value"
    }
    formatter = Formatter(demo)
    for cohort, age, won, kept, mrr in rows:
        at = Period.parse(cohort).shift(age)
        for ages, figure in (
            (RETENTION, 100 * kept / won), (PER_CUSTOMER, float(mrr) / won),
            (PER_SURVIVOR, float(mrr) / kept),
        ):  # fmt: skip
            assert demo.value(ages[age], at).value == pytest.approx(figure), (cohort, age)
            if ages is not PER_SURVIVOR:
                assert shown[ages[age], at.label] == formatter.full(ages[age], figure)
    first = next(mrr for cohort, age, *_, mrr in rows if (cohort, age) == ("2024-12", 0))
    last = next(mrr for cohort, age, *_, mrr in rows if (cohort, age) == ("2024-12", 12))
    retained = 100 * float(last) / float(first)
    assert cells(bp.cohorts(demo, "revenue"))[1][-1] == formatter.full(NET_RETENTION, retained)


@pytest.mark.parametrize("cohort", ["", "2025-03"])
def test_use_by_a_week_never_falls(demo: Values, cohort: str) -> None:
    table = cells(bp.cohorts(demo, "features", cumulative=True, cohort=cohort))[1:]
    assert len(table) == 6
    for row in table:
        closed = [float(cell.rstrip("%")) for cell in row[1:] if cell]
        assert len(closed) == (4 if cohort else 5)
        assert closed == sorted(closed)

"""The chart of weekly reviews, and the months that a week's values keep beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from boardpack.blocks import Chart, Plot, Shown, Text
from boardpack.formats import Formatter
from boardpack.model import history
from boardpack.objectives import Target
from boardpack.periods import Period, beside_weeks
from boardpack.reviews import six_twelve
from boardpack.values import COLUMNS, Values
from values_fixture import small_values

WEEK = Period.parse("2025-W51")
AS_OF = WEEK.last_day


def rate(day: date) -> float:
    """What a day brings: a little more each year and in autumn."""
    return 10.0 + 2.0 * (day.year - 2023) + day.month % 5


def week_values(*, grains: tuple[str, ...] = ("week", "month", "quarter", "year")) -> Values:
    """Trial signups and a balance, over all that a report of a week keeps."""
    values, rows = small_values(), []
    for period in history(WEEK, as_of=AS_OF):
        if period.grain not in grains:
            continue
        flow = sum(rate(date.fromordinal(period.start.toordinal() + i)) for i in range(period.days))
        for kpi, figure in (("trial_signups", flow), ("mrr", 1_000.0 * rate(period.last_day))):
            rows.append(
                (kpi, period.label, period.start, period.end, period.grain, "", figure, figure,
                 None, values.kpi(kpi).unit, "final", "")
            )  # fmt: skip
    goals = {p.label: Target(400.0, ">=") for p in history(WEEK, as_of=AS_OF) if p.grain == "month"}
    facts = {**values.kpis, "trial_signups": replace(values.kpi("trial_signups"), targets=goals)}
    report = replace(values.report, period=WEEK.label, grain="week", as_of=AS_OF.isoformat(),
                     verdict="publish", reasons=())  # fmt: skip
    return Values(pd.DataFrame(rows, columns=list(COLUMNS)), report, facts)


def review(values: Values, kpi: str = "trial_signups") -> Chart:
    shown = six_twelve(values, kpi)
    assert isinstance(shown, Chart)
    return shown


def test_a_week_keeps_twelve_closed_months_and_what_is_to_date() -> None:
    labels = [period.label for period in history(WEEK, as_of=AS_OF)]
    assert len(labels) == len(set(labels))
    for label in ("2025-W51", "2024-W51", "2025-11", "2024-12", "2024-11", "2023-12",
                  "2025-12/21d", "2024-12/21d", "2025-Q4/82d", "2025/355d", "2024/355d"):  # fmt: skip
        assert label in labels
    assert "2025-12" not in labels


@pytest.mark.parametrize(
    ("label", "to_date"),
    [
        ("2025-W52", ["2025-12/28d", "2025-Q4/89d", "2025/362d"]),
        # A week that ends with a month, a quarter: they are whole.
        ("2024-W13", ["2024-03", "2024-Q1", "2024/91d"]),
        # And one that begins in one year and ends in the next.
        ("2025-W01", ["2025-01/5d", "2025-Q1/5d", "2025/5d"]),
    ],
)
def test_what_is_to_date_ends_with_the_week(label: str, to_date: list[str]) -> None:
    week = Period.parse(label)
    closed, found = beside_weeks(week)
    assert [period.label for period in found] == to_date
    assert {period.last_day for period in found} == {week.last_day}
    assert len(closed) == 12
    assert closed[-1].last_day <= week.last_day


@pytest.mark.parametrize("grain", ["2025-12", "2025-Q4", "2025", "2025-12-31"])
def test_other_reports_keep_what_they_did(grain: str) -> None:
    period = Period.parse(grain)
    assert {p.grain for p in history(period, as_of=period.last_day)} == {period.grain}


def test_six_weeks_stand_beside_twelve_months() -> None:
    values = week_values()
    shown = review(values)
    weeks, months = plots(shown)
    assert weeks.categories[-1] == "W51 2025"
    assert (len(weeks.categories), len(months.categories)) == (6, 12)
    assert months.categories[-1] == "Nov 2025"
    assert [series.role for series in weeks.series] == ["actual", "last_year"]
    assert [series.role for series in months.series] == ["actual", "last_year", "target"]
    ago = [values.value("trial_signups", p.year_ago()).value for p in beside_weeks(WEEK)[0]]
    assert list(months.series[1].values) == ago


def plots(shown: Chart) -> tuple[Plot, ...]:
    assert shown.plot is not None
    return shown.plot.panels


def test_each_side_has_one_scale() -> None:
    left, right = review(week_values()).spec["concat"][:2]
    domains = [
        {
            tuple(layer["encoding"]["y"]["scale"]["domain"])
            for layer in side["layer"]
            if "scale" in layer["encoding"]["y"]
        }
        for side in (left, right)
    ]
    assert [len(found) for found in domains] == [1, 1]
    assert domains[0] != domains[1]


def test_beneath_stand_the_week_its_changes_and_what_is_to_date() -> None:
    values = week_values()
    shown = review(values)
    formatter = Formatter(values)
    for period in ("2025-12/21d", "2025-Q4/82d", "2025/355d"):
        found = [n for n in shown.numbers if n.period == period and n.what == "value"]
        row = values.frame[(values.frame["period"] == period)
                           & (values.frame["kpi"] == "trial_signups")]  # fmt: skip
        assert {number.text for number in found} == {
            formatter.short("trial_signups", row["value"].iloc[0])
        }
    for text in (">W51<", "vs W50", "vs W51 2024", "Month to date",
                 "Quarter to date", "Year to date", "vs 2024"):  # fmt: skip
        assert text in shown.svg
    assert all(number.text in shown.alt + shown.svg + shown.title for number in shown.numbers)


def test_a_balance_has_nothing_to_date() -> None:
    shown = review(week_values(), "mrr")
    assert "to date" not in shown.svg
    assert "vs W50" in shown.svg


def test_without_months_the_weeks_stand_alone() -> None:
    shown = review(week_values(grains=("week",)))
    assert len(plots(shown)) == 1
    assert "without months beside them" in shown.alt


def test_the_table_behind_it_names_every_number() -> None:
    shown = review(week_values())
    assert len(shown.rows) == 18
    assert all(isinstance(row[1], Shown) for row in shown.rows)


@pytest.mark.parametrize(
    ("values", "kpi", "reason"),
    [
        (small_values(), "mrr", "for a report of a week"),
        (week_values(), "backlog", "needs the source tickets"),
        (week_values(), "nps", "not computed"),
    ],
)
def test_where_there_is_nothing_it_says_why(values: Values, kpi: str, reason: str) -> None:
    shown = six_twelve(values, kpi)
    assert isinstance(shown, Text)
    assert reason in shown.markdown.replace("\\", "")


def test_months_do_not_decide_how_a_week_is_written() -> None:
    values = week_values()
    assert values.sizes["trial_signups"] == pytest.approx(
        values.frame[(values.frame["kpi"] == "trial_signups") & (values.frame["grain"] == "week")][
            "value"
        ].median()
    )

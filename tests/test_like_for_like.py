"""An open period is compared with as many days of other periods, and every page says so."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workspaces
from boardpack.blocks import Block, Chart, Text
from boardpack.calendars import PLAIN, Calendar
from boardpack.cards import headline
from boardpack.charts import trend
from boardpack.comparisons import ranking
from boardpack.engine.compute import compute
from boardpack.frontpage import facts_list, warnings_of
from boardpack.model import Model, history
from boardpack.model import values as values_of
from boardpack.panels import trends
from boardpack.periods import Period
from boardpack.readings import message, read
from boardpack.restatements import compare
from boardpack.sentences import summary
from boardpack.tables import members, scorecard
from boardpack.values import Values
from boardpack.warehouse import slice_of_rows
from boardpack.workspace import SUITE
from values_fixture import PERIOD, open_values, small_values

UTC = ZoneInfo("UTC")
#: As-of the twentieth, a figure of the part is so much of the whole month's.
PART = 0.6


def cut_values() -> Values:
    """The small company on 20 December, with what its first twenty days are set against."""
    values = open_values()
    rows = []
    for label in ("2025-11", "2024-12"):
        whole = values.frame[values.frame["period"] == label]
        part = Period.parse(label).first(20)
        rows.append(
            whole.assign(
                period=part.label, period_end=part.end, grain="month_to_date",
                value=whole["value"] * PART,
            )
        )  # fmt: skip
    return Values(pd.concat([values.frame, *rows], ignore_index=True), values.report, values.kpis)


VALUES = cut_values()


def words(block: Block) -> str:
    """What a block says: its text, or the title, the alternative and the data of a chart."""
    if isinstance(block, Text):
        return block.markdown
    assert isinstance(block, Chart)
    return " ".join((block.title, block.alt, str(block.columns), str(block.rows), str(block.spec)))


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (lambda v: headline(v, ["website_visitors"]), ["Nov 2025, first 20 days", "Dec 2024, first 20 days"]),
        (lambda v: scorecard(v, ["website_visitors"]), ["vs Nov 2025, first 20 days", "vs Dec 2024, first 20 days"]),
        (lambda v: members(v, "website_visitors", "segment"), ["vs Nov 2025, first 20 days"]),
        (lambda v: summary(v, ["website_visitors"]),
         ["moves are against the first 20 days of November 2025",
          "so far against the first 20 days of November 2025", "above the first 20 days of December 2024"]),
        (lambda v: trend(v, "website_visitors"),
         ["so far against the first 20 days of November 2025", "year before, first 20 days",
          "(first 20 days)", "in the first 20 days of December 2024 it was"]),
        (lambda v: trend(v, "website_visitors", size="half"), ["year before, first 20 days"]),
        (lambda v: trends(v, ["website_visitors", "nps"]), ["against the first 20 days of November 2025"]),
        (lambda v: ranking(v, "mrr", "segment"),
         ["a lighter bar shows the first 20 days of December 2024", "Dec 2024, first 20 days"]),
    ],
)  # fmt: skip
def test_a_page_says_what_is_compared(block: Callable[[Values], Block], says: list[str]) -> None:
    shown = words(block(VALUES)).replace("\\", "")
    for text in says:
        assert text in shown
    closed = words(block(small_values()))
    assert "first 20 days" not in closed


def test_the_figures_are_those_of_the_part() -> None:
    reading = read(VALUES, "website_visitors")
    november = VALUES.value("website_visitors", Period.parse("2025-11"))
    assert november.value is not None
    assert reading.before.value == pytest.approx(PART * november.value)
    assert reading.before.period.label == "2025-11/20d"
    assert reading.change_from(reading.before).startswith("+")
    assert "".join(str(part) for part in message(reading)).count("against") == 1


def test_what_is_usual_says_nothing_of_a_part() -> None:
    """Twenty days are fewer than the normal range of a month holds; that is no news."""
    frame = VALUES.frame.copy()
    now = (frame["period"] == PERIOD) & (frame["kpi"] == "website_visitors")
    frame.loc[now, "value"] = frame.loc[now, "value"] / 10
    assert not read(replace(VALUES, frame=frame), "website_visitors").is_unusual
    whole = small_values()
    assert read(replace(whole, frame=frame), "website_visitors").is_unusual


def test_where_only_whole_periods_were_computed_they_are_named() -> None:
    reading = read(open_values(), "website_visitors")
    assert (reading.before.period.label, reading.year_ago.period.label) == ("2025-11", "2024-12")


def test_page_one_warns_of_it() -> None:
    told = "".join(warnings_of(VALUES.report)).replace("\\", "")
    assert "They are compared with the first 20 days of other periods" in told
    fiscal = replace(VALUES.report, period="FY2026-Q2", calendar=Calendar(year_start=7).as_dict())
    assert any("Oct 1 – Dec 31, 2025" in line.replace("\u2009", " ") for line in facts_list(fiscal))


def test_a_part_is_no_restatement_and_no_month_for_who_adds_up_months() -> None:
    before, after = VALUES.frame.copy(), VALUES.frame.copy()
    cut = after["period"].str.contains("/")
    assert set(after.loc[cut, "grain"]) == {"month_to_date"}
    after.loc[cut, "value"] = 0.0
    assert compare(before, after, ["website_visitors"]) == []


MODEL = Model.open(SUITE)
FOUR_FOUR_FIVE = Calendar(weeks=(4, 4, 5), year_end="nearest", week_start=6)


def movements(amounts: dict[int, int], first: date) -> list[dict[str, object]]:
    return [
        {"account_id": "a", "movement_type": "new", "amount": amount,
         "effective_on": first + timedelta(days=day)}
        for day, amount in amounts.items()
    ]  # fmt: skip


def total(
    rows: list[dict[str, object]], kpi: str, periods: list[Period], as_of: date
) -> list[float]:
    given: dict[str, list[dict[str, object]]] = {t: [] for t in MODEL.catalogue.tables([kpi])}
    given |= {"accounts": [{"account_id": "a"}], "mrr_movements": rows}
    slice_ = slice_of_rows(MODEL.sources, given, as_of, UTC)
    try:
        frame = compute(MODEL.catalogue, slice_, [kpi], periods, covered=True)
    finally:
        slice_.close()
    found = dict(zip(frame["period"], frame["value"], strict=True))
    return [found[period.label] for period in periods]


amounts = st.dictionaries(st.integers(0, 740), st.integers(1, 500), min_size=1, max_size=25)


@settings(max_examples=12, deadline=None)
@given(
    amounts,
    st.sampled_from([PLAIN, Calendar(year_start=7, week_start=6), FOUR_FOUR_FIVE,
                     Calendar(2, 6, "start", (4, 5, 4), "nearest")]),
)  # fmt: skip
def test_what_adds_up_rolls_up_in_every_calendar(
    amounts: dict[int, int], calendar: Calendar
) -> None:
    """Days to months, weeks to months of whole weeks, months to quarters, quarters to the year."""
    first = date(2023, 6, 1)
    rows, as_of = movements(amounts, first), date(2026, 12, 31)
    year = Period.containing(date(2024, 8, 1), "year", calendar)
    inner = {grain: year.within(grain) for grain in ("quarter", "month", "day")}
    if calendar.weeks:
        inner["week"] = year.within("week")
    every = [year, *(p for periods in inner.values() for p in periods)]
    found = dict(zip(every, total(rows, "new_mrr", every, as_of), strict=True))
    expected = sum(
        amount for day, amount in amounts.items()
        if year.start <= first + timedelta(days=day) < year.end
    )  # fmt: skip
    assert found[year] == expected
    for periods in inner.values():
        assert math.isclose(sum(found[p] for p in periods), expected)
    for month in inner["month"]:
        assert math.isclose(sum(found[d] for d in month.within("day")), found[month])
    for quarter in inner["quarter"]:
        assert math.isclose(sum(found[m] for m in quarter.within("month")), found[quarter])


@settings(max_examples=12, deadline=None)
@given(amounts, st.sampled_from([PLAIN, FOUR_FOUR_FIVE]), st.integers(0, 88))
def test_a_part_holds_what_its_days_hold(
    amounts: dict[int, int], calendar: Calendar, over: int
) -> None:
    first = date(2023, 6, 1)
    quarter = Period.containing(date(2025, 3, 1), "quarter", calendar)
    as_of = quarter.start + timedelta(days=over)
    parts = [p for p in quarter.compared(as_of) if p.cut]
    days = [day for part in parts for day in part.within("day")]
    rows = movements(amounts, first)
    found = dict(zip([*parts, *days], total(rows, "new_mrr", [*parts, *days], as_of), strict=True))
    for part in parts:
        assert part.days == over + 1
        assert math.isclose(found[part], sum(found[day] for day in part.within("day")))


def test_a_run_computes_what_an_open_period_is_set_against() -> None:
    """Half of the customers of November came after the day that December has reached."""
    day = date(2025, 12, 10)
    joined = {"2025-11-05": 1, "2025-11-20": 1, "2024-12-03": 4, "2024-12-30": 4, "2025-12-04": 3}
    rows = [
        {"account_id": f"{at}-{n}", "movement_type": "new", "amount": 10, "effective_on": at}
        for at, count in joined.items() for n in range(count)
    ]  # fmt: skip
    given: dict[str, list[dict[str, object]]] = {
        t: [] for t in MODEL.catalogue.tables(["new_customers"])
    }
    given["mrr_movements"] = [
        {**row, "effective_on": date.fromisoformat(str(row["effective_on"]))} for row in rows
    ]
    given["accounts"] = [{"account_id": row["account_id"]} for row in rows]
    slice_ = slice_of_rows(MODEL.sources, given, day, UTC)
    facts = MODEL.report_facts(Period.parse("2025-12"), day.isoformat())
    try:
        values = values_of(MODEL, slice_, ["new_customers"], facts)
    finally:
        slice_.close()
    reading = read(values, "new_customers")
    assert [v.value for v in (reading.now, reading.before, reading.year_ago)] == [3, 1, 4]
    assert [v.period.label for v in (reading.before, reading.year_ago)] == [
        "2025-11/10d",
        "2024-12/10d",
    ]
    assert [v.status for v in (reading.now, reading.before)] == ["provisional", "final"]


def test_a_closed_period_is_set_against_whole_ones() -> None:
    closed = history(Period.parse("2025-12"), as_of=date(2025, 12, 31))
    assert closed == history(Period.parse("2025-12"))
    assert not any(period.cut for period in closed)


BUSINESS = """
- kpi: sales_a_business_day
  name: Sales a business day
  definition: New MRR over the days of the period that were worked on.
  category: revenue
  unit: currency
  direction: higher
  measures:
    value: {source: mrr_movements, value: sum(amount), where: movement_type = 'new'}
  formula: value / business_days
  tests:
    - name: weekends and the holidays of the test's calendar do not count
      period: 2025-12
      calendar: {holidays: {country: DE, region: BY, dates: {2025-12-24: Christmas Eve}}}
      rows: &rows
        accounts: [{account_id: a1}]
        mrr_movements: [{account_id: a1, movement_type: new, amount: 4600, effective_on: 2025-12-01}]
      expect: 230
    - name: a test stands in the plain calendar
      period: 2025-12
      rows: *rows
      expect: 200
    - name: of an open month those that are over
      period: 2025-12
      as_of: 2025-12-05
      rows: *rows
      expect: 920
    - name: of a month of whole weeks
      period: FY2025-P12
      calendar: {months: 4-4-5, year_end: last saturday of december}
      rows: *rows
      expect: 184
- kpi: new_mrr_this_year
  name: New MRR this year
  definition: New MRR since the first day of the fiscal year.
  category: revenue
  unit: currency
  direction: higher
  measures:
    value: {source: mrr_movements, value: sum(amount), where: movement_type = 'new', window: year_to_date}
  tests:
    - name: what was before the fiscal year does not count
      period: 2025-09
      calendar: {fiscal_year_start: july}
      rows: &two
        accounts: [{account_id: a1}]
        mrr_movements:
          - {account_id: a1, movement_type: new, amount: 1, effective_on: 2025-06-30}
          - {account_id: a1, movement_type: new, amount: 10, effective_on: 2025-07-01}
      expect: 10
    - {name: in the plain calendar it does, period: 2025-09, rows: *two, expect: 11}
"""


def test_definition_tests_stand_in_their_own_calendar(tmp_path: Path) -> None:
    from boardpack.engine.definition_tests import run

    root = workspaces.small(
        tmp_path / "w", workspaces.SETTINGS + "calendar: {fiscal_year_start: may}\n",
        **{"kpis/own.yml": BUSINESS},
    )  # fmt: skip
    catalogue = Model.open(root).catalogue
    results = list(run(catalogue, ["sales_a_business_day", "new_mrr_this_year"], UTC))
    assert [(r.name, r.message) for r in results if not r.passed] == []
    assert len(results) == 6


def test_a_definition_hash_knows_of_the_calendar_what_the_kpi_rests_on(tmp_path: Path) -> None:
    def hashes(name: str, text: str) -> tuple[str, str]:
        root = workspaces.small(
            tmp_path / name, workspaces.SETTINGS + text, **{"kpis/own.yml": BUSINESS}
        )
        found = Model.open(root).catalogue
        return found.definition_hash("mrr"), found.definition_hash("sales_a_business_day")

    plain = hashes("plain", "")
    said = hashes("said", "calendar: {fiscal_year_start: january}\n")
    off = hashes("off", "calendar: {holidays: {country: DE}}\n")
    fiscal = hashes("fiscal", "calendar: {fiscal_year_start: july}\n")
    assert plain == said
    assert plain[0] == MODEL.catalogue.definition_hash("mrr")
    assert (off[0] == plain[0], off[1] == plain[1]) == (True, False)
    assert (fiscal[0] == plain[0], fiscal[1] == plain[1]) == (False, False)

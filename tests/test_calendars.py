"""Calendars: every day lies in one week, month, quarter and year, whatever the company calls them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workspaces
from boardpack.calendars import GRAINS, PLAIN, WEEKDAYS, Calendar, Grain, Holidays, is_label
from boardpack.errors import DefinitionError, PeriodError
from boardpack.formats import Formatter
from boardpack.periods import Period, known_as
from boardpack.plots import x_axis
from boardpack.workspace import Workspace
from values_fixture import small_values

NAMED = st.sampled_from(["end", "start"])
of_months = st.builds(
    Calendar, st.integers(1, 12), st.integers(0, 6), NAMED
)  # fmt: skip
of_weeks = st.builds(
    Calendar, st.integers(1, 12), st.integers(0, 6), NAMED,
    st.sampled_from([(4, 4, 5), (4, 5, 4), (5, 4, 4)]), st.sampled_from(["last", "nearest"]),
)  # fmt: skip
calendars = of_months | of_weeks
days = st.dates(date(1990, 1, 1), date(2080, 12, 31))
grains = st.sampled_from(GRAINS)
periods = st.builds(Period.containing, days, grains, calendars)

JULY = Calendar(year_start=7)
#: That of the National Retail Federation of the USA.
RETAIL = Calendar(2, 6, "start", (4, 5, 4), "nearest")
#: A company whose year ends on the last Saturday of September.
SEPTEMBER = Calendar(10, 6, "end", (4, 4, 5), "last")
SUNDAY = Calendar(week_start=6)


@pytest.mark.parametrize(
    ("calendar", "text", "start", "last"),
    [
        (JULY, "FY2026", "2025-07-01", "2026-06-30"),
        (JULY, "FY2026-Q1", "2025-07-01", "2025-09-30"),
        (JULY, "FY2026-Q4", "2026-04-01", "2026-06-30"),
        (JULY, "2025-07", "2025-07-01", "2025-07-31"),
        (JULY, "2025-W52", "2025-12-22", "2025-12-28"),
        (Calendar(4, year_named="start"), "FY2025-Q4", "2026-01-01", "2026-03-31"),
        (Calendar(12), "FY2026-Q1", "2025-12-01", "2026-02-28"),
        # The weeks of the years 2020 and 2025 as the CDC counts them: 53 of each.
        (SUNDAY, "2020-W53", "2020-12-27", "2021-01-02"),
        (SUNDAY, "2024-W01", "2023-12-31", "2024-01-06"),
        (SUNDAY, "2025-W53", "2025-12-28", "2026-01-03"),
        (SUNDAY, "2026-W01", "2026-01-04", "2026-01-10"),
        # Retail years that are on record; 2017 and 2023 have 53 weeks.
        (RETAIL, "FY2017", "2017-01-29", "2018-02-03"),
        (RETAIL, "FY2018", "2018-02-04", "2019-02-02"),
        (RETAIL, "FY2022", "2022-01-30", "2023-01-28"),
        (RETAIL, "FY2023", "2023-01-29", "2024-02-03"),
        (RETAIL, "FY2024", "2024-02-04", "2025-02-01"),
        (RETAIL, "FY2023-W53", "2024-01-28", "2024-02-03"),
        (RETAIL, "FY2023-P12", "2023-12-31", "2024-02-03"),
        (RETAIL, "FY2024-P02", "2024-03-03", "2024-04-06"),
        (RETAIL, "FY2024-Q4", "2024-11-03", "2025-02-01"),
        (SEPTEMBER, "FY2022", "2021-09-26", "2022-09-24"),
        (SEPTEMBER, "FY2023", "2022-09-25", "2023-09-30"),
        (SEPTEMBER, "FY2024", "2023-10-01", "2024-09-28"),
        (SEPTEMBER, "FY2025-Q1", "2024-09-29", "2024-12-28"),
        (SEPTEMBER, "FY2023-P12", "2023-08-20", "2023-09-30"),
    ],
)
def test_periods_that_are_on_record(calendar: Calendar, text: str, start: str, last: str) -> None:
    period = Period.parse(text, calendar)
    assert (str(period.start), str(period.last_day), period.label) == (start, last, text)


@pytest.mark.parametrize(
    ("calendar", "text", "says"),
    [
        (JULY, "2025-Q4", "not a period of this company's calendar"),
        (JULY, "2026", "not a period of this company's calendar"),
        (JULY, "FY2026-P01", "not a period of this company's calendar"),
        (JULY, "FY2026-Q5", "is not a period"),
        (RETAIL, "2024-03", "not a period of this company's calendar"),
        (RETAIL, "2024-W10", "not a period of this company's calendar"),
        (RETAIL, "FY2024-W53", "its year has no such week"),
        (RETAIL, "FY2024-P13", "not in the calendar"),
        (RETAIL, "FY2024-P00", "not in the calendar"),
        (RETAIL, "FY0000", "not in the calendar"),
        (RETAIL, "FY9999", "outside the calendar|beyond the calendar|not in the calendar"),
        (SUNDAY, "2026-W53", "its year has no such week"),
        (PLAIN, "FY2026-Q1", "not a period of this company's calendar"),
        (PLAIN, "2025-11/20d", "is not a period"),
    ],
)
def test_what_is_no_period_of_a_calendar(calendar: Calendar, text: str, says: str) -> None:
    with pytest.raises(PeriodError, match=says) as caught:
        Period.parse(text, calendar)
    if "calendar." in says:
        assert ("FY2026-Q1" in str(caught.value.hint)) == calendar.is_fiscal


@settings(deadline=None)
@given(periods)
def test_what_is_written_is_read_as_the_same(period: Period) -> None:
    assert Period.parse(period.label, period.calendar) == period
    assert is_label(period.label)


@settings(deadline=None)
@given(calendars, days, grains, st.integers(1, 300))
def test_labels_sort_as_time_goes(calendar: Calendar, day: date, grain: Grain, later: int) -> None:
    one = Period.containing(day, grain, calendar)
    two = Period.containing(day + timedelta(days=later), grain, calendar)
    assert (one.label < two.label) == (one.start < two.start)


@settings(deadline=None)
@given(calendars, days, grains)
def test_a_day_lies_in_one_period_of_each_grain(
    calendar: Calendar, day: date, grain: Grain
) -> None:
    period = Period.containing(day, grain, calendar)
    assert period.start <= day < period.end
    assert Period.containing(period.last_day, grain, calendar) == period


@settings(deadline=None)
@given(periods, st.integers(-60, 60))
def test_periods_follow_each_other_without_gap_or_overlap(period: Period, n: int) -> None:
    assert period.shift(1).start == period.end
    assert period.shift(n).shift(-n) == period
    assert [p.end for p in period.last(5)[:-1]] == [p.start for p in period.last(5)[1:]]


@settings(deadline=None)
@given(calendars, days)
def test_months_fill_quarters_and_quarters_fill_years(calendar: Calendar, day: date) -> None:
    year = Period.containing(day, "year", calendar)
    quarters = year.within("quarter")
    months = year.within("month")
    assert [len(q.within("month")) for q in quarters] == [3, 3, 3, 3]
    assert [m for q in quarters for m in q.within("month")] == months
    assert (months[0].start, months[-1].end) == (quarters[0].start, quarters[-1].end)
    assert (year.start, year.end) == (months[0].start, months[-1].end)
    assert sum(m.days for m in months) == year.days == len(year.within("day"))
    assert {m.ending("year") for m in months} == {year}
    assert {m.ending("quarter") for m in months} == set(quarters)


@settings(deadline=None)
@given(of_weeks, days)
def test_a_year_of_whole_weeks(calendar: Calendar, day: date) -> None:
    """Weeks fill months; a 53rd week goes to the last month; the year ends as its rule says."""
    year = Period.containing(day, "year", calendar)
    weeks = year.within("week")
    assert [w for m in year.within("month") for w in m.within("week")] == weeks
    assert len(weeks) in (52, 53)
    lengths = [m.days // 7 for m in year.within("month")]
    extra = len(weeks) - 52
    assert lengths == [*calendar.weeks * 3, *calendar.weeks[:2], calendar.weeks[2] + extra]
    assert (year.last_day + timedelta(days=1)).weekday() == calendar.week_start
    # The month that it ends in, or with `nearest` one of the three days beside its end.
    begin = date(year.end.year + (year.end.month - calendar.year_start > 6), calendar.year_start, 1)
    if abs((year.end - begin).days) > 40:
        begin = begin.replace(year=begin.year + (1 if begin < year.end else -1))
    off = (year.last_day - (begin - timedelta(days=1))).days
    assert -6 <= off <= 0 if calendar.year_end == "last" else -3 <= off <= 3


@settings(deadline=None)
@given(calendars, days)
def test_a_week_belongs_to_the_year_that_most_of_it_is_in(calendar: Calendar, day: date) -> None:
    week = Period.containing(day, "week", calendar)
    assert (week.days, week.start.weekday()) == (7, calendar.week_start)
    if not calendar.weeks:
        in_year = [d.start.year for d in week.within("day")]
        assert week.label[:4] == str(max(in_year, key=in_year.count))


@settings(deadline=None)
@given(periods)
def test_the_year_before(period: Period) -> None:
    before = period.year_ago()
    assert before.grain == period.grain
    assert 357 <= (period.start - before.start).days <= 371
    if period.grain in ("day", "week"):
        assert before.start.weekday() == period.start.weekday()
    else:
        assert before.label[-2:] == period.label[-2:] or period.grain == "year"


@settings(deadline=None)
@given(calendars, days, st.integers(-40, 40))
def test_a_day_moved_by_months_keeps_its_place_in_the_month(
    calendar: Calendar, day: date, n: int
) -> None:
    month = Period.containing(day, "month", calendar)
    moved = calendar.add_months(day, n)
    target = Period.containing(moved, "month", calendar)
    assert target == month.shift(n)
    place = (day - month.start).days
    assert (moved - target.start).days == min(place, target.days - 1)


@settings(deadline=None)
@given(periods, st.integers(1, 400))
def test_a_part_of_a_period(period: Period, n: int) -> None:
    part = period.first(n)
    assert part.start == period.start
    assert part.days == min(n, period.days)
    assert (part.cut == 0) == (n >= period.days)
    assert part.shift(0) == period
    inner = part.within("day")
    assert (len(inner), inner[-1].end) == (part.days, part.end)
    for grain in ("week", "month"):
        if GRAINS.index(grain) < GRAINS.index(period.grain) and part.cut:
            assert all(p.end <= part.end for p in part.within(grain))


@settings(deadline=None)
@given(periods, st.integers(0, 400))
def test_like_is_compared_with_like(period: Period, over: int) -> None:
    """As many days as the open period has had; of a closed one the whole of both."""
    as_of = period.start + timedelta(days=over)
    for found, whole in zip(
        period.compared(as_of), (period.before(), period.year_ago()), strict=True
    ):
        assert found.shift(0) == whole
        is_open = as_of < period.last_day
        assert found.days == (min(over + 1, whole.days) if is_open else whole.days)


@settings(deadline=None)
@given(calendars)
def test_a_calendar_is_frozen_and_read_again(calendar: Calendar) -> None:
    assert Calendar.from_dict(json.loads(json.dumps(calendar.as_dict()))) == calendar


def test_days_off_are_frozen_too_and_the_plain_calendar_is_nothing() -> None:
    off = Holidays("DE", "BY", frozenset({date(2025, 12, 24)}), frozenset({date(2025, 12, 27)}))
    calendar = Calendar(weekend=frozenset({4, 5}), holidays=off)
    assert Calendar.from_dict(json.loads(json.dumps(calendar.as_dict()))) == calendar
    assert PLAIN.as_dict() == {}


def test_a_label_of_before_the_calendar_changed() -> None:
    assert known_as("FY2026-Q1", JULY) == Period.parse("FY2026-Q1", JULY)
    assert known_as("2025-Q4", JULY) == Period.parse("2025-Q4")
    assert known_as("FY2026-Q1", PLAIN) is None


@pytest.mark.parametrize(
    ("calendar", "start", "end", "count"),
    [
        (PLAIN, "2025-12-01", "2026-01-01", 23),
        (PLAIN, "2025-12-06", "2025-12-08", 0),
        # Christmas Day and Boxing Day of Bavaria are a Thursday and a Friday in 2025.
        (Calendar(holidays=Holidays("DE", "BY")), "2025-12-01", "2026-01-01", 21),
        # All Saints is a holiday there, on a Saturday in 2025; not in Berlin.
        (Calendar(holidays=Holidays("DE", "BY")), "2024-11-01", "2024-11-02", 0),
        (Calendar(holidays=Holidays("DE", "BE")), "2024-11-01", "2024-11-02", 1),
        # Independence Day of 2026 is a Saturday: the Friday is taken off.
        (Calendar(holidays=Holidays("US")), "2026-07-01", "2026-07-08", 4),
        (Calendar(holidays=Holidays(dates=frozenset({date(2025, 12, 24)}))),
         "2025-12-22", "2025-12-29", 4),
        (Calendar(holidays=Holidays("DE", "BY", worked=frozenset({date(2025, 12, 26), date(2025, 12, 27)}))),
         "2025-12-22", "2025-12-29", 5),
        (Calendar(weekend=frozenset({4, 5})), "2025-12-01", "2025-12-08", 5),
    ],
)  # fmt: skip
def test_business_days(calendar: Calendar, start: str, end: str, count: int) -> None:
    found = calendar.business_days(date.fromisoformat(start), date.fromisoformat(end))
    assert found == count


def test_holidays_of_nowhere() -> None:
    with pytest.raises(PeriodError, match="country 'XX' are not known"):
        Calendar(holidays=Holidays("XX")).is_business_day(date(2025, 12, 24))


def calendar_of(folder: Path, text: str) -> Calendar:
    return Workspace.open(workspaces.small(folder, f"{workspaces.SETTINGS}{text}\n")).calendar


@pytest.mark.parametrize(
    ("text", "calendar"),
    [
        ("", PLAIN),
        ("calendar: {fiscal_year_start: January, week_start: monday}", PLAIN),
        ("calendar: {fiscal_year_start: july}", JULY),
        ("calendar: {fiscal_year_start: 7}", JULY),
        ("calendar: {fiscal_year_start: 4, fiscal_year_named: start}", Calendar(4, year_named="start")),
        ("calendar: {week_start: Sunday}", SUNDAY),
        ("calendar: {months: 4-5-4, year_end: saturday nearest end of january,"
         " fiscal_year_named: start}", RETAIL),
        ("calendar: {months: 4-4-5, year_end: Last Saturday of September, week_start: sunday}", SEPTEMBER),
        ("calendar: {months: 5-4-4, year_end: last sunday of december}",
         Calendar(1, 0, weeks=(5, 4, 4))),
        ("calendar: {weekend: [friday, saturday]}", Calendar(weekend=frozenset({4, 5}))),
        ("calendar: {holidays: {country: DE, region: BY, dates: {2025-12-24: Christmas Eve},"
         " worked: [2025-12-27]}}",
         Calendar(holidays=Holidays("DE", "BY", frozenset({date(2025, 12, 24)}),
                                    frozenset({date(2025, 12, 27)})))),
    ],
)  # fmt: skip
def test_what_a_workspace_says(tmp_path: Path, text: str, calendar: Calendar) -> None:
    assert calendar_of(tmp_path / "w", text) == calendar


@pytest.mark.parametrize(
    ("lines", "line", "says", "hint"),
    [
        ("fiscal_year_start: juli", 5, "'juli' is no month", "'july'"),
        ("fiscal_year_start: 13", 5, "'13' is no month", "january, february"),
        ("fiscal_year_begin: july", 5, "unknown key 'calendar.fiscal_year_begin'", "fiscal_year_start"),
        ("week_start: funday", 5, "'funday' is no weekday", "'sunday'"),
        ("months: 4-4-6", 5, "'4-4-6' is no pattern of months", "'4-4-5'"),
        ("months: 4-4-5", 4, "months: 4-4-5 needs a year_end:", "last saturday of january"),
        ("year_end: last friday of may", 4, "year_end: is for years of whole weeks", "months: 4-4-5"),
        ("months: 4-4-5\n  year_end: last day", 6, "'last day' is no rule", "last saturday of january"),
        ("months: 4-4-5\n  year_end: last day of may", 6, "'day' is no weekday", "'monday'|'friday'|known"),
        ("months: 4-4-5\n  year_end: last friday of mai", 6, "'mai' is no month", "'may'"),
        ("months: 4-4-5\n  year_end: last friday of may\n  week_start: monday", 4,
         "weeks cannot start on a monday", "week_start: saturday"),
        ("months: 4-4-5\n  year_end: last friday of may\n  fiscal_year_start: june", 4,
         "both say when the year begins", "leave out fiscal_year_start"),
        ("weekend: [mon]", 5, "'mon' is no weekday", "'monday'"),
        (f"weekend: [{', '.join(WEEKDAYS)}]", 5, "leaves no day of the week to work on", "days off"),
        ("holidays: {country: DEU, region: BX}", 5, "'BX' is no region of DEU", "'BY'"),
        ("holidays: {country: XX}", 5, "'XX' is no country", "did you mean|known"),
        ("holidays: {region: BY}", 5, "region 'BY' of which country?", "country: DE"),
        ("holidays:\n    dates: {soon: Christmas}", 6, "'soon' is no date", "2025-12-24: Christmas Eve"),
        ("holidays:\n    dates: [2025-12-24]", 6, "is no mapping", "2025-12-24: Christmas Eve"),
    ],
)  # fmt: skip
def test_what_a_workspace_cannot_say(
    tmp_path: Path, lines: str, line: int, says: str, hint: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        calendar_of(tmp_path / "w", f"calendar:\n  {lines}")
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "w" / "boardpack.yml"), line)
    assert says in caught.value.message
    assert any(part in str(caught.value.hint) for part in hint.split("|"))


def test_two_years_side_by_side_on_an_axis_do_not_touch() -> None:
    """Thirteen fiscal months: the year below the first gives way to that of the second."""
    months = Period.parse("FY2025-P12", SEPTEMBER).last(13)
    drawn = x_axis(Formatter(small_values()), months, 440)["axis"]["labelExpr"]
    texts = json.loads(drawn.partition("]]")[0] + "]]")
    assert texts[:3] == [["P12", ""], ["P1", "FY2025"], ["P2", ""]]
    wide = x_axis(Formatter(small_values()), months, 900)["axis"]["labelExpr"]
    assert '["P12", "FY2024"], ["P1", "FY2025"]' in wide

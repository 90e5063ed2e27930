from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boardpack.calendars import PLAIN
from boardpack.errors import PeriodError
from boardpack.periods import GRAINS, Grain, Period, instant, parse_day

days = st.dates(date(1990, 1, 1), date(2080, 12, 31))
grains = st.sampled_from(GRAINS)
periods = st.builds(Period.containing, days, grains)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kathmandu")
zones = st.sampled_from(ZONES).map(ZoneInfo)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2025-12-31", date(2025, 12, 31), date(2026, 1, 1)),
        ("2024-02-29", date(2024, 2, 29), date(2024, 3, 1)),
        ("2025-W01", date(2024, 12, 30), date(2025, 1, 6)),
        ("2020-W53", date(2020, 12, 28), date(2021, 1, 4)),
        ("2024-02", date(2024, 2, 1), date(2024, 3, 1)),
        ("2025-Q4", date(2025, 10, 1), date(2026, 1, 1)),
        ("2025", date(2025, 1, 1), date(2026, 1, 1)),
        (" 2025-12 ", date(2025, 12, 1), date(2026, 1, 1)),
    ],
)
def test_parse(text: str, start: date, end: date) -> None:
    period = Period.parse(text)
    assert (period.start, period.end, period.label) == (start, end, text.strip())


@pytest.mark.parametrize(
    "text",
    ["", "last month", "2025-13", "2025-00", "2025-Q5", "2025-W54", "2025-W53", "2021-W53",
     "2025-2", "2025-02-29", "25-12", "0000", "2025-12-32", "FY2026"],
)  # fmt: skip
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(PeriodError, match=r"not a period|not in the calendar"):
        Period.parse(text)


def test_a_period_begins_on_its_first_day() -> None:
    with pytest.raises(PeriodError, match="2025-12-02 is not the first day of a month"):
        Period(date(2025, 12, 2), "month")


@pytest.mark.parametrize(("text", "right"), [("2025-12-31", True), ("31.12.2025", False)])
def test_parse_day(text: str, right: bool) -> None:
    if right:
        assert parse_day(text) == date(2025, 12, 31)
    else:
        with pytest.raises(PeriodError, match=r"as-of .31\.12\.2025. is not a day"):
            parse_day(text)


@given(periods)
def test_what_is_written_is_read_as_the_same(period: Period) -> None:
    assert Period.parse(period.label) == period
    assert str(period) == period.label


@given(periods, st.integers(-40, 40))
def test_shift_back_and_forth(period: Period, n: int) -> None:
    assert period.shift(n).shift(-n) == period
    assert period.shift(n).grain == period.grain


@given(periods)
def test_neighbours_meet_without_gap_or_overlap(period: Period) -> None:
    assert period.end == period.shift(1).start
    assert period.last_day == period.end - timedelta(days=1)
    assert period.days == (period.end - period.start).days > 0


@given(days, grains)
def test_a_day_lies_in_one_period_of_each_grain(day: date, grain: Grain) -> None:
    period = Period.containing(day, grain)
    assert period.start <= day < period.end
    assert Period.containing(period.start, grain) == Period.containing(period.last_day, grain)


@given(periods, st.integers(1, 20))
def test_last_ends_with_the_period_itself(period: Period, n: int) -> None:
    found = period.last(n)
    assert len(found) == n
    assert found[-1] == period
    assert [p.shift(1) for p in found[:-1]] == found[1:]


@given(days)
def test_weeks_are_those_of_iso(day: date) -> None:
    year, week, _ = day.isocalendar()
    period = Period.containing(day, "week")
    assert period.label == f"{year:04d}-W{week:02d}"
    assert (period.days, period.start.isoweekday()) == (7, 1)


@given(st.integers(1990, 2080))
def test_months_fill_quarters_and_quarters_fill_years(year: int) -> None:
    whole = Period.parse(str(year))
    quarters = whole.within("quarter")
    months = [month for quarter in quarters for month in quarter.within("month")]
    assert [q.label for q in quarters] == [f"{year}-Q{n}" for n in (1, 2, 3, 4)]
    assert [m.label for m in months] == [f"{year}-{n:02d}" for n in range(1, 13)]
    assert months == whole.within("month")
    assert sum(m.days for m in months) == whole.days == len(whole.within("day"))


def test_a_year_has_the_weeks_that_begin_in_it() -> None:
    assert [w.label for w in Period.parse("2025-12").within("week")] == [
        "2025-W49", "2025-W50", "2025-W51", "2025-W52", "2026-W01",
    ]  # fmt: skip
    assert len(Period.parse("2024").within("week")) == 53


@pytest.mark.parametrize(
    ("text", "before"),
    [
        # A day is set against the same weekday, 52 weeks earlier.
        ("2024-02-29", date(2023, 3, 2)),
        ("2025-03-01", date(2024, 3, 2)),
        ("2025-12", date(2024, 12, 1)),
        ("2025-Q1", date(2024, 1, 1)),
        ("2025", date(2024, 1, 1)),
        ("2025-W10", date(2024, 3, 4)),
        # A week is set against the one 52 weeks earlier, also where the year between has 53.
        ("2021-W10", date(2020, 3, 9)),
        ("2020-W53", date(2019, 12, 30)),
    ],
)
def test_year_ago(text: str, before: date) -> None:
    period = Period.parse(text)
    assert period.year_ago() == Period(before, period.grain)


@pytest.mark.parametrize(
    ("text", "before", "look_back"),
    [
        ("2025-03-03", "2025-02-24", 29),
        ("2021-W01", "2020-W53", 13),
        ("2025-01", "2024-12", 13),
        ("2025-Q1", "2024-Q4", 9),
        ("2025", "2024", 5),
    ],
)
def test_what_a_period_is_read_against(text: str, before: str, look_back: int) -> None:
    period = Period.parse(text)
    assert (period.before().label, period.look_back) == (before, look_back)
    assert period.before().start.weekday() == period.start.weekday() or period.grain not in (
        "day",
        "week",
    )


@given(days, st.integers(-60, 60))
def test_add_months_lands_in_the_right_month(day: date, n: int) -> None:
    moved = PLAIN.add_months(day, n)
    assert (moved.year * 12 + moved.month) - (day.year * 12 + day.month) == n
    assert moved.day == day.day or (moved + timedelta(days=1)).day == 1


@pytest.mark.parametrize("text", ["9999-12-31", "9999-W02", "9999-12", "9999-Q1", "9999"])
def test_the_last_year_of_the_calendar_has_no_day_after_it(text: str) -> None:
    with pytest.raises(PeriodError, match="lies beyond the calendar"):
        Period.parse(text)
    assert Period.parse("9998").end == date(9999, 1, 1)


@pytest.mark.parametrize("n", [-13 * 2025, 12 * 8000])
def test_months_outside_the_calendar(n: int) -> None:
    with pytest.raises(PeriodError, match="outside the calendar"):
        PLAIN.add_months(date(2025, 1, 31), n)


@pytest.mark.parametrize(
    ("day", "zone", "utc"),
    [
        (date(2025, 3, 30), "Europe/Berlin", datetime(2025, 3, 29, 23)),
        (date(2025, 3, 31), "Europe/Berlin", datetime(2025, 3, 30, 22)),
        (date(2025, 10, 26), "Europe/Berlin", datetime(2025, 10, 25, 22)),
        (date(2025, 10, 27), "Europe/Berlin", datetime(2025, 10, 26, 23)),
        (date(2025, 3, 9), "America/New_York", datetime(2025, 3, 9, 5)),
        (date(2025, 3, 10), "America/New_York", datetime(2025, 3, 10, 4)),
        (date(2025, 11, 3), "America/New_York", datetime(2025, 11, 3, 5)),
        # No midnight on this day: the clock went from 23:59:59 to 01:00.
        (date(2018, 11, 4), "America/Sao_Paulo", datetime(2018, 11, 4, 3)),
    ],
)
def test_instants_in_zones(day: date, zone: str, utc: datetime) -> None:
    assert instant(day, ZoneInfo(zone)) == utc


@given(days, zones)
def test_a_day_begins_where_the_one_before_ends(day: date, zone: ZoneInfo) -> None:
    begin = instant(day, zone).replace(tzinfo=UTC)
    assert begin.astimezone(zone).date() == day
    assert (begin - timedelta(seconds=1)).astimezone(zone).date() == day - timedelta(days=1)

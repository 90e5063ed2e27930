from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boardpack.calendars import PLAIN, Calendar
from boardpack.engine.windows import Buckets, parse_point, parse_window
from boardpack.periods import GRAINS, Period

days = st.dates(date(2020, 1, 1), date(2028, 12, 31))
JULY = Calendar(year_start=7)
#: Years that end on the Saturday nearest to the end of January; 2023 has 53 weeks.
RETAIL = Calendar(2, 6, "start", (4, 5, 4), "nearest")
periods = st.builds(
    Period.containing, days, st.sampled_from(GRAINS), st.sampled_from([PLAIN, JULY, RETAIL])
)
windows = st.sampled_from(
    ["period", "previous", "month", "to_date", "opening", "trailing 1 day", "trailing 90 days",
     "trailing 2 weeks", "trailing 12 months", "quarter_to_date", "year_to_date"]
).map(parse_window)  # fmt: skip


@pytest.mark.parametrize(
    ("window", "period", "low", "high"),
    [
        ("period", "2025-Q4", date(2025, 10, 1), date(2026, 1, 1)),
        ("previous", "2025-Q4", date(2025, 7, 1), date(2025, 10, 1)),
        ("previous", "2024-03", date(2024, 2, 1), date(2024, 3, 1)),
        ("previous", "2025", date(2024, 1, 1), date(2025, 1, 1)),
        ("previous", "2025-W01", date(2024, 12, 23), date(2024, 12, 30)),
        ("previous", "2025-03-01", date(2025, 2, 28), date(2025, 3, 1)),
        ("month", "2025-Q4", date(2025, 12, 1), date(2026, 1, 1)),
        ("month", "2024-02", date(2024, 2, 1), date(2024, 3, 1)),
        ("month", "2025-W10", date(2025, 2, 8), date(2025, 3, 10)),
        ("month", "2025-03-09", date(2025, 2, 8), date(2025, 3, 10)),
        ("to_date", "2025-12", None, date(2026, 1, 1)),
        ("opening", "2025-12", None, date(2025, 12, 1)),
        ("trailing 90 days", "2025-12", date(2025, 10, 3), date(2026, 1, 1)),
        ("trailing 1 day", "2025-12", date(2025, 12, 31), date(2026, 1, 1)),
        ("trailing 2 weeks", "2025-W10", date(2025, 2, 24), date(2025, 3, 10)),
        ("trailing 3 months", "2025-Q4", date(2025, 10, 1), date(2026, 1, 1)),
        (" Trailing 12 Months ", "2024-02", date(2023, 3, 1), date(2024, 3, 1)),
        ("quarter_to_date", "2025-11", date(2025, 10, 1), date(2025, 12, 1)),
        ("quarter_to_date", "2025", date(2025, 10, 1), date(2026, 1, 1)),
        ("year_to_date", "2025-11", date(2025, 1, 1), date(2025, 12, 1)),
        ("year_to_date", "2025", date(2025, 1, 1), date(2026, 1, 1)),
        # A week counts in the year that it ends in.
        ("year_to_date", "2025-W01", date(2025, 1, 1), date(2025, 1, 6)),
        # A month back from a day that the shorter month does not have.
        ("trailing 1 month", "2025-03-30", date(2025, 2, 28), date(2025, 3, 31)),
    ],
)
def test_days_of_a_window(window: str, period: str, low: date | None, high: date) -> None:
    assert parse_window(window).days(Period.parse(period)) == (low, high)


@pytest.mark.parametrize(
    ("calendar", "window", "period", "low", "high"),
    [
        (JULY, "year_to_date", "2025-09", "2025-07-01", "2025-10-01"),
        (JULY, "year_to_date", "2025-06", "2024-07-01", "2025-07-01"),
        (JULY, "quarter_to_date", "2025-08-15", "2025-07-01", "2025-08-16"),
        (JULY, "previous", "FY2026-Q1", "2025-04-01", "2025-07-01"),
        (JULY, "trailing 12 months", "FY2026-Q1", "2024-10-01", "2025-10-01"),
        (JULY, "month", "FY2026", "2026-06-01", "2026-07-01"),
        (RETAIL, "period", "FY2023-P12", "2023-12-31", "2024-02-04"),
        (RETAIL, "previous", "FY2024-P01", "2023-12-31", "2024-02-04"),
        (RETAIL, "month", "FY2023-Q4", "2023-12-31", "2024-02-04"),
        (RETAIL, "month", "FY2024-W09", "2024-03-08", "2024-04-07"),
        (RETAIL, "trailing 3 months", "FY2024-P01", "2023-11-26", "2024-03-03"),
        (RETAIL, "trailing 12 months", "FY2023-P12", "2023-01-29", "2024-02-04"),
        (RETAIL, "quarter_to_date", "FY2024-P02", "2024-02-04", "2024-04-07"),
        (RETAIL, "year_to_date", "FY2024-W10", "2024-02-04", "2024-04-14"),
    ],
)  # fmt: skip
def test_windows_follow_the_calendar(
    calendar: Calendar, window: str, period: str, low: str, high: str
) -> None:
    found = parse_window(window).days(Period.parse(period, calendar))
    assert tuple(map(str, found)) == (low, high)


@settings(deadline=None)
@given(windows, periods, st.integers(1, 200))
def test_a_part_of_a_period_has_the_windows_of_a_period_that_ends_there(window, period, n) -> None:
    part = period.first(n)
    low, high = window.days(part)
    assert high in (part.end, part.start)
    if window.kind in ("period", "quarter_to_date", "year_to_date") and period.grain != "week":
        assert low == window.days(period)[0] or window.kind == "quarter_to_date"


@pytest.mark.parametrize(
    "text",
    ["", "fortnight", "trailing", "trailing 0 days", "trailing -1 days", "trailing 1.5 months",
     "trailing 3 quarters", "trailing days 3"],
)  # fmt: skip
def test_what_is_no_window(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"is not a window; windows are period, previous, month, to_date"
    ):
        parse_window(text)


@pytest.mark.parametrize(
    ("point", "period", "day"),
    [
        ("period_end", "2025-12", date(2026, 1, 1)),
        ("period_start", "2025-12", date(2025, 12, 1)),
        ("period_end - 1 month", "2025-12", date(2025, 12, 1)),
        ("period_end - 12 months", "2025-Q4", date(2025, 1, 1)),
        ("period_start-1 month", "2025-12", date(2025, 11, 1)),
        ("period_end - 12 months", "2024-02-28", date(2023, 2, 28)),
        ("period_end - 30 days", "2025-12", date(2025, 12, 2)),
        ("period_start - 1 day", "2025-12", date(2025, 11, 30)),
        ("period_end - 2 weeks", "2025-W10", date(2025, 2, 24)),
        ("period_end - 1 quarter", "2025-12", date(2025, 10, 1)),
        ("period_end - 1 year", "2024-02-29", date(2023, 3, 1)),
    ],
)
def test_the_day_of_a_point(point: str, period: str, day: date) -> None:
    assert parse_point(point).day(Period.parse(period)) == day


@pytest.mark.parametrize(
    ("calendar", "point", "period", "day"),
    [
        (JULY, "period_end - 12 months", "FY2026-Q1", "2024-10-01"),
        # A year of 53 weeks back, to the day.
        (RETAIL, "period_end - 12 month", "FY2023-P12", "2023-01-29"),
        (RETAIL, "period_end - 1 year", "FY2023-P12", "2023-01-29"),
        (RETAIL, "period_end - 1 month", "FY2024-P02", "2024-03-03"),
        (RETAIL, "period_start - 1 quarter", "FY2024-P02", "2023-11-26"),
        (RETAIL, "period_end - 52 weeks", "FY2023-P12", "2023-02-05"),
    ],
)
def test_points_follow_the_calendar(calendar: Calendar, point: str, period: str, day: str) -> None:
    assert str(parse_point(point).day(Period.parse(period, calendar))) == day


@pytest.mark.parametrize(
    "text", ["", "end", "period_end + 1 month", "period_end - 30", "period_end - 2 decades"]
)
def test_what_is_no_point(text: str) -> None:
    with pytest.raises(ValueError, match="is not a point; write period_start"):
        parse_point(text)


@settings(deadline=None)
@given(st.lists(st.tuples(windows, periods), min_size=1, max_size=8), days)
def test_a_window_is_a_range_of_buckets(chosen: list[tuple], day: date) -> None:
    """A day's bucket lies in the range of a window exactly when the day lies in the window."""
    pairs = [window.days(period) for window, period in chosen]
    buckets = Buckets.of(edge for pair in pairs for edge in pair)
    bucket = sum(edge <= day for edge in buckets.edges)
    for low, high in pairs:
        inside = (low is None or low <= day) and day < high
        assert (buckets.number(low) <= bucket < buckets.number(high)) == inside


@settings(deadline=None)
@given(windows, periods)
def test_windows_are_half_open_and_end_with_the_period_or_before_it(window, period) -> None:
    low, high = window.days(period)
    assert high in (period.end, period.start)
    assert low is None or low < high
    assert low is None or high - low >= timedelta(days=1)

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boardpack.engine.windows import Buckets, parse_point, parse_window
from boardpack.periods import GRAINS, Period

days = st.dates(date(2020, 1, 1), date(2028, 12, 31))
periods = st.builds(Period.containing, days, st.sampled_from(GRAINS))
windows = st.sampled_from(
    ["period", "previous", "month", "to_date", "opening", "trailing 1 day", "trailing 90 days",
     "trailing 2 weeks", "trailing 12 months"]
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
        # A month back from a day that the shorter month does not have.
        ("trailing 1 month", "2025-03-30", date(2025, 2, 28), date(2025, 3, 31)),
    ],
)
def test_days_of_a_window(window: str, period: str, low: date | None, high: date) -> None:
    assert parse_window(window).days(Period.parse(period)) == (low, high)


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
    ],
)
def test_the_day_of_a_point(point: str, period: str, day: date) -> None:
    assert parse_point(point).day(Period.parse(period)) == day


@pytest.mark.parametrize("text", ["", "end", "period_end + 1 month", "period_end - 30 days"])
def test_what_is_no_point(text: str) -> None:
    with pytest.raises(ValueError, match="is not a point; write period_start"):
        parse_point(text)


@given(st.lists(st.tuples(windows, periods), min_size=1, max_size=8), days)
def test_a_window_is_a_range_of_buckets(chosen: list[tuple], day: date) -> None:
    """A day's bucket lies in the range of a window exactly when the day lies in the window."""
    pairs = [window.days(period) for window, period in chosen]
    buckets = Buckets.of(edge for pair in pairs for edge in pair)
    bucket = sum(edge <= day for edge in buckets.edges)
    for low, high in pairs:
        inside = (low is None or low <= day) and day < high
        assert (buckets.number(low) <= bucket < buckets.number(high)) == inside


@given(windows, periods)
def test_windows_are_half_open_and_end_with_the_period_or_before_it(window, period) -> None:
    low, high = window.days(period)
    assert high in (period.end, period.start)
    assert low is None or low < high
    assert low is None or high - low >= timedelta(days=1)

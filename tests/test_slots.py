"""Slots: from a cron line to instants, periods and as-of days, on every odd day of the calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boardpack import slots
from boardpack.calendars import Calendar
from boardpack.schedules import Schedule
from schedule_fixture import utc

UTC_ZONE = ZoneInfo("UTC")


def schedule(cron: str = "0 6 * * *", zone: str = "UTC", **changes: Any) -> Schedule:
    own = Schedule("s", "daily", cron, ZoneInfo(zone), UTC_ZONE, "day")
    return replace(own, **changes)


def fires(cron: str, zone: str, start: str, end: str) -> list[str]:
    found = slots.firings(schedule(cron, zone), utc(start), utc(end))
    return [f"{at:%m-%d %H:%M}" for at in found]


@pytest.mark.parametrize(
    ("cron", "zone", "start", "end", "expected"),
    [
        # Clocks go from 2 to 3 on 30 March 2025 and from 3 to 2 on 26 October, at 1:00 UTC.
        ("30 2 * * *", "Europe/Berlin", "2025-03-29", "2025-04-01", ["03-29 01:30", "03-30 01:00", "03-31 00:30"]),
        ("30 2 * * *", "Europe/Berlin", "2025-10-25", "2025-10-28", ["10-25 00:30", "10-26 00:30", "10-27 01:30"]),
        ("0 2,3 * * *", "Europe/Berlin", "2025-03-30", "2025-03-31", ["03-30 01:00"]),
        ("30 1,2,3 * * *", "Europe/Berlin", "2025-10-26", "2025-10-27", ["10-26 00:30", "10-26 02:30"]),
        ("0 * * * *", "Europe/Berlin", "2025-03-30", "2025-03-30 03:00", ["03-30 00:00", "03-30 01:00", "03-30 02:00"]),
        ("0 * * * *", "Europe/Berlin", "2025-10-26", "2025-10-26 03:00", ["10-26 00:00", "10-26 01:00", "10-26 02:00"]),
        ("30 2 * * *", "America/New_York", "2025-03-09", "2025-03-10", ["03-09 07:00"]),
        ("30 1 * * *", "America/New_York", "2025-11-02", "2025-11-03", ["11-02 05:30"]),
        # Half an hour of summer time, a whole day left out, and zones a day apart.
        ("15 2 * * *", "Australia/Lord_Howe", "2025-10-04 12:00", "2025-10-05 12:00", ["10-04 15:30"]),
        ("0 12 * * *", "Pacific/Apia", "2011-12-28 12:00", "2012-01-01", ["12-28 22:00", "12-29 22:00", "12-30 10:00", "12-30 22:00", "12-31 22:00"]),
        ("0 6 1 1 *", "Pacific/Kiritimati", "2025-12-31", "2026-01-02", ["12-31 16:00"]),
        ("0 6 1 1 *", "Pacific/Pago_Pago", "2025-12-31", "2026-01-02", ["01-01 17:00"]),
        # Ends of months and a day that comes every four years.
        ("0 6 31 * *", "UTC", "2025-01-01", "2025-07-01", ["01-31 06:00", "03-31 06:00", "05-31 06:00"]),
        ("0 6 L 2 *", "UTC", "2023-01-01", "2025-01-01", ["02-28 06:00", "02-29 06:00"]),
        ("0 6 29 2 *", "UTC", "2096-01-01", "2105-01-01", ["02-29 06:00", "02-29 06:00"]),
        # Debian: the day of the month or the day of the week, unless one begins with a star.
        ("0 6 13 * 5", "UTC", "2026-02-01", "2026-02-21", ["02-06 06:00", "02-13 06:00", "02-20 06:00"]),
        ("0 6 * * 1#1", "UTC", "2026-01-01", "2026-03-01", ["01-05 06:00", "02-02 06:00"]),
    ],
)  # fmt: skip
def test_when_it_fires(cron: str, zone: str, start: str, end: str, expected: list[str]) -> None:
    assert fires(cron, zone, start, end) == expected


def test_the_end_is_not_inside_and_the_start_is() -> None:
    daily = schedule()
    assert slots.firings(daily, utc("2026-01-01 06:00"), utc("2026-01-02 06:00")) == [
        utc("2026-01-01 06:00")
    ]


@pytest.mark.parametrize(
    ("grain", "rule", "fired", "period", "as_of"),
    [
        # previous, as of its end
        ("day", 0, "2026-01-05 06:00", "2026-01-04", "2026-01-04"),
        ("day", 0, "2024-03-01 06:00", "2024-02-29", "2024-02-29"),
        ("week", 0, "2026-01-05 06:30", "2026-W01", "2026-01-04"),
        ("week", 0, "2021-01-04 06:30", "2020-W53", "2021-01-03"),
        ("week", 0, "2021-01-03 06:30", "2020-W52", "2020-12-27"),
        ("week", 0, "2027-01-04 06:30", "2026-W53", "2027-01-03"),
        ("month", 0, "2024-03-01 00:00", "2024-02", "2024-02-29"),
        ("month", 0, "2025-03-31 23:59", "2025-02", "2025-02-28"),
        ("quarter", 0, "2026-01-04 07:00", "2025-Q4", "2025-12-31"),
        ("year", 0, "2026-01-01 00:00", "2025", "2025-12-31"),
        # so many days after the end: the newest period for which they are over
        ("month", 2, "2026-01-02 07:00", "2025-11", "2025-12-02"),
        ("month", 2, "2026-01-03 07:00", "2025-12", "2026-01-02"),
        ("day", 2, "2024-03-02 07:00", "2024-02-28", "2024-03-01"),
        # as known yesterday
        ("month", None, "2026-01-15 07:00", "2025-12", "2026-01-14"),
        ("week", None, "2026-01-05 07:00", "2026-W01", "2026-01-04"),
    ],
)
def test_the_previous_period_is_over_and_so_is_its_as_of(
    grain: Any, rule: int | None, fired: str, period: str, as_of: str
) -> None:
    (slot,) = slots.at(schedule(grain=grain, days_after=rule), utc(fired))
    assert (slot.period.label, slot.as_of.isoformat()) == (period, as_of)


@pytest.mark.parametrize(
    ("fired", "period", "as_of"),
    [
        ("2026-01-15 07:00", "2026-01", "2026-01-14"),
        ("2026-02-01 07:00", "2026-01", "2026-01-31"),
        ("2026-02-02 07:00", "2026-02", "2026-02-01"),
    ],
)
def test_the_current_period_is_that_of_yesterday(fired: str, period: str, as_of: str) -> None:
    (slot,) = slots.at(
        schedule(grain="month", which="current", days_after=None), utc(fired)
    )  # fmt: skip
    assert (slot.period.label, slot.as_of.isoformat()) == (period, as_of)


def test_a_period_ends_when_the_company_says_so_whatever_the_zone_of_the_cron_line() -> None:
    auckland = schedule("0 6 1 * *", "Pacific/Auckland", grain="month")
    (slot,) = slots.slots(auckland, utc("2025-12-31"), utc("2026-01-01"))
    # It is new year in Auckland; in the company's December seven hours are to come.
    assert (slot.at, slot.period.label) == (utc("2025-12-31 17:00"), "2025-11")
    own = replace(auckland, home=ZoneInfo("Pacific/Auckland"))
    (slot,) = slots.slots(own, utc("2025-12-31"), utc("2026-01-01"))
    assert slot.period.label == "2025-12"


def test_periods_are_those_of_the_companys_calendar() -> None:
    weeks = Calendar(weeks=(4, 4, 5), week_start=6)
    retail = schedule("0 6 * * 0", grain="month", calendar=weeks)
    found = slots.slots(retail, utc("2026-01-18"), utc("2026-02-15"))
    # Of five Sundays, one follows the end of a month of four weeks: the report is made then.
    assert [(slot.period.label, str(slot.as_of)) for slot in found] == [
        ("FY2025-P12", "2025-12-27"), ("FY2026-P01", "2026-01-24"), ("FY2026-P01", "2026-01-24"),
        ("FY2026-P01", "2026-01-24"),
    ]  # fmt: skip
    july = schedule("0 6 2 * *", grain="quarter", calendar=Calendar(year_start=7))
    (slot,) = slots.slots(july, utc("2025-10-01"), utc("2025-10-03"))
    assert slot.period.label == "FY2026-Q1"


def test_every_member_has_a_slot_of_its_own() -> None:
    found = slots.at(schedule(members=("smb", "enterprise")), utc("2026-01-05 06:00"))
    assert [slot.segment for slot in found] == ["smb", "enterprise"]
    assert len({slot.key for slot in found}) == len({slot.target for slot in found}) == 2


@pytest.mark.parametrize(
    ("cron", "now", "newest", "following"),
    [
        ("0 6 * * *", "2026-01-05 05:59", "2026-01-04 06:00", "2026-01-05 06:00"),
        ("0 6 * * *", "2026-01-05 06:00", "2026-01-05 06:00", "2026-01-06 06:00"),
        ("0 7 5 1,4,7,10 *", "2026-01-04 00:00", "2025-10-05 07:00", "2026-01-05 07:00"),
        ("0 6 29 2 *", "2026-01-05 00:00", "2024-02-29 06:00", "2028-02-29 06:00"),
        ("0 0 29 2 1", "2026-01-06 00:00", "2025-02-24 00:00", "2026-02-02 00:00"),
    ],
)
def test_the_newest_and_the_following_firing(
    cron: str, now: str, newest: str, following: str
) -> None:
    own = schedule(cron)
    assert slots.newest(own, utc(now)) == utc(newest)
    assert slots.following(own, utc(now)) == utc(following)


@pytest.mark.parametrize(
    ("start", "since", "expected"),
    [
        (None, None, ["01-15"]),
        (None, "2026-01-05 06:00", [f"01-{day:02d}" for day in range(5, 16)]),
        (date(2026, 1, 13), None, ["01-13", "01-14", "01-15"]),
        (date(2026, 1, 13), "2026-01-05 06:00", ["01-13", "01-14", "01-15"]),
        (date(2026, 1, 16), "2026-01-05 06:00", []),
    ],
)
def test_what_counts_begins_with_the_start_the_first_on_record_or_the_newest(
    start: date | None, since: str | None, expected: list[str]
) -> None:
    own = schedule(start=start)
    found = slots.fired(own, utc(since) if since else None, utc("2026-01-15 12:00"))
    assert [f"{at:%m-%d}" for at in found] == expected
    for count in (1, 3, 100):
        last = slots.last_fired(own, utc(since) if since else None, utc("2026-01-15 12:00"), count)
        assert last == found[-count:]


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
         "Pacific/Chatham", "America/St_Johns", "Africa/Casablanca"]  # fmt: skip
CRONS = ["0 6 * * *", "30 2 * * *", "15 1,2,3 * * *", "*/40 * * * *", "0 * * * *", "0 7 2 * *",
         "0 0 L * *", "5 0 1 1,7 *", "45 23 * * MON-FRI", "0 6 1-7 * 1"]  # fmt: skip
MOMENTS = st.datetimes(
    datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)
).map(lambda at: at.replace(microsecond=0))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CRONS), st.sampled_from(ZONES), MOMENTS, st.integers(1, 5), st.floats(0, 1))
def test_an_interval_has_the_firings_of_its_parts(
    cron: str, zone: str, start: datetime, days: int, part: float
) -> None:
    own = schedule(cron, zone)
    end = start + timedelta(days=days)
    middle = start + (end - start) * part
    whole = slots.firings(own, start, end)
    assert whole == slots.firings(own, start, middle) + slots.firings(own, middle, end)
    assert whole == sorted(set(whole))
    assert all(at.tzinfo is UTC for at in whole)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ZONES), MOMENTS)
def test_a_daily_time_fires_once_every_day_of_its_zone(zone: str, start: datetime) -> None:
    own = schedule("30 2 * * *", zone)
    found = slots.firings(own, start, start + timedelta(days=400))
    days = [at.astimezone(own.zone).date() for at in found]
    assert days == [days[0] + timedelta(n) for n in range(len(days))]
    assert len(days) in (399, 400, 401)


@given(
    st.sampled_from(["day", "week", "month", "quarter", "year"]),
    st.sampled_from([None, 0, 1, 5, 40]),
    MOMENTS,
)
def test_nothing_is_asked_for_before_it_can_be_known(
    grain: Any, rule: int | None, now: datetime
) -> None:
    (slot,) = slots.at(schedule(grain=grain, days_after=rule), now)
    assert slot.period.last_day <= slot.as_of < now.date()
    following = slot.period.shift(1)
    if rule is not None:
        assert following.last_day + timedelta(days=rule) >= now.date()

"""Days begin where the company is, whatever the clocks do and wherever the machine stands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workspaces
from boardpack.engine.compute import compute
from boardpack.model import Model
from boardpack.periods import Period, instant
from boardpack.warehouse import slice_of_rows
from boardpack.workspace import SUITE
from boardpack.zones import local_day

#: Whole, half and three quarter hours; midnights that are not there or come twice; a day left out.
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana", "Africa/Cairo",
    "Asia/Beirut", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Auckland",
    "Pacific/Chatham", "Africa/Casablanca", "America/Lima",
)  # fmt: skip
zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.dates(date(1991, 1, 1), date(2037, 12, 31))


MODEL = Model.open(SUITE)


@pytest.mark.parametrize(
    ("zone", "day", "begins", "hours"),
    [
        ("Europe/Berlin", "2025-03-30", "2025-03-29 23:00", 23),
        ("Europe/Berlin", "2025-10-26", "2025-10-25 22:00", 25),
        ("America/New_York", "2025-03-09", "2025-03-09 05:00", 23),
        ("America/New_York", "2025-11-02", "2025-11-02 04:00", 25),
        # Half an hour of summer time.
        ("Australia/Lord_Howe", "2025-10-05", "2025-10-04 13:30", 23.5),
        ("Australia/Lord_Howe", "2025-04-06", "2025-04-05 13:00", 24.5),
        ("Asia/Kolkata", "2025-06-01", "2025-05-31 18:30", 24),
        ("Asia/Kathmandu", "2025-06-01", "2025-05-31 18:15", 24),
        # No midnight: clocks went from 23:59:59 to 01:00.
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04 03:00", 23),
        ("Asia/Beirut", "2025-03-30", "2025-03-29 22:00", 23),
        ("Africa/Cairo", "2025-04-25", "2025-04-24 22:00", 23),
        # The hour before midnight comes twice, so the day is one hour longer.
        ("America/Sao_Paulo", "2018-02-17", "2018-02-17 02:00", 25),
        ("Asia/Beirut", "2024-10-26", "2024-10-25 21:00", 25),
        # The hour after midnight comes twice.
        ("America/Havana", "2025-11-02", "2025-11-02 04:00", 25),
        # Samoa crossed the date line and had no 30 December.
        ("Pacific/Apia", "2011-12-30", "2011-12-30 10:00", 0),
        ("Pacific/Apia", "2011-12-31", "2011-12-30 10:00", 24),
    ],
)
def test_when_a_day_begins_and_how_long_it_is(
    zone: str, day: str, begins: str, hours: float
) -> None:
    at = date.fromisoformat(day)
    first = instant(at, ZoneInfo(zone))
    assert f"{first:%Y-%m-%d %H:%M}" == begins
    assert instant(at + timedelta(days=1), ZoneInfo(zone)) - first == timedelta(hours=hours)


@settings(deadline=None)
@given(days, zones)
def test_the_first_moment_is_of_the_day_and_the_one_before_is_not(
    day: date, zone: ZoneInfo
) -> None:
    begin = instant(day, zone).replace(tzinfo=UTC)
    assert begin.astimezone(zone).date() == day
    assert (begin - timedelta(seconds=1)).astimezone(zone).date() == day - timedelta(days=1)


@pytest.mark.parametrize("name", [*ZONES, "Pacific/Apia", "Pacific/Kwajalein"])
def test_sql_finds_the_day_that_the_zone_has(name: str) -> None:
    """At each change of the clocks since 1990, to the minute."""
    zone = ZoneInfo(name)
    moments = [at + timedelta(minutes=n) for at in _changes(zone) for n in (-1, 0, 1, 61)]
    moments += [datetime(1990, 1, 1), datetime(2025, 6, 30, 23, 59)]
    with duckdb.connect() as con:
        con.execute("CREATE TABLE t (created_at TIMESTAMP)")
        con.executemany("INSERT INTO t VALUES (?)", [[at] for at in moments])
        day = local_day(MODEL.sources["tickets"], zone)
        found = dict(con.execute(f"SELECT created_at, {day} FROM t").fetchall())
    for at in moments:
        assert found[at] == at.replace(tzinfo=UTC).astimezone(zone).date()


def _changes(zone: ZoneInfo) -> Iterator[datetime]:
    at, step = datetime(1990, 1, 1), timedelta(hours=6)
    while at < datetime(2030, 1, 1):
        low, at = at, at + step
        if _offset(low, zone) != _offset(at, zone):
            minutes = (low + timedelta(minutes=n) for n in range(1, 361))
            yield next(minute for minute in minutes if _offset(minute, zone) != _offset(low, zone))


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.replace(tzinfo=UTC).astimezone(zone).utcoffset()


def tickets(moments: Sequence[datetime], zone: ZoneInfo, periods: str) -> list[float]:
    rows = [
        {"ticket_id": str(n), "account_id": "a", "created_at": at} for n, at in enumerate(moments)
    ]
    given_ = {table: [] for table in MODEL.catalogue.tables(["support_ticket_volume"])}
    given_ |= {"tickets": rows, "accounts": [{"account_id": "a"}]}
    slice_ = slice_of_rows(MODEL.sources, given_, date(2027, 1, 1), zone)
    try:
        parsed = [Period.parse(text) for text in periods.split()]
        frame = compute(MODEL.catalogue, slice_, ["support_ticket_volume"], parsed, covered=True)
    finally:
        slice_.close()
    return list(frame["value"])


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Europe/Berlin", "2025-03-30"), ("Europe/Berlin", "2025-10-26"),
     ("America/New_York", "2025-11-02"), ("Asia/Kolkata", "2025-12-31"),
     ("Australia/Lord_Howe", "2025-10-05"), ("America/Sao_Paulo", "2018-11-04"),
     ("America/Sao_Paulo", "2018-02-17"), ("Asia/Beirut", "2025-03-30"), ("Asia/Beirut", "2024-10-26")],
)  # fmt: skip
def test_every_hour_of_a_day_is_counted_once(zone: str, day: str) -> None:
    """A row each half hour from two days before: as many in the day as it is long."""
    home, at = ZoneInfo(zone), Period.parse(day)
    begin = instant(at.start - timedelta(days=2), home)
    moments = [begin + timedelta(minutes=30 * n) for n in range(48 * 5)]
    long = (instant(at.end, home) - instant(at.start, home)) / timedelta(minutes=30)
    before, after = at.shift(-1), at.shift(1)
    found = tickets(moments, home, f"{before} {at} {after}")
    assert found[1] == long
    expected = [m.replace(tzinfo=UTC).astimezone(home).date() for m in moments]
    assert found == [expected.count(p.start) for p in (before, at, after)]


@settings(max_examples=15, deadline=None)
@given(st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 1)), zones)
def test_a_moment_is_in_the_month_that_the_company_has(at: datetime, zone: ZoneInfo) -> None:
    local = at.replace(tzinfo=UTC).astimezone(zone)
    month = Period.containing(local.date(), "month")
    found = tickets([at], zone, f"{month.shift(-1)} {month} {month.shift(1)}")
    assert found == [0, 1, 0]


TICKETS = """\
maps: tickets
sql: |
  SELECT CAST(ticket_id AS VARCHAR) AS ticket_id, 'a' AS account_id, opened AS created_at,
         CAST(answered AS TIMESTAMP) AS first_response_at, made AS recorded_at
  FROM (SELECT * FROM moments UNION ALL SELECT * REPLACE (ticket_id + 10 AS ticket_id) FROM stored)
"""
ACCOUNTS = """\
maps: accounts
sql: SELECT 'a' AS account_id, TIMESTAMP '2025-01-01' AS created_at
"""
USERS = """\
maps: users
sql: SELECT 'u' AS user_id, 'a' AS account_id, TIMESTAMP '2025-01-01' AS created_at
"""
#: Around the midnights of Berlin and of the machines: with an offset, without one, and cast.
ROWS = """\
ticket_id,opened,answered,made
1,2025-11-30 23:30:00+01:00,2025-11-30 23:45:00+01:00,2025-11-30 22:30:00
2,2025-12-01 00:30:00+01:00,2025-12-01 02:00:00+01:00,2025-11-30 23:30:00
3,2025-11-30 19:00:00-05:00,2025-12-01 05:00:00+00:00,2025-12-01 00:00:00
4,2025-12-31 23:59:59+01:00,2026-01-01 01:00:00+01:00,2025-12-31 22:59:59
5,2026-01-01 00:00:00+01:00,2026-01-01 01:00:00+01:00,2025-12-31 23:00:00
6,2025-12-31 12:00:00+13:00,2025-12-31 08:00:00+01:00,2025-12-30 23:00:00
"""
MACHINES = ("UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")


def test_the_figures_are_the_same_wherever_the_machine_stands(tmp_path: Path) -> None:
    """Moments with a zone are the company's days, not those of the process or of DuckDB's session."""
    root = workspaces.small(
        tmp_path / "w",
        "company: Small\ncurrency: USD\nzone: Europe/Berlin\n"
        "warehouse: {duckdb: stored.duckdb, files: {moments: moments.csv}}\n",
        **{
            "sources/tickets.yml": TICKETS,
            "sources/accounts.yml": ACCOUNTS,
            "sources/users.yml": USERS,
            "moments.csv": ROWS,
        },
    )
    with duckdb.connect(str(root / "stored.duckdb")) as con:
        con.execute(f"CREATE TABLE stored AS SELECT * FROM read_csv('{root / 'moments.csv'}')")
        types = {name: kind for name, kind, *_ in con.execute("DESCRIBE stored").fetchall()}
        assert types["opened"] == "TIMESTAMP WITH TIME ZONE"
    asked = ["kpi", "show", "support_ticket_volume", "first_response_time", "--last", "3", "--as-of",
             "2026-01-02", "--workspace", str(root), "--json"]  # fmt: skip
    told = {}
    for zone in MACHINES:
        done = subprocess.run(
            [sys.executable, "-m", "boardpack", *asked],
            env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        told[zone] = done.stdout
    assert set(told.values()) == {told["UTC"]}
    found: dict[str, list[float | None]] = {}
    for row in json.loads(told["UTC"]):
        found.setdefault(row["kpi"], []).append(row["value"])
    assert found["support_ticket_volume"] == [None, 2, 8]
    # A quarter of an hour; an hour and a half, five and eight; the answers of 2026 are the next's.
    assert found["first_response_time"] == [None, 0.25, pytest.approx(14.5 / 3)]

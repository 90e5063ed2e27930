"""Days in SQL: when one begins, and which one a moment is in, where the company is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from boardpack.periods import instant
from boardpack.sources import Column, Source


def literal(column: Column, day: date, zone: ZoneInfo) -> str:
    """SQL for the beginning of ``day``: a date for date columns, a UTC instant for timestamps."""
    if column.type == "date":
        return f"DATE '{day}'"
    return f"TIMESTAMP '{instant(day, zone)}'"


def local_day(source: Source, zone: ZoneInfo, column: str = "") -> str:
    """SQL for the company's calendar day of a row of ``t``: a CASE over the zone's offsets.

    Written out so that no engine has to know the zone: equal on every one of them. ``column`` may
    stand in for the one that places a row in time.
    """
    assert source.time is not None
    column = f't."{column or source.time}"'
    if source.time_is_date:
        return column
    changes = _offsets(zone)
    if len(changes) == 1:
        seconds = changes[0][1]
        shifted = column if seconds == 0 else f"{column} + INTERVAL '{seconds}' SECOND"
        return f"CAST({shifted} AS DATE)"
    cases = " ".join(
        f"WHEN {column} < TIMESTAMP '{changes[i + 1][0]}' THEN INTERVAL '{changes[i][1]}' SECOND"
        for i in range(len(changes) - 1)
    )
    last = f"INTERVAL '{changes[-1][1]}' SECOND"
    return f"CAST({column} + CASE {cases} ELSE {last} END AS DATE)"


@lru_cache
def _offsets(zone: ZoneInfo) -> list[tuple[str, int]]:
    """(UTC instant, seconds east of UTC from then on), for the years that tables speak of."""

    def offset(at: datetime) -> int:
        delta = at.astimezone(zone).utcoffset()
        return int(delta.total_seconds()) if delta else 0

    at, end = datetime(1990, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
    found = [(f"{at:%Y-%m-%d %H:%M:%S}", offset(at))]
    while at < end:
        low, at = at, at + timedelta(days=1)
        if offset(at) == found[-1][1]:
            continue
        # Clocks change on a full minute of UTC.
        high = at
        while high - low > timedelta(minutes=1):
            middle = low + (high - low) // timedelta(minutes=2) * timedelta(minutes=1)
            low, high = (middle, high) if offset(middle) == found[-1][1] else (low, middle)
        found.append((f"{high:%Y-%m-%d %H:%M:%S}", offset(at)))
    return found

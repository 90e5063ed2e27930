"""Slots: what a schedule asks for each time that it fires, worked out from the calendar alone.

Cron times are read as Debian's cron reads them, by cronsim. On the night when clocks go forward, a
time that is left out fires as soon as the clocks have moved; on the night when they go back, a time
that comes twice fires the first time. A line whose minute or hour begins with ``*`` goes by the
hours that really pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from cronsim import CronSim

from boardpack.periods import Period
from boardpack.schedules import Schedule

# Days to look back for the newest firing: a day, a week, a month, a year, two leap days, and the
# fifty years after which cronsim gives up.
_BACK = (1, 8, 32, 370, 3000, 18500)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Slot:
    """One firing of a schedule, for one member ("" is the whole company): what is to be made.

    ``at`` is the instant, UTC.
    """

    schedule: str
    at: datetime
    report: str
    period: Period
    as_of: date
    segment: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Schedule, instant and member, as the ledger writes them."""
        return self.schedule, self.at.isoformat(timespec="seconds"), self.segment

    @property
    def target(self) -> tuple[str, str, str, str]:
        """What is made: report, period, member and as-of. Slots that share it are made once."""
        return self.report, self.period.label, self.segment, self.as_of.isoformat()

    def __str__(self) -> str:
        member = f" ({self.segment})" if self.segment else ""
        return f"{self.report} {self.period}{member} as of {self.as_of}"


def firings(schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
    """The instants, UTC, from ``start`` up to but not including ``end`` at which it fires.

    >>> from zoneinfo import ZoneInfo
    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> every_night = Schedule("a", "daily", "30 2 * * *", berlin, berlin, "day")
    >>> days = datetime(2025, 3, 29, tzinfo=UTC), datetime(2025, 3, 31, tzinfo=UTC)
    >>> [f"{at:%d %H:%M}" for at in firings(every_night, *days)]
    ['29 01:30', '30 01:00']
    """
    if schedule.start is not None:
        start = max(start, datetime.combine(schedule.start, time(), schedule.home))
    found: list[datetime] = []
    for at in _times(schedule, start):
        if at >= end:
            break
        if at >= start and (not found or at > found[-1]):
            found.append(at)
    return found


def newest(schedule: Schedule, now: datetime) -> datetime | None:
    """The last firing by ``now``, or None when it never fired."""
    for days in _BACK:
        if found := firings(schedule, now - timedelta(days=days), now + _TICK):
            return found[-1]
    return None


def following(schedule: Schedule, now: datetime) -> datetime | None:
    """The first firing after ``now``, or None when there is none for fifty years."""
    start = now + _TICK
    if schedule.start is not None:
        start = max(start, datetime.combine(schedule.start, time(), schedule.home))
    return next((at for at in _times(schedule, start) if at >= start), None)


def fired(schedule: Schedule, since: datetime | None, now: datetime) -> list[datetime]:
    """The firings that count by ``now``, oldest first.

    They begin with the schedule's ``start``, else with ``since``, the first that is on record, else
    with the newest: a new schedule does not go back in time.
    """
    last = newest(schedule, now)
    if last is None:
        return []
    first = last if since is None else min(since, last)
    if schedule.start is not None:
        first = datetime.combine(schedule.start, time(), schedule.home)
    return firings(schedule, first, now + _TICK)


def last_fired(
    schedule: Schedule, since: datetime | None, now: datetime, count: int
) -> list[datetime]:
    """The last ``count`` of the firings that `fired` gives, however many came before."""
    found: list[datetime] = []
    at = newest(schedule, now)
    while at is not None and len(found) < count:
        found.insert(0, at)
        # Without a first one on record or a start, only the newest counts.
        if since is None and schedule.start is None:
            break
        at = newest(schedule, at - _TICK)
        if at is not None and schedule.start is None and since is not None and at < since:
            break
    return found


def at(schedule: Schedule, instant: datetime) -> list[Slot]:
    """What a schedule asks for when it fires at ``instant``: a slot for each of its members.

    The previous period is the newest whose as-of day is over in the company's zone; the current
    period is the one that yesterday lies in.
    """
    yesterday = instant.astimezone(schedule.home).date() - timedelta(days=1)
    # The last day that the period may end on, so that its as-of is over.
    day = yesterday - timedelta(days=schedule.days_after or 0)
    period = Period.containing(day, schedule.grain, schedule.calendar)
    if schedule.which == "previous" and period.last_day > day:
        period = period.shift(-1)
    as_of = yesterday
    if schedule.days_after is not None:
        as_of = period.last_day + timedelta(days=schedule.days_after)
    return [
        Slot(schedule.id, instant.astimezone(UTC), schedule.report, period, as_of, member)
        for member in schedule.members or ("",)
    ]


def slots(schedule: Schedule, start: datetime, end: datetime) -> list[Slot]:
    """Every slot from ``start`` up to but not including ``end``, oldest first."""
    return [slot for instant in firings(schedule, start, end) for slot in at(schedule, instant)]


def _times(schedule: Schedule, start: datetime) -> Iterator[datetime]:
    # cronsim goes by the clock on the wall, which stands still or goes back on some nights (and
    # leaves out a whole day where a country changed sides of the date line), so it begins earlier.
    begin = start.astimezone(schedule.zone) - timedelta(days=2)
    for local in CronSim(schedule.cron, begin):
        yield local.astimezone(UTC)

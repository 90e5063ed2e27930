"""Cron lines in other words: without what few know, in UTC, and as systemd writes them.

A translation may come more often than the line that it is made of, never less: whoever is called
looks at the ledger for what is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from boardpack.schedules import Schedule

_MINUTES, _HOURS, _MONTHS = range(60), range(24), range(1, 13)
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


def portable(cron: str) -> str:
    """A cron line without L, LW and #, which few know: on the days that may be meant."""
    minute, hour, day, month, weekday = cron.upper().split()
    _, _, days, _, weekdays = _sets(cron)
    if "L" in day:
        last = {CronSim.LAST: {28, 29, 30, 31}, CronSim.LAST_WEEKDAY: {26, 27, 28, 29, 30, 31}}
        meant = {n for one in days for n in last.get(one, {one})}  # type: ignore[call-overload]
        day = _field(meant)
    if "L" in weekday or "#" in weekday:
        weekday = _field({_weekday(one) for one in weekdays})
    return " ".join((minute, hour, day, month, weekday))


def in_utc(schedule: Schedule, day: date) -> list[str]:
    """Cron lines in UTC that come at every firing of a schedule in the two years from ``day``.

    They come more often than it fires where UTC cannot say the same: at both hours of a zone with
    summer time, and on more days than one where a line speaks of the last of a month.

    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> in_utc(Schedule("a", "daily", "0 7 * * *", berlin, berlin, "day"), date(2026, 1, 1))
    ['0 5,6 * * *']
    """
    cron = portable(schedule.cron)
    fields = cron.split()
    minutes, hours, days, months, weekdays = _sets(cron)
    # By minute and by how the day shifts, the hours.
    found: dict[tuple[int, int], set[int]] = {}
    for offset in _offsets(schedule.zone, day):
        for hour in hours:
            for minute in minutes:
                shift, rest = divmod(hour * 60 + minute - offset, 1440)
                found.setdefault((rest % 60, shift), set()).add(rest // 60)
    # Minutes that share their hours and shift stand on one line.
    lines: dict[tuple[tuple[int, ...], int], list[int]] = {}
    for (minute, shift), at in sorted(found.items()):
        lines.setdefault((tuple(sorted(at)), shift), []).append(minute)
    return [
        " ".join(
            (
                _field(of, _MINUTES),
                _field(at, _HOURS),
                *_shifted(fields, days, months, weekdays, shift),
            )
        )
        for (at, shift), of in lines.items()
    ]


def on_calendar(schedule: Schedule) -> list[str]:
    """The firings of a schedule as systemd writes them, with its zone.

    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> on_calendar(Schedule("a", "weekly", "30 6 * * MON", berlin, berlin, "week"))
    ['Mon *-*-* 06:30:00 Europe/Berlin']
    """
    minutes, hours, days, months, weekdays = _sets(schedule.cron)
    clock = f"{_runs(hours, _HOURS)}:{_runs(minutes, _MINUTES)}:00 {schedule.zone.key}"
    month = _runs(months, _MONTHS)
    by_day, by_weekday = _systemd_days(days), _systemd_weekdays(weekdays)
    _, _, day_field, _, weekday_field = schedule.cron.split()
    if day_field == "*":
        found = by_weekday
    elif day_field.startswith("*") or weekday_field.startswith("*"):
        # Both must hold. systemd takes one limit of the day; the CLI sees to the other.
        found = [(name, day) for name, _ in by_weekday for day in by_day]
    else:
        found = [("", day) for day in by_day] + by_weekday
    return [f"{name and name + ' '}*-{month}{day} {clock}" for name, day in found]


def _sets(cron: str) -> tuple[set[int], set[int], set[object], set[int], set[object]]:
    read = CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC))
    return read.minutes, read.hours, set(read.days), read.months, set(read.weekdays)


def _weekday(one: object) -> int:
    """Sunday is 0; of a pair (weekday, which of the month) the weekday."""
    return int(str(one[0] if isinstance(one, tuple) else one)) % 7


def _field(values: Iterable[int], full: range = range(0)) -> str:
    """Numbers as a field of a cron line: a list with ranges, ``*`` where they are all of ``full``.

    Days are never written so: the star would make both of the day's fields a condition.
    """
    return _runs(values, full, "-")


def _runs(values: Iterable[int], full: range = range(0), to: str = "..") -> str:
    wanted = sorted(set(values))
    if wanted == list(full):
        return "*"
    width = "02d" if to == ".." else "d"
    found: list[list[int]] = []
    for value in wanted:
        if found and value == found[-1][-1] + 1:
            found[-1].append(value)
        else:
            found.append([value])
    return ",".join(
        f"{run[0]:{width}}{to}{run[-1]:{width}}"
        if len(run) > 2
        else ",".join(f"{value:{width}}" for value in run)
        for run in found
    )


def _offsets(zone: ZoneInfo, day: date) -> list[int]:
    """Every distance from UTC, in minutes, that a zone has in the two years from a day."""
    noons = (datetime.combine(day + timedelta(n), time(12), zone) for n in range(2 * 366))
    return sorted({int((noon.utcoffset() or timedelta()).total_seconds() // 60) for noon in noons})


def _shifted(
    fields: Sequence[str], days: set[object], months: set[int], weekdays: set[object], shift: int
) -> tuple[str, str, str]:
    """Day of month, month and weekday of a line whose day is moved by ``shift``."""
    if not shift:
        return fields[2], fields[3], fields[4]
    moved = {_weekday(one) + shift for one in weekdays}
    weekday = "*" if fields[4] == "*" else _field({one % 7 for one in moved})
    numbers = {int(str(one)) for one in days}
    if fields[2] == "*":
        day, turn = "*", True
    else:
        turn = min(numbers) + shift < 1 or max(numbers) + shift > 28
        wrapped = {28, 29, 30, 31} if min(numbers) + shift < 1 else set()
        wrapped |= {1} if max(numbers) + shift > 28 else set()
        day = _field({n + shift for n in numbers if 1 <= n + shift <= 31} | wrapped)
    if fields[3] != "*" and turn:
        months = months | {(month - 1 + shift) % 12 + 1 for month in months}
    return day, "*" if fields[3] == "*" else _field(months, _MONTHS), weekday


def _systemd_days(days: set[object]) -> list[str]:
    """Days of a month, each with the mark that parts it from the month."""
    numbers = {one for one in days if isinstance(one, int) and one > 0}
    found = [f"-{_runs(numbers)}"] if numbers else []
    if CronSim.LAST in days:
        found.append("~01")
    if CronSim.LAST_WEEKDAY in days:
        found.append("-26..31")
    return found


def _systemd_weekdays(weekdays: set[object]) -> list[tuple[str, str]]:
    """Names of weekdays, each with the days of the month that it is limited to."""
    plain = sorted({_weekday(one) for one in weekdays if isinstance(one, int)})
    found = []
    if plain:
        name = "" if len(plain) == 7 else ",".join(_DAYS[day] for day in plain)
        found.append((name, "-*"))
    for one in sorted(one for one in weekdays if isinstance(one, tuple)):
        which = one[1]
        limit = "~07/1" if which == CronSim.LAST else f"-{7 * which - 6:02d}..{7 * which:02d}"
        found.append((_DAYS[_weekday(one)], limit))
    return found

"""Periods: half-open stretches of the company's calendar, and the instants they begin at."""

from __future__ import annotations

import calendar as _calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from boardpack.errors import PeriodError

Grain = Literal["day", "week", "month", "quarter", "year"]
GRAINS: tuple[Grain, ...] = get_args(Grain)

_FORMS = "2025-12-31, 2025-W52, 2025-12, 2025-Q4 or 2025"
_SHAPES: tuple[tuple[Grain, str], ...] = (
    ("day", r"(\d{4})-(\d{2})-(\d{2})"),
    ("week", r"(\d{4})-W(\d{2})"),
    ("month", r"(\d{4})-(\d{2})"),
    ("quarter", r"(\d{4})-Q([1-4])"),
    ("year", r"(\d{4})"),
)
#: How many periods a page looks back over; days as whole weeks and one day, weekdays being unlike.
_LOOK_BACK: dict[Grain, int] = {"day": 29, "week": 13, "month": 13, "quarter": 9, "year": 5}
_MONTHS_IN: dict[str, int] = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, order=True)
class Period:
    """A day, ISO week, month, quarter or year: ``start`` belongs to it, ``end`` does not.

    >>> december = Period.parse("2025-12")
    >>> december.start, december.end
    (datetime.date(2025, 12, 1), datetime.date(2026, 1, 1))
    >>> december.shift(-1).label, december.year_ago().label
    ('2025-11', '2024-12')
    """

    start: date
    grain: Grain

    def __post_init__(self) -> None:
        if self.start != _floor(self.start, self.grain):
            raise PeriodError(f"{self.start} is not the first day of a {self.grain}.")
        _inside(self.start)

    @classmethod
    def parse(cls, text: str) -> Period:
        """The period that ``text`` names; `PeriodError` says which forms there are."""
        for grain, shape in _SHAPES:
            match = re.fullmatch(shape, text.strip())
            if match is None:
                continue
            parts = [int(part) for part in match.groups()]
            try:
                if grain == "week":
                    return cls(date.fromisocalendar(parts[0], parts[1], 1), grain)
                if grain == "quarter":
                    return cls(date(parts[0], 3 * parts[1] - 2, 1), grain)
                return cls(date(*[*parts, 1, 1][:3]), grain)
            except ValueError as error:
                raise PeriodError(f"{text!r} is not in the calendar ({error}).") from None
        raise PeriodError(f"{text!r} is not a period.", hint=f"write it as {_FORMS}")

    @classmethod
    def containing(cls, day: date, grain: Grain) -> Period:
        """The period of this grain that ``day`` falls in."""
        return cls(_floor(day, grain), grain)

    @property
    def end(self) -> date:
        """The first day after the period."""
        if self.grain == "day":
            return self.start + timedelta(days=1)
        if self.grain == "week":
            return self.start + timedelta(days=7)
        return add_months(self.start, _MONTHS_IN[self.grain])

    @property
    def last_day(self) -> date:
        """The last day of the period."""
        return self.end - timedelta(days=1)

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.start).days

    @property
    def look_back(self) -> int:
        """How many periods a page about this one shows, itself included."""
        return _LOOK_BACK[self.grain]

    @property
    def label(self) -> str:
        """How it is written: ``2025-12-31``, ``2025-W52``, ``2025-12``, ``2025-Q4``, ``2025``."""
        if self.grain == "day":
            return self.start.isoformat()
        if self.grain == "week":
            year, week, _ = self.start.isocalendar()
            return f"{year:04d}-W{week:02d}"
        if self.grain == "month":
            return f"{self.start.year:04d}-{self.start.month:02d}"
        if self.grain == "quarter":
            return f"{self.start.year:04d}-Q{(self.start.month + 2) // 3}"
        return f"{self.start.year:04d}"

    def __str__(self) -> str:
        return self.label

    def shift(self, n: int) -> Period:
        """The period ``n`` later (earlier when negative)."""
        if self.grain in ("day", "week"):
            step = 1 if self.grain == "day" else 7
            return Period(self.start + timedelta(days=n * step), self.grain)
        return Period(add_months(self.start, n * _MONTHS_IN[self.grain]), self.grain)

    def before(self) -> Period:
        """What a figure is read against first: the period before; of a day the same weekday.

        >>> Period.parse("2025-12-31").before().label, Period.parse("2025-Q1").before().label
        ('2025-12-24', '2024-Q4')
        """
        return self.shift(-7 if self.grain == "day" else -1)

    def year_ago(self) -> Period:
        """The same period of the year before; of days and weeks the same weekdays 52 weeks ago."""
        if self.grain == "day":
            return self.shift(-364)
        if self.grain == "week":
            return self.shift(-52)
        return Period(add_months(self.start, -12), self.grain)

    def last(self, n: int) -> list[Period]:
        """The ``n`` periods that end with this one, oldest first."""
        return [self.shift(back) for back in range(1 - n, 1)]

    def within(self, grain: Grain) -> list[Period]:
        """The periods of a finer grain whose first day lies in this one.

        >>> [month.label for month in Period.parse("2025-Q4").within("month")]
        ['2025-10', '2025-11', '2025-12']
        """
        inner = Period.containing(self.start, grain)
        if inner.start < self.start:
            inner = inner.shift(1)
        found = []
        while inner.start < self.end:
            found.append(inner)
            inner = inner.shift(1)
        return found


def add_months(day: date, n: int) -> date:
    """``day`` moved by ``n`` months, kept inside the month it lands in.

    >>> add_months(date(2024, 2, 29), -12)
    datetime.date(2023, 2, 28)
    """
    months = day.year * 12 + day.month - 1 + n
    year, month = divmod(months, 12)
    try:
        return date(year, month + 1, min(day.day, _calendar.monthrange(year, month + 1)[1]))
    except (ValueError, _calendar.IllegalMonthError):
        raise PeriodError(f"{n} months from {day} is outside the calendar.") from None


def parse_day(text: str, what: str = "as-of") -> date:
    """An ISO date, or a `PeriodError` that names what was being read."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise PeriodError(f"{what} {text!r} is not a day.", hint="write it as 2025-12-31") from None
    return _inside(day)


def instant(day: date, zone: ZoneInfo) -> datetime:
    """The UTC instant, without a zone, at which ``day`` begins in ``zone``.

    Tables hold UTC timestamps without a zone, so literals are written the same way.

    >>> instant(date(2025, 7, 1), ZoneInfo("Europe/Berlin"))
    datetime.datetime(2025, 6, 30, 22, 0)
    """
    return datetime.combine(day, time(), zone).astimezone(UTC).replace(tzinfo=None)


def _inside(day: date) -> date:
    """``day``, unless what follows it would lie beyond the last year that a date can have."""
    if day.year == 9999:
        raise PeriodError(f"{day} lies beyond the calendar, which ends with 9998.")
    return day


def _floor(day: date, grain: Grain) -> date:
    if grain == "day":
        return day
    if grain == "week":
        return day - timedelta(days=day.weekday())
    if grain == "month":
        return day.replace(day=1)
    if grain == "quarter":
        return day.replace(month=3 * ((day.month - 1) // 3) + 1, day=1)
    return day.replace(month=1, day=1)

"""Calendars: how a company divides time into weeks, months, quarters and years, and its workdays.

A year is known by the calendar year in which its first month begins, a month by its number: twelve
times that year and its place in it. Where months are whole weeks (4-4-5), so are quarters and
years, and the last month of a year has the 53rd week.
"""

from __future__ import annotations

import calendar as _calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Literal, get_args

from boardpack.errors import PeriodError

Grain = Literal["day", "week", "month", "quarter", "year"]
GRAINS: tuple[Grain, ...] = get_args(Grain)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september",
          "october", "november", "december")  # fmt: skip

_SHAPES: tuple[tuple[Grain, str], ...] = (
    ("day", r"()(\d{4})-(\d{2})-(\d{2})"),
    ("week", r"(FY)?(\d{4})-W(\d{2})"),
    ("month", r"()(\d{4})-(\d{2})"),
    ("month", r"(FY)(\d{4})-P(\d{2})"),
    ("quarter", r"(FY)?(\d{4})-Q([1-4])"),
    ("year", r"(FY)?(\d{4})"),
)
_MONTHS_IN: dict[str, int] = {"month": 1, "quarter": 3, "year": 12}
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Holidays:
    """Days off: public holidays of a country or region, and dates, less those that are worked on.

    ``country`` and ``region`` are codes, ``DE`` and ``BY``.
    """

    country: str = ""
    region: str = ""
    dates: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()


@dataclass(frozen=True)
class Calendar:
    """What a company calls a week, a month, a quarter and a year; the default is the plain one.

    ``year_start`` is the month that a year begins with, ``week_start`` a weekday (Monday is 0).
    ``weeks`` are those of the three months of a quarter, empty where months are those of the
    calendar; such a year ends on the day before ``week_start`` that is the ``year_end``, last or
    nearest to the end, of the month before ``year_start``. ``year_named`` says which of the two
    calendar years that a fiscal year touches it is named by.

    >>> retail = Calendar(year_start=2, week_start=6, weeks=(4, 5, 4), year_end="nearest",
    ...                   year_named="start")
    >>> retail.floor(date(2024, 1, 15), "year"), retail.label(date(2024, 1, 28), "week")
    (datetime.date(2023, 1, 29), 'FY2023-W53')
    """

    year_start: int = 1
    week_start: int = 0
    year_named: Literal["end", "start"] = "end"
    weeks: tuple[int, ...] = ()
    year_end: Literal["last", "nearest"] = "last"
    weekend: frozenset[int] = frozenset({5, 6})
    holidays: Holidays = field(default_factory=Holidays)

    @property
    def is_fiscal(self) -> bool:
        """Whether its years are other than those of the calendar; they are then written FY2026."""
        return bool(self.weeks) or self.year_start != 1

    @property
    def forms(self) -> str:
        """How its periods are written, for who wrote one otherwise."""
        fiscal = "FY2026-Q1 or FY2026" if self.is_fiscal else "2025-Q4 or 2025"
        inner = "FY2026-W52, FY2026-P12" if self.weeks else "2025-W52, 2025-12"
        return f"2025-12-31, {inner}, {fiscal}"

    def floor(self, day: date, grain: Grain) -> date:
        """The first day of the period of this grain that ``day`` lies in."""
        try:
            if grain == "day":
                return day
            if grain == "week":
                return day - timedelta(days=(day.weekday() - self.week_start) % 7)
            size, ahead = _MONTHS_IN[grain], self._ahead
            number = self.month_number(day) - ahead
            return self.month_start(number - number % size + ahead)
        except (OverflowError, ValueError):
            raise PeriodError(f"the {grain} of {day} is outside the calendar.") from None

    def shift(self, start: date, grain: Grain, n: int) -> date:
        """The first day of the period ``n`` later than the one that begins on ``start``."""
        if grain in ("day", "week"):
            try:
                return start + timedelta(days=n * (1 if grain == "day" else 7))
            except OverflowError:
                raise PeriodError(f"{n} {grain}s from {start} is outside the calendar.") from None
        return self.month_start(self.month_number(start) + n * _MONTHS_IN[grain])

    def month_number(self, day: date) -> int:
        """The number of the month that ``day`` lies in: one more than that of the month before."""
        if not self.weeks:
            return day.year * 12 + day.month - 1
        return _month_of_weeks(self.weeks, self.year_start, self.week_start, self.year_end, day)

    def month_start(self, number: int) -> date:
        """The first day of a month by its number."""
        year, place = divmod(number, 12)
        try:
            if not self.weeks:
                return date(year, place + 1, 1)
            quarter, month = divmod(place, 3)
            return self._first_day(year) + timedelta(weeks=13 * quarter + sum(self.weeks[:month]))
        except (ValueError, OverflowError):
            raise PeriodError(f"month {place + 1} of {year} is outside the calendar.") from None

    def add_months(self, day: date, n: int) -> date:
        """``day`` moved by ``n`` months: to the same day of its month, or the last that it has.

        >>> Calendar(weeks=(4, 4, 5)).add_months(date(2025, 12, 29), -12)
        datetime.date(2024, 12, 30)
        """
        number = self.month_number(day)
        try:
            begin, end = self.month_start(number + n), self.month_start(number + n + 1)
        except PeriodError:
            raise PeriodError(f"{n} months from {day} is outside the calendar.") from None
        return min(begin + (day - self.month_start(number)), end - _DAY)

    def label(self, start: date, grain: Grain) -> str:
        """How the period that begins on ``start`` is written."""
        if grain == "day":
            return start.isoformat()
        if grain == "week" and not self.weeks:
            # The week belongs to the year that most of its days are in, as ISO has it for Mondays.
            middle = start + timedelta(days=3)
            return f"{middle.year:04d}-W{(middle.timetuple().tm_yday - 1) // 7 + 1:02d}"
        if grain == "month" and not self.weeks:
            return f"{start.year:04d}-{start.month:02d}"
        year, place = divmod(self.month_number(start) - self._ahead, 12)
        named = f"{'FY' if self.is_fiscal else ''}{year + self._later:04d}"
        if grain == "week":
            return f"{named}-W{(start - self._first_day(year)).days // 7 + 1:02d}"
        if grain == "month":
            return f"{named}-P{place + 1:02d}"
        return named if grain == "year" else f"{named}-Q{place // 3 + 1}"

    def parse(self, text: str) -> tuple[date, Grain]:
        """The first day and the grain of a period as `label` writes it; else a `PeriodError`."""
        text = text.strip()
        for grain, shape in _SHAPES:
            match = re.fullmatch(shape, text)
            if match is None:
                continue
            fiscal, *parts = match.groups()
            try:
                start = self._start(grain, bool(fiscal), [int(part) for part in parts])
                if start is not None and self.label(start, grain) != text:
                    raise ValueError(f"its year has no such {grain}")
            except (ValueError, OverflowError) as error:
                raise PeriodError(f"{text!r} is not in the calendar ({error}).") from None
            if start is None:
                break
            return start, grain
        else:
            raise PeriodError(f"{text!r} is not a period.", hint=f"write it as {self.forms}")
        raise PeriodError(
            f"{text!r} is not a period of this company's calendar.",
            hint=f"write it as {self.forms}",
        )

    def is_business_day(self, day: date) -> bool:
        """Whether it is worked on: no weekend and no holiday, or named as worked all the same."""
        if day in self.holidays.worked:
            return True
        if day.weekday() in self.weekend or day in self.holidays.dates:
            return False
        country, region = self.holidays.country, self.holidays.region
        return not country or day not in public_holidays(country, region, day.year)

    def business_days(self, start: date, end: date) -> int:
        """How many days are worked on from ``start`` up to but not including ``end``."""
        return sum(
            self.is_business_day(start + timedelta(days=n)) for n in range((end - start).days)
        )

    def as_dict(self) -> dict[str, Any]:
        """What is other than in the plain calendar, for JSON; `from_dict` reads it."""
        plain, found = Calendar(), {}
        for name in ("year_start", "week_start", "year_named", "year_end"):
            if getattr(self, name) != getattr(plain, name):
                found[name] = getattr(self, name)
        if self.weeks:
            found["weeks"] = list(self.weeks)
        if self.weekend != plain.weekend:
            found["weekend"] = sorted(self.weekend)
        if self.holidays != plain.holidays:
            found["holidays"] = {
                "country": self.holidays.country,
                "region": self.holidays.region,
                "dates": sorted(map(str, self.holidays.dates)),
                "worked": sorted(map(str, self.holidays.worked)),
            }
        return found

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Calendar:
        """The calendar that `as_dict` wrote."""
        if not found:
            return PLAIN
        off = dict(found.get("holidays", {}))
        for name in ("dates", "worked"):
            off[name] = frozenset(map(date.fromisoformat, off.get(name, ())))
        return cls(
            **{
                **found,
                "weeks": tuple(found.get("weeks", ())),
                "weekend": frozenset(found.get("weekend", PLAIN.weekend)),
                "holidays": Holidays(**off),
            }
        )

    @property
    def _ahead(self) -> int:
        """How many months lie between the first of a calendar year and that of its own year."""
        return 0 if self.weeks else self.year_start - 1

    @property
    def _later(self) -> int:
        """How much later than it begins a year is named."""
        return int(self.year_named == "end" and self.year_start != 1)

    def _first_day(self, year: int) -> date:
        """The first day of a year of whole weeks, by the calendar year that it begins in."""
        return _first_day(self.year_start, self.week_start, self.year_end, year)

    def _start(self, grain: Grain, fiscal: bool, parts: list[int]) -> date | None:
        """The first day of what was written; None when these are words of another calendar."""
        if grain == "day":
            return date(*parts)
        if fiscal != (bool(self.weeks) if grain in ("week", "month") else self.is_fiscal):
            return None
        year = parts[0] - (self._later if fiscal else 0)
        if not 1 <= year <= date.max.year:
            raise ValueError(f"year {parts[0]} is out of range")
        if grain == "week":
            first = self._first_day(year) if fiscal else self.floor(date(year, 1, 4), "week")
            return first + timedelta(weeks=parts[1] - 1)
        if grain == "month" and not 1 <= parts[1] <= 12:
            raise ValueError("month must be in 1..12")
        if grain == "month" and not fiscal:
            return date(parts[0], parts[1], 1)
        place = {"year": 0, "quarter": 3 * (parts[-1] - 1), "month": parts[-1] - 1}[grain]
        return self.month_start(year * 12 + place + self._ahead)


@lru_cache(maxsize=4096)
def _first_day(month: int, weekday: int, rule: str, year: int) -> date:
    last = date(year, month, 1) - _DAY
    # Back to the last day that a year may end on; or forward to the next, where that is nearer.
    back = (last.weekday() - (weekday - 1)) % 7
    if rule == "nearest" and back > 3:
        back -= 7
    return last - timedelta(days=back - 1)


@lru_cache(maxsize=16384)
def _month_of_weeks(weeks: tuple[int, ...], month: int, weekday: int, rule: str, day: date) -> int:
    year = min(day.year + 1, date.max.year)
    while (first := _first_day(month, weekday, rule, year)) > day:
        year -= 1
    week = (day - first).days // 7
    quarter = min(week // 13, 3)
    in_quarter = week - 13 * quarter
    place = (in_quarter >= weeks[0]) + (in_quarter >= weeks[0] + weeks[1])
    return year * 12 + 3 * quarter + place


#: Months and years of the calendar, ISO weeks, weekends of Saturday and Sunday.
PLAIN = Calendar()


def is_label(text: str) -> bool:
    """Whether a text is shaped as a period is written, in whatever calendar.

    >>> [is_label(text) for text in ("2025-12", "FY2026-P01", "2025-13", "../2025")]
    [True, True, False, False]
    """
    for grain, shape in _SHAPES:
        if match := re.fullmatch(shape, text):
            parts = [int(part) for part in match.groups()[1:]]
            if grain == "day":
                year, month, day = parts
                return 1 <= month <= 12 and 1 <= day <= _calendar.monthrange(year or 4, month)[1]
            most = {"week": 53, "month": 12, "quarter": 4, "year": date.max.year}[grain]
            return 1 <= parts[-1] <= most
    return False


@lru_cache(maxsize=512)
def public_holidays(country: str, region: str, year: int) -> frozenset[date]:
    """The public holidays of a year, days given in lieu included.

    `PeriodError` for a country or region that is not known.
    """
    # It takes a while to load, and only who names a country needs it.
    from holidays import country_holidays

    try:
        return frozenset(country_holidays(country, subdiv=region or None, years=year))
    except NotImplementedError:
        where = f"region {region!r} of {country}" if region else f"country {country!r}"
        raise PeriodError(f"the public holidays of {where} are not known.") from None

"""Periods: half-open stretches of the company's calendar, and the instants they begin at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from boardpack.calendars import GRAINS, PLAIN, Calendar, Grain
from boardpack.errors import PeriodError

__all__ = [
    "GRAINS", "Grain", "Period", "add_months", "beside_weeks", "instant", "known_as", "parse_day",
]  # fmt: skip

#: How many periods a page looks back over; days as whole weeks and one day, weekdays being unlike.
_LOOK_BACK: dict[Grain, int] = {"day": 29, "week": 13, "month": 13, "quarter": 9, "year": 5}

#: What a week is also seen as a part of.
_TO_DATE: tuple[Grain, ...] = ("month", "quarter", "year")


@dataclass(frozen=True, order=True)
class Period:
    """A day, week, month, quarter or year: ``start`` belongs to it, ``end`` does not.

    Which days these are is a matter of the ``calendar``. ``cut`` is how many of its first days are
    meant, 0 for all of them: what an open period of so many days is set against.

    >>> december = Period.parse("2025-12")
    >>> december.start, december.end
    (datetime.date(2025, 12, 1), datetime.date(2026, 1, 1))
    >>> december.shift(-1).label, december.year_ago().label
    ('2025-11', '2024-12')
    >>> Period.parse("FY2026-Q1", Calendar(year_start=7)).start
    datetime.date(2025, 7, 1)
    """

    start: date
    grain: Grain
    calendar: Calendar = field(default=PLAIN, hash=False, repr=False)
    cut: int = 0

    def __post_init__(self) -> None:
        if self.start != self.calendar.floor(self.start, self.grain):
            raise PeriodError(f"{self.start} is not the first day of a {self.grain}.")
        _inside(self.start)

    @classmethod
    def parse(cls, text: str, calendar: Calendar = PLAIN) -> Period:
        """The period that ``text`` names; `PeriodError` says which forms there are."""
        start, grain = calendar.parse(text)
        return cls(start, grain, calendar)

    @classmethod
    def containing(cls, day: date, grain: Grain, calendar: Calendar = PLAIN) -> Period:
        """The period of this grain that ``day`` falls in."""
        return cls(calendar.floor(day, grain), grain, calendar)

    @property
    def end(self) -> date:
        """The first day after the period."""
        if self.cut:
            return self.start + timedelta(days=self.cut)
        return self.calendar.shift(self.start, self.grain, 1)

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
        """How it is written.

        ``2025-12-31``, ``2025-W52``, ``2025-12``, ``2025-Q4``, ``2025``; fiscal ones ``FY2026-Q1``,
        ``FY2026``, and ``FY2026-P01``, ``FY2026-W05`` where months are whole weeks. One that is cut
        names its days behind a stroke: ``2025-11/20d``.
        """
        written = self.calendar.label(self.start, self.grain)
        return f"{written}/{self.cut}d" if self.cut else written

    def __str__(self) -> str:
        return self.label

    def shift(self, n: int) -> Period:
        """The whole period ``n`` later (earlier when negative)."""
        return Period(self.calendar.shift(self.start, self.grain, n), self.grain, self.calendar)

    def before(self) -> Period:
        """What a figure is read against first: the period before; of a day the same weekday.

        >>> Period.parse("2025-12-31").before().label, Period.parse("2025-Q1").before().label
        ('2025-12-24', '2024-Q4')
        """
        return self.shift(-7 if self.grain == "day" else -1)

    def year_ago(self) -> Period:
        """The same period of the year before; of days and weeks the same weekdays 52 weeks ago."""
        back = {"day": 364, "week": 52, "month": 12, "quarter": 4, "year": 1}
        return self.shift(-back[self.grain])

    def first(self, n: int) -> Period:
        """Its first ``n`` days; the whole period where it has no more than that.

        >>> Period.parse("2025-11").first(20).label, Period.parse("2025-11").first(30).label
        ('2025-11/20d', '2025-11')
        """
        whole = self.shift(0)
        return Period(self.start, self.grain, self.calendar, n) if 0 < n < whole.days else whole

    def against(self, other: Period, as_of: date) -> Period:
        """``other`` as it is compared with this period: like for like while this one is open.

        >>> Period.parse("2025-12").against(Period.parse("2024-12"), date(2025, 12, 20)).label
        '2024-12/20d'
        """
        return other.first((as_of - self.start).days + 1) if as_of < self.last_day else other

    def compared(self, as_of: date) -> tuple[Period, Period]:
        """What it is read against as of a day: the period before and that of last year."""
        return self.against(self.before(), as_of), self.against(self.year_ago(), as_of)

    def last(self, n: int) -> list[Period]:
        """The ``n`` periods that end with this one, oldest first."""
        return [self.shift(back) for back in range(1 - n, 1)]

    def ending(self, grain: Grain) -> Period:
        """The period of another grain that this one ends in.

        >>> Period.parse("2025-W01").ending("year").label
        '2025'
        """
        return Period.containing(self.last_day, grain, self.calendar)

    def within(self, grain: Grain) -> list[Period]:
        """The periods of a finer grain whose first day lies in this one; cut where it is.

        >>> [month.label for month in Period.parse("2025-Q4").within("month")]
        ['2025-10', '2025-11', '2025-12']
        """
        inner = Period.containing(self.start, grain, self.calendar)
        if inner.start < self.start:
            inner = inner.shift(1)
        found = []
        while inner.start < self.end:
            found.append(inner.first((self.end - inner.start).days) if self.cut else inner)
            inner = inner.shift(1)
        return found


def beside_weeks(week: Period) -> tuple[list[Period], list[Period]]:
    """What a page about a week shows beside its weeks: closed months, and what is to date.

    The last twelve months that had ended by then; and month, quarter and year up to its last day.

    >>> closed, to_date = beside_weeks(Period.parse("2025-W50"))
    >>> closed[0].label, closed[-1].label, [period.label for period in to_date]
    ('2024-12', '2025-11', ['2025-12/14d', '2025-Q4/75d', '2025/348d'])
    """
    month = week.ending("month")
    if month.last_day > week.last_day:
        month = month.shift(-1)
    to_date: list[Period] = []
    for grain in _TO_DATE:
        whole = week.ending(grain)
        to_date.append(whole.first((week.last_day - whole.start).days + 1))
    return month.last(12), to_date


def known_as(text: str, calendar: Calendar) -> Period | None:
    """The period that an edition was made for, also before the company's calendar changed.

    None for a label that neither this calendar nor the plain one knows.
    """
    for known in dict.fromkeys((calendar, PLAIN)):
        try:
            return Period.parse(text, known)
        except PeriodError:
            continue
    return None


def add_months(day: date, n: int) -> date:
    """``day`` moved by ``n`` months of the plain calendar, kept inside the month it lands in.

    >>> add_months(date(2024, 2, 29), -12)
    datetime.date(2023, 2, 28)
    """
    return PLAIN.add_months(day, n)


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

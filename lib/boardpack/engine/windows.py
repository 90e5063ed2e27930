"""Windows: which days a measure looks at, for a given period."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

from boardpack.periods import Period

Kind = Literal[
    "period", "previous", "month", "quarter_to_date", "year_to_date", "to_date", "opening",
    "trailing",
]  # fmt: skip
_FORMS = (
    "period, previous, month, to_date, opening, quarter_to_date, year_to_date,"
    " or trailing 90 days / 12 weeks / 3 months"
)
_DAYS_IN = {"day": 1, "week": 7}
_MONTHS_IN = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True)
class Window:
    """A half-open stretch of days relative to a period; ``kind`` says how it is found.

    - ``period``: the period itself
    - ``previous``: the period before it, whole: what growth is measured against
    - ``month``: the month that ends with the period; for days and weeks the last 30 days
    - ``quarter_to_date``, ``year_to_date``: from the first day of the quarter or year that the
      period ends in, fiscal where the company's are, to its end
    - ``to_date``: everything before the end of the period (a balance)
    - ``opening``: everything before its start
    - ``trailing``: the ``n`` days, weeks or months before its end

    Months are those of the company's calendar.
    """

    kind: Kind
    n: int = 0
    unit: str = ""

    def days(self, period: Period) -> tuple[date | None, date]:
        """First day (None: from the beginning) and the day after the last.

        >>> parse_window("trailing 3 months").days(Period.parse("2025-12"))
        (datetime.date(2025, 10, 1), datetime.date(2026, 1, 1))
        """
        if self.kind == "to_date":
            return None, period.end
        if self.kind == "opening":
            return None, period.start
        if self.kind == "period":
            return period.start, period.end
        if self.kind == "previous":
            return period.shift(-1).start, period.start
        if self.kind == "month":
            if period.grain in ("day", "week"):
                return period.end - timedelta(days=30), period.end
            return period.ending("month").start, period.end
        if self.kind == "quarter_to_date":
            return period.ending("quarter").start, period.end
        if self.kind == "year_to_date":
            return period.ending("year").start, period.end
        return back(period, period.end, self.n, self.unit), period.end


def parse_window(text: str) -> Window:
    """Read ``period``, ``to_date``, ``trailing 90 days`` ...; ValueError lists the forms."""
    words = text.strip().lower()
    for kind in get_args(Kind):
        if words == kind != "trailing":
            return Window(kind)
    match = re.fullmatch(r"trailing (\d+) (day|week|month)s?", words)
    if match is None or int(match.group(1)) == 0:
        raise ValueError(f"{text!r} is not a window; windows are {_FORMS}.")
    return Window("trailing", int(match.group(1)), match.group(2))


@dataclass(frozen=True)
class Point:
    """A moment relative to a period: its start or end, moved back by ``n`` of a unit."""

    edge: Literal["start", "end"]
    n: int = 0
    unit: str = "month"

    def day(self, period: Period) -> date:
        """The day before which rows count."""
        return back(period, period.start if self.edge == "start" else period.end, self.n, self.unit)


def parse_point(text: str) -> Point:
    """Read ``period_end`` or ``period_end - 12 month``; also days, weeks, quarters and years.

    >>> parse_point("period_end - 12 months").day(Period.parse("2025-12"))
    datetime.date(2025, 1, 1)
    """
    match = re.fullmatch(
        r"period_(start|end)(?:\s*-\s*(\d+)\s+(day|week|month|quarter|year)s?)?",
        text.strip().lower(),
    )
    if match is None:
        raise ValueError(
            f"{text!r} is not a point; write period_start, period_end or period_end - 12 month."
        )
    edge: Literal["start", "end"] = "start" if match.group(1) == "start" else "end"
    return Point(edge, int(match.group(2) or 0), match.group(3) or "month")


def back(period: Period, day: date, n: int, unit: str) -> date:
    """``day`` moved back by days, weeks, or months, quarters, years of the period's calendar."""
    if unit in _DAYS_IN:
        return day - timedelta(days=n * _DAYS_IN[unit])
    return period.calendar.add_months(day, -n * _MONTHS_IN[unit])


@dataclass(frozen=True)
class Buckets:
    """The stretches of days between neighbouring edges of all windows of a statement.

    Rows are sorted into buckets once; every window is then a range of bucket numbers, so a row is
    read once however many periods and windows it belongs to. Bucket ``i`` holds the days from
    ``edges[i - 1]`` up to ``edges[i]``; bucket 0 all before the first edge.
    """

    edges: tuple[date, ...]

    @classmethod
    def of(cls, days: Iterable[date | None]) -> Buckets:
        """Buckets between all the given days."""
        return cls(tuple(sorted({day for day in days if day is not None})))

    def number(self, day: date | None) -> int:
        """The first bucket at or after the beginning of ``day``; 0 for None."""
        return 0 if day is None else self.edges.index(day) + 1

    @property
    def first(self) -> date:
        """The earliest edge."""
        return self.edges[0]

    @property
    def last(self) -> date:
        """The latest edge: no window looks beyond it."""
        return self.edges[-1]

"""Shifts: how far before a period another one lies, as `growth(mrr, 12 months)` says it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from boardpack.periods import Grain, Period

_MONTHS_IN: dict[Grain, int] = {"month": 1, "quarter": 3, "year": 12}
_DAYS_IN: dict[Grain, int] = {"day": 1, "week": 7}
#: Unit as written -> the unit it is counted in, and how many of those it has.
_UNITS = {
    "period": ("period", 1),
    "day": ("day", 1),
    "week": ("day", 7),
    "month": ("month", 1),
    "quarter": ("month", 3),
    "year": ("month", 12),
}
_FORMS = "1 period, 12 months, 4 quarters, 1 year, 1 week or 28 days"


@dataclass(frozen=True, order=True)
class Shift:
    """``n`` periods, days or months back.

    >>> parse_shift(1, "year").before(Period.parse("2025-Q4")).label
    '2024-Q4'
    """

    n: int
    unit: Literal["period", "day", "month"]

    @property
    def suffix(self) -> str:
        """How a name that is shifted is told apart: ``12m`` in ``mrr@12m``."""
        return f"{self.n}{self.unit[0]}"

    def before(self, period: Period) -> Period | None:
        """The period so far before; None where no whole period of its grain lies there.

        A year before a day or week is 52 weeks before, so that weekdays stand against their like.
        """
        if self.unit == "period":
            return period.shift(-self.n)
        if self.unit == "day":
            return _whole(period, self.n, _DAYS_IN.get(period.grain))
        if period.grain in _MONTHS_IN:
            return _whole(period, self.n, _MONTHS_IN[period.grain])
        years, rest = divmod(self.n, 12)
        if rest:
            return None
        for _ in range(years):
            period = period.year_ago()
        return period

    def __str__(self) -> str:
        return f"{self.n} {self.unit}{'' if self.n == 1 else 's'}"


def _whole(period: Period, n: int, size: int | None) -> Period | None:
    return None if size is None or n % size else period.shift(-(n // size))


def parse_shift(n: int, unit: str) -> Shift:
    """The shift that ``12 months`` says; ValueError lists the forms."""
    found = _UNITS.get(re.sub(r"s$", "", unit.lower()))
    if found is None or n < 1:
        raise ValueError(f"{n} {unit} is no stretch of time to go back; write {_FORMS}")
    counted, size = found
    return Shift(n * size, counted)  # type: ignore[arg-type]

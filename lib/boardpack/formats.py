"""The one formatter: how numbers, changes, targets and periods are written everywhere."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal

from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_date, format_interval, format_skeleton
from babel.numbers import (
    format_compact_currency,
    format_compact_decimal,
    format_currency,
    format_decimal,
    format_percent,
)
from babel.units import format_compound_unit, format_unit

from boardpack.blocks import Shown
from boardpack.markup import NoValue, Number
from boardpack.objectives import Target
from boardpack.periods import Period
from boardpack.values import Value, Values

DASH = "—"
MINUS = "−"

#: From here on a card writes $12.4K instead of $12,400.
_COMPACT_FROM = 10_000
#: Units of time, and how long their name is written.
_DURATIONS: dict[str, Literal["short", "long"]] = {
    "milliseconds": "short", "seconds": "short", "minutes": "short", "hours": "short",
    "days": "long", "months": "long",
}  # fmt: skip
_COMPARATORS = {">=": "≥", ">": ">", "<=": "≤", "<": "<"}
_ACRONYMS = {"api", "apac", "emea", "eu", "latam", "mea", "smb", "uk", "us", "usa"}


@dataclass(frozen=True)
class Formatter:
    """Writes the numbers of one run, in the company's locale and currency.

    Every method returns plain text: whoever places it escapes it. A KPI keeps its number of
    decimals through all periods and members, so that columns line up and 99.95 % uptime is not
    rounded to 100 %.
    """

    values: Values

    def short(self, kpi: str, value: float) -> str:
        """For cards, charts and sentences: ``$1.92M``, ``25.3%``, ``3.2×``, ``412 ms``."""
        return self._written(kpi, value, compact=True)

    def full(self, kpi: str, value: float) -> str:
        """For tables: ``$1,923,456``."""
        return self._written(kpi, value, compact=False)

    def figure(self, value: Value, *, full: bool = False) -> Number | NoValue:
        """A value as a piece of a page that says which KPI, period and member it is."""
        if value.value is None:
            return NoValue(value.reason or value.status.replace("_", " "))
        write = self.full if full else self.short
        return number(value, write(value.kpi, value.value))

    def written(self, value: Value) -> str:
        """A value in full as plain text, a dash where there is none."""
        return DASH if value.value is None else self.full(value.kpi, value.value)

    def target(self, kpi: str, target: Target, *, full: bool = False) -> str:
        """What is wanted: ``$2M``, ``< 2%``, ``15% – 20%``; "at least" goes without saying.

        A target is written as it was set, without the decimals that only figures need.
        """

        def write(value: float) -> str:
            return self._written(kpi, value, compact=not full, decimals=_needed(value))

        if isinstance(target.value, tuple):
            low, high = target.value
            return f"{write(low)} – {write(high)}"
        if target.comparator == ">=":
            return write(target.value)
        return f"{_COMPARATORS[target.comparator]}\u00a0{write(target.value)}"

    def moved(self, kpi: str, now: float, before: float) -> Literal[-1, 0, 1]:
        """Which way a figure went; 0 when a reader would see no difference."""
        if self.full(kpi, now) == self.full(kpi, before):
            return 0
        if (
            self.short(kpi, now) == self.short(kpi, before)
            and abs(now - before) < abs(before) / 2000
        ):
            return 0
        points = self._points(kpi, now, before)
        if points is not None and not round(*points):
            return 0
        return 1 if now > before else -1

    def change(self, kpi: str, now: float, before: float) -> str:
        """The signed change: ``+2.1 pp`` of a rate, ``+4.2%`` of an amount, or ``unchanged``."""
        moved = self.moved(kpi, now, before)
        if not moved:
            return "unchanged"
        return ("+" if moved > 0 else MINUS) + self.distance(kpi, now, before)

    def distance(self, kpi: str, value: float, base: float) -> str:
        """How far a figure is from ``base``, without a sign.

        Points of a percentage; the difference of ranks, of a small ratio or score, or of months;
        else relative to ``base`` where that means something.
        """
        unit = self.values.kpi(kpi).unit
        if unit == "rank":
            return self._rank(abs(value - base))
        if (points := self._points(kpi, value, base)) is not None:
            text = self._decimal(*points)
            return f"{text}\u00a0pp" if unit == "percent" else text
        # Against next to nothing a percentage has no meaning either.
        if base <= 0 or value < 0 or value > 100 * base:
            return self.short(kpi, abs(value - base))
        return self.percentage(100 * abs(value - base) / base)

    def _points(self, kpi: str, value: float, base: float) -> tuple[float, int] | None:
        """The size and decimals of a difference that is told as such; None of a relative one."""
        unit, decimals = self.values.kpi(kpi).unit, self._decimals[kpi]
        if unit not in ("percent", "months") and not (unit in ("ratio", "score") and decimals):
            return None
        # Of the figures as they are shown, so that a reader who subtracts finds the same.
        size = abs(round(value, decimals) - round(base, decimals)) or abs(value - base)
        return size, _visible(size, decimals)

    def step(self, kpi: str, size: float) -> str:
        """A signed difference in the KPI's own unit: ``+$83.2K``, ``−1.8 pp`` of a rate."""
        sign = "+" if size >= 0 else MINUS
        if self.values.kpi(kpi).unit != "percent":
            return sign + self.short(kpi, abs(size))
        decimals = _visible(abs(size), self._decimals[kpi])
        return f"{sign}{self._decimal(abs(size), decimals)}\u00a0pp"

    def percentage(self, points: float) -> str:
        """A share or a relative change given in percentage points."""
        return self._percent(points, 0 if abs(points) >= 100 else _visible(points, 1))

    def cell(self, kind: str, value: float, decimals: int = 0) -> str:
        """A number without a KPI, in full: ``currency``, ``percent`` or a plain ``number``."""
        if kind == "percent":
            return self._percent(value, decimals)
        if kind == "currency":
            return self._money(value, decimals, compact=False)
        return self._decimal(value, decimals)

    def axis(self, kpi: str, value: float, step: float) -> str:
        """A tick of a value axis, with no more decimals than its step needs."""
        unit = self.values.kpi(kpi).unit
        decimals = _needed(step)
        if unit == "percent":
            return self._percent(value, decimals)
        if unit == "currency":
            return self._money(value, min(decimals, 2), abs(value) >= _COMPACT_FROM)
        if abs(value) >= _COMPACT_FROM:
            return self._compact(value)
        return self._decimal(value, decimals)

    def period(self, period: Period) -> str:
        """``December 2025``, ``Q4 2025``, ``Week 52, 2025``; see `period_name`."""
        return period_name(period, self._locale)

    def tick(self, period: Period) -> tuple[str, str]:
        """The two lines of a time axis: the period within its year, and the year.

        Of a cut period the second says how many days are meant: ``2025, first 20 days``.
        """
        within, year = _within_year(period)
        if period.grain == "month" and not within:
            within = format_skeleton("MMM", period.start, locale=self._locale)
        if period.grain == "day":
            within = format_skeleton("dMMM", period.start, locale=self._locale)
        if period.cut:
            year += f", first {_days(period.cut)}"
        return (within, year) if within else (year, "")

    def day(self, day: date) -> str:
        """A calendar day: ``December 31, 2025``."""
        return day_name(day, self._locale)

    def short_day(self, day: date) -> str:
        """A calendar day in a table: ``Dec 31, 2025``."""
        return format_date(day, "medium", locale=self._locale)

    @cached_property
    def _locale(self) -> Locale:
        try:
            return Locale.parse(self.values.report.locale)
        except (UnknownLocaleError, ValueError):
            return Locale.parse("en_US")

    @cached_property
    def _decimals(self) -> dict[str, int]:
        sizes = self.values.sizes
        return {kpi: _decimals(facts.unit, sizes[kpi]) for kpi, facts in self.values.kpis.items()}

    def _written(
        self, kpi: str, value: float, *, compact: bool, decimals: int | None = None
    ) -> str:
        if not math.isfinite(value):
            return DASH
        unit = self.values.kpi(kpi).unit
        decimals = self._decimals[kpi] if decimals is None else decimals
        compact = compact and abs(value) >= _COMPACT_FROM
        if unit == "percent":
            return self._percent(value, decimals)
        if unit == "currency":
            return self._money(value, decimals, compact)
        if unit in _DURATIONS:
            return self._unit(
                value, f"duration-{unit.removesuffix('s')}", _DURATIONS[unit], decimals
            )
        if unit == "gigabytes":
            return self._unit(value, "digital-gigabyte", "short", decimals)
        if unit == "mbps":
            return self._megabits(value, decimals)
        if unit == "rank":
            return self._rank(value)
        if compact:
            return self._compact(value)
        # A ratio whose name says ratio is a multiple; tickets per 100 customers is not.
        multiple = "×" if unit == "ratio" and kpi.endswith("_ratio") else ""
        return self._decimal(value, decimals) + multiple

    def _money(self, value: float, decimals: int, compact: bool) -> str:
        currency = self.values.report.currency
        if compact:
            rounded = _three_digits(value)
            text = format_compact_currency(
                rounded, currency, locale=self._locale, fraction_digits=_fraction(rounded)
            )
            if _is_compact(text):
                return _real_minus(text)
        pattern = self._locale.currency_formats["standard"].pattern
        if not decimals:
            value, pattern = _rounded(value, 0), pattern.replace(".00", "")
        text = format_currency(value, currency, pattern, locale=self._locale, currency_digits=False)
        return _real_minus(text)

    def _compact(self, value: float) -> str:
        rounded = _three_digits(value)
        text = format_compact_decimal(
            rounded, locale=self._locale, fraction_digits=_fraction(rounded)
        )
        return _real_minus(text) if _is_compact(text) else self._decimal(value, 0)

    def _percent(self, points: float, decimals: int) -> str:
        pattern = self._locale.percent_formats[None].pattern
        pattern = pattern.replace("#,##0", "#,##0" + ("." + "0" * decimals if decimals else ""))
        rounded = _rounded(points, decimals)
        # Not quite all is not all: 99.998 % of rows, or of the time, reads 99.99 %.
        if rounded == 100 and points < 100:
            rounded = 100 - 10.0**-decimals
        return _real_minus(format_percent(rounded / 100, pattern, locale=self._locale))

    def _decimal(self, value: float, decimals: int) -> str:
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return _real_minus(format_decimal(_rounded(value, decimals), pattern, locale=self._locale))

    def _unit(
        self, value: float, unit: str, length: Literal["short", "long"], decimals: int
    ) -> str:
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        rounded = _rounded(value, decimals)
        return _real_minus(format_unit(rounded, unit, length, format=pattern, locale=self._locale))

    def _megabits(self, value: float, decimals: int) -> str:
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        written = format_compound_unit(
            _rounded(value, decimals), "digital-megabit", denominator_unit="duration-second",
            length="short", format=pattern, locale=self._locale,
        )  # fmt: skip
        return _real_minus(written or self._decimal(value, decimals))

    def _rank(self, value: float) -> str:
        """A place is a whole number; only a mean of several has a decimal."""
        return self._decimal(value, min(1, _needed(round(value, 1))))


def period_name(period: Period, locale: Locale | str) -> str:
    """A period as a reader says it.

    >>> from boardpack.calendars import Calendar
    >>> [period_name(Period.parse(label), "en_US") for label in ("2025-12", "2025-Q4", "2025-W52")]
    ['December 2025', 'Q4 2025', 'Week 52, 2025']
    >>> period_name(Period.parse("FY2026-Q1", Calendar(year_start=7)), "en_US")
    'Q1 FY2026'
    >>> period_name(Period.parse("2025-12").first(20), "en_US")
    'the first 20 days of December 2025'
    """
    if period.cut:
        return f"the first {_days(period.cut)} of {period_name(period.shift(0), locale)}"
    if period.grain == "day":
        return day_name(period.start, locale)
    within, year = _within_year(period)
    if period.grain == "week":
        return f"Week {within[1:]}, {year}"
    if period.grain == "month" and not within:
        return format_skeleton("yMMMM", period.start, locale=locale)
    if period.grain == "quarter" and not period.calendar.is_fiscal:
        return format_skeleton("yQQQ", period.start, locale=locale)
    return f"{within} {year}".strip()


def span_name(period: Period, locale: Locale | str) -> str:
    """The days of a period as a reader says them.

    >>> span_name(Period.parse("2025-Q3"), "en_US").split(", ")
    ['Jul 1 – Sep 30', '2025']
    """
    return _plain_spaces(format_interval(period.start, period.last_day, "yMMMd", locale=locale))


def day_name(day: date, locale: Locale | str) -> str:
    """A day as a reader says it: ``December 31, 2025``."""
    return format_date(day, "long", locale=locale)


def _within_year(period: Period) -> tuple[str, str]:
    """Place and year of a period from its label: ``W52``, ``Q4``, ``P3`` of ``2025``, ``FY2026``.

    No place of a year, a day, or a month that has a name.
    """
    year, _, place = period.shift(0).label.partition("-")
    if place[:1] in ("W", "Q", "P"):
        return f"{place[0]}{int(place[1:])}", year
    return "", year


def _days(n: int) -> str:
    return "day" if n == 1 else f"{n} days"


def _plain_spaces(text: str) -> str:
    return re.sub("[\u2009\u202f]", " ", text)


def number(value: Value, text: str, what: str = "value") -> Number:
    """A written number about a value: itself, its ``target``, ``change`` or ``share``."""
    return Number(Shown(value.kpi, value.period.label, value.dims, text, what))


def count(values: Values, n: int) -> Number:
    """A number of the report itself, such as how many targets are met: it has no KPI."""
    written = Formatter(values)._decimal(n, 0)
    return Number(Shown("", values.period.label, values.report.segment, written, "count"))


def member_name(member: str) -> str:
    """A member as a reader sees it; what is not written in snake case is left as the data has it.

    >>> [member_name(m) for m in ("mid_market", "smb", "(unknown)", "Acme GmbH")]
    ['Mid market', 'SMB', '(unknown)', 'Acme GmbH']
    """
    if not member.replace("_", "").isalnum() or member != member.lower():
        return member
    words = [word.upper() if word in _ACRONYMS else word for word in member.split("_")]
    return (words[0][:1].upper() + words[0][1:] + " " + " ".join(words[1:])).strip()


def _decimals(unit: str, middle: float) -> int:
    if unit == "percent":
        return 2 if middle < 1 or abs(100 - middle) < 1 else 1
    if unit == "currency":
        return 2 if 0 < middle < 100 else 0
    if unit in ("ratio", "score"):
        return 0 if middle >= 1000 else 1 if middle >= 2 else 2
    if unit in ("days", "hours", "months", "minutes", "rank"):
        return 1
    if unit in ("gigabytes", "mbps"):
        return 0 if middle >= 100 else 1
    if unit == "seconds":
        return 2
    return 0


def _three_digits(value: float) -> float:
    """Rounded before a suffix is chosen: 999,950 is 1M and not 1000K."""
    digits = 2 - math.floor(math.log10(abs(value)))
    return round(value, digits)


def _fraction(value: float) -> int:
    return 2 - math.floor(math.log10(abs(value))) % 3


def _is_compact(text: str) -> bool:
    # Some locales have no short form for thousands: German 12400 is better written in full.
    return re.search(r"\d{4}", text) is None


def _needed(value: float) -> int:
    return next((n for n in range(4) if round(value, n) == value), 4)


def _visible(size: float, decimals: int) -> int:
    """As many decimals as it takes for a difference not to read as nothing."""
    while decimals < 4 and round(size, decimals) == 0:
        decimals += 1
    return decimals


def _rounded(value: float, decimals: int) -> float:
    # Adding zero turns a negative zero into zero: a page never says −0.
    return round(value, decimals) + 0.0


def _real_minus(text: str) -> str:
    return text.replace("-", MINUS)

"""The ``calendar:`` section of ``boardpack.yml``, and of a definition test."""

from __future__ import annotations

import difflib
import re
from datetime import date
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from boardpack.calendars import MONTHS, PLAIN, WEEKDAYS, Calendar, Holidays
from boardpack.yamlfile import Misread, Strict

_PATTERNS = ("calendar", "4-4-5", "4-5-4", "5-4-4")
_YEAR_END = re.compile(r"(?:last (?P<last>\w+) of|(?P<nearest>\w+) nearest (?:the )?end of) (\w+)")


class HolidaysEntry(Strict):
    """``{country: DE, region: BY, dates: {2025-12-24: Christmas Eve}, worked: [2025-12-27]}``."""

    country: str = ""
    region: str = ""
    dates: dict[date, str] = Field(default_factory=dict)
    worked: list[date] = Field(default_factory=list)

    @field_validator("dates", mode="before")
    @classmethod
    def _are_named(cls, dates: Any) -> Any:
        hint = "write 2025-12-24: Christmas Eve"
        if not isinstance(dates, dict):
            raise Misread(f"{dates!r} is no mapping of dates to their names", hint)
        for day in dates:
            if not isinstance(day, date):
                raise Misread(f"{day!r} is no date", hint)
        return dates

    @model_validator(mode="after")
    def _places_are_known(self) -> HolidaysEntry:
        if not self.country:
            if self.region:
                raise Misread(f"region {self.region!r} of which country?", "write country: DE")
            return self
        # It takes a while to load, and only who names a country needs it.
        from holidays import list_supported_countries

        countries = list_supported_countries()
        _one_of("country", self.country, countries)
        if self.region:
            _one_of(f"region of {self.country}", self.region, countries[self.country])
        return self


class CalendarEntry(Strict):
    """What a company calls a week, a month and a year, and the days it works on."""

    fiscal_year_start: str = "january"
    fiscal_year_named: Literal["end", "start"] = "end"
    week_start: str = ""
    months: str = "calendar"
    year_end: str = ""
    weekend: list[str] = Field(default_factory=lambda: ["saturday", "sunday"])
    holidays: HolidaysEntry = Field(default_factory=HolidaysEntry)

    @field_validator("fiscal_year_start", mode="before")
    @classmethod
    def _is_a_month(cls, month: Any) -> Any:
        if isinstance(month, int) and not isinstance(month, bool) and 1 <= month <= 12:
            return MONTHS[month - 1]
        return _one_of("month", str(month).lower(), MONTHS)

    @field_validator("week_start")
    @classmethod
    def _is_a_weekday(cls, day: str) -> str:
        return _one_of("weekday", day.lower(), WEEKDAYS)

    @field_validator("months")
    @classmethod
    def _is_a_pattern(cls, months: str) -> str:
        return _one_of("pattern of months", months, _PATTERNS)

    @field_validator("year_end")
    @classmethod
    def _is_a_rule(cls, rule: str) -> str:
        match = _YEAR_END.fullmatch(rule.lower())
        if match is None:
            raise Misread(
                f"{rule!r} is no rule for the end of a year",
                "write `last saturday of january` or `saturday nearest end of january`",
            )
        _one_of("weekday", match["last"] or match["nearest"], WEEKDAYS)
        _one_of("month", match[3], MONTHS)
        return rule.lower()

    @field_validator("weekend")
    @classmethod
    def _are_weekdays(cls, days: list[str]) -> list[str]:
        named = [_one_of("weekday", day.lower(), WEEKDAYS) for day in days]
        if len(set(named)) == 7:
            raise Misread("leaves no day of the week to work on", "name the days off alone")
        return named

    @model_validator(mode="after")
    def _agrees(self) -> CalendarEntry:
        if self.months == "calendar":
            if self.year_end:
                raise Misread(
                    "year_end: is for years of whole weeks, and months are those of the calendar",
                    "write months: 4-4-5 beside it, or fiscal_year_start: instead of it",
                )
            return self
        if not self.year_end:
            raise Misread(
                f"months: {self.months} needs a year_end:, which says where the 53rd week goes",
                "write year_end: last saturday of january",
            )
        if "fiscal_year_start" in self.model_fields_set:
            raise Misread(
                "fiscal_year_start: and year_end: both say when the year begins",
                "leave out fiscal_year_start:",
            )
        first = WEEKDAYS[self._year_end[2]]
        if self.week_start not in ("", first):
            raise Misread(
                f"the year ends on the day before a {first}, so weeks cannot start on a"
                f" {self.week_start}",
                f"write week_start: {first}, or leave it out",
            )
        return self

    @cached_property
    def calendar(self) -> Calendar:
        """The calendar that it describes."""
        holidays = Holidays(
            self.holidays.country, self.holidays.region,
            frozenset(self.holidays.dates), frozenset(self.holidays.worked),
        )  # fmt: skip
        weekend = frozenset(map(WEEKDAYS.index, self.weekend))
        if self.months == "calendar":
            found = Calendar(
                MONTHS.index(self.fiscal_year_start) + 1,
                WEEKDAYS.index(self.week_start or "monday"),
                self.fiscal_year_named, weekend=weekend, holidays=holidays,
            )  # fmt: skip
        else:
            rule, month, first = self._year_end
            weeks = tuple(map(int, self.months.split("-")))
            found = Calendar(
                month, first, self.fiscal_year_named, weeks, rule, weekend, holidays
            )  # fmt: skip
        return PLAIN if found == PLAIN else found

    @property
    def _year_end(self) -> tuple[Literal["last", "nearest"], int, int]:
        """The rule, the month after the one it names, the weekday after."""
        match = _YEAR_END.fullmatch(self.year_end)
        assert match is not None
        weekday = WEEKDAYS.index(match["last"] or match["nearest"])
        month = (MONTHS.index(match[3]) + 1) % 12 + 1
        return "last" if match["last"] else "nearest", month, (weekday + 1) % 7


def _one_of(kind: str, name: str, known: Any) -> str:
    """``name``, if it is known; else what is near it."""
    if name in known:
        return name
    near = difflib.get_close_matches(name, list(known), n=2, cutoff=0.5)
    some = ", ".join(list(known)[:12]) + (", ..." if len(known) > 12 else "")
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known: {some}"
    raise Misread(f"{name!r} is no {kind}", hint)

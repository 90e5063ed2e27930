"""Schedules: which report is made when, for which period, as known by which day."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import Field, field_validator

from boardpack.calendars import PLAIN, Calendar
from boardpack.errors import BoardpackError, UnknownNameError
from boardpack.orders import report_grains
from boardpack.periods import GRAINS, Grain
from boardpack.workspace import Workspace
from boardpack.yamlfile import Document, Strict, parse, read

CatchUp = Literal["latest", "all", "none"]
Which = Literal["previous", "current"]

_FIELDS = ("minute", "hour", "day of month", "month", "day of week")
#: The dimension that a report can be about one member of.
_SEGMENT = "segment"
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_DURATION = re.compile(r"(\d{1,4}) (minute|hour|day)s?")
_DAYS_AFTER = re.compile(r"(\d{1,3}) days? after period end")
_PERIODS = {
    f"{which}{grain and ' ' + grain}": (which, grain)
    for which in get_args(Which)
    for grain in ("", *GRAINS)
}


class ScheduleEntry(Strict):
    """A file of ``schedules/``."""

    schedule: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    replaces: str | None = None
    report: str
    cron: str
    zone: str | None = None
    period: str = "previous"
    as_of: str = "period_end"
    members: dict[str, list[str]] = Field(default_factory=dict)
    catch_up: CatchUp = "latest"
    retries: int = Field(default=3, ge=0, le=100)
    back_off: str = "10 minutes"
    grace: str = "2 hours"
    start: date | None = None
    enabled: bool = True

    @field_validator("cron")
    @classmethod
    def _fires(cls, cron: str) -> str:
        check_cron(cron)
        return cron

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str | None) -> str | None:
        if zone is not None:
            try:
                ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                near = difflib.get_close_matches(zone, available_timezones(), n=1)
                told = f"did you mean {near[0]}?" if near else "write it as Europe/Berlin"
                raise ValueError(f"is not a time zone; {told}") from None
        return zone

    @field_validator("period")
    @classmethod
    def _period_is_known(cls, period: str) -> str:
        if period not in _PERIODS:
            raise ValueError("write previous or current, or with a grain: previous quarter")
        return period

    @field_validator("as_of")
    @classmethod
    def _rule_is_known(cls, rule: str) -> str:
        if rule not in ("period_end", "yesterday") and not _DAYS_AFTER.fullmatch(rule):
            raise ValueError("write period_end, yesterday or: 3 days after period end")
        return rule

    @field_validator("back_off", "grace")
    @classmethod
    def _is_a_duration(cls, text: str) -> str:
        duration(text)
        return text


@dataclass(frozen=True)
class Schedule:
    """One schedule, ready to be asked for its slots.

    ``cron`` is read in ``zone``; days are those of ``home``, the company's zone, and periods those
    of its ``calendar``.
    ``days_after`` is how many days after the period's end the as-of is, None for "yesterday".
    ``members`` are of ``dimension``; none stands for the whole company.
    """

    id: str
    report: str
    cron: str
    zone: ZoneInfo
    home: ZoneInfo
    grain: Grain
    which: Which = "previous"
    days_after: int | None = 0
    dimension: str = ""
    members: tuple[str, ...] = ()
    catch_up: CatchUp = "latest"
    retries: int = 3
    back_off: timedelta = timedelta(minutes=10)
    grace: timedelta = timedelta(hours=2)
    start: date | None = None
    enabled: bool = True
    file: Path = Path()
    calendar: Calendar = PLAIN

    @property
    def rule(self) -> str:
        """The as-of rule as a file writes it."""
        if self.days_after is None:
            return "yesterday"
        return f"{self.days_after} days after period end" if self.days_after else "period_end"


@dataclass(frozen=True)
class Schedules(Mapping[str, Schedule]):
    """All schedules of a workspace by id; an unknown id is an `UnknownNameError`."""

    entries: Mapping[str, Schedule] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Schedule:
        try:
            return self.entries[name]
        except KeyError:
            raise UnknownNameError.near("schedule", name, self.entries) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def named(self, ids: Iterable[str] = ()) -> list[Schedule]:
        """Those that are asked for, switched off or not; all that are switched on without ids."""
        return [self[name] for name in ids] or [one for one in self.values() if one.enabled]


def load(workspace: Workspace) -> Schedules:
    """The schedules of a workspace over those of the suite; the first thing wrong is the error.

    The suite's schedules come with its reports: a workspace with reports of its own takes over
    those that make one of them.

    >>> from boardpack.workspace import SUITE
    >>> load(Workspace.open(SUITE))["monthly"].report
    'monthly'
    """
    found, problems = examine(workspace)
    for problem in problems:
        raise problem
    return found


def examine(workspace: Workspace) -> tuple[Schedules, list[BoardpackError]]:
    """The schedules that can be used, and what is wrong with each of the others."""
    found: dict[str, Schedule] = {}
    seen: dict[str, tuple[Path, bool]] = {}
    problems: list[BoardpackError] = []
    for folder in reversed(workspace.folders("schedules")):
        for path in sorted(folder.glob("*.yml")):
            try:
                document = read(path)
                entry = parse(document, ScheduleEntry)
                own = folder.parent == workspace.root
                if not own and entry.report not in workspace.own_reports:
                    continue
                _once(document, entry, own, seen)
                found[entry.schedule] = _schedule(workspace, document, entry)
            except BoardpackError as error:
                problems.append(error)
    return Schedules(found), problems


def check_cron(cron: str) -> None:
    """`ValueError` for what is no cron line of five fields, or never comes.

    >>> check_cron("0 0 31 2 *")
    Traceback (most recent call last):
    ValueError: never fires: no such day is in these months
    """
    fields = cron.split()
    if len(fields) != 5:
        raise ValueError(f"a cron line has five fields ({', '.join(_FIELDS)}), not {len(fields)}")
    for index, name in enumerate(_FIELDS):
        alone = " ".join(part if i == index else "*" for i, part in enumerate(fields))
        try:
            CronSim(alone, datetime(2024, 1, 1, tzinfo=UTC))
        except (CronSimError, AssertionError, ValueError):
            raise ValueError(f"{fields[index]!r} is no {name} of a cron line") from None
    try:
        next(CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        raise ValueError("never fires: no such day is in these months") from None


def duration(text: str) -> timedelta:
    """A length of time as a file writes it; `ValueError` for anything else.

    >>> duration("90 minutes")
    datetime.timedelta(seconds=5400)
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("write it as 30 minutes, 2 hours or 1 day")
    return int(match[1]) * _UNITS[match[2]]


def written(length: timedelta) -> str:
    """A length of time as a file writes it, in the largest unit that is whole.

    >>> written(timedelta(minutes=120)), written(timedelta(minutes=90))
    ('2 hours', '90 minutes')
    """
    name, unit = next((n, u) for n, u in reversed(_UNITS.items()) if not length % u)
    count = length // unit
    return f"{count} {name}{'' if count == 1 else 's'}"


def _once(
    document: Document, entry: ScheduleEntry, own: bool, seen: dict[str, tuple[Path, bool]]
) -> None:
    """Refuse an id that is there already, unless a workspace replaces one of the suite's."""
    name = entry.schedule
    if entry.replaces is not None and entry.replaces not in seen:
        raise UnknownNameError.near(
            "schedule", entry.replaces, seen, file=document.path, line=document.line(("replaces",))
        )
    if name in seen:
        path, was_own = seen[name]
        if was_own or not own or entry.replaces != name:
            hint = "give it another id" if was_own == own else f"write `replaces: {name}`"
            raise document.error(
                f"schedule {name!r} is already there, in {path}.", ("schedule",), hint
            )
    seen[name] = (document.path, own)


def _schedule(workspace: Workspace, document: Document, entry: ScheduleEntry) -> Schedule:
    settings = workspace.settings
    if entry.report not in workspace.reports:
        raise UnknownNameError.near(
            "report",
            entry.report,
            workspace.reports,
            file=document.path,
            line=document.line(("report",)),
        )
    which, wanted = _PERIODS[entry.period]
    grains = report_grains(workspace.reports[entry.report])
    grain = next((one for one in grains if one == (wanted or grains[0])), None)
    if grain is None:
        raise document.error(
            f"period: report {entry.report!r} is not made for a {wanted}.",
            ("period",),
            f"it is made for a {' or '.join(grains)}",
        )
    if which == "current" and entry.as_of != "yesterday":
        raise document.error(
            "as_of: a current period has not ended when it is reported.",
            ("as_of",) if "as_of" in entry.model_fields_set else ("period",),
            "write `as_of: yesterday`, or `period: previous`",
        )
    dimension, members = _members(document, entry, settings.dimensions)
    after = _DAYS_AFTER.fullmatch(entry.as_of)
    return Schedule(
        id=entry.schedule,
        report=entry.report,
        cron=" ".join(entry.cron.split()),
        zone=ZoneInfo(entry.zone or settings.zone),
        home=workspace.zone,
        grain=grain,
        which="current" if which == "current" else "previous",
        days_after=None if entry.as_of == "yesterday" else int(after[1]) if after else 0,
        dimension=dimension,
        members=members,
        catch_up=entry.catch_up,
        retries=entry.retries,
        back_off=duration(entry.back_off),
        grace=duration(entry.grace),
        start=entry.start,
        enabled=entry.enabled,
        file=document.path,
        calendar=workspace.calendar,
    )


def _members(
    document: Document, entry: ScheduleEntry, dimensions: list[str]
) -> tuple[str, tuple[str, ...]]:
    for dimension in entry.members:
        if dimension not in dimensions:
            raise UnknownNameError.near(
                "dimension",
                dimension,
                dimensions,
                file=document.path,
                line=document.line(("members", dimension)),
            )
        if dimension != _SEGMENT:
            raise document.error(
                f"members: a report is made for members of {_SEGMENT!r}, not of {dimension!r}.",
                ("members", dimension),
            )
    for dimension, members in entry.members.items():
        if not members or len(set(members)) != len(members):
            raise document.error(
                f"members.{dimension}: name each member once.", ("members", dimension)
            )
        return dimension, tuple(members)
    return "", ()

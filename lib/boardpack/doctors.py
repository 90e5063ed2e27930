"""The examination of a workspace: what is connected, what is available, what is lacking."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from boardpack import mart_files, orders, schedules
from boardpack.calendars import Calendar
from boardpack.engine.plans import unavailable
from boardpack.errors import BoardpackError
from boardpack.marks import marks
from boardpack.model import Model, closed_by
from boardpack.warehouse import Span, open_slice

#: Guesses from this score on are plain by name and content: they stand in the files alone.
_SURE = 0.95
_FAR = date(9998, 12, 31)
_ANY = "2000-12-31"


@dataclass(frozen=True)
class SourceState:
    """One source: whether a table is connected, and the days it has rows for."""

    source: str
    connected: bool
    first: str = ""
    last: str = ""


@dataclass(frozen=True)
class KpiState:
    """One KPI: "" or why it has no values."""

    kpi: str
    lacks: str = ""


@dataclass(frozen=True)
class ScheduleState:
    """One schedule, or the file of one that cannot be read: "" or why it cannot run."""

    schedule: str
    enabled: bool
    lacks: str = ""


@dataclass(frozen=True)
class Step:
    """Something to do next: what, why, and the command for it."""

    what: str
    why: tuple[str, ...] = ()
    command: str = ""

    def text(self, number: int) -> str:
        """For a person: the step, its reasons, its command."""
        lines = [f"  {number}. {self.what}", *(f"       {reason}" for reason in self.why)]
        if self.command:
            lines.append(f"       {self.command}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Examination:
    """What `examine` found."""

    workspace: str
    company: str
    currency: str
    zone: str
    scorecard: str
    sources: tuple[SourceState, ...]
    kpis: tuple[KpiState, ...]
    reports: tuple[str, ...]
    renderer: str
    schedules: tuple[ScheduleState, ...] = ()
    #: when marts are kept, and those there are
    marts: tuple[str, ...] = ()
    #: what leads from here to the first report, in order
    next: tuple[Step, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def text(self) -> str:
        """For a person, a line each."""
        connected = [source for source in self.sources if source.connected]
        available = [kpi for kpi in self.kpis if not kpi.lacks]
        lines = [
            f"{self.company} ({self.workspace}), {self.currency}, {self.zone}",
            f"scorecard: {self.scorecard or 'none'}   renderer: {self.renderer}",
            f"reports: {', '.join(self.reports)}",
            "",
            f"sources: {len(connected)} of {len(self.sources)} connected",
        ]
        for source in self.sources:
            state = "not connected"
            if source.connected:
                state = f"{source.first} to {source.last}" if source.first else "connected"
            lines.append(f"  {source.source:24} {state}")
        lines += ["", f"KPIs: {len(available)} of {len(self.kpis)} available"]
        lines += [f"  {kpi.kpi:28} {kpi.lacks}" for kpi in self.kpis if kpi.lacks]
        able = [one for one in self.schedules if one.enabled and not one.lacks]
        lines += ["", f"schedules: {len(able)} of {len(self.schedules)} can run"]
        for one in self.schedules:
            if one.lacks or not one.enabled:
                lines.append(f"  {one.schedule:28} {one.lacks or 'switched off'}")
        lines += ["", f"marts: {self.marts[0]}", *(f"  {text}" for text in self.marts[1:])]
        lines += ["", "next:"]
        lines += [step.text(number) for number, step in enumerate(self.next, 1)]
        return "\n".join(lines)


def examine(folder: Path) -> Examination:
    """Look at a workspace without making anything; what is wrong in it is raised."""
    model = Model.open(folder)
    tables = [s.id for s in model.sources.declared.values() if s.derived_from is None]
    slice_ = open_slice(model.workspace, model.sources, _FAR, tables)
    try:
        own = set(slice_.own)
        found = slice_.spans(slice_.sources)
        sources = tuple(
            SourceState(
                table,
                table in slice_.sources,
                str(found[table].first) if table in found else "",
                str(found[table].last) if table in found else "",
            )
            for table in sorted(tables)
        )
        kpis = tuple(
            KpiState(kpi, unavailable(model.catalogue, slice_, kpi)) for kpi in model.catalogue.kpis
        )
    finally:
        slice_.close()
    settings = model.workspace.settings
    # What Boardpack fills itself is there in every workspace, and makes no report.
    spans = [span for name, span in found.items() if name not in own]
    connected = any(source.connected and source.source not in own for source in sources)
    made = {
        kpi.kpi for kpi in kpis if not kpi.lacks and set(model.catalogue.tables([kpi.kpi])) - own
    }
    return Examination(
        str(model.workspace.root),
        settings.company,
        settings.currency,
        settings.zone,
        model.scorecard.id if model.scorecard else "",
        sources,
        kpis,
        tuple(sorted(model.workspace.reports)),
        "quarto" if shutil.which("quarto") else "built-in",
        _schedules(model, made),
        _marts(model),
        _next(model, folder, connected, bool(made), spans),
    )


def _marts(model: Model) -> tuple[str, ...]:
    """When marts are kept, and which there are; `boardpack mart list` tells what they answer."""
    settings, found = model.workspace.settings, []
    when = {
        "auto": f"of tables with {settings.policy.marts_from:,} rows or more",
        "always": "of every table",
        "never": "not kept and not read",
    }[settings.marts]
    stamp = mart_files.stamp(model.workspace)
    for name, state in mart_files.present(model.workspace).items():
        if state is None:
            told = "cannot be read, and is built again"
        elif not state.kept:
            told = "not kept: it would be nearly as large as its source"
        else:
            changed = ", the tables have changed since" if state.stamp != stamp else ""
            told = f"as of {state.as_of}, {state.bytes / 1e6:.1f} MB{changed}"
        found.append(f"{name:44} {told}")
    return (when, *found)


def _schedules(model: Model, available: set[str]) -> tuple[ScheduleState, ...]:
    usable, problems = schedules.examine(model.workspace)
    found = [
        ScheduleState(
            one.id, one.enabled, _lacks(model, one.report, available) if one.enabled else ""
        )
        for one in usable.values()
    ]
    found += [ScheduleState(Path(error.file or "").name, True, str(error)) for error in problems]
    return tuple(found)


def _lacks(model: Model, report: str, available: set[str]) -> str:
    """Why a report cannot be made, "" when it can."""
    try:
        kpis = orders.order(model, report, as_of=_ANY).kpis
    except BoardpackError as error:
        return str(error)
    if not available.intersection(kpis):
        return f"no KPI of report {report!r} is available"
    return ""


def _next(
    model: Model, folder: Path, connected: bool, available: bool, spans: Sequence[Span]
) -> tuple[Step, ...]:
    """What to do, from no table at all to the report that can be made now."""
    root = model.workspace.root
    at = "" if str(folder) == "." else f" --workspace {shlex.quote(str(folder))}"
    if not connected:
        return (
            Step(
                "Connect a table: draft a workspace from files of your own,",
                ("or name your tables under warehouse: in boardpack.yml and map one in sources/.",),
                "boardpack init NEW --from 'data/*.csv'",
            ),
        )
    steps = []
    open_ = marks(root)
    questions = [str(mark) for mark in open_ if mark.kind == "question"]
    guesses = [str(mark) for mark in open_ if mark.kind == "guess" and mark.score < _SURE]
    if questions:
        steps.append(
            Step(
                f"Answer {_count(len(questions), 'question')}: mend the line, delete its mark.",
                tuple(_first(questions)),
            )
        )
    if guesses:
        steps.append(
            Step(
                f"Confirm {_count(len(guesses), 'guess', 'guesses')}, the least sure first: mend"
                " the line or delete its mark. A report can be made before.",
                tuple(_first(guesses)),
            )
        )
    if not available:
        return (*steps, Step("Connect what a KPI lacks: the list above names the tables."))
    if open_:
        steps.append(Step("See what the checks say.", (), f"boardpack check{at}"))
    made = model.workspace.var / "site" / "index.html"
    again = (f"Reports that were made: {made}",) if made.is_file() else ()
    steps.append(
        Step(
            "Make the report.",
            again,
            f"boardpack run monthly{_about(spans, model.workspace.calendar)}{at}",
        )
    )
    return tuple(steps)


def _about(spans: Sequence[Span], calendar: Calendar) -> str:
    """The period to ask for, where the last closed month lies before the data."""
    if not spans:
        return ""
    last = max(span.last for span in spans)
    closed = closed_by(last, "month", calendar)
    if closed.end > min(span.first for span in spans):
        return ""
    return f" --period {closed.shift(1)} --as-of {last}"


def _first(texts: Sequence[str], most: int = 5) -> list[str]:
    more = [f"and {len(texts) - most} more"] if len(texts) > most else []
    return [*texts[:most], *more]


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"

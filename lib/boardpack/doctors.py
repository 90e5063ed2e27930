"""The examination of a workspace: what is connected, what is available, what is lacking."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from boardpack import orders, schedules
from boardpack.engine.compute import unavailable
from boardpack.errors import BoardpackError
from boardpack.model import Model
from boardpack.warehouse import open_slice

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
        return "\n".join(lines)


def examine(folder: Path) -> Examination:
    """Look at a workspace without making anything; what is wrong in it is raised."""
    model = Model.open(folder)
    tables = [s.id for s in model.sources.declared.values() if s.derived_from is None]
    slice_ = open_slice(model.workspace, model.sources, _FAR, tables)
    try:
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
        _schedules(model, {kpi.kpi for kpi in kpis if not kpi.lacks}),
    )


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

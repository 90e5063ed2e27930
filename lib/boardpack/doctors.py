"""The examination of a workspace: what is connected, what is available, what is lacking."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from boardpack.engine.compute import unavailable
from boardpack.model import Model
from boardpack.warehouse import open_slice

_FAR = date(9998, 12, 31)


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
    )

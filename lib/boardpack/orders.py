"""Orders: what a request for a report means, before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from boardpack import model as models
from boardpack.errors import BoardpackError, PeriodError, ReportError
from boardpack.ledger_rows import MadeFor
from boardpack.model import Model
from boardpack.notebooks import Notebook
from boardpack.notebooks import read as read_notebook
from boardpack.periods import GRAINS, Grain, Period, parse_day
from boardpack.qmd import labels_used, read_report


@dataclass(frozen=True)
class Order:
    """What is to be made: a report with its notebooks, for a period, as known by a day."""

    report: str
    document: Path
    title: str
    notebooks: tuple[Notebook, ...]
    period: Period
    as_of: date
    #: a member of the dimension segment, or "" for the whole company
    segment: str = ""
    #: the slot of a schedule that asked for it, None when a person did
    made_for: MadeFor | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What no two editions of an as-of share: report, period and segment."""
        return self.report, self.period.label, self.segment

    @property
    def kpis(self) -> tuple[str, ...]:
        """Every KPI that a notebook of the report names."""
        return tuple(dict.fromkeys(kpi for notebook in self.notebooks for kpi in notebook.kpis))

    @property
    def listings(self) -> tuple[str, ...]:
        """Every listing that a notebook of the report names."""
        return tuple(dict.fromkeys(name for n in self.notebooks for name in n.listings))


@dataclass(frozen=True)
class Force:
    """Somebody's word that a report is to be published although the data did not pass.

    What it makes is a draft, and says so on every page, with ``reason``.
    """

    reason: str
    by: str


def order(model: Model, report: str, period: str = "", as_of: str = "", segment: str = "") -> Order:
    """What a run of this report means, before anything is computed.

    ``period`` alone is as of its end; ``as_of`` alone the last period closed by then; neither, the
    last period closed in the data; both, that period as known then. ``segment`` makes it about one
    member. Raises `UnknownNameError`,
    `PeriodError`, `ReportError` for what cannot be.
    """
    document = model.workspace.report(report)
    header = read_report(document).header
    grains = _grains(document, header)
    notebooks = tuple(_notebook(model, name, document) for name in labels_used(document))
    for notebook in notebooks:
        try:
            for kpi in notebook.kpis:
                model.catalogue[kpi]
            for name in notebook.listings:
                model.listings[name]
        except BoardpackError as error:
            raise type(error)(error.message, file=notebook.path, hint=error.hint) from None
    kpis = [kpi for notebook in notebooks for kpi in notebook.kpis]
    listings = [name for notebook in notebooks for name in notebook.listings]
    day, calendar = parse_day(as_of) if as_of else None, model.workspace.calendar
    if period:
        about = Period.parse(period, calendar)
        if about.grain not in grains:
            raise PeriodError(
                f"report {report!r} is made for a {' or '.join(grains)}, not for {about} "
                f"(a {about.grain}).",
                file=document,
            )
    elif day is not None:
        about = models.closed_by(day, grains[0], calendar)
    else:
        about = models.last_closed(models.spans(model, kpis, listings), grains[0], calendar)
    title = str(header.get("title", report))
    return Order(report, document, title, notebooks, about, day or about.last_day, segment)


def everything(model: Model, as_of: str = "", segment: str = "") -> list[Order]:
    """Every report of the workspace, each about its last period closed by the as-of.

    An empty ``as_of`` is the last day of the data, so that all reports know the same.
    """
    reports = model.workspace.own_reports
    if not as_of:
        documents = [model.workspace.report(report) for report in reports]
        kpis = [
            kpi
            for document in documents
            for name in labels_used(document)
            for kpi in _notebook(model, name, document).kpis
        ]
        as_of = models.last_closed(models.spans(model, kpis), "day").label
    return [order(model, report, "", as_of, segment) for report in reports]


def report_grains(document: Path) -> tuple[Grain, ...]:
    """The grains that a report is made for, finest first; `ReportError` for unknown ones."""
    return _grains(document, read_report(document).header)


def _grains(document: Path, header: Mapping[str, Any]) -> tuple[Grain, ...]:
    written = header.get("grains", ["month"])
    if not isinstance(written, list) or not written or not set(written) <= set(GRAINS):
        raise ReportError(
            f"grains: {written!r} is no list of {', '.join(GRAINS)}.", file=document, line=1
        )
    return tuple(grain for grain in GRAINS if grain in written)


def _notebook(model: Model, name: str, document: Path) -> Notebook:
    if name not in model.workspace.notebooks:
        raise ReportError(
            f"the report places cells of the notebook {name!r}, which is not there.",
            file=document,
            hint=f"notebooks are {', '.join(sorted(model.workspace.notebooks)) or 'none'}",
        )
    return read_notebook(model.workspace.notebooks[name])

"""What a notebook opens: the frozen values of a run, or values computed on demand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from boardpack.brand import brand_file
from boardpack.errors import PeriodError, UserError
from boardpack.periods import GRAINS, Period, parse_day
from boardpack.theme import use_brand
from boardpack.values import Values
from boardpack.workspace import Workspace

#: Names the run folder whose frozen values every cell of a run reads.
RUN = "BOARDPACK_RUN"


def open(
    workspace: str | Path = "..",
    *,
    period: str = "",
    as_of: str = "",
    grain: str = "month",
    segment: str = "",
    kpis: Sequence[str] = (),
    listings: Sequence[str] = (),
) -> Values:
    """The values of ``kpis`` for a period, its history and the members of its dimensions.

    Beside them the rows of ``listings``.

    All arguments are text, as Papermill passes them; an empty ``period`` is the last one closed in
    the data, an empty ``as_of`` the end of the period. In a run the values were computed once and
    frozen, and a KPI that the notebook's parameters do not name is an error.

        values = bp.open("..", period="2025-12", kpis=["mrr", "arr"])
    """
    run = os.environ.get(RUN)
    if run:
        return _frozen(Path(run), period, as_of, segment, kpis, listings)
    return _computed(workspace, period, as_of, grain, segment, kpis, listings)


def _frozen(
    run: Path, period: str, as_of: str, segment: str, kpis: Sequence[str], listings: Sequence[str]
) -> Values:
    values = Values.load(run)
    use_brand(run / "_brand.yml" if (run / "_brand.yml").is_file() else None)
    facts = values.report
    for what, asked, has in (
        ("period", period, facts.period),
        ("as_of", as_of, facts.as_of),
        ("segment", segment, facts.segment),
    ):
        if asked and asked != has:
            raise UserError(
                f"the run is about {what} {has!r}; the notebook asks for {asked!r}.",
                hint="take the notebook's parameters as they are passed",
            )
    return values.named(kpis, listings)


def _computed(
    workspace: str | Path,
    period: str,
    as_of: str,
    grain: str,
    segment: str,
    kpis: Sequence[str],
    listings: Sequence[str],
) -> Values:
    # Engine and DuckDB are only needed here; a run's cells do not wait for them.
    from boardpack import mart_files, mart_grounds
    from boardpack import model as models
    from boardpack.warehouse import open_slice

    model = models.Model.open(workspace)
    use_brand(brand_file(*model.workspace.folders("reports")))
    known = next((g for g in GRAINS if g == grain), None)
    if known is None:
        raise PeriodError(f"{grain!r} is not a grain.", hint=f"grains are {', '.join(GRAINS)}")
    calendar = model.workspace.calendar
    if period:
        about = Period.parse(period, calendar)
    elif as_of:
        about = models.closed_by(parse_day(as_of), known, calendar)
    else:
        about = models.last_closed(models.spans(model, kpis, listings), known, calendar)
    day = parse_day(as_of) if as_of else about.last_day
    tables = model.tables(kpis, listings)
    stamp = mart_files.stamp(model.workspace)
    slice_ = open_slice(model.workspace, model.sources, day, tables)
    try:
        models.check_period(about, day.isoformat(), slice_.reach(slice_.sources))
        facts = model.report_facts(about, day.isoformat(), title="Exploration")
        marts = mart_grounds.ready(
            mart_grounds.Ground(model.workspace, model.catalogue, slice_, stamp)
        )
        values = models.values(model, slice_, kpis, facts, segment, marts=marts)
        listed = models.listed(model, slice_, listings, about, segment)
        values = replace(values, listings=listed)
    finally:
        slice_.close()
    return _noted(model.workspace, values)


def _noted(workspace: Workspace, values: Values) -> Values:
    """The values with what was written on them, where anything was."""
    from boardpack.ledger import Ledger
    from boardpack.remarks import for_report

    ledger = workspace.var / "ledger.sqlite"
    if not ledger.is_file():
        return values
    with Ledger(ledger) as opened:
        written = opened.latest_notes(values.report.period)
    names = {kpi: facts.name for kpi, facts in values.kpis.items()}
    return replace(values, report=for_report(values.report, written, names))

"""What definitions must agree on with one another: units, grains, dimensions, and no circles."""

from __future__ import annotations

import graphlib
from collections.abc import Mapping
from datetime import date

from boardpack.engine import composites, units
from boardpack.engine.columns import changes_with_event, dimensions
from boardpack.engine.definitions import Identity, Kpi
from boardpack.engine.entries import KpiEntry
from boardpack.errors import DefinitionError, UnknownNameError
from boardpack.periods import Period
from boardpack.sources import Sources
from boardpack.yamlfile import Document, Key


def check_unit(kpi: Kpi, entry: KpiEntry, kpis: Mapping[str, Kpi], sources: Sources) -> None:
    """What its formula makes of the units of its measures and inputs must be its own unit."""
    about = {*kpi.inputs, *(goal.kpi for goal in kpi.formula.goals)}
    text = composites.written_out(kpi.formula_text, kpi.weights)
    try:
        units.check(
            text,
            kpi.unit,
            {name: kpis[name].unit for name in about if name in kpis},
            {name: _unit(sources, kpi, name) for name in kpi.measures},
        )
    except units.UnitError as error:
        # Without a formula its one measure is all there is.
        alone = entry.formula is None and text in kpi.measures
        steps = ("measures", text, "value") if alone else ("formula",)
        raise kpi.place.error(
            f"the formula of {kpi.id!r} cannot be in {kpi.unit}: {error}.", *steps, hint=error.hint
        ) from None


def _unit(sources: Sources, kpi: Kpi, measure: str) -> units.Unit | None:
    """What a measure is in, as far as its expression tells."""
    entry = kpi.written[measure]
    panel = sources[entry.source].panel
    columns = {name: units.of_measure(column.value, {}) for name, column in panel.items()}
    return units.of_measure(entry.value, columns)


def check_grains(kpi: Kpi, entry: KpiEntry) -> None:
    """A period that is named and can never have a value is a mistake; one that is not is told."""
    for grain in entry.grains if "grains" in entry.model_fields_set else ():
        for _, shift in kpi.formula.shifts:
            if shift.before(Period.containing(date(2025, 1, 1), grain)) is None:
                raise kpi.place.error(
                    f"KPI {kpi.id!r} is for each {grain}, and no {grain} lies {shift} before a"
                    f" {grain}.",
                    "grains",
                    hint="leave it out of grains:, or go back 1 period",
                )


def check_dimensions(
    kpi: Kpi, kpis: Mapping[str, Kpi], sources: Sources, document: Document, key: Key
) -> None:
    """What a KPI is split by, each of its sources and inputs must be too."""
    for dimension in kpi.dimensions:
        for measure in kpi.measures.values():
            if dimension not in dimensions(sources, measure.source):
                raise document.error(
                    f"KPI {kpi.id!r} cannot be split by {dimension!r}: "
                    f"source {measure.source!r} has no such dimension.",
                    key,
                    hint=f"it has {', '.join(dimensions(sources, measure.source)) or 'none'}",
                )
            if sources[measure.source].panel_of and changes_with_event(
                sources, measure.source, dimension
            ):
                raise document.error(
                    f"KPI {kpi.id!r} cannot be split by {dimension!r}, which is as of the event:"
                    f" an entity of the panel {measure.source!r} would be in several members and"
                    " count several times in all.",
                    key,
                    hint="split it by what holds now, or measure the rows themselves",
                )
        for name in kpi.inputs:
            if dimension not in kpis[name].dimensions:
                raise document.error(
                    f"KPI {kpi.id!r} cannot be split by {dimension!r}: its input {name!r} is not.",
                    key,
                )


def check_rows(
    identity: Identity, kpis: Mapping[str, Kpi], sources: Sources, document: Document, key: Key
) -> None:
    """A column to trace by must be one of every source that the identity rests on."""
    if identity.rows is None:
        return
    for kpi in (kpis[name] for name in identity.kpis):
        for measure in kpi.measures.values():
            base = sources[sources[measure.source].derived_from or measure.source]
            if identity.rows not in base.columns:
                raise UnknownNameError.near(
                    f"column of {base.id}", identity.rows, base.columns,
                    file=document.path, line=document.line((*key, "rows")),
                )  # fmt: skip


def refuse_cycles(kpis: Mapping[str, Kpi]) -> None:
    """No KPI may rest on itself, through however many others."""
    try:
        graphlib.TopologicalSorter({name: kpi.inputs for name, kpi in kpis.items()}).prepare()
    except graphlib.CycleError as error:
        path = list(reversed(error.args[1]))
        first = kpis[path[0]]
        raise DefinitionError(
            f"KPIs depend on each other in a circle: {' → '.join(path)}.",
            file=first.file,
            line=first.line,
        ) from None

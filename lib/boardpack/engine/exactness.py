"""Whether another engine can compute a KPI exactly, and what marks one that it computes nearly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from boardpack.engine.catalogue import Catalogue
from boardpack.engine.columns import column_sql
from boardpack.engine.definitions import Kpi, Measure
from boardpack.errors import DefinitionError
from boardpack.sources import Sources, resolve
from boardpack.sql_dialects import Dialect
from boardpack.sql_forms import Untranslatable
from boardpack.sql_kinds import Kind, of_type
from boardpack.translation import translate, translate_expression
from boardpack.warehouse import Slice, described

if TYPE_CHECKING:
    from boardpack.engine.plans import Plan


def check(sources: Sources, kpis: Iterable[Kpi], dialect: Dialect) -> None:
    """Refuse a KPI that a dialect cannot say exactly and that allows no approximation.

    Raises `DefinitionError` with the KPI, the measure and what has no exact form.
    """
    for kpi in kpis:
        for name, measure in kpi.measures.items():
            if _nearly(measure, dialect) and not (
                kpi.approximate and dialect.approximate_percentile
            ):
                raise DefinitionError(
                    f"KPI {kpi.id!r}, measure {name!r}: {dialect.title} has no exact percentile of"
                    " groups.",
                    file=kpi.file,
                    line=kpi.line,
                    hint="`approximate: allowed` in the KPI lets a near one stand in, and marks it",
                )
            try:
                for text in filter(None, (measure.aggregate.argument, measure.where)):
                    translate_expression(text, dialect, _kinds(sources, measure))
            except Untranslatable as error:
                raise DefinitionError(
                    f"KPI {kpi.id!r}, measure {name!r}: {error}.", file=kpi.file, line=kpi.line
                ) from None


def in_dialect(
    catalogue: Catalogue, slice_: Slice, planned: Plan, dialect: Dialect
) -> dict[str, str]:
    """Source -> its statement of a plan in another dialect, over tables as they are declared.

    Raises `DefinitionError` for a KPI or a statement that the dialect cannot say.
    """
    check(catalogue.sources, planned.kpis, dialect)
    relations = described(slice_, dialect)
    found = {}
    for statement in planned.statements:
        try:
            found[statement.source] = translate(statement.sql, dialect, relations, approximate=True)
        except Untranslatable as error:
            raise DefinitionError(
                f"the statement for source {statement.source!r} cannot be said exactly in"
                f" {dialect.title}: {error}."
            ) from None
    return found


def approximation(catalogue: Catalogue, kpi: str, dialect: Dialect | None) -> str:
    """What makes the values of a KPI near ones, itself or below it; "" when they are exact."""
    if dialect is None:
        return ""
    found = any(
        _nearly(measure, dialect)
        for part in catalogue.order([kpi])
        for measure in part.measures.values()
    )
    return f"approximate: {dialect.title} has no exact percentile" if found else ""


def _nearly(measure: Measure, dialect: Dialect) -> bool:
    return measure.aggregate.kind == "percentile" and dialect.percentile is None


def _kinds(sources: Sources, measure: Measure) -> dict[str, Kind | None]:
    """The kind of each column that a measure reads, by the name it has in the measure's SQL."""
    source = sources[measure.source]
    if source.panel_of:
        # Figures of an entity: counts and sums, which compare and add up like any number.
        return dict.fromkeys(source.panel, "decimal")
    base = sources[source.distinct_of] if source.distinct_of else source
    found: dict[str, Kind | None] = {}
    for name in measure.columns:
        written = column_sql(sources, source, name).strip('"')
        if source.distinct_of and name == "day":
            found[written] = "date"
        else:
            found[written] = of_type(resolve(sources, base, name).sql_type)
    return found

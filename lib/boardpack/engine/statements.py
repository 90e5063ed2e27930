"""The planner: one SQL statement a source, for all its measures × periods × members.

Rows are read once, sorted into the buckets between neighbouring window edges (`windows.Buckets`)
and aggregated; every window of every period is then a range of buckets. Nothing here
truncates dates or converts zones: edges are literals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from boardpack.engine.columns import changes_with_event, dimensions
from boardpack.engine.definitions import Measure
from boardpack.engine.flows import flows
from boardpack.engine.histogram import merged
from boardpack.engine.marts import NONE, Marts
from boardpack.engine.panels import panel
from boardpack.engine.rows import apart
from boardpack.periods import Period
from boardpack.sources import Source
from boardpack.warehouse import Slice


@dataclass(frozen=True)
class Statement:
    """SQL for one source.

    Its rows are ``p`` (index into ``periods``), ``dim`` (index into ``by``, -1 for the total),
    ``member`` and a column for each of ``columns``; one cell may come in several rows.
    ``reads`` says for a person which marts it reads, and why rows where it reads them.
    """

    source: str
    sql: str
    columns: tuple[str, ...]
    periods: tuple[Period, ...]
    reads: tuple[str, ...] = ()
    #: whether a mart stands in for rows
    stored: bool = False


def plan(
    slice_: Slice,
    measures: dict[Measure, str],
    periods: Sequence[Period],
    by: Sequence[str],
    earlier: Mapping[Measure, Iterable[Period]] | None = None,
    marts: Marts = NONE,
) -> list[Statement]:
    """The statements for these measures; ``measures`` gives each its column name.

    ``earlier`` names further periods of some; the statement of their source then has these too.
    ``marts`` are read in place of rows where they give the same.

    See `histogram.merged` for the columns of a histogram percentile.
    """
    by_source: dict[str, dict[Measure, str]] = {}
    further: dict[str, set[Period]] = {}
    for measure, name in measures.items():
        by_source.setdefault(measure.source, {}).update(merged(slice_.declared, measure, name))
        further.setdefault(measure.source, set()).update((earlier or {}).get(measure, ()))
    return [
        _statement(
            slice_, slice_.declared[source], found, [*periods, *sorted(further[source])], by, marts
        )
        for source, found in by_source.items()
    ]


def _statement(
    slice_: Slice,
    source: Source,
    measures: dict[Measure, str],
    periods: Sequence[Period],
    by: Sequence[str],
    marts: Marts,
) -> Statement:
    split = [d for d in by if d in dimensions(slice_.declared, source.id)]
    if source.panel_of:
        # An entity that goes from one member to another would count several times in all.
        split = [d for d in split if not changes_with_event(slice_.declared, source.id, d)]
        parts = [panel(slice_, source, measures, periods, by, split, marts)]
    else:
        apart_ = {_apart(measure, split): name for measure, name in measures.items()}
        # A mart knows columns by their own names.
        parts = flows(
            slice_, source, apart_, periods, by, split, marts if apart_ == measures else NONE
        )
    columns = tuple(dict.fromkeys(name for part in parts for name in part.columns))
    ctes: dict[str, str] = {}
    selects = []
    for part in parts:
        ctes.update(part.ctes)
        shown = ", ".join(
            f'{part.columns.get(name, "CAST(NULL AS DOUBLE)")} AS "{name}"' for name in columns
        )
        selects.append(f"SELECT {part.select}, {shown}\n{part.tail}")
    text = ",\n".join(f"{name} AS (\n{body}\n)" for name, body in ctes.items())
    sql = f"WITH {text}\n" + "\nUNION ALL\n".join(selects)
    reads = tuple(dict.fromkeys(text for part in parts for text in part.reads))
    stored = any(text.startswith("mart ") for text in reads)
    return Statement(source.id, sql, columns, tuple(periods), reads, stored)


def _apart(measure: Measure, split: Sequence[str]) -> Measure:
    """The measure with no column of its own taken for the dimension of the same name."""
    found = measure.aggregate
    if not set(split).intersection(measure.columns):
        return measure
    argument = None if found.argument is None else apart(found.argument, split)
    where = None if measure.where is None else apart(measure.where, split)
    return replace(measure, aggregate=replace(found, argument=argument), where=where)

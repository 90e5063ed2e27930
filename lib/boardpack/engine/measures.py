"""Measures: an aggregate over a source as it is read from its entry, and what it cannot lack."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from boardpack.engine.columns import column_sql
from boardpack.engine.definitions import Measure
from boardpack.engine.entries import MeasureEntry
from boardpack.engine.expressions import ExpressionError, Resolve, aggregate, indispensable, scalar
from boardpack.engine.kinds import check_kinds
from boardpack.engine.members import check_members
from boardpack.engine.windows import parse_window
from boardpack.errors import UnknownNameError
from boardpack.sources import Source, Sources
from boardpack.yamlfile import Document, Key, Place

Found = TypeVar("Found")


def read_measure(sources: Sources, entry: MeasureEntry, document: Document, key: Key) -> Measure:
    """A measure as its entry has it; `DefinitionError` with its place for what cannot be."""
    if entry.source not in sources.declared:
        raise UnknownNameError.near(
            "source", entry.source, sources.declared,
            file=document.path, line=document.line((*key, "source")),
        )  # fmt: skip
    source, at = sources[entry.source], Place(document, key)
    used: list[str] = []

    def column(name: str) -> str:
        used.append(name)
        return column_sql(sources, source, name)

    measured = _checked(sources, source, entry.value, aggregate, column, at, "value")
    where = None
    if entry.where is not None:
        where = _checked(sources, source, entry.where, scalar, column, at, "where")
    try:
        window = parse_window(entry.window)
        mature = 0 if entry.mature_after is None else _days(entry.mature_after)
    except ValueError as error:
        raise document.error(str(error), key) from None
    if measured.prorated and not (source.time and source.time_end):
        raise document.error(
            f"prorated(...) needs a source with time: and time_end:; {source.id!r} has not both.",
            key,
        )
    if entry.empty == "none" and measured.kind != "sum":
        raise document.error(
            f"empty: none is for a sum; {entry.value!r} has its own answer for no rows.",
            (*key, "empty"),
        )
    if measured.kind == "histogram_percentile" and source.histogram is None:
        raise document.error(f"source {source.id!r} declares no histogram:.", key)
    if measured.attributed != (source.touches is not None):
        raise document.error(
            f"{source.id!r} has a row a touch, so that {entry.value!r} would count several times."
            if source.touches
            else f"attributed(...) needs a source with touches:; {source.id!r} has none.",
            (*key, "value"),
            hint="write sum(attributed(acv, linear)): first, last or linear"
            if source.touches
            else None,
        )
    if measured.kind == "rolling":
        if not source.distinct_of:
            raise document.error(
                f"trailing_distinct(...) needs a source with a row a day (distinct_of:);"
                f" {source.id!r} is none.",
                (*key, "value"),
            )
        if window.kind in ("to_date", "opening"):
            raise document.error(
                f"trailing_distinct(...) is summed over the days of a window that begins;"
                f" {entry.window} does not.",
                (*key, "window"),
            )
    if measured.kind == "estimate" and (source.panel_of or source.distinct_of):
        raise document.error(
            f"{measured.estimate}(...) takes the moments of rows; {source.id!r} has none.",
            (*key, "value"),
        )
    if source.panel_of and entry.window != "period":
        raise document.error(
            f"{source.id!r} is a panel: its columns carry the window.", (*key, "window")
        )
    if source.derived_from is None and source.time is None:
        raise document.error(f"source {source.id!r} has no time: nothing places its rows.", key)
    return Measure(
        source.id, measured, window, where, mature, tuple(sorted(set(used))),
        entry.empty == "none",
        frozenset(indispensable(entry.value) | indispensable(entry.where or "true")),
    )  # fmt: skip


def _checked(
    sources: Sources,
    source: Source,
    text: str,
    read: Callable[[str, Resolve], Found],
    column: Resolve,
    at: Place,
    step: str,
) -> Found:
    """An expression of a measure as it is read; what is wrong in it points at its key."""
    try:
        found = read(text, column)
        if not (source.panel_of or source.distinct_of):
            check_members(sources, source, text)
        check_kinds(sources, source, text)
    except ExpressionError as error:
        raise at.error(f"{text!r}: {error}.", step, hint=error.hint) from None
    except UnknownNameError as error:
        raise UnknownNameError(
            error.message, file=at.document.path, line=at.line(step), hint=error.hint
        ) from None
    return found


def needed(sources: Sources, measure: Measure) -> set[tuple[str, str]]:
    """The (table, column) pairs that a measure cannot do without; see `indispensable`."""
    source = sources[measure.source]
    base = sources[source.derived_from] if source.derived_from else source
    needed = {base.id: set(measure.needed) | ({str(source.time)} if source.placed_of else set())}
    if source.panel_of or source.distinct_of:
        needed = {base.id: set(indispensable(source.where or "true"))}
        for entry in (source.panel[name] for name in measure.columns if name in source.panel):
            of = sources[entry.of] if entry.of else base
            texts = filter(None, (entry.value, entry.where, of.time if of.placed_of else None))
            names = {name for text in texts for name in indispensable(text)}
            needed.setdefault(of.placed_of or of.id, set()).update(names)
    return {
        (sources[table].joins[alias].source if alias else table, column)
        for table, names in needed.items()
        for alias, _, column in (name.rpartition(".") for name in names)
    }


def _days(text: str) -> int:
    match = re.fullmatch(r"(\d+) days?", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no number of days; write it as 44 days")
    return int(match.group(1))

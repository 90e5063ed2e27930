"""What a source refers to: all of it is there, and no join can multiply rows."""

from __future__ import annotations

import re

from boardpack.errors import UnknownNameError
from boardpack.source_entries import NAME
from boardpack.sources import TOUCH_COLUMNS, Join, Source, Sources, resolve
from boardpack.yamlfile import Document


def check(sources: Sources, name: str, document: Document) -> None:
    """Everything a source refers to exists, and no join can multiply rows."""
    source = sources.declared[name]
    base_name = source.derived_from
    if base_name is not None:
        kinds = ("panel_of", "distinct_of", "placed_of")
        key = tuple(kind for kind in kinds if getattr(source, kind))
        base = _known(sources, base_name, document, key)
        if source.placed_of and not base.derived_from:
            if resolve(sources, source, str(source.time), document, ("time",)).type not in (
                "date",
                "timestamp",
            ):
                raise document.error(f"{source.time!r} must be a date or timestamp.", ("time",))
            _check_milestones(sources, source, base, document)
            _check_touches(sources, source, base, document)
            return
        if base.derived_from or base.time is None:
            raise document.error(
                f"{base_name!r} has no time column of its own to derive from.", key
            )
        for column in source.entity:
            _own_column(base, column, document, ("entity" if source.panel_of else "columns",))
        for index, dimension in enumerate(source.dimensions):
            if dimension not in base.dimensions:
                raise UnknownNameError.near(
                    f"dimension of {base_name}", dimension, base.dimensions,
                    file=document.path, line=document.line(("dimensions", index)),
                )  # fmt: skip
        _check_also(sources, source, document)
        return
    for column in source.key:
        _own_column(source, column, document, ("key",))
    for attribute in ("time", "time_end", "recorded_at"):
        value = getattr(source, attribute)
        if value is not None:
            _own_column(source, value, document, (attribute,))
    if source.time and source.columns[source.time].type not in ("date", "timestamp"):
        raise document.error(f"time column {source.time!r} must be a date or timestamp.", ("time",))
    if source.histogram:
        for column in (source.histogram.total, *source.histogram.bounds):
            _own_column(source, column, document, ("histogram",))
    for alias, join in source.joins.items():
        other = _known(sources, join.source, document, ("joins", alias, "source"))
        if join.at_event:
            _check_history(source, alias, join, other, document)
        elif len(other.key) != 1:
            raise document.error(
                f"join {alias!r} would multiply rows: {join.source!r} has the key"
                f" {list(other.key)}.",
                ("joins", alias),
                hint="a join goes along the whole key of the other source; of a history, whose key"
                " is whose and from when, with as_of: event",
            )
        resolve(sources, source, join.on, document, ("joins", alias, "on"))
    for dimension, column in source.dimensions.items():
        resolve(sources, source, column, document, ("dimensions", dimension))
    for column, other_name in source.references.items():
        _own_column(source, column, document, ("references", column))
        _known(sources, other_name, document, ("references", column))


def _check_touches(sources: Sources, source: Source, base: Source, document: Document) -> None:
    """Touches are rows with a moment; what they share is told apart by a key of one column."""
    if source.touches is None:
        return
    other = _known(sources, source.touches.of, document, ("touches", "of"))
    if other.derived_from or other.time is None or other.time_is_date:
        raise document.error(
            f"{other.id!r} is no table whose rows have a moment in time.", ("touches", "of")
        )
    if len(base.key) != 1 or len(other.key) != 1:
        raise document.error(
            f"touches are of rows with a key of one column; {base.id!r} has {list(base.key)},"
            f" {other.id!r} {list(other.key)}.",
            ("touches",),
        )
    resolve(sources, other, source.touches.by, document, ("touches", "by"))
    _own_column(base, source.touches.to, document, ("touches", "to"))
    for name, column in source.touches.columns.items():
        if name in base.columns or name in TOUCH_COLUMNS or not re.fullmatch(NAME, name):
            raise document.error(
                f"{name!r} is no name for a column beside those of {base.id!r}.",
                ("touches", "columns", name),
            )
        _own_column(other, column, document, ("touches", "columns", name))


def _check_history(
    source: Source, alias: str, join: Join, other: Source, document: Document
) -> None:
    """A history has a key of two, whose and from when, and the row a time to look it up at."""
    key = ("joins", alias)
    since = (
        other.columns[other.key[-1]].type if other.key and other.key[-1] in other.columns else ""
    )
    if len(other.key) != 2 or since not in ("date", "timestamp"):
        raise document.error(
            f"join {alias!r} is as_of: event, but {join.source!r} is no history: its key"
            f" {list(other.key)} is not whose and from when.",
            key,
            hint="such as key: [account_id, valid_from]",
        )
    if source.time is None or "." in join.on:
        raise document.error(
            f"join {alias!r} is as_of: event, so {source.id!r} needs a time: and a column"
            " of its own to join on.",
            key,
        )
    if source.time_is_date and since == "timestamp":
        raise document.error(
            f"join {alias!r} cannot tell what held on a day: {join.source!r} changes by the"
            " moment.",
            key,
        )


def _check_milestones(sources: Sources, source: Source, base: Source, document: Document) -> None:
    """A milestone is no column of the table, and a moment of rows that name one of its rows."""
    for name, entry in source.milestones.items():
        key = ("milestones", name)
        other = _known(sources, entry.of, document, (*key, "of"))
        if not re.fullmatch(NAME, name) or name in base.columns:
            raise document.error(f"{name!r} is no name for a milestone of {base.id!r}.", key)
        if len(base.key) != 1:
            raise document.error(
                f"milestones are of rows with a key of one column; {base.id!r} has"
                f" {list(base.key)}.",
                key,
            )
        derived = other.panel_of or other.distinct_of
        if derived or other.time not in other.columns or other.time_is_date:
            raise document.error(
                f"{entry.of!r} is no table whose rows have a moment in time.", (*key, "of")
            )
        _own_column(other, entry.by, document, (*key, "by"))


def _check_also(sources: Sources, source: Source, document: Document) -> None:
    """A panel's further sources have a time, its entity and all that it is split by."""
    base = sources[str(source.derived_from)]
    split = source.dimensions or base.dimensions
    for name, column in source.also.items():
        key = ("also", name)
        other = _known(sources, name, document, key)
        if other.panel_of or other.distinct_of or other.time is None:
            raise document.error(f"{name!r} has no rows in time to take columns from.", key)
        _own_column(other, column, document, key)
        lacking = [dimension for dimension in split if dimension not in other.dimensions]
        if lacking:
            raise document.error(
                f"{name!r} cannot be split by {', '.join(lacking)}, as {base.id!r} can.",
                key,
                hint="dimensions: names those that all sources of the panel have",
            )
    for name, entry in source.panel.items():
        if entry.of is not None and entry.of not in source.also:
            raise UnknownNameError.near(
                "source in also:", entry.of, source.also,
                file=document.path, line=document.line(("columns", name)),
            )  # fmt: skip


def _known(sources: Sources, name: str, document: Document, key: tuple[str | int, ...]) -> Source:
    if name not in sources.declared:
        raise UnknownNameError.near(
            "source", name, sources.declared, file=document.path, line=document.line(key)
        )
    return sources.declared[name]


def _own_column(source: Source, name: str, document: Document, key: tuple[str | int, ...]) -> None:
    if not re.fullmatch(NAME, name) or name not in source.columns:
        raise UnknownNameError.near(
            f"column of {source.id}",
            name,
            source.columns,
            file=document.path,
            line=document.line(key),
        )

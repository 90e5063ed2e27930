"""Sources: tables as the KPIs want to see them, and the mappings of a workspace's own tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from boardpack.errors import DefinitionError, UnknownNameError
from boardpack.source_entries import (
    NAME,
    TYPES,
    DistinctEntry,
    HistogramEntry,
    MappingEntry,
    MilestoneEntry,
    PanelColumnEntry,
    PanelEntry,
    PlacedEntry,
    SourceEntry,
    TouchesEntry,
)
from boardpack.workspace import Workspace
from boardpack.yamlfile import Document, parse

if TYPE_CHECKING:
    import pandas as pd

#: Of a row with touches: which of them it is about, from 1, and how many there are.
TOUCH_COLUMNS = ("touch_place", "touch_count")


@dataclass(frozen=True)
class Column:
    """One declared column; ``optional`` ones may be absent from a mapping and are then null."""

    name: str
    type: str
    optional: bool = False
    values: tuple[str, ...] = ()
    pii: bool = False
    #: a moment that is unknown before it happens: later than the as-of it reads as null
    happens: bool = False

    @property
    def sql_type(self) -> str:
        """The DuckDB type in the slice."""
        return TYPES[self.type]


@dataclass(frozen=True)
class Join:
    """A many-to-one join along the whole key of ``source``.

    The key of a history is whose it is and from when; ``at_event`` joins what held at the time of
    the row: the last change before it. What an ``optional`` one borrows is null where its source
    is not connected.
    """

    source: str
    on: str
    at_event: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Source:
    """A declared table, or one derived from it (``panel_of``, ``distinct_of``, ``placed_of``).

    A placed source has its table's columns, joins and dimensions, and a time of its own, which may
    be that of a join: tickets by the moment they were solved, dashboards by the making of the seat
    of whoever built them.
    """

    id: str
    title: str
    file: Path
    columns: Mapping[str, Column] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    time: str | None = None
    time_end: str | None = None
    recorded_at: str | None = None
    joins: Mapping[str, Join] = field(default_factory=dict)
    dimensions: Mapping[str, str] = field(default_factory=dict)
    exclude: str | None = None
    references: Mapping[str, str] = field(default_factory=dict)
    histogram: HistogramEntry | None = None
    panel_of: str | None = None
    distinct_of: str | None = None
    placed_of: str | None = None
    entity: tuple[str, ...] = ()
    panel: Mapping[str, PanelColumnEntry] = field(default_factory=dict)
    #: further sources of a panel's columns, each with its column that names the entity
    also: Mapping[str, str] = field(default_factory=dict)
    where: str | None = None
    grain: str = ""
    text: str = ""
    #: columns that a placed source has beside those of its table
    milestones: Mapping[str, MilestoneEntry] = field(default_factory=dict)
    #: rows that share the credit for each of its own, which are then there once a touch
    touches: TouchesEntry | None = None

    @property
    def derived_from(self) -> str | None:
        """The table that a panel, a distinct or a placed source is made of."""
        return self.panel_of or self.distinct_of or self.placed_of

    @property
    def time_is_date(self) -> bool:
        """Whether rows are placed by a calendar date of the company, not by a UTC instant."""
        return self.time is not None and self.columns[self.time].type == "date"


@dataclass(frozen=True)
class Mapped:
    """A mapping of the workspace: ``sql`` selects the rows of ``source``."""

    source: str
    file: Path
    line: int | None
    table: str | None = None
    path: str | None = None
    sql: str | None = None


@dataclass(frozen=True)
class Sources:
    """Every declared source of a workspace, and its mappings."""

    declared: Mapping[str, Source]
    mappings: Mapping[str, Mapped]
    #: what fills a source as of a day where the workspace has no table for it
    own: Mapping[str, Callable[[date], pd.DataFrame]] = field(default_factory=dict)

    def __getitem__(self, source: str) -> Source:
        try:
            return self.declared[source]
        except KeyError:
            raise UnknownNameError.near("source", source, self.declared) from None

    def tables(self, source: str, *, optional: bool = True) -> tuple[str, ...]:
        """The tables to be connected for ``source``: itself or its base, and its joins.

        Without ``optional`` those that it cannot do without.
        """
        found: dict[str, None] = {}
        todo = [self[source].derived_from or source]
        todo += [self[other].derived_from or other for other in self[source].also]
        while todo:
            table = self[todo.pop(0)]
            if table.id not in found:
                found[table.id] = None
                joins = table.joins.values()
                todo += [j.source for j in joins if optional or not j.optional]
        return tuple(found)


def load(workspace: Workspace) -> Sources:
    """All source files, the suite's and the workspace's; the first thing wrong is raised."""
    declared: dict[str, Source] = {}
    origin: dict[str, Document] = {}
    mappings: dict[str, Mapped] = {}
    for document, _own in workspace.documents("sources"):
        if not isinstance(document.data, dict):
            raise document.error("expected one source, starting with `source:` or `maps:`.")
        if "maps" in document.data:
            entry = parse(document, MappingEntry)
            if entry.maps in mappings:
                raise document.error(
                    f"source {entry.maps!r} is already mapped in {mappings[entry.maps].file}.",
                    ("maps",),
                )
            mappings[entry.maps] = Mapped(
                entry.maps,
                document.path,
                document.line(("sql",)) or document.line(("maps",)),
                entry.table,
                entry.file,
                entry.sql,
            )
            continue
        source, replaces = _source(document)
        if source.id in declared and replaces != source.id:
            raise document.error(
                f"source {source.id!r} is already declared in {declared[source.id].file}.",
                ("source",),
                hint=f"write `replaces: {source.id}`, or `maps:` to map a table onto it",
            )
        if replaces is not None and source.id not in declared:
            raise document.error(f"source {source.id!r} replaces nothing.", ("replaces",))
        declared[source.id] = source
        origin[source.id] = document
    for name, source in declared.items():
        if source.placed_of in declared:
            declared[name] = _placed(source, declared[source.placed_of])
        elif source.panel_of in declared:
            split = declared[source.panel_of].dimensions
            kept = {dimension: split.get(dimension, "") for dimension in source.dimensions}
            declared[name] = replace(source, dimensions=kept)
    sources = Sources(declared, mappings)
    for name in declared:
        _check(sources, name, origin[name])
    for mapped in mappings.values():
        if mapped.source not in declared:
            raise UnknownNameError.near(
                "source", mapped.source, declared, file=mapped.file, line=mapped.line
            )
        if declared[mapped.source].derived_from:
            raise DefinitionError(
                f"{mapped.source!r} is derived from {declared[mapped.source].derived_from!r}.",
                file=mapped.file,
                line=mapped.line,
                hint=f"map {declared[mapped.source].derived_from!r} instead",
            )
    return sources


def _source(document: Document) -> tuple[Source, str | None]:
    text = document.path.read_text(encoding="utf-8")
    if "panel_of" in document.data:
        panel = parse(document, PanelEntry)
        return Source(
            panel.source, panel.title, document.path, panel_of=panel.panel_of,
            entity=(panel.entity,), panel=panel.columns, also=panel.also, where=panel.where,
            dimensions=dict.fromkeys(panel.dimensions, ""), grain=panel.grain, text=text,
        ), panel.replaces  # fmt: skip
    if "distinct_of" in document.data:
        distinct = parse(document, DistinctEntry)
        return Source(
            distinct.source, distinct.title, document.path, distinct_of=distinct.distinct_of,
            entity=tuple(distinct.columns), where=distinct.where, grain=distinct.grain, text=text,
        ), distinct.replaces  # fmt: skip
    if "placed_of" in document.data:
        placed = parse(document, PlacedEntry)
        return Source(
            placed.source, placed.title, document.path, time=placed.time,
            placed_of=placed.placed_of, grain=placed.grain, text=text,
            milestones=placed.milestones, touches=placed.touches,
            also={
                **{milestone.of: milestone.by for milestone in placed.milestones.values()},
                **({placed.touches.of: placed.touches.by} if placed.touches else {}),
            },
        ), placed.replaces  # fmt: skip
    entry = parse(document, SourceEntry)
    columns = {
        name: Column(
            name,
            column.type.removesuffix("?"),
            column.type.endswith("?"),
            tuple(column.values or ()),
            column.pii,
            column.happens,
        )
        for name, column in entry.columns.items()
    }
    return Source(
        entry.source, entry.title, document.path, columns, tuple(entry.key), entry.time,
        entry.time_end, entry.recorded_at,
        {
            name: Join(join.source, join.on, join.as_of == "event", join.optional)
            for name, join in entry.joins.items()
        },
        entry.dimensions, entry.exclude, entry.references, entry.histogram,
        grain=entry.grain, text=text,
    ), entry.replaces  # fmt: skip


def _placed(source: Source, base: Source) -> Source:
    moments = {
        name: Column(name, "timestamp", optional=True, happens=True) for name in source.milestones
    }
    if source.touches is not None:
        moments = {name: Column(name, "string", optional=True) for name in source.touches.columns}
        moments |= {name: Column(name, "int") for name in TOUCH_COLUMNS}
    return replace(
        source,
        columns={**base.columns, **moments},
        key=base.key,
        joins=base.joins,
        dimensions=base.dimensions,
        exclude=base.exclude,
    )


def _check(sources: Sources, name: str, document: Document) -> None:
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
    """A panel's further sources have a time, its entity and all of its dimensions."""
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


def resolve(
    sources: Sources,
    source: Source,
    column: str,
    document: Document | None = None,
    key: tuple[str | int, ...] = (),
) -> Column:
    """The column that ``amount`` or ``account.segment`` means for ``source``."""
    file = document.path if document else source.file
    line = document.line(key) if document else None
    alias, _, name = column.rpartition(".")
    if alias and alias not in source.joins:
        raise UnknownNameError.near(
            f"join of {source.id}", alias, source.joins, file=file, line=line
        )
    owner = sources[source.joins[alias].source] if alias else source
    if name not in owner.columns:
        raise UnknownNameError.near(
            f"column of {owner.id}", name, owner.columns, file=file, line=line
        )
    return owner.columns[name]


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

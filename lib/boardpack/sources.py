"""Sources: tables as the KPIs want to see them, and the mappings of a workspace's own tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from boardpack.errors import UnknownNameError
from boardpack.source_entries import (
    TYPES,
    HistogramEntry,
    MilestoneEntry,
    PanelColumnEntry,
    TouchesEntry,
)
from boardpack.yamlfile import Document

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

"""The files of ``sources/``: each table and mapping read, and refused where it is wrong."""

from __future__ import annotations

from dataclasses import replace

from boardpack.errors import DefinitionError, UnknownNameError
from boardpack.source_checks import check
from boardpack.source_entries import (
    DistinctEntry,
    MappingEntry,
    PanelEntry,
    PlacedEntry,
    SourceEntry,
)
from boardpack.sources import TOUCH_COLUMNS, Column, Join, Mapped, Source, Sources
from boardpack.workspace import Workspace
from boardpack.yamlfile import Document, parse


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
        check(sources, name, origin[name])
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

"""Columns: how statements name what a definition reads, and what can be split by what."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from boardpack.engine.expressions import ExpressionError, aggregate, scalar
from boardpack.engine.kinds import check_kinds
from boardpack.engine.members import check_members
from boardpack.engine.windows import parse_point, parse_window
from boardpack.errors import DefinitionError, UnknownNameError
from boardpack.sources import Source, Sources, resolve


def column_sql(sources: Sources, source: Source, name: str) -> str:
    """How the planner's row stage names a column: its own name, or ``alias__column`` of a join."""
    if source.panel_of:
        if name not in source.panel:
            raise UnknownNameError.near(f"column of {source.id}", name, source.panel)
        return f'"{name}"'
    if source.distinct_of:
        if name not in (*source.entity, "day"):
            raise UnknownNameError.near(f"column of {source.id}", name, (*source.entity, "day"))
        return f'"{name}"'
    resolve(sources, source, name)
    return '"' + name.replace(".", "__") + '"'


def _writer(sources: Sources, source: Source) -> Callable[[str], str]:
    return lambda name: column_sql(sources, source, name)


def _own_writer(source: Source) -> Callable[[str], str]:
    """For conditions of a milestone, which borrow no column of another table."""

    def write(name: str) -> str:
        if name not in source.columns:
            raise UnknownNameError.near(f"column of {source.id}", name, source.columns)
        return f'"{name}"'

    return write


def check_panels(sources: Sources) -> None:
    """Read every panel and distinct source once, so that a typo stops the load."""
    for source in sources.declared.values():
        base = sources[source.derived_from] if source.derived_from else source
        column = _writer(sources, base)
        try:
            for milestone in source.milestones.values():
                for condition in filter(None, (milestone.where, *milestone.kinds.values())):
                    scalar(condition, _own_writer(sources[milestone.of]))
            for condition in filter(None, (source.where, source.exclude)):
                scalar(condition, column)
            for entry in source.panel.values():
                column = _writer(sources, sources[entry.of] if entry.of else base)
                check_members(sources, sources[entry.of] if entry.of else base, entry.value)
                check_members(
                    sources, sources[entry.of] if entry.of else base, entry.where or "true"
                )
                found = aggregate(entry.value, column)
                for text in filter(None, (entry.value, entry.where)):
                    check_kinds(sources, sources[entry.of] if entry.of else base, text)
                if found.kind not in ("sum", "count", "min", "max") or found.prorated:
                    raise ExpressionError(
                        f"{entry.value!r} does not add up over the days of a panel; "
                        "sum, count, min and max do"
                    )
                if entry.where:
                    scalar(entry.where, column)
                if entry.at:
                    parse_point(entry.at)
                if entry.window:
                    parse_window(entry.window)
        except ValueError as error:
            hint = error.hint if isinstance(error, ExpressionError) else None
            raise DefinitionError(
                f"source {source.id!r}: {error}.", file=source.file, hint=hint
            ) from None
        except UnknownNameError as error:
            raise UnknownNameError(error.message, file=source.file, hint=error.hint) from None


def changes_with_event(sources: Sources, source: str, dimension: str) -> bool:
    """Whether a dimension is borrowed from what held at the time of each row."""
    base = sources[sources[source].derived_from or source]
    alias = base.dimensions[dimension].rpartition(".")[0]
    return bool(alias) and base.joins[alias].at_event


def dimensions(sources: Sources, source: str) -> Mapping[str, str]:
    """What a source can be split by; a derived one by what its base can be, or some of it."""
    found = sources[source]
    if found.derived_from and not found.dimensions:
        return sources[found.derived_from].dimensions
    return found.dimensions

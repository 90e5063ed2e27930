"""What a table borrows along its joins: dimensions, what held at the time, whom to leave out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from boardpack.engine.expressions import scalar
from boardpack.sources import Join, Source
from boardpack.warehouse import Slice
from boardpack.zones import local_day

UNKNOWN = "(unknown)"


@dataclass(frozen=True)
class Borrowed:
    """What a table takes from others: its dimensions, the joins to them, whom to leave out.

    ``keys`` are the columns of its own that these go by, so that rows can be aggregated by them
    first: joins then meet a row a key and not every row.
    """

    dimensions: tuple[str, ...]
    joins: str
    conditions: tuple[str, ...]
    keys: tuple[str, ...]
    #: whether some of it held at the time of a row, which then cannot be aggregated before
    at_event: bool = False


def borrowed(slice_: Slice, table: Source, split: Sequence[str]) -> Borrowed:
    """SQL over an alias ``t`` that has at least the table's ``keys``."""
    needed: set[str] = set()
    outer = outer_writer(needed)
    shown = dimensions_of(table, split, outer)
    conditions = exclusion(table, outer)
    roots = [table.joins[_root(table, name)] for name in needed if "." in name]
    return Borrowed(
        tuple(shown), joins_to(slice_, table, needed), tuple(conditions), own_keys(table, split),
        any(join.at_event for join in roots),
    )  # fmt: skip


def own_keys(table: Source, split: Sequence[str]) -> tuple[str, ...]:
    """The columns of its own by which a table is split, borrows and leaves rows out."""
    dimensions = tuple(table.dimensions[name] for name in split)
    joins = tuple((alias, join.on) for alias, join in table.joins.items())
    return _own_keys(dimensions, table.exclude or "", joins)


@lru_cache(maxsize=1024)
def _own_keys(
    dimensions: tuple[str, ...], exclude: str, joins: tuple[tuple[str, str], ...]
) -> tuple[str, ...]:
    needed = set(dimensions)
    if exclude:
        scalar(exclude, outer_writer(needed))
    by_alias = dict(joins)
    found = set()
    for name in needed:
        while "." in name:
            name = by_alias[name.rpartition(".")[0]]
        found.add(name)
    return tuple(sorted(found))


def _root(table: Source, name: str) -> str:
    """The first of the joins that a borrowed column comes through."""
    alias = name.rpartition(".")[0]
    on = table.joins[alias].on
    return alias if "." not in on else _root(table, on)


def outer_writer(needed: set[str]) -> Callable[[str], str]:
    """Writes a column of the table or of a join, and remembers it as needed."""

    def write(name: str) -> str:
        needed.add(name)
        alias, _, column = name.rpartition(".")
        return f'{_quoted(alias) if alias else "t"}."{column}"'

    return write


def dimensions_of(table: Source, split: Sequence[str], outer: Callable[[str], str]) -> list[str]:
    """The dimensions a table is split by, each without gaps."""
    return [
        f"COALESCE(CAST({outer(table.dimensions[name])} AS VARCHAR), '{UNKNOWN}') AS \"{name}\""
        for name in split
    ]


def exclusion(table: Source, outer: Callable[[str], str]) -> list[str]:
    """The condition that leaves out what the table excludes; none where it excludes nothing."""
    return [f"NOT COALESCE({scalar(table.exclude, outer)}, FALSE)"] if table.exclude else []


def joins_to(slice_: Slice, table: Source, needed: set[str]) -> str:
    """The joins that the needed columns come from, those they go through first."""
    order: list[str] = []

    def add(name: str) -> None:
        alias = name.rpartition(".")[0]
        if alias and alias not in order:
            add(table.joins[alias].on)
            order.append(alias)

    for name in sorted(needed):
        add(name)
    text = ""
    for alias in order:
        join = table.joins[alias]
        if join.at_event:
            text += at_event(slice_, table, alias, join)
            continue
        via, _, column = join.on.rpartition(".")
        key = slice_.declared[join.source].key[0]
        text += (
            f"\nLEFT JOIN {_joined(slice_, join)} AS {_quoted(alias)}"
            f' ON {_quoted(alias)}."{key}" = {_quoted(via) if via else "t"}."{column}"'
        )
    return text


def _joined(slice_: Slice, join: Join) -> str:
    """The relation that a join borrows from; nothing is in it where it may be lacking, and is."""
    if not join.optional or join.source in slice_.sources:
        return slice_.relation(join.source)
    columns = slice_.declared[join.source].columns.values()
    nulls = ", ".join(f'CAST(NULL AS {c.sql_type}) AS "{c.name}"' for c in columns)
    return f"(SELECT {nulls} WHERE FALSE)"


def at_event(slice_: Slice, table: Source, alias: str, join: Join) -> str:
    """The join to what held when the row came: each state holds until the next, so one at most."""
    other = slice_.declared[join.source]
    entity, since = (f'"{name}"' for name in other.key)
    by_day = other.columns[other.key[1]].type == "date" and not table.time_is_date
    time = local_day(table, slice_.zone) if by_day else f't."{table.time}"'
    states = (
        f"SELECT *, LEAD({since}) OVER (PARTITION BY {entity} ORDER BY {since}) AS next_from"
        f" FROM {slice_.relation(join.source)}"
    )
    name = _quoted(alias)
    return (
        f'\nLEFT JOIN (\n  {states}\n) AS {name} ON {name}.{entity} = t."{join.on}"'
        f" AND {name}.{since} <= {time} AND ({name}.next_from IS NULL OR {time} < {name}.next_from)"
    )


def _quoted(name: str) -> str:
    return f'"{name}"'

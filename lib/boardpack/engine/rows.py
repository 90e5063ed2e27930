"""The row stage of a statement: the rows that any window looks at, each with its bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from boardpack.engine.columns import column_sql
from boardpack.engine.expressions import scalar
from boardpack.engine.windows import Buckets
from boardpack.source_entries import MilestoneEntry, TouchesEntry
from boardpack.sources import Join, Source, resolve
from boardpack.warehouse import Slice, literal, local_day

UNKNOWN = "(unknown)"
#: The column of a mart with the local day, or the first day of the month.
DAY = "mart_day"
#: Its column with the number of rows by day that a row by month is made of.
DAYS = "mart_days"


def rows(
    slice_: Slice,
    source: Source,
    used: Iterable[str],
    split: Sequence[str],
    buckets: Buckets,
    *,
    open_start: bool = False,
    prorated: bool = False,
    condition: str | None = None,
    others: Sequence[str] = (),
) -> str:
    """SQL for the rows with the columns ``used``, own or borrowed, and the dimensions ``split``.

    ``open_start`` keeps what lies before the first bucket; ``prorated`` gives a row to every bucket
    that its stretch of time meets, with its ``share``; ``condition`` is over the columns.
    ``others`` are dimensions that a column used is not to be taken for, see `apart`.
    """
    sources = slice_.declared
    table = sources[source.distinct_of] if source.distinct_of else source
    needed: set[str] = set()
    outer = _outer(needed)
    time = outer(str(table.time))
    conditions = []
    if source.distinct_of:
        day = local_day(table, slice_.zone)
        selected = [f'{outer(name)} AS "{name}"' for name in source.entity]
        selected.append(f'{day} AS "day"')
    else:
        selected = [
            f"{outer(name)} AS {apart(column_sql(sources, table, name), others)}"
            for name in sorted(set(used))
        ]
    selected += _dimensions(table, split, outer)
    joins = ""
    if prorated:
        end = f't."{table.time_end}"'
        selected += ["e.bucket", f"CAST(LEAST({end} + 1, e.hi) - GREATEST({time}, e.lo) AS DOUBLE)"
                     f" / ({end} + 1 - {time}) AS share"]  # fmt: skip
        stretches = ", ".join(
            f"({i + 1}, DATE '{low}', DATE '{high}')"
            for i, (low, high) in enumerate(zip(buckets.edges, buckets.edges[1:], strict=False))
        )
        joins = (
            f"\nJOIN (VALUES {stretches}) AS e(bucket, lo, hi) ON {time} < e.hi AND {end} >= e.lo"
        )
    else:
        if not source.distinct_of:
            selected.append(f"{_bucket(slice_, table, buckets, outer)} AS bucket")
        conditions = _within(slice_, table, buckets, open_start, outer)
    within = tuple(conditions)
    conditions += _exclusion(table, outer)
    if source.distinct_of and source.where:
        conditions.append(f"({scalar(source.where, outer)})")
    joins += _joins(slice_, table, needed)
    keyword = "SELECT DISTINCT" if source.distinct_of else "SELECT"
    where = f"\nWHERE {' AND '.join(conditions)}" if conditions else ""
    own_time = str(table.time) in table.columns and str(table.time) not in table.milestones
    relation = _relation(slice_, table, needed, within if own_time and not open_start else ())
    body = f"{keyword} {', '.join(selected)}\nFROM {relation} AS t{joins}{where}"
    if source.distinct_of:
        # A bucket is made of whole days, so that days need not be told apart by it as well.
        body = f"SELECT *, {_bucket_of_day(buckets)} AS bucket FROM (\n{body}\n) AS days"
    return f"SELECT * FROM (\n{body}\n) AS kept WHERE {condition}" if condition else body


def apart(sql: str, split: Sequence[str]) -> str:
    """A measure's SQL over rows that are split by dimensions of the same names as its columns.

    The dimension ``region`` has no gaps, ``(unknown)`` standing in them; the column has.

    >>> apart('"surface" IS NULL AND "region" IS NULL', ["region"])
    '"surface" IS NULL AND "own__region" IS NULL'
    """
    for name in split:
        sql = sql.replace(f'"{name}"', f'"own__{name}"')
    return sql


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
    outer = _outer(needed)
    shown = _dimensions(table, split, outer)
    conditions = _exclusion(table, outer)
    roots = [table.joins[_root(table, name)] for name in needed if "." in name]
    return Borrowed(
        tuple(shown), _joins(slice_, table, needed), tuple(conditions), own_keys(table, split),
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
        scalar(exclude, _outer(needed))
    by_alias = dict(joins)
    found = set()
    for name in needed:
        while "." in name:
            name = by_alias[name.rpartition(".")[0]]
        found.add(name)
    return tuple(sorted(found))


def own_rows(
    slice_: Slice,
    table: Source,
    used: Iterable[str],
    buckets: Buckets,
    condition: str | None,
    *,
    open_start: bool,
) -> str:
    """SQL for the rows with columns of the table alone, those that are left out later included."""
    selected = [f't."{name}" AS "{name}"' for name in sorted(set(used))]
    outer = _outer(set())
    selected.append(f"{_bucket(slice_, table, buckets, outer)} AS bucket")
    within = _within(slice_, table, buckets, open_start, outer)
    conditions = [*within, *filter(None, [condition])]
    return (
        f"SELECT {', '.join(selected)}\nFROM {slice_.relation(table.id)} AS t"
        f"\nWHERE {' AND '.join(conditions)}"
    )


def stored_rows(
    slice_: Slice,
    source: Source,
    relation: str,
    columns: Sequence[str],
    split: Sequence[str],
    buckets: Buckets,
    *,
    open_start: bool = False,
    condition: str | None = None,
    borrow: bool = True,
) -> str:
    """SQL for the rows of a mart as `rows` has them of its source: a row a day and key, with these
    columns of the mart.

    Of a source of distinct days, with `DAYS` among them a row is so many days and not one.
    ``condition`` is over columns of the mart; without ``borrow`` what is taken from other tables
    comes later, as after `own_rows`.
    """
    table = slice_.declared[source.distinct_of] if source.distinct_of else source
    needed: set[str] = set()
    outer = _outer(needed)
    selected = [f't."{name}" AS "{name}"' for name in dict.fromkeys(columns)]
    # As in `_within`: the slice is cut by the table's own time.
    last = min(buckets.last, slice_.as_of + timedelta(days=1)) if table.placed_of else buckets.last
    conditions = [f"t.{DAY} < DATE '{last}'"]
    if not open_start:
        conditions.append(f"t.{DAY} >= DATE '{buckets.first}'")
    if borrow:
        selected += _dimensions(table, split, outer)
        conditions += _exclusion(table, outer)
    if condition:
        conditions.append(condition)
    edges = [f"DATE '{day}'" for day in buckets.edges]
    days_apart = source.distinct_of and DAYS not in columns
    if days_apart:
        selected.append(f't.{DAY} AS "day"')
    else:
        selected.append(f"{_sorted_into(f't.{DAY}', edges)} AS bucket")
    keyword = "SELECT DISTINCT" if days_apart else "SELECT"
    joins = _joins(slice_, table, needed)
    body = (
        f"{keyword} {', '.join(selected)}\nFROM {relation} AS t{joins}"
        f"\nWHERE {' AND '.join(conditions)}"
    )
    if days_apart:
        body = f"SELECT *, {_bucket_of_day(buckets)} AS bucket FROM (\n{body}\n) AS days"
    return body


def _root(table: Source, name: str) -> str:
    """The first of the joins that a borrowed column comes through."""
    alias = name.rpartition(".")[0]
    on = table.joins[alias].on
    return alias if "." not in on else _root(table, on)


def _outer(needed: set[str]) -> Callable[[str], str]:
    """Writes a column of the table or of a join, and remembers it as needed."""

    def write(name: str) -> str:
        needed.add(name)
        alias, _, column = name.rpartition(".")
        return f'{_quoted(alias) if alias else "t"}."{column}"'

    return write


def _dimensions(table: Source, split: Sequence[str], outer: Callable[[str], str]) -> list[str]:
    return [
        f"COALESCE(CAST({outer(table.dimensions[name])} AS VARCHAR), '{UNKNOWN}') AS \"{name}\""
        for name in split
    ]


def _exclusion(table: Source, outer: Callable[[str], str]) -> list[str]:
    return [f"NOT COALESCE({scalar(table.exclude, outer)}, FALSE)"] if table.exclude else []


def _within(
    slice_: Slice, table: Source, buckets: Buckets, open_start: bool, outer: Callable[[str], str]
) -> list[str]:
    column, time = resolve(slice_.declared, table, str(table.time)), outer(str(table.time))
    # The slice is cut at the as-of by the table's own time, not by the one it is placed by.
    last = min(buckets.last, slice_.as_of + timedelta(days=1)) if table.placed_of else buckets.last
    conditions = [f"{time} < {literal(column, last, slice_.zone)}"]
    if not open_start:
        conditions.append(f"{time} >= {literal(column, buckets.first, slice_.zone)}")
    return conditions


def _relation(slice_: Slice, table: Source, needed: Iterable[str], within: Sequence[str]) -> str:
    """The table, with what a placed source adds to it as far as it is needed."""
    if table.touches is not None:
        return _with_touches(slice_, table, table.touches)
    return _with_milestones(slice_, table, needed, within)


def _with_touches(slice_: Slice, table: Source, entry: TouchesEntry) -> str:
    """The table with a row a touch up to the day it is placed on; one for what has none.

    Places and counts are among these touches, so that shares of the credit add up to one.
    """
    other = slice_.declared[entry.of]
    needed: set[str] = set()
    outer = _outer(needed)
    columns = "".join(f', {outer(column)} AS "{name}"' for name, column in entry.columns.items())
    touches = (
        f"SELECT {outer(entry.by)} AS entity, {outer(str(other.time))} AS moment,"
        f" {local_day(other, slice_.zone)} AS day, {outer(other.key[0])} AS id{columns}"
        f" FROM {slice_.relation(other.id)} AS t{_joins(slice_, other, needed)}"
    )
    placed = slice_.declared[table.id]
    day = local_day(placed, slice_.zone).replace('t."', 'r."')
    key = f'r."{table.key[0]}"'
    shown = "".join(f', w."{name}"' for name in entry.columns)
    return (
        f"(\n  SELECT r.*{shown}, ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY w.moment, w.id)"
        f" AS touch_place,\n    COUNT(*) OVER (PARTITION BY {key}) AS touch_count"
        f"\n  FROM {slice_.relation(table.id)} AS r LEFT JOIN (\n    {touches}\n  ) AS w"
        f' ON w.entity = r."{entry.to}" AND w.day <= {day}\n)'
    )


def _with_milestones(
    slice_: Slice, table: Source, needed: Iterable[str], within: Sequence[str]
) -> str:
    """The table with the milestones that are needed: one row a key is joined, so none comes twice.

    Rows of the other source that its own ``exclude`` leaves out are not left out here: whose
    milestones count is for the table to say. ``within`` are conditions on the time of a row of the
    table: nobody looks for the milestones of others, which may be most.
    """
    relation = slice_.relation(table.id)
    wanted = [name for name in table.milestones if name in set(needed)]
    if not wanted:
        return relation
    key = f'"{table.key[0]}"'
    shown, whose = "", ""
    if within:
        conditions = " AND ".join(within)
        shown = f"  WITH those AS (SELECT * FROM {relation} AS t WHERE {conditions})\n"
        relation, whose = "those", f"SELECT {key} FROM those"
    columns, joins = "", ""
    for i, name in enumerate(wanted):
        columns += f', m{i}.moment AS "{name}"'
        joins += (
            f"\n  LEFT JOIN (\n{_milestone(slice_, table.milestones[name], whose)}\n  ) AS m{i}"
            f" ON m{i}.entity = r.{key}"
        )
    return f"(\n{shown}  SELECT r.*{columns}\n  FROM {relation} AS r{joins}\n)"


def _milestone(slice_: Slice, entry: MilestoneEntry, whose: str) -> str:
    """A row for each entity that has got there: when; ``whose`` selects them, if not all."""
    other = slice_.declared[entry.of]
    by, time = f't."{entry.by}"', f't."{other.time}"'
    relation = f"{slice_.relation(other.id)} AS t"
    own = [] if entry.where is None else [f"({_of_table(entry.where)})"]
    among = [f"{by} IN ({whose})"] if whose else []
    conditions = " AND ".join([*own, f"{by} IS NOT NULL", f"{time} IS NOT NULL", *among])
    if entry.nth == 1:
        return (
            f"    SELECT {by} AS entity, MIN({time}) AS moment FROM {relation}"
            f" WHERE {conditions} GROUP BY {by}"
        )
    if entry.counted == "days":
        return _rule_met(entry, local_day(other, slice_.zone), by, time, relation, conditions)
    over = f"OVER (PARTITION BY {by} ORDER BY {time})"
    place, kept = f"ROW_NUMBER() {over} AS n", f"n = {entry.nth}"
    if entry.days is not None:
        place = f"LAG({time}, {entry.nth - 1}) {over} AS first_of_them"
        kept = f"first_of_them > moment - INTERVAL '{entry.days}' DAY"
    return (
        f"    SELECT entity, MIN(moment) AS moment FROM (SELECT {by} AS entity, {time} AS moment,"
        f" {place}\n    FROM {relation} WHERE {conditions}) AS numbered\n"
        f"    WHERE {kept} GROUP BY entity"
    )


def _rule_met(
    entry: MilestoneEntry, day: str, by: str, time: str, relation: str, conditions: str
) -> str:
    """The last moment of the first day at which enough days, and kinds, lie within the days."""
    kinds = list(entry.kinds.values())
    used = "".join(
        f", MAX(CASE WHEN {_of_table(kind)} THEN {day} END) AS k{i}" for i, kind in enumerate(kinds)
    )
    last = "".join(f", MAX(k{i}) OVER so_far AS k{i}" for i in range(len(kinds)))
    kept = f"first_of_them > day - {entry.days}"
    if kinds:
        ones = [f"CASE WHEN k{i} > day - {entry.days} THEN 1 ELSE 0 END" for i in range(len(kinds))]
        kept += f" AND {' + '.join(ones)} >= {entry.at_least}"
    return (
        f"    SELECT entity, MIN(moment) AS moment FROM (\n"
        f"    SELECT entity, day, moment, LAG(day, {entry.nth - 1}) OVER so_far AS first_of_them"
        f"{last}\n    FROM (SELECT {by} AS entity, {day} AS day, MAX({time}) AS moment{used}"
        f" FROM {relation} WHERE {conditions} GROUP BY 1, 2) AS days\n"
        f"    WINDOW so_far AS (PARTITION BY entity ORDER BY day)) AS numbered\n"
        f"    WHERE {kept} GROUP BY entity"
    )


def _of_table(text: str) -> str:
    return scalar(text, lambda name: f't."{name}"')


def _joins(slice_: Slice, table: Source, needed: set[str]) -> str:
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


def _bucket(slice_: Slice, table: Source, buckets: Buckets, outer: Callable[[str], str]) -> str:
    column = resolve(slice_.declared, table, str(table.time))
    edges = [literal(column, day, slice_.zone) for day in buckets.edges]
    return _sorted_into(outer(str(table.time)), edges)


def _bucket_of_day(buckets: Buckets) -> str:
    return _sorted_into('"day"', [f"DATE '{day}'" for day in buckets.edges])


def _sorted_into(time: str, edges: Sequence[str]) -> str:
    """A balanced CASE: a row meets as many comparisons as the edges have binary digits."""

    def tree(low: int, high: int) -> str:
        if low == high:
            return str(low)
        middle = (low + high) // 2
        return (
            f"CASE WHEN {time} < {edges[middle]} THEN {tree(low, middle)}"
            f" ELSE {tree(middle + 1, high)} END"
        )

    return tree(0, len(edges))


def _quoted(name: str) -> str:
    return f'"{name}"'

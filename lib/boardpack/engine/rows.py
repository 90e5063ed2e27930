"""The row stage of a statement: the rows that any window looks at, each with its bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from boardpack.engine.borrowing import dimensions_of, exclusion, joins_to, outer_writer
from boardpack.engine.columns import column_sql
from boardpack.engine.expressions import scalar
from boardpack.engine.placings import relation_of
from boardpack.engine.windows import Buckets
from boardpack.sources import Source, resolve
from boardpack.warehouse import Slice
from boardpack.zones import literal, local_day

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
    outer = outer_writer(needed)
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
    selected += dimensions_of(table, split, outer)
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
    conditions += exclusion(table, outer)
    if source.distinct_of and source.where:
        conditions.append(f"({scalar(source.where, outer)})")
    joins += joins_to(slice_, table, needed)
    keyword = "SELECT DISTINCT" if source.distinct_of else "SELECT"
    where = f"\nWHERE {' AND '.join(conditions)}" if conditions else ""
    own_time = str(table.time) in table.columns and str(table.time) not in table.milestones
    relation = relation_of(slice_, table, needed, within if own_time and not open_start else ())
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
    outer = outer_writer(set())
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
    outer = outer_writer(needed)
    selected = [f't."{name}" AS "{name}"' for name in dict.fromkeys(columns)]
    # As in `_within`: the slice is cut by the table's own time.
    last = min(buckets.last, slice_.as_of + timedelta(days=1)) if table.placed_of else buckets.last
    conditions = [f"t.{DAY} < DATE '{last}'"]
    if not open_start:
        conditions.append(f"t.{DAY} >= DATE '{buckets.first}'")
    if borrow:
        selected += dimensions_of(table, split, outer)
        conditions += exclusion(table, outer)
    if condition:
        conditions.append(condition)
    edges = [f"DATE '{day}'" for day in buckets.edges]
    days_apart = source.distinct_of and DAYS not in columns
    if days_apart:
        selected.append(f't.{DAY} AS "day"')
    else:
        selected.append(f"{_sorted_into(f't.{DAY}', edges)} AS bucket")
    keyword = "SELECT DISTINCT" if days_apart else "SELECT"
    joins = joins_to(slice_, table, needed)
    body = (
        f"{keyword} {', '.join(selected)}\nFROM {relation} AS t{joins}"
        f"\nWHERE {' AND '.join(conditions)}"
    )
    if days_apart:
        body = f"SELECT *, {_bucket_of_day(buckets)} AS bucket FROM (\n{body}\n) AS days"
    return body


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

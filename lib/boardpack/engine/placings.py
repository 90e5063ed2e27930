"""What a placed source adds to its table: the milestones of a row, the touches it is owed to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from boardpack.engine.borrowing import joins_to, outer_writer
from boardpack.engine.expressions import scalar
from boardpack.source_entries import MilestoneEntry, TouchesEntry
from boardpack.sources import Source
from boardpack.warehouse import Slice
from boardpack.zones import local_day


def relation_of(slice_: Slice, table: Source, needed: Iterable[str], within: Sequence[str]) -> str:
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
    outer = outer_writer(needed)
    columns = "".join(f', {outer(column)} AS "{name}"' for name, column in entry.columns.items())
    touches = (
        f"SELECT {outer(entry.by)} AS entity, {outer(str(other.time))} AS moment,"
        f" {local_day(other, slice_.zone)} AS day, {outer(other.key[0])} AS id{columns}"
        f" FROM {slice_.relation(other.id)} AS t{joins_to(slice_, other, needed)}"
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

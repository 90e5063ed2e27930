"""Drafted suites: native Great Expectations JSON, from what a source declares and the data hold.

Keys are critical: counted twice is wrong whatever the guess. Everything that is only guessed from
the rows seen so far is a warning, so that a first report is not held by a guess. What is unusual in
few rows is not learnt as usual: it stands as a check that these rows do not pass, with their number
in its note, for a person to mend the data or the check.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from boardpack.draft_checks import (
    ENOUGH,
    RARE,
    Check,
    Ground,
    amounts,
    column,
    most,
    of_columns,
)
from boardpack.draft_texts import FEW
from boardpack.gate_checks import Checks, plain_texts
from boardpack.gate_types import (
    AFTER,
    COUNTS,
    HOURS,
    LATE,
    MEANS,
    SHARES,
    TEXT,
    sentence_of,
)
from boardpack.source_facts import read
from boardpack.sources import Source
from boardpack.warehouse import Slice

#: Days that the newest row may lie before the as-of where nothing is known of its rhythm.
_FRESH = 45
#: Rows from which on a key is checked by SQL.
_MANY = 200_000
#: Rows up to which rows that are alike are looked for: all of them are compared.
_COMPARED = 2_000_000


def draft_suite(
    slice_: Slice,
    source: Source,
    known: Mapping[str, Source],
    behind: int = 0,
    owner: str = "analyst",
) -> dict[str, Any]:
    """The suite of a connected source, as the value of its JSON file.

    ``behind`` are the days by which its newest row is older than that of the others. ``known``
    are the connected sources; a column that refers to one of them is checked against it. ``meta``
    says ``replaces``, since the suite brings one for every source of its own. A check that some
    rows do not pass as of the slice has them in its ``notes``, see `failing`.
    """
    ground = Ground(slice_, source, read(slice_, source), known)
    kinds: list[Iterable[Check]] = [
        _keys(ground), of_columns(ground), _references(ground), _orders(ground), _sums(ground),
        _alike(ground), _clean(ground), _volume(ground), _fresh(ground, behind), _history(ground),
    ]  # fmt: skip
    entries = [_entry(ground, check, owner) for checks in kinds for check in checks]
    return {"name": source.id, "expectations": entries, "meta": {"replaces": source.id}}


def suite_text(suite: Mapping[str, Any]) -> str:
    """The file of a suite."""
    return json.dumps(suite, indent=1, ensure_ascii=False) + "\n"


def failing(suite: Mapping[str, Any]) -> list[str]:
    """What a drafted suite expects and the data do not hold: a line each, with how many rows."""
    return [
        f"{entry['meta'].get('sentence') or sentence_of(entry['type'], entry['kwargs'])}:"
        f" {entry['notes']}"
        for entry in suite["expectations"]
        if entry.get("notes", "").startswith("not so for ")
    ]


def _entry(ground: Ground, check: Check, owner: str) -> dict[str, Any]:
    meta = {"dimension": check.dimension, "owner": owner, "at_stake": check.at_stake}
    if check.sentence:
        meta["sentence"] = check.sentence
    if check.counts:
        meta["counts"] = check.counts
    entry: dict[str, Any] = {
        "type": check.type, "kwargs": dict(check.kwargs), "severity": check.severity, "meta": meta,
    }  # fmt: skip
    note = check.note
    if check.wrong:
        what = check.unit or check.counts or f"of {ground.facts.rows:,} rows"
        note = f"not so for {check.wrong:,} {what} as of {ground.slice.as_of}" + (
            f"; {note}" if note else ""
        )
    return {**entry, "notes": note} if note else entry


def _keys(ground: Ground) -> Iterator[Check]:
    source, facts = ground.source, ground.facts
    stake = f"A row of {source.id} would count twice."
    for name in source.key:
        nulls = facts.columns[name].nulls if name in facts.columns else facts.rows
        yield Check(
            "expect_column_values_to_not_be_null", {"column": name}, "completeness",
            f"A row of {source.id} without {name} would be left out or stand alone.", "critical",
            wrong=nulls,
        )  # fmt: skip
    # By SQL where it is of several columns, or of so many rows that the other way takes long.
    key = ground.shown
    filled = " AND ".join(f"{column(name)} IS NOT NULL" for name in source.key)
    query = (
        f"SELECT {key}, count(*) AS copies FROM {{batch}} WHERE {filled} GROUP BY {key}"
        " HAVING count(*) > 1"
    )
    together = " together" if len(source.key) > 1 else ""
    sentence = f"{' and '.join(source.key)} {'are' if together else 'is'} never repeated{together}"
    check = ground.by_sql(query, sentence, "accuracy", stake, counts="repeated keys")
    if len(source.key) == 1 and facts.rows <= _MANY:
        kwargs = {"column": source.key[0]}
        check = replace(
            check, type="expect_column_values_to_be_unique", kwargs=kwargs, sentence="", counts="",
            note=f"{check.wrong:,} keys are repeated" if check.wrong else "",
        )  # fmt: skip
    yield replace(check, severity="critical")


def _references(ground: Ground) -> Iterator[Check]:
    source = ground.source
    for name, other in source.references.items():
        if other not in ground.known or name not in ground.facts.columns or other == source.id:
            continue
        shown = ", ".join(f"b.{column(n)}" for n in dict.fromkeys((source.key[0], name)))
        theirs, ours = column(ground.known[other].key[0]), column(name)
        query = (
            f"SELECT {shown} FROM {{batch}} AS b ANTI JOIN slice.{other} AS p"
            f" ON p.{theirs} = b.{ours} WHERE b.{ours} IS NOT NULL"
        )
        yield ground.by_sql(
            query, f"every {name} is one of {other}", "consistency",
            f"Its figures would be in the total and with no member of {other}.",
        )  # fmt: skip


def _orders(ground: Ground) -> Iterator[Check]:
    """Pairs of moments that always, or nearly always, come in one order."""
    always: dict[str, set[str]] = {}
    held = [
        o
        for o in ground.facts.orders
        # What happens after a row was recorded is no fault.
        if o.first != ground.source.recorded_at
        and o.both >= ENOUGH
        and o.wrong <= RARE / 2 * o.both
        and o.equal < o.both
    ]
    for order in held:
        always.setdefault(order.first, set()).add(order.then)
    for order in most(held):
        between = always[order.first] - {order.then}
        if not order.wrong and any(order.then in always.get(name, ()) for name in between):
            continue  # It follows from two others.
        mixed = len({ground.facts.columns[n].column.type for n in (order.first, order.then)}) > 1
        first, then = (f"CAST({column(n)} AS DATE)" for n in (order.first, order.then))
        sentence = f"{order.then} is not before {order.first}"
        stake = f"Times between {order.first} and {order.then} would be negative."
        if mixed:
            shown = dict.fromkeys((*ground.source.key, order.first, order.then))
            query = (
                f"SELECT {', '.join(map(column, shown))} FROM {{batch}} AS t WHERE {then} < {first}"
            )
            yield ground.by_sql(query, sentence, "accuracy", stake)
            continue
        yield Check(
            "expect_column_pair_values_a_to_be_greater_than_b",
            {"column_A": order.then, "column_B": order.first, "or_equal": True,
             "ignore_row_if": "either_value_is_missing"},
            "accuracy", stake, sentence=sentence, wrong=order.wrong,
        )  # fmt: skip


def _sums(ground: Ground) -> Iterator[Check]:
    """Columns that are the sum or the product of two others."""
    for sum_ in most(ground.facts.sums):
        left, right = (f"CAST({column(name)} AS DOUBLE)" for name in (sum_.left, sum_.right))
        total = column(sum_.total)
        slack = f"0.011 + 0.001 * abs({total})" if sum_.sign == "*" else "0.011"
        shown = dict.fromkeys((*ground.source.key, sum_.left, sum_.right, sum_.total))
        check = ground.by_sql(
            f"SELECT {', '.join(map(column, shown))} FROM {{batch}} AS t"
            f" WHERE abs({left} {sum_.sign} {right} - {total}) > {slack}",
            f"{sum_.left} {sum_.sign} {sum_.right} is {sum_.total}", "consistency",
            f"{sum_.total} and what it is made of would tell different stories.",
        )  # fmt: skip
        if check.wrong <= RARE * ground.facts.rows:
            yield check


def _alike(ground: Ground) -> Iterator[Check]:
    """Rows that are alike in all but their key: the same thing, loaded twice."""
    source, facts = ground.source, ground.facts
    apart = {*source.key, source.recorded_at}
    names = [
        c.name for c in facts.columns.values()
        if c.name not in apart and c.known and not c.is_unique
    ]  # fmt: skip
    whose = {*source.references, *(join.on for join in source.joins.values())}
    whose |= {c.name for c in facts.columns.values() if c.column.pii or len(c.values) > FEW}
    if (
        source.time not in names
        or not whose & set(names)
        or len(names) < 3
        or facts.rows > _COMPARED
    ):
        return
    shown = dict.fromkeys((*source.key, str(source.time)))
    query = (
        f"SELECT {', '.join(map(column, shown))} FROM {{batch}} AS t QUALIFY row_number() OVER"
        f" (PARTITION BY {', '.join(map(column, names))} ORDER BY {ground.shown}) > 1"
    )
    check = ground.by_sql(
        query, "no two rows are alike in all but their key", "accuracy",
        f"What was loaded twice would count twice among the {source.id.replace('_', ' ')}.",
    )  # fmt: skip
    # Where many are alike by chance, the columns do not tell one from another.
    if check.wrong <= RARE * facts.rows:
        yield check


def _clean(ground: Ground) -> Iterator[Check]:
    source, lacks = ground.source, ground.slice.lacks(ground.source.id)
    if any(name not in lacks for name in plain_texts(source)):
        check = Check(
            TEXT, {}, "consistency",
            "One member would be shown as two, and what is unknown as a member.",
        )  # fmt: skip
        yield from _found(ground, [check])
    if ground.slice.ahead(source.id) is not None:
        check = Check(
            AFTER, {"column": source.time}, "accuracy",
            "These rows are in no figure, and the day that they belong to lacks them.",
        )  # fmt: skip
        yield from _found(ground, [check])


def _volume(ground: Ground) -> Iterator[Check]:
    """The number of rows of what has no time: half of them or ten times as many is a fault."""
    source, rows = ground.source, ground.facts.rows
    if source.time is None and source.recorded_at is None and rows >= 10:
        yield Check(
            "expect_table_row_count_to_be_between",
            {"min_value": rows // 2, "max_value": 10 * rows}, "completeness",
            f"Part of the {source.id.replace('_', ' ')} may be missing, or be there several times.",
        )  # fmt: skip


def _fresh(ground: Ground, behind: int) -> Iterator[Check]:
    """As late as the source has been before, and half as much again."""
    source, facts = ground.source, ground.facts
    if not source.time or source.time not in facts.columns or not facts.columns[source.time].known:
        return
    days = _FRESH
    if facts.days >= 3:
        days = math.ceil(1.5 * facts.longest_gap) + 1
    gap = "a day" if facts.longest_gap == 1 else f"{facts.longest_gap} days"
    note = f"the longest time without a row was {gap}" if facts.days >= 3 else ""
    late = behind if behind > days + _FRESH else 0
    if behind and not late:
        days += behind
        note = f"it is {behind} days behind the others; {note}".removesuffix("; ")
    check = Check(
        "expect_column_max_to_be_between",
        {"column": source.time, "min_value": {"$PARAMETER": f"as_of - timedelta(days={days})"}},
        "timeliness", "Its latest rows would be missing.", note=note,
    )  # fmt: skip
    yield replace(check, wrong=late, unit="days") if late else check


def _history(ground: Ground) -> Iterator[Check]:
    """What follows the past: how many rows, their means and shares, where the past is long."""
    source, facts = ground.source, ground.facts
    if not source.time or source.time not in facts.columns:
        return
    time, rows = source.time, source.id.replace("_", " ")
    members = [
        name for name, column in source.dimensions.items()
        if _can_split(ground, name)
        and not (column in facts.columns and facts.columns[column].is_constant)
    ]  # fmt: skip
    wanted = [
        Check(COUNTS, {"column": time}, "completeness",
               f"Part of the {rows} may be missing, or be there twice."),
        *(Check(COUNTS, {"column": time, "by": name, "min_change": 0.3}, "completeness",
                 f"The {rows} of one {name} may be missing, and its figures be too low.")
          for name in members[:2]),
        *(Check(MEANS, {"column": c.name, "over": time}, "accuracy",
                 f"{c.name} may be in another unit or currency, or of other rows than before.")
          for c in most((c for c in amounts(ground) if 2 * c.zeros < c.known), 3)),
        *(Check(SHARES, {"column": name, "over": time}, "consistency",
                 f"Figures by {name} would move because rows are named otherwise or missing.")
          for name in members[:3]),
    ]  # fmt: skip
    if facts.columns[time].column.type == "timestamp" and not _all_midnight(ground, time):
        wanted.append(
            Check(HOURS, {"column": time}, "accuracy",
                   "Moments may be of another time zone, and rows on the wrong day.")
        )  # fmt: skip
    recorded_at = facts.columns.get(source.recorded_at or "")
    if recorded_at is not None and recorded_at.known and source.recorded_at != time:
        wanted.append(
            Check(LATE, {"column": time}, "timeliness",
                   f"The newest figures would still change as late {rows} come in.")
        )  # fmt: skip
    yield from _found(ground, wanted)


def _found(ground: Ground, wanted: list[Check]) -> Iterator[Check]:
    """Checks of our own types, with what they find now; without those that can say nothing."""
    checks = Checks(ground.slice, ground.source, [(c.type, c.kwargs) for c in wanted])
    for check in wanted:
        found = checks.find(check.type, {**check.kwargs, "type": check.type})
        # What is unusual every fourth week has no habits to check.
        restless = check.type not in (TEXT, AFTER) and 4 * found.unexpected > found.evaluated
        if not found.skipped and not restless:
            said = "; ".join(_said(row) for row in found.sample[:2]) if found.unexpected else ""
            yield replace(check, wrong=found.unexpected, unit=found.counts or "rows", note=said)


def _said(row: Mapping[str, Any]) -> str:
    return " ".join(f"{name} {value}" for name, value in row.items())


def _can_split(ground: Ground, dimension: str) -> bool:
    """Whether a dimension is there and can be shown: one of its own, or of a connected source."""
    source, path = ground.source, ground.source.dimensions[dimension]
    alias, _, name = path.rpartition(".")
    owner = ground.slice.declared[source.joins[alias].source] if alias else source
    while "." in path:
        join = source.joins[path.partition(".")[0]]
        if join.source not in ground.slice.sources:
            return False
        path = join.on
    return name not in ground.slice.lacks(owner.id) and not owner.columns[name].pii


def _all_midnight(ground: Ground, time: str) -> bool:
    relation = ground.slice.relation(ground.source.id)
    (row,) = ground.slice.rows(
        f"SELECT min(extract(hour FROM t.{column(time)})), max(extract(hour FROM t.{column(time)}))"
        f" FROM {relation} AS t"
    )
    return bool(row[0] == row[1])

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
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from boardpack.draft_texts import FEW, members_of, shape_of, variants
from boardpack.gate_checks import Checks, plain_texts
from boardpack.gate_types import (
    AFTER,
    COUNTS,
    HOURS,
    LATE,
    MEANS,
    ROWS,
    SHARES,
    TEXT,
    sentence_of,
)
from boardpack.source_facts import ColumnFacts, SourceFacts, counted, read
from boardpack.sources import Source
from boardpack.warehouse import Slice

T = TypeVar("T")

#: Days that the newest row may lie before the as-of where nothing is known of its rhythm.
_FRESH = 45
#: Rows from which on a key is checked by SQL.
_MANY = 200_000
#: Rows up to which rows that are alike are looked for: all of them are compared.
_COMPARED = 2_000_000
#: Rows without which what never happened proves nothing.
_ENOUGH = 100
#: The share of the rows up to which what is unlike the others is taken for a fault.
_RARE = 0.02
#: Checks of a kind that are drafted at most, whatever the number of columns.
_MOST = 12


@dataclass(frozen=True)
class _Check:
    """A drafted expectation; ``wrong`` rows (or ``counts``) do not pass it."""

    type: str
    kwargs: Mapping[str, Any]
    dimension: str
    at_stake: str
    severity: str = "warning"
    sentence: str = ""
    #: what a row that its SQL finds is, when it is not a row of the source
    counts: str = ""
    wrong: int = 0
    unit: str = ""
    note: str = ""


@dataclass(frozen=True)
class _Ground:
    """What a suite is drafted on."""

    slice: Slice
    source: Source
    facts: SourceFacts
    known: Mapping[str, Source]

    def by_sql(
        self, query: str, sentence: str, dimension: str, at_stake: str, **more: Any
    ) -> _Check:
        """A check of the rows that a query finds; those it finds now are counted."""
        wrong = counted(self.slice, query, self.slice.relation(self.source.id))
        return _Check(
            ROWS, {"unexpected_rows_query": query}, dimension, at_stake, sentence=sentence,
            wrong=wrong, **more,
        )  # fmt: skip

    @property
    def shown(self) -> str:
        """The columns by which a row that a query finds is known."""
        return ", ".join(self.source.key)


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
    ground = _Ground(slice_, source, read(slice_, source), known)
    kinds: list[Iterable[_Check]] = [
        _keys(ground), _required(ground), _references(ground), _enumerations(ground),
        _ranges(ground), _zeros(ground), _placeholders(ground), _formats(ground),
        _spellings(ground), _orders(ground), _sums(ground), _alike(ground), _clean(ground),
        _volume(ground), _fresh(ground, behind), _history(ground),
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


def _entry(ground: _Ground, check: _Check, owner: str) -> dict[str, Any]:
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


def _keys(ground: _Ground) -> Iterator[_Check]:
    source, facts = ground.source, ground.facts
    stake = f"A row of {source.id} would count twice."
    for name in source.key:
        nulls = facts.columns[name].nulls if name in facts.columns else facts.rows
        yield _Check(
            "expect_column_values_to_not_be_null", {"column": name}, "completeness",
            f"A row of {source.id} without {name} would be left out or stand alone.", "critical",
            wrong=nulls,
        )  # fmt: skip
    # By SQL where it is of several columns, or of so many rows that the other way takes long.
    key = ", ".join(source.key)
    filled = " AND ".join(f"{name} IS NOT NULL" for name in source.key)
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


def _required(ground: _Ground) -> Iterator[_Check]:
    """What is declared to be there, or is in all rows but a few."""
    for facts in _columns(ground):
        name, share = facts.name, facts.nulls / facts.rows
        declared = not facts.column.optional
        guessed = share <= _RARE and facts.rows >= _ENOUGH
        guessed = guessed and (not facts.is_time or name == ground.source.time)
        if declared or guessed:
            blank = ground.facts.blanks.get(name)
            yield _Check(
                "expect_column_values_to_not_be_null", {"column": name}, "completeness",
                f"A row of {ground.source.id} without {name} would be left out or stand alone.",
                wrong=facts.nulls, note=f"they are the rows in which {blank}" if blank else "",
            )  # fmt: skip
            continue
        least = math.floor(100 * (1 - 2 * share)) / 100
        if share > 0 and least > 0:
            yield _Check(
                "expect_column_proportion_of_non_null_values_to_be_between",
                {"column": name, "min_value": least}, "completeness",
                f"{name} would be unknown for many more rows than before.",
            )  # fmt: skip


def _references(ground: _Ground) -> Iterator[_Check]:
    source = ground.source
    for name, other in source.references.items():
        if other not in ground.known or name not in ground.facts.columns or other == source.id:
            continue
        shown = dict.fromkeys((source.key[0], name))
        query = (
            f"SELECT {', '.join(f'b.{column}' for column in shown)} FROM {{batch}} AS b"
            f" ANTI JOIN slice.{other} AS p ON p.{ground.known[other].key[0]} = b.{name}"
            f" WHERE b.{name} IS NOT NULL"
        )
        yield ground.by_sql(
            query, f"every {name} is one of {other}", "consistency",
            f"Its figures would be in the total and with no member of {other}.",
        )  # fmt: skip


def _enumerations(ground: _Ground) -> Iterator[_Check]:
    for facts in _most(_texts(ground)):
        members = members_of(facts.values, facts.column.values)
        if not members or not facts.is_complete:
            continue
        yield _Check(
            "expect_column_values_to_be_in_set", {"column": facts.name, "value_set": members},
            "accuracy", f"A {facts.name} not seen before would stand beside the others.",
            wrong=sum(n for value, n in facts.values if value not in members),
            note=_listed(value for value, _ in facts.values if value not in members),
        )  # fmt: skip


def _ranges(ground: _Ground) -> Iterator[_Check]:
    """Within ten times of what is usual: a unit that changed, such as cents, stands out."""
    for facts in _most(c for c in _columns(ground) if c.is_number and not c.column.pii):
        bound = 10 * _power(facts.usual)
        above = 0
        if max(abs(facts.low), abs(facts.high)) > bound:
            query = f"SELECT 1 FROM {{batch}} AS t WHERE abs({facts.name}) > {bound}"
            above = counted(ground.slice, query, ground.slice.relation(ground.source.id))
            if above > _RARE / 20 * facts.known:
                bound, above = 10 * _power(max(abs(facts.low), abs(facts.high))), 0
        turned = 0 < facts.negatives <= _RARE * facts.known and facts.rows >= _ENOUGH
        low = 0 if turned or not facts.negatives else -bound
        yield _Check(
            "expect_column_values_to_be_between",
            {"column": facts.name, "min_value": low, "max_value": bound}, "accuracy",
            f"{facts.name} would be in another unit, mistyped, or of the wrong sign.",
            wrong=above + (facts.negatives if turned else 0),
            note=f"{facts.negatives:,} are negative" if turned else "",
        )  # fmt: skip


def _zeros(ground: _Ground) -> Iterator[_Check]:
    """Amounts that are zero in few rows or in none, and otherwise far from it."""
    for facts in _most(_amounts(ground)):
        few = facts.zeros <= _RARE * facts.known and facts.known >= _ENOUGH
        if not few or facts.is_whole or not facts.has_gap:
            continue
        yield _Check(
            "expect_column_values_to_not_be_in_set", {"column": facts.name, "value_set": [0]},
            "accuracy", f"A {facts.name} that nobody filled in would lower every mean.",
            sentence=f"{facts.name} is never 0", wrong=facts.zeros,
        )  # fmt: skip


def _placeholders(ground: _Ground) -> Iterator[_Check]:
    """Values that stand for nothing, where they are found."""
    for facts in _most(_columns(ground)):
        for value, rows in facts.placeholders:
            if rows > 10 * _RARE * facts.known or facts.is_constant:
                continue
            sentence = f"{facts.name} is never {value}, which stands for nothing"
            stake = f"What {facts.name} is not known for would count as if it were."
            if facts.is_time:
                query = (
                    f"SELECT {_shown(ground, facts)} FROM {{batch}} AS t"
                    f" WHERE CAST({facts.name} AS DATE) = DATE '{value}'"
                )
                yield ground.by_sql(query, sentence, "accuracy", stake)
                continue
            yield _Check(
                "expect_column_values_to_not_be_in_set",
                {"column": facts.name, "value_set": [int(value)]}, "accuracy", stake,
                sentence=sentence, wrong=rows,
            )  # fmt: skip


def _formats(ground: _Ground) -> Iterator[_Check]:
    for facts in _most(_texts(ground), _MOST // 2):
        if members_of(facts.values, facts.column.values) or len(facts.values) <= FEW:
            continue
        shape = shape_of(facts.values)
        if shape is None:
            continue
        pattern = shape.pattern.replace("{", "{{").replace("}", "}}").replace("'", "''")
        query = (
            f"SELECT {_shown(ground, facts)} FROM {{batch}} AS t WHERE {facts.name} IS NOT NULL"
            f" AND NOT regexp_matches({facts.name}, '^({pattern})$')"
        )
        verb = "" if shape.words.startswith("written") else "written as "
        check = ground.by_sql(
            query, f"{facts.name} is {verb}{shape.words}", "accuracy",
            f"A {facts.name} written otherwise would be read as nothing, or meet no other.",
        )  # fmt: skip
        # The values looked at are not all, and the others may be unlike them.
        if check.wrong <= _RARE * facts.known:
            yield check


def _spellings(ground: _Ground) -> Iterator[_Check]:
    """Values in other case or with blanks, where there are too many for an enumeration."""
    ids = {*ground.source.key, *ground.source.references}
    for facts in _most(c for c in _texts(ground) if c.name not in ids):
        name = facts.name
        if not facts.is_complete or members_of(facts.values, facts.column.values):
            continue
        if facts.known < 5 * len(facts.values) and not variants(facts.values):
            continue
        query = (
            f"SELECT {name}, count(*) AS found FROM {{batch}} AS t WHERE lower(trim({name})) IN"
            f" (SELECT lower(trim({name})) FROM {{batch}} AS t WHERE {name} IS NOT NULL GROUP BY 1"
            f" HAVING count(DISTINCT {name}) > 1) GROUP BY {name}"
        )
        yield ground.by_sql(
            query, f"no {name} is written in two ways that differ in case or blanks", "consistency",
            "One member would be shown as two.", counts="values",
        )  # fmt: skip


def _orders(ground: _Ground) -> Iterator[_Check]:
    """Pairs of moments that always, or nearly always, come in one order."""
    always: dict[str, set[str]] = {}
    held = [
        o
        for o in ground.facts.orders
        # What happens after a row was recorded is no fault.
        if o.first != ground.source.recorded_at
        and o.both >= _ENOUGH
        and o.wrong <= _RARE / 2 * o.both
        and o.equal < o.both
    ]
    for order in held:
        always.setdefault(order.first, set()).add(order.then)
    for order in _most(held):
        between = always[order.first] - {order.then}
        if not order.wrong and any(order.then in always.get(name, ()) for name in between):
            continue  # It follows from two others.
        mixed = len({ground.facts.columns[n].column.type for n in (order.first, order.then)}) > 1
        first, then = (f"CAST({n} AS DATE)" if mixed else n for n in (order.first, order.then))
        sentence = f"{order.then} is not before {order.first}"
        stake = f"Times between {order.first} and {order.then} would be negative."
        if mixed:
            shown = ", ".join(dict.fromkeys((*ground.source.key, order.first, order.then)))
            query = f"SELECT {shown} FROM {{batch}} AS t WHERE {then} < {first}"
            yield ground.by_sql(query, sentence, "accuracy", stake)
            continue
        yield _Check(
            "expect_column_pair_values_a_to_be_greater_than_b",
            {"column_A": order.then, "column_B": order.first, "or_equal": True,
             "ignore_row_if": "either_value_is_missing"},
            "accuracy", stake, sentence=sentence, wrong=order.wrong,
        )  # fmt: skip


def _sums(ground: _Ground) -> Iterator[_Check]:
    for sum_, total in _most(ground.facts.sums):
        names = [*sum_.split()[::2], total]
        number = sum_
        for name in dict.fromkeys(names[:-1]):
            number = number.replace(name, f"CAST({name} AS DOUBLE)")
        slack = f"0.011 + 0.001 * abs({total})" if "*" in sum_ else "0.011"
        shown = ", ".join(dict.fromkeys((*ground.source.key, *names)))
        check = ground.by_sql(
            f"SELECT {shown} FROM {{batch}} AS t WHERE abs({number} - {total}) > {slack}",
            f"{sum_} is {total}", "consistency",
            f"{total} and what it is made of would tell different stories.",
        )  # fmt: skip
        if check.wrong <= _RARE * ground.facts.rows:
            yield check


def _alike(ground: _Ground) -> Iterator[_Check]:
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
    query = (
        f"SELECT {', '.join(dict.fromkeys((*source.key, str(source.time))))} FROM {{batch}} AS t"
        f" QUALIFY row_number() OVER (PARTITION BY {', '.join(names)} ORDER BY {ground.shown}) > 1"
    )
    check = ground.by_sql(
        query, "no two rows are alike in all but their key", "accuracy",
        f"What was loaded twice would count twice among the {source.id.replace('_', ' ')}.",
    )  # fmt: skip
    # Where many are alike by chance, the columns do not tell one from another.
    if check.wrong <= _RARE * facts.rows:
        yield check


def _clean(ground: _Ground) -> Iterator[_Check]:
    source, lacks = ground.source, ground.slice.lacks(ground.source.id)
    if any(name not in lacks for name in plain_texts(source)):
        check = _Check(
            TEXT, {}, "consistency",
            "One member would be shown as two, and what is unknown as a member.",
        )  # fmt: skip
        yield from _found(ground, [check])
    if ground.slice.ahead(source.id) is not None:
        check = _Check(
            AFTER, {"column": source.time}, "accuracy",
            "These rows are in no figure, and the day that they belong to lacks them.",
        )  # fmt: skip
        yield from _found(ground, [check])


def _volume(ground: _Ground) -> Iterator[_Check]:
    """The number of rows of what has no time: half of them or ten times as many is a fault."""
    source, rows = ground.source, ground.facts.rows
    if source.time is None and source.recorded_at is None and rows >= 10:
        yield _Check(
            "expect_table_row_count_to_be_between",
            {"min_value": rows // 2, "max_value": 10 * rows}, "completeness",
            f"Part of the {source.id.replace('_', ' ')} may be missing, or be there several times.",
        )  # fmt: skip


def _fresh(ground: _Ground, behind: int) -> Iterator[_Check]:
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
    check = _Check(
        "expect_column_max_to_be_between",
        {"column": source.time, "min_value": {"$PARAMETER": f"as_of - timedelta(days={days})"}},
        "timeliness", "Its latest rows would be missing.", note=note,
    )  # fmt: skip
    yield replace(check, wrong=late, unit="days") if late else check


def _history(ground: _Ground) -> Iterator[_Check]:
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
        _Check(COUNTS, {"column": time}, "completeness",
               f"Part of the {rows} may be missing, or be there twice."),
        *(_Check(COUNTS, {"column": time, "by": name, "min_change": 0.3}, "completeness",
                 f"The {rows} of one {name} may be missing, and its figures be too low.")
          for name in members[:2]),
        *(_Check(MEANS, {"column": c.name, "over": time}, "accuracy",
                 f"{c.name} may be in another unit or currency, or of other rows than before.")
          for c in _most((c for c in _amounts(ground) if 2 * c.zeros < c.known), 3)),
        *(_Check(SHARES, {"column": name, "over": time}, "consistency",
                 f"Figures by {name} would move because rows are named otherwise or missing.")
          for name in members[:3]),
    ]  # fmt: skip
    if facts.columns[time].column.type == "timestamp" and not _all_midnight(ground, time):
        wanted.append(
            _Check(HOURS, {"column": time}, "accuracy",
                   "Moments may be of another time zone, and rows on the wrong day.")
        )  # fmt: skip
    recorded_at = facts.columns.get(source.recorded_at or "")
    if recorded_at is not None and recorded_at.known and source.recorded_at != time:
        wanted.append(
            _Check(LATE, {"column": time}, "timeliness",
                   f"The newest figures would still change as late {rows} come in.")
        )  # fmt: skip
    yield from _found(ground, wanted)


def _found(ground: _Ground, wanted: list[_Check]) -> Iterator[_Check]:
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


def _columns(ground: _Ground) -> list[ColumnFacts]:
    """The columns that hold something, without the key."""
    return [c for c in ground.facts.columns.values() if c.known and c.name not in ground.source.key]


def _texts(ground: _Ground) -> list[ColumnFacts]:
    return [c for c in ground.facts.columns.values() if c.values]


def _amounts(ground: _Ground) -> list[ColumnFacts]:
    """What is measured, money first: no column that is marked private, and none of one value."""
    kinds = ("decimal", "double")
    found = [
        c for c in _columns(ground)
        if c.column.type in kinds and not c.column.pii and not c.is_constant
    ]  # fmt: skip
    return sorted(found, key=lambda c: kinds.index(c.column.type))


def _most(found: Iterable[T], most: int = _MOST) -> list[T]:
    return list(islice(found, most))


def _shown(ground: _Ground, facts: ColumnFacts) -> str:
    return ", ".join(dict.fromkeys((*ground.source.key, facts.name)))


def _can_split(ground: _Ground, dimension: str) -> bool:
    """Whether a dimension is there and can be shown: one of its own, or of a connected source."""
    source, column = ground.source, ground.source.dimensions[dimension]
    while "." in column:
        alias, _, column = column.rpartition(".")
        join = source.joins[alias]
        if join.at_event or join.source not in ground.slice.sources or "." in join.on:
            return False
        source = ground.slice.declared[join.source]
    return column not in ground.slice.lacks(source.id) and not source.columns[column].pii


def _all_midnight(ground: _Ground, time: str) -> bool:
    relation = ground.slice.relation(ground.source.id)
    (row,) = ground.slice.rows(
        f"SELECT min(extract(hour FROM t.{time})), max(extract(hour FROM t.{time}))"
        f" FROM {relation} AS t"
    )
    return bool(row[0] == row[1])


def _power(number: float) -> int:
    """The power of ten that is not below a number, at least 1."""
    return int(10 ** math.ceil(math.log10(max(number, 1))))


def _listed(values: Iterable[str]) -> str:
    """A few of the values, quoted."""
    found = list(values)
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return ", ".join(repr(value[:40]) for value in found[:5]) + more

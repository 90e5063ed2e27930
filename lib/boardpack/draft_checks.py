"""Drafted checks of single columns, and what all drafted checks are made of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from boardpack.discovery import sql_name
from boardpack.draft_texts import FEW, members_of, shape_of, variants
from boardpack.gate_types import ROWS
from boardpack.source_facts import ColumnFacts, SourceFacts, counted
from boardpack.sources import Source
from boardpack.sql_texts import quoted
from boardpack.warehouse import Slice

T = TypeVar("T")

#: Rows without which what never happened proves nothing.
ENOUGH = 100
#: The share of the rows up to which what is unlike the others is taken for a fault.
RARE = 0.02
#: Checks of a kind that are drafted at most, whatever the number of columns.
MOST = 12


@dataclass(frozen=True)
class Check:
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
class Ground:
    """What a suite is drafted on."""

    slice: Slice
    source: Source
    facts: SourceFacts
    known: Mapping[str, Source]

    def by_sql(
        self, query: str, sentence: str, dimension: str, at_stake: str, **more: Any
    ) -> Check:
        """A check of the rows that a query finds; those it finds now are counted."""
        wrong = counted(self.slice, query, self.slice.relation(self.source.id))
        return Check(
            ROWS, {"unexpected_rows_query": query}, dimension, at_stake, sentence=sentence,
            wrong=wrong, **more,
        )  # fmt: skip

    @property
    def shown(self) -> str:
        """The columns by which a row that a query finds is known."""
        return ", ".join(map(column, self.source.key))


def of_columns(ground: Ground) -> Iterator[Check]:
    """The checks of single columns, those that matter most first."""
    for kind in (_required, _enumerations, _ranges, _zeros, _placeholders, _formats, _spellings):
        yield from kind(ground)


def column(name: str) -> str:
    """The name of a column in SQL: as it is, or quoted where SQL keeps the word for itself."""
    return name if sql_name(name) == name else quoted(name)


def _required(ground: Ground) -> Iterator[Check]:
    """What is declared to be there, or is in all rows but a few."""
    for facts in columns_of(ground):
        name, share = facts.name, facts.nulls / facts.rows
        declared = not facts.column.optional
        guessed = share <= RARE and facts.rows >= ENOUGH
        guessed = guessed and (not facts.is_time or name == ground.source.time)
        if declared or guessed:
            blank = ground.facts.blanks.get(name)
            yield Check(
                "expect_column_values_to_not_be_null", {"column": name}, "completeness",
                f"A row of {ground.source.id} without {name} would be left out or stand alone.",
                wrong=facts.nulls, note=f"they are the rows in which {blank}" if blank else "",
            )  # fmt: skip
            continue
        least = math.floor(100 * (1 - 2 * share)) / 100
        if share > 0 and least > 0:
            yield Check(
                "expect_column_proportion_of_non_null_values_to_be_between",
                {"column": name, "min_value": least}, "completeness",
                f"{name} would be unknown for many more rows than before.",
            )  # fmt: skip


def _enumerations(ground: Ground) -> Iterator[Check]:
    for facts in most(_texts(ground)):
        members = members_of(facts.values, facts.column.values)
        if not members or not facts.is_complete:
            continue
        yield Check(
            "expect_column_values_to_be_in_set", {"column": facts.name, "value_set": members},
            "accuracy", f"A {facts.name} not seen before would stand beside the others.",
            wrong=sum(n for value, n in facts.values if value not in members),
            note=_listed(value for value, _ in facts.values if value not in members),
        )  # fmt: skip


def _ranges(ground: Ground) -> Iterator[Check]:
    """Within ten times of what is usual: a unit that changed, such as cents, stands out."""
    for facts in most(c for c in columns_of(ground) if c.is_number and not c.column.pii):
        bound = 10 * _power(facts.usual)
        above = 0
        if max(abs(facts.low), abs(facts.high)) > bound:
            query = f"SELECT 1 FROM {{batch}} AS t WHERE abs({column(facts.name)}) > {bound}"
            above = counted(ground.slice, query, ground.slice.relation(ground.source.id))
            if above > RARE / 20 * facts.known:
                bound, above = 10 * _power(max(abs(facts.low), abs(facts.high))), 0
        turned = 0 < facts.negatives <= RARE * facts.known and facts.rows >= ENOUGH
        low = 0 if turned or not facts.negatives else -bound
        yield Check(
            "expect_column_values_to_be_between",
            {"column": facts.name, "min_value": low, "max_value": bound}, "accuracy",
            f"{facts.name} would be in another unit, mistyped, or of the wrong sign.",
            wrong=above + (facts.negatives if turned else 0),
            note=f"{facts.negatives:,} are negative" if turned else "",
        )  # fmt: skip


def _zeros(ground: Ground) -> Iterator[Check]:
    """Amounts that are zero in few rows or in none, and otherwise far from it."""
    for facts in most(amounts(ground)):
        few = facts.zeros <= RARE * facts.known and facts.known >= ENOUGH
        if not few or facts.is_whole or not facts.has_gap:
            continue
        yield Check(
            "expect_column_values_to_not_be_in_set", {"column": facts.name, "value_set": [0]},
            "accuracy", f"Where nobody filled in {facts.name}, every mean of it would be too low.",
            sentence=f"{facts.name} is never 0", wrong=facts.zeros,
        )  # fmt: skip


def _placeholders(ground: Ground) -> Iterator[Check]:
    """Values that stand for nothing, where they are found."""
    for facts in most(columns_of(ground)):
        for value, rows in facts.placeholders:
            if rows > 10 * RARE * facts.known or facts.is_constant:
                continue
            sentence = f"{facts.name} is never {value}, which stands for nothing"
            stake = f"What {facts.name} is not known for would count as if it were."
            if facts.is_time:
                query = (
                    f"SELECT {_shown(ground, facts)} FROM {{batch}} AS t"
                    f" WHERE CAST({column(facts.name)} AS DATE) = DATE '{value}'"
                )
                yield ground.by_sql(query, sentence, "accuracy", stake)
                continue
            yield Check(
                "expect_column_values_to_not_be_in_set",
                {"column": facts.name, "value_set": [int(value)]}, "accuracy", stake,
                sentence=sentence, wrong=rows,
            )  # fmt: skip


def _formats(ground: Ground) -> Iterator[Check]:
    for facts in most(_texts(ground), MOST // 2):
        if members_of(facts.values, facts.column.values) or len(facts.values) <= FEW:
            continue
        shape = shape_of(facts.values)
        if shape is None:
            continue
        name = column(facts.name)
        pattern = shape.pattern.replace("{", "{{").replace("}", "}}").replace("'", "''")
        query = (
            f"SELECT {_shown(ground, facts)} FROM {{batch}} AS t WHERE {name} IS NOT NULL"
            f" AND NOT regexp_matches({name}, '^({pattern})$')"
        )
        verb = "" if shape.words.startswith("written") else "written as "
        check = ground.by_sql(
            query, f"{facts.name} is {verb}{shape.words}", "consistency",
            f"A {facts.name} written otherwise would be read as nothing, or meet no other.",
        )  # fmt: skip
        # The values looked at are not all, and the others may be unlike them.
        if check.wrong <= RARE * facts.known:
            yield check


def _spellings(ground: Ground) -> Iterator[Check]:
    """Values in other case or with blanks, where there are too many for an enumeration."""
    ids = {*ground.source.key, *ground.source.references}
    for facts in most(c for c in _texts(ground) if c.name not in ids):
        name = column(facts.name)
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
            query, f"no {facts.name} is written in two ways that differ in case or blanks",
            "consistency", "One member would be shown as two.", counts="values",
        )  # fmt: skip


def columns_of(ground: Ground) -> list[ColumnFacts]:
    """The columns that hold something, without the key."""
    return [c for c in ground.facts.columns.values() if c.known and c.name not in ground.source.key]


def _texts(ground: Ground) -> list[ColumnFacts]:
    return [c for c in ground.facts.columns.values() if c.values]


def amounts(ground: Ground) -> list[ColumnFacts]:
    """What is measured, money first: no column that is marked private, and none of one value."""
    kinds = ("decimal", "double")
    found = [
        c for c in columns_of(ground)
        if c.column.type in kinds and not c.column.pii and not c.is_constant
    ]  # fmt: skip
    return sorted(found, key=lambda c: kinds.index(c.column.type))


def most(found: Iterable[T], number: int = MOST) -> list[T]:
    """The first of what there may be too much of."""
    return list(islice(found, number))


def _shown(ground: Ground, facts: ColumnFacts) -> str:
    return ", ".join(map(column, dict.fromkeys((*ground.source.key, facts.name))))


def _power(number: float) -> int:
    """The power of ten that is not below a number, at least 1."""
    return int(10 ** math.ceil(math.log10(max(number, 1))))


def _listed(values: Iterable[str]) -> str:
    """A few of the values, quoted."""
    found = list(values)
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return ", ".join(repr(value[:40]) for value in found[:5]) + more

"""Drafted suites: native Great Expectations JSON, from what a source declares and the data hold.

Keys are critical: counted twice is wrong whatever the guess. Everything that is only guessed from
the rows seen so far is a warning, so that a first report is not held by a guess.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from boardpack.sources import Source
from boardpack.warehouse import Slice

#: Days that the newest row may lie before the as-of: monthly exports, and the days they take.
_FRESH = 45
#: Rows from which on a key is checked by SQL.
_MANY = 200_000
#: Distinct values up to which a column is checked as an enumeration.
_FEW = 24


@dataclass(frozen=True)
class _Held:
    """What a column of the slice holds."""

    rows: int
    nulls: int
    distinct: int
    low: Any
    high: Any
    values: tuple[str, ...]


def draft_suite(
    slice_: Slice, source: Source, known: Mapping[str, Source], behind: int = 0
) -> dict[str, Any]:
    """The suite of a connected source, as the value of its JSON file.

    ``behind`` are the days by which its newest row is older than that of the others. ``known``
    are the connected sources; a column that refers to one of them is checked against it. ``meta``
    says ``replaces``, since the suite brings one for every source of its own.
    """
    lacks = slice_.lacks(source.id)
    columns = [c for c in source.columns.values() if c.name not in lacks]
    held = {column.name: _held(slice_, source.id, column.name) for column in columns}
    found: list[dict[str, Any]] = []
    for name in source.key:
        found.append(_one(name, "not_be_null", "critical", "completeness", source))
    if len(source.key) == 1 and held[source.key[0]].rows <= _MANY:
        found.append(_one(source.key[0], "be_unique", "critical", "accuracy", source))
    else:
        found.append(_never_repeated(source))
    for column in columns:
        seen = held[column.name]
        if column.name in source.key or seen.rows == seen.nulls:
            continue
        if not column.optional or column.name == source.time:
            found.append(_one(column.name, "not_be_null", "warning", "completeness", source))
        elif seen.nulls > 0:
            share = math.floor(100 * (1 - 2 * seen.nulls / seen.rows)) / 100
            if share > 0:
                kwargs = {"column": column.name, "min_value": share}
                found.append(
                    _expect("expect_column_proportion_of_non_null_values_to_be_between", kwargs,
                            "warning", "completeness",
                            f"{column.name} would be unknown for many more rows than before.")
                )  # fmt: skip
        if column.type in ("decimal", "double", "int", "bigint"):
            found.append(_range(column.name, seen))
        elif column.type == "string" and (column.values or 0 < len(seen.values) <= _FEW):
            values = (
                list(seen.values)
                if not set(seen.values) <= {*column.values}
                else list(column.values)
            )
            if values and seen.distinct <= _FEW:
                found.append(
                    _expect("expect_column_values_to_be_in_set",
                            {"column": column.name, "value_set": values}, "warning", "accuracy",
                            f"A {column.name} not seen before would stand beside the others.")
                )  # fmt: skip
    for name, other in source.references.items():
        if other in known and name in held and other != source.id:
            found.append(_reference(source, name, other, known[other].key[0]))
    if source.time and source.time in held:
        kwargs = {
            "column": source.time,
            "min_value": {"$PARAMETER": f"as_of - timedelta(days={_FRESH + behind})"},
        }
        found.append(
            _expect("expect_column_max_to_be_between", kwargs, "warning", "timeliness",
                    "Rows of the latest month would be missing.")
        )  # fmt: skip
    return {"name": source.id, "expectations": found, "meta": {"replaces": source.id}}


def suite_text(suite: Mapping[str, Any]) -> str:
    """The file of a suite."""
    return json.dumps(suite, indent=1, ensure_ascii=False) + "\n"


def _held(slice_: Slice, source: str, name: str) -> _Held:
    column = f'"{name}"'
    row = slice_.con.execute(
        f"SELECT count(*), count(*) - count({column}), count(DISTINCT {column}), min({column}),"
        f" max({column}) FROM {slice_.relation(source)}"
    ).fetchone()
    assert row is not None
    values: list[tuple[Any]] = []
    if row[2] <= _FEW:
        try:
            values = slice_.con.execute(
                f"SELECT DISTINCT {column} FROM {slice_.relation(source)}"
                f" WHERE {column} IS NOT NULL ORDER BY 1"
            ).fetchall()
        except duckdb.Error:
            values = []
    rows, nulls, distinct, low, high = row
    return _Held(rows, nulls, distinct, low, high, tuple(str(v) for (v,) in values))


def _never_repeated(source: Source) -> dict[str, Any]:
    """The key by SQL: of several columns, or of so many rows that the other way takes long."""
    key = ", ".join(source.key)
    known = " AND ".join(f"{name} IS NOT NULL" for name in source.key)
    query = (
        f"SELECT {key}, count(*) AS copies FROM {{batch}} WHERE {known} GROUP BY {key}"
        " HAVING count(*) > 1"
    )
    found = _expect(
        "unexpected_rows_expectation", {"unexpected_rows_query": query}, "critical", "accuracy",
        f"A row of {source.id} would count twice.",
    )  # fmt: skip
    together = " together" if len(source.key) > 1 else ""
    names = " and ".join(source.key)
    verb = "are" if together else "is"
    found["meta"] |= {
        "sentence": f"{names} {verb} never repeated{together}",
        "counts": "repeated keys",
    }
    return found


def _one(name: str, what: str, severity: str, dimension: str, source: Source) -> dict[str, Any]:
    stake = {
        "not_be_null": f"A row of {source.id} without {name} would be left out or stand alone.",
        "be_unique": f"A row of {source.id} would count twice.",
    }[what]
    return _expect(f"expect_column_values_to_{what}", {"column": name}, severity, dimension, stake)


def _range(name: str, seen: _Held) -> dict[str, Any]:
    """Within ten times of what was seen: a unit that changed, such as cents, stands out."""
    low, high = float(seen.low), float(seen.high)
    bound = 10 ** math.ceil(math.log10(max(abs(low), abs(high), 1))) * 10
    kwargs = {"column": name, "min_value": 0 if low >= 0 else -bound, "max_value": bound}
    return _expect(
        "expect_column_values_to_be_between", kwargs, "warning", "accuracy",
        f"{name} would be in another unit, or mistyped.",
    )  # fmt: skip


def _reference(source: Source, name: str, other: str, key: str) -> dict[str, Any]:
    query = (
        f"SELECT b.{source.key[0]}, b.{name} FROM {{batch}} AS b ANTI JOIN slice.{other} AS p"
        f" ON p.{key} = b.{name} WHERE b.{name} IS NOT NULL"
    )
    found = _expect(
        "unexpected_rows_expectation", {"unexpected_rows_query": query}, "warning", "consistency",
        f"Its figures would be in the total and with no member of {other}.",
    )  # fmt: skip
    found["meta"]["sentence"] = f"every {name} is one of {other}"
    return found


def _expect(
    type_: str, kwargs: dict[str, Any], severity: str, dimension: str, stake: str
) -> dict[str, Any]:
    return {
        "type": type_,
        "kwargs": kwargs,
        "severity": severity,
        "meta": {"dimension": dimension, "owner": "analyst", "at_stake": stake},
    }

"""Definition tests: the rows and expected values that stand beside each KPI in its YAML."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from boardpack.engine.borrowing import UNKNOWN
from boardpack.engine.catalogue import Catalogue
from boardpack.engine.compute import compute
from boardpack.engine.definitions import Kpi
from boardpack.engine.entries import TestEntry
from boardpack.engine.goals import GivenGoals
from boardpack.engine.members import declared_members
from boardpack.errors import (
    BoardpackError,
    DefinitionError,
    PeriodError,
    SourceError,
    UnknownNameError,
)
from boardpack.periods import Period
from boardpack.sources import Sources
from boardpack.warehouse import Slice, slice_of_rows
from boardpack.yamlfile import Place

#: Engines add in different orders; beyond this the value is another one.
TOLERANCE = 1e-9
_A_TYPE = {
    "string": "a text", "int": "a whole number", "bigint": "a whole number",
    "decimal": "a number", "double": "a number", "bool": "true or false",
    "date": "a date such as 2025-03-31", "timestamp": "a moment such as 2025-03-31 14:30:00",
    "time": "a time of day such as 14:30:00",
}  # fmt: skip


@dataclass(frozen=True)
class TestResult:
    """Whether one definition test holds, and what was found where it does not, with its line."""

    __test__ = False  # not a pytest class

    kpi: str
    name: str
    passed: bool
    message: str = ""
    hint: str = ""
    file: str = ""
    line: int | None = None


def run(catalogue: Catalogue, kpis: Iterable[str], zone: ZoneInfo) -> Iterator[TestResult]:
    """Run the tests of these KPIs; a test that cannot run at all is a failure with its reason."""
    for name in kpis:
        kpi = catalogue[name]
        for i, test in enumerate(kpi.tests):
            at = Place(kpi.place.document, (*kpi.place.key, "tests", i))
            line, hint = at.line(), None
            try:
                message = _run(catalogue, kpi, test, at, zone)
            except BoardpackError as error:
                message, hint = error.message, error.hint
                line = error.line if error.file == str(kpi.file) else line
            yield TestResult(
                kpi.id, test.name, message == "", message, hint or "", str(kpi.file), line
            )


def _run(catalogue: Catalogue, kpi: Kpi, test: TestEntry, at: Place, zone: ZoneInfo) -> str:
    period = _period(test, at)
    expected = _expected(test, at)
    by = _split(catalogue, kpi, expected, at)
    # What a definition says does not depend on what this company wants.
    catalogue = replace(catalogue, goals=GivenGoals(test.scorecard))
    slice_ = _slice(catalogue, kpi, test, at, period, zone)
    try:
        # Rows given for a test are all there is: nothing is "before the data" of so few.
        frame = compute(catalogue, slice_, [kpi.id], [period], by, covered=True)
    finally:
        slice_.close()
    found = {
        dims: None if math.isnan(value) else float(value)
        for dims, value in zip(frame["dims"], frame["value"], strict=True)
    }
    wrong = []
    for dims, value in expected.items():
        actual = found.get(dims)
        if not _equal(value, actual):
            where = f" for {dims}" if dims else ""
            wrong.append(f"expected {_said(value)}{where}, found {_said(actual)}")
        elif dims not in found:
            of = dims.partition("=")[0]
            there = ", ".join(sorted(d for d in found if d.startswith(f"{of}="))) or "none"
            wrong.append(f"no row is of {dims}; there are {there}")
    return "; ".join(wrong)


def _said(value: float | None) -> str:
    return "no value" if value is None else f"{value:.15g}"


def _period(test: TestEntry, at: Place) -> Period:
    try:
        return Period.parse(test.period, test.calendar.calendar)
    except PeriodError as error:
        raise at.error(error.message, "period", hint=error.hint) from None


def _slice(
    catalogue: Catalogue, kpi: Kpi, test: TestEntry, at: Place, period: Period, zone: ZoneInfo
) -> Slice:
    sources = catalogue.sources
    rows: dict[str, list[dict[str, Any]]] = {}
    for table in catalogue.tables([kpi.id]):
        rows[table] = [dict(row) for row in test.rows.get(table, ())]
    for table, given in test.rows.items():
        if table not in rows:
            raise at.error(
                f"it gives rows of {table!r}, which its KPI does not use.",
                "rows",
                table,
                hint=f"it uses {', '.join(rows)}",
            )
        _check_rows(sources, table, given, at)
    try:
        return slice_of_rows(sources, rows, test.as_of or period.last_day, zone)
    except SourceError as error:
        raise _misfit(sources, test, at) or error from None


def _check_rows(sources: Sources, table: str, rows: list[dict[str, Any]], at: Place) -> None:
    """Every column is one of the table, and every member one that its column can have."""
    columns = sources[table].columns
    for number, row in enumerate(rows):
        for name, value in row.items():
            line = at.line("rows", table, number, name)
            if name not in columns:
                raise UnknownNameError.near(
                    f"column of {table}", str(name), columns, file=at.document.path, line=line
                )
            values = () if table in sources.mappings else columns[name].values
            if values and value is not None and str(value) not in values:
                raise UnknownNameError.near(
                    f"value of {name}", str(value), values, file=at.document.path, line=line
                )


def _misfit(sources: Sources, test: TestEntry, at: Place) -> DefinitionError | None:
    """The error for the first given value that its column cannot hold."""
    with duckdb.connect() as con:
        for table, rows in test.rows.items():
            for number, row in enumerate(rows):
                for name, value in row.items():
                    column = sources[table].columns[name]
                    try:
                        con.execute(f"SELECT CAST(? AS {column.sql_type})", [value])
                    except duckdb.Error:
                        return at.error(
                            f"{value!r} cannot stand in {name} of {table}, which is"
                            f" {_A_TYPE[column.type]}.",
                            *("rows", table, number, name),
                        )
    return None


def _split(
    catalogue: Catalogue, kpi: Kpi, expected: Mapping[str, float | None], at: Place
) -> list[str]:
    """The dimensions that values are expected for; `UnknownNameError` for one that is not there.

    A member must be one that the dimension's column can have, where that is declared.
    """
    parts = catalogue.order([kpi.id], counted=False)
    measures = [measure for part in parts for measure in part.measures.values()]
    found = set()
    for dims in filter(None, expected):
        dimension, written, member = dims.partition("=")
        file, line = at.document.path, at.line("expect", dims)
        if not written:
            raise at.error(
                f"{dims!r} is no member to expect a value for.",
                *("expect", dims),
                hint='write a member as segment=smb and the total as ""',
            )
        if dimension not in kpi.dimensions:
            raise UnknownNameError.near(
                f"dimension of {kpi.id}", dimension, kpi.dimensions, file=file, line=line
            )
        values = declared_members(catalogue.sources, measures, dimension)
        if values and member not in (*values, UNKNOWN):
            raise UnknownNameError.near(
                f"value of {dimension}", member, values, file=file, line=line
            )
        found.add(dimension)
    return sorted(found)


def _expected(test: TestEntry, at: Place) -> Mapping[str, float | None]:
    given = test.expect if isinstance(test.expect, dict) else {"": test.expect}
    for dims, value in given.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise at.error(
                f"it expects {value!r}, which is no number.",
                *("expect", str(dims)),
                hint='write expect: 100, expect: null or expect: {"": 100, segment=smb: 40}',
            )
    return {str(dims): value for dims, value in given.items()}


def _equal(expected: float | None, actual: float | None) -> bool:
    if expected is None or actual is None:
        return expected is None and actual is None
    return math.isclose(expected, actual, rel_tol=TOLERANCE, abs_tol=1e-12)

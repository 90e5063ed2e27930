"""Definition tests: the rows and expected values that stand beside each KPI in its YAML."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from boardpack.engine.catalogue import Catalogue
from boardpack.engine.compute import compute
from boardpack.engine.definitions import Kpi
from boardpack.engine.entries import TestEntry
from boardpack.engine.goals import GivenGoals
from boardpack.errors import BoardpackError, DefinitionError
from boardpack.periods import Period
from boardpack.sources import Sources
from boardpack.warehouse import Slice, slice_of_rows

#: Engines add in different orders; beyond this the value is another one.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class TestResult:
    """Whether one definition test holds, and what was found where it does not."""

    __test__ = False  # not a pytest class

    kpi: str
    name: str
    passed: bool
    message: str = ""


def run(catalogue: Catalogue, kpis: Iterable[str], zone: ZoneInfo) -> Iterator[TestResult]:
    """Run the tests of these KPIs; a test that cannot run at all is a failure with its reason."""
    for name in kpis:
        kpi = catalogue[name]
        for test in kpi.tests:
            try:
                message = _run(catalogue, kpi, test, zone)
            except BoardpackError as error:
                message = str(error)
            yield TestResult(kpi.id, test.name, message == "", message)


def _run(catalogue: Catalogue, kpi: Kpi, test: TestEntry, zone: ZoneInfo) -> str:
    period = Period.parse(test.period, test.calendar.calendar)
    expected = _expected(kpi, test)
    by = sorted({dims.partition("=")[0] for dims in expected if dims})
    # What a definition says does not depend on what this company wants.
    catalogue = replace(catalogue, goals=GivenGoals(test.scorecard))
    slice_ = _slice(catalogue, kpi, test, zone)
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
            wrong.append(f"expected {value}{where}, found {actual}")
    return "; ".join(wrong)


def _slice(catalogue: Catalogue, kpi: Kpi, test: TestEntry, zone: ZoneInfo) -> Slice:
    sources = catalogue.sources
    rows: dict[str, list[dict[str, Any]]] = {}
    for table in catalogue.tables([kpi.id]):
        rows[table] = [dict(row) for row in test.rows.get(table, ())]
    for table, given in test.rows.items():
        if table not in rows:
            raise DefinitionError(
                f"test {test.name!r} of {kpi.id!r} gives rows of {table!r}, which it does not use.",
                file=kpi.file,
                line=kpi.line,
                hint=f"it uses {', '.join(rows)}",
            )
        _check_columns(sources, kpi, test, table, given)
    as_of = test.as_of or Period.parse(test.period, test.calendar.calendar).last_day
    return slice_of_rows(sources, rows, as_of, zone)


def _check_columns(
    sources: Sources, kpi: Kpi, test: TestEntry, table: str, rows: list[dict[str, Any]]
) -> None:
    for row in rows:
        for column in row:
            if column not in sources[table].columns:
                raise DefinitionError(
                    f"test {test.name!r} of {kpi.id!r}: {table!r} has no column {column!r}.",
                    file=kpi.file,
                    line=kpi.line,
                    hint=f"columns are {', '.join(sources[table].columns)}",
                )


def _expected(kpi: Kpi, test: TestEntry) -> Mapping[str, float | None]:
    if isinstance(test.expect, dict):
        return {str(dims): value for dims, value in test.expect.items()}
    if test.expect is None or isinstance(test.expect, (int, float)):
        return {"": test.expect}
    raise DefinitionError(
        f"test {test.name!r} of {kpi.id!r} expects {test.expect!r}, which is no number.",
        file=kpi.file,
        line=kpi.line,
        hint='write expect: 100, expect: null or expect: {"": 100, segment=smb: 40}',
    )


def _equal(expected: float | None, actual: float | None) -> bool:
    if expected is None or actual is None:
        return expected is None and actual is None
    return math.isclose(expected, actual, rel_tol=TOLERANCE, abs_tol=1e-12)

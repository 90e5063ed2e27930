"""The gate: the suites of Great Expectations over a slice."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from boardpack import elsewhere
from boardpack.errors import UnknownNameError, UserError
from boardpack.gate_checks import Checks
from boardpack.gate_results import CheckResult, GateResult, Result, decide
from boardpack.gate_suites import Expectation, Suite
from boardpack.gate_types import OWN
from boardpack.sources import Source
from boardpack.warehouse import Slice

if TYPE_CHECKING:
    from boardpack.gate_engine import Bench


def warm() -> None:
    """Import Great Expectations, which takes seconds: in a thread, while a run is planned."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    # jsonschema builds a grammar for international addresses when it is first imported, in over a
    # second; nothing here checks one, and without this package it goes on without.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    # Only expectations that the gate refuses compute with it, and it is a quarter of the import.
    _import_on_first_use("scipy", "stats")
    warnings.filterwarnings("ignore", "module 'sre_(constants|parse)'", DeprecationWarning)
    # It imports Spark where it finds it, which would rather have an older pandas.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    shown = warnings.showwarning
    import boardpack.gate_engine  # noqa: F401

    if warnings.showwarning is not shown:
        # Its import sends every warning of the process to the log from then on.
        logging.captureWarnings(False)


def _import_on_first_use(package: str, name: str) -> None:
    full = f"{package}.{name}"
    spec = None if full in sys.modules else importlib.util.find_spec(full)
    if spec is None or spec.loader is None:
        return
    loader = importlib.util.LazyLoader(spec.loader)
    spec.loader = loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[full] = module
    loader.exec_module(module)
    # As an attribute it is found without a second import, which would already be the first use.
    setattr(sys.modules[package], name, module)


def check(
    slice_: Slice,
    sources: Sequence[str],
    suites: Mapping[str, Suite],
    *,
    progress: Callable[[str], None] | None = None,
) -> GateResult:
    """Check these sources of a slice, on the slice's own connection.

    Open the slice with `reads(suites, sources)`: a check whose SQL reads a source that is not in
    the slice is skipped, and its result says so. ``progress`` is told each source in its turn.
    Raises `DefinitionError` for an expectation that Great Expectations does not accept and
    `UnknownNameError` for SQL over a source that nobody declares, and `UserError` for tables in
    another engine than DuckDB and PostgreSQL.
    """
    if slice_.dialect is not None and slice_.dialect.name != "postgres":
        raise UserError(
            f"the checks of expectations/ do not run in {slice_.dialect.title}, and nothing is"
            " published unchecked.",
            hint="`boardpack kpi show`, `kpi sql`, `doctor` and the notebooks read this warehouse;"
            " reports are made from DuckDB and PostgreSQL",
        )
    started = perf_counter()
    warm()
    from boardpack.gate_engine import Bench

    if slice_.elsewhere is not None:
        relations = elsewhere.prepared(slice_.elsewhere, slice_.declared, slice_.relations)
        slice_ = replace(slice_, relations=relations)

    names = tuple(dict.fromkeys(sources))
    rows = _count(slice_, names)
    results: list[CheckResult] = []
    with Bench(slice_) as bench:
        for name in names:
            if progress is not None:
                progress(name)
            if not rows[name]:
                results.append(_empty(slice_, name, suites.get(name)))
            elif name not in suites:
                results.append(_unchecked(name))
            else:
                results.extend(_source(bench, slice_, suites[name], rows[name]))
    verdict, reasons = decide(results)
    seconds = round(perf_counter() - started, 3)
    return GateResult(verdict, reasons, tuple(results), seconds, names, slice_.as_of.isoformat())


def _source(bench: Bench, slice_: Slice, suite: Suite, rows: int) -> list[CheckResult]:
    from boardpack.gate_engine import View

    source = slice_.declared[suite.source]
    missing = [_missing(slice_, suite, expectation) for expectation in suite.expectations]
    wanted = [e for e, m in zip(suite.expectations, missing, strict=True) if not m]
    own = [(e.type, e.kwargs) for e in wanted if e.type in OWN]
    view = View(
        slice_.relation(source.id), tuple(source.columns), source.key, rows,
        Checks(slice_, source, own),
    )  # fmt: skip
    where = f"{suite.file.parent.name}/{suite.file.name}"
    outcomes = iter(bench.evaluate(suite, wanted, view))
    results = []
    for expectation, lacking in zip(suite.expectations, missing, strict=True):
        if lacking:
            observed = f"{' and '.join(lacking)} not in the slice"
            results.append(_result(suite.source, where, expectation, "skipped", observed))
            continue
        outcome = next(outcomes)
        if outcome.skipped:
            results.append(_result(suite.source, where, expectation, "skipped", outcome.skipped))
            continue
        result: Result = "errored" if outcome.error else "passed" if outcome.success else "failed"
        private, declared_only = _hidden(slice_, source, expectation)
        sample = tuple(_shown(row, source, private, declared_only) for row in outcome.sample)
        results.append(
            _result(
                suite.source,
                where,
                expectation,
                result,
                outcome.error or outcome.observed,
                outcome.unexpected_count,
                outcome.element_count,
                sample if result == "failed" else (),
                outcome.counts,
            )
        )
    return results


def _result(
    source: str,
    file: str,
    expectation: Expectation,
    outcome: Result,
    observed: str | int | float | None,
    unexpected_count: int | None = None,
    element_count: int | None = None,
    sample: tuple[Mapping[str, Any], ...] = (),
    counts: str = "",
) -> CheckResult:
    each = not counts and (expectation.of_each_row or expectation.type in OWN)
    evaluated, unexpected = _rows_of(each, outcome, unexpected_count, element_count)
    return CheckResult(
        source,
        expectation.type,
        expectation.columns,
        expectation.severity,
        expectation.dimension,
        outcome,
        expectation.sentence,
        expectation.at_stake,
        expectation.owner,
        observed,
        unexpected_count,
        element_count,
        counts or expectation.counts,
        sample,
        expectation.id,
        expectation.control,
        expectation.limit,
        evaluated,
        unexpected,
        f"{file}:{expectation.line}" if expectation.line else file,
    )


def _rows_of(
    of_each_row: bool,
    outcome: Result,
    unexpected_count: int | None,
    element_count: int | None,
) -> tuple[int, int]:
    """Rows looked at and rows not as expected, so that checks of any kind add up."""
    if outcome in ("errored", "skipped"):
        return 0, 0
    if of_each_row and element_count is not None:
        # A row may be found twice by SQL that joins.
        return element_count, min(unexpected_count or 0, element_count)
    return 1, int(outcome == "failed")


def _count(slice_: Slice, names: Sequence[str]) -> dict[str, int]:
    """How many rows each source has, in one statement."""
    if not names:
        return {}
    parts = [f"SELECT '{name}', count(*) FROM {slice_.relation(name)} AS t" for name in names]
    return dict(slice_.rows(" UNION ALL ".join(parts)))


def _empty(slice_: Slice, name: str, suite: Suite | None) -> CheckResult:
    return CheckResult(
        name, "rows", (), "critical", "completeness", "failed",
        f"it has rows as of {slice_.as_of}",
        "Every figure that rests on it would be missing or zero.",
        owner=suite.expectations[0].owner if suite and suite.expectations else "",
        observed="no row", unexpected_count=0, element_count=0,
        id=f"{name}.rows", control="data_coverage_percentage", evaluated=1, unexpected=1,
    )  # fmt: skip


def _unchecked(name: str) -> CheckResult:
    return CheckResult(
        name, "suite", (), "info", "auditability", "failed", "it has a suite of expectations",
        "Figures that rest on it are published unchecked.", observed="none",
        id=f"{name}.suite", evaluated=1, unexpected=1,
    )  # fmt: skip


def _missing(slice_: Slice, suite: Suite, expectation: Expectation) -> tuple[str, ...]:
    for name in expectation.others:
        if name not in slice_.declared.declared:
            raise UnknownNameError.near(
                "source", name, slice_.declared.declared, file=suite.file, line=expectation.line
            )
    return tuple(name for name in expectation.others if name not in slice_.sources)


def _hidden(slice_: Slice, source: Source, expectation: Expectation) -> tuple[set[str], bool]:
    """The columns that no sample may show, and whether a computed one could hold what they hold."""
    read = [source, *(slice_.declared[name] for name in expectation.others)]
    private = {column.name for other in read for column in other.columns.values() if column.pii}
    query = expectation.kwargs.get("unexpected_rows_query", "")
    # A source without a key shows the bare value of what a check speaks of.
    if private.intersection(expectation.columns):
        private.add("value")
    return private, any(name in query for name in private)


def _shown(
    row: Mapping[str, Any], source: Source, private: set[str], declared_only: bool
) -> dict[str, Any]:
    return {
        name: value
        for name, value in row.items()
        if name not in private and (name in source.columns or not declared_only)
    }

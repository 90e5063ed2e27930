"""Great Expectations on the open connection of a slice.

Beside `boardpack.gate_docs` the one module that imports that library.

Its import takes seconds, so nothing imports this module before `boardpack.gate.warm` did.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import duckdb
import sqlalchemy
from great_expectations.core.batch import Batch
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.query_metric_provider import QueryMetricProvider
from great_expectations.expectations.registry import get_expectation_impl
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import Validator
from sqlalchemy.engine import Engine

import boardpack.gate_own  # noqa: F401 - Great Expectations knows its types from now on
from boardpack.errors import DefinitionError
from boardpack.gate_checks import Checks, Found
from boardpack.gate_duckdb import LentConnection, engine_on
from boardpack.gate_suites import Expectation, Suite
from boardpack.gate_types import OF_EACH_ROW

#: How many rows are kept to show of a check that found some.
SAMPLE = 5

_FOUND = "boardpack_rows_found"
_BRIEF = {"result_format": "BOOLEAN_ONLY"}
_WHOLE = {"result_format": "COMPLETE"}
_COUNTED = {"result_format": "BASIC", "partial_unexpected_count": 0}

# What an expectation met with is reported as its outcome; the library would print it as well.
logging.getLogger("great_expectations").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Outcome:
    """What was found for one expectation; ``error`` says why it could not be evaluated."""

    success: bool
    error: str = ""
    observed: str | int | float | None = None
    unexpected_count: int | None = None
    element_count: int | None = None
    sample: tuple[dict[str, Any], ...] = ()
    #: what was counted, when it is not rows
    counts: str = ""
    #: why nothing could be said
    skipped: str = ""


@dataclass(frozen=True)
class View:
    """The view of one source: its SQL name, its declared columns and key, how many rows it has.

    ``checks`` answer the types of our own.
    """

    relation: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    rows: int
    checks: Checks | None = None


class _Columns:
    """The declared columns of a source, where a reflection would take several statements."""

    def __init__(self, dialect: Any, names: Sequence[str]) -> None:
        self.dialect = dialect
        self._names = names

    def get_columns(self, **_: Any) -> list[dict[str, Any]]:
        return [{"name": name, "type": sqlalchemy.types.NullType()} for name in self._names]

    def get_pk_constraint(self, **_: Any) -> dict[str, Any]:
        return {}


class SliceExecutionEngine(SqlAlchemyExecutionEngine):
    """Great Expectations' SQL engine over one view of a slice."""

    def __init__(self, engine: Engine, view: View) -> None:
        self.relation = view.relation
        self.checks = view.checks
        self._columns = view.columns
        super().__init__(engine=engine, create_temp_table=False)

    def get_inspector(self) -> Any:
        """The columns as declared."""
        return _Columns(self.engine.dialect, self._columns)


class _Rows(QueryMetricProvider):
    """The first unexpected rows and how many there are, in one statement and with bounded memory.

    The library's own metric runs the query twice and reads every row of it.
    """

    metric_name = "unexpected_rows_query.table"
    value_keys = ("unexpected_rows_query",)
    query_param_name = "unexpected_rows_query"

    @metric_value(engine=SliceExecutionEngine)
    def _sqlalchemy(
        cls,
        execution_engine: SliceExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> list[dict[str, Any]]:
        query = metric_value_kwargs["unexpected_rows_query"].format(batch=execution_engine.relation)
        counted = f"SELECT *, count(*) OVER () AS {_FOUND} FROM ({query}\n) AS found LIMIT {SAMPLE}"
        with closing(execution_engine.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute(counted)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


class _RowCount(QueryMetricProvider):
    """How many unexpected rows there are, read off the statement that found them."""

    metric_name = "unexpected_rows_query.row_count"
    value_keys = ("unexpected_rows_query",)

    @metric_value(engine=SliceExecutionEngine)
    def _sqlalchemy(
        cls,
        execution_engine: SliceExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> int:
        rows = metrics["rows"]
        return int(rows[0][_FOUND]) if rows else 0

    @classmethod
    def _get_evaluation_dependencies(
        cls, metric: MetricConfiguration, *_: Any, **__: Any
    ) -> dict[str, MetricConfiguration]:
        return {
            "rows": MetricConfiguration(
                metric_name=_Rows.metric_name,
                metric_domain_kwargs=metric.metric_domain_kwargs,
                metric_value_kwargs=metric.metric_value_kwargs,
            )
        }


class _Validator(Validator):
    def _determine_progress_bars(self) -> bool:
        return False


class Bench:
    """The slice's connection, ready to evaluate one suite after another within a ``with``.

    Meanwhile the SQL of a suite finds the as-of day in ``getvariable('as_of')``.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, as_of: date) -> None:
        self._connection = LentConnection(con)
        self._engine = engine_on(self._connection)
        self._as_of = as_of

    def __enter__(self) -> Bench:
        self._connection.con.execute(f"SET VARIABLE as_of = DATE '{self._as_of}'")
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.con.execute("RESET VARIABLE as_of")

    @property
    def statements(self) -> tuple[str, ...]:
        """The SQL sent so far, oldest first."""
        return tuple(self._connection.statements)

    def evaluate(
        self,
        suite: Suite,
        wanted: Sequence[Expectation],
        view: View,
    ) -> list[Outcome]:
        """The outcome of each wanted expectation of a suite over the view of its source.

        A first pass asks only what passed, in one statement for nearly all; a second one asks the
        failed for counts and for the key and values of a few rows.
        """
        if not wanted:
            return []
        found = self._pass(suite, wanted, view, [_first(e) for e in wanted])
        errored = [i for i, outcome in enumerate(found) if outcome.error]
        if len(errored) > 1:
            # One bad expectation spoils the statement it shares with others: find out which one.
            for i in errored:
                found[i] = self._pass(suite, [wanted[i]], view, [_first(wanted[i])])[0]
        failed = [
            i
            for i, outcome in enumerate(found)
            if not outcome.success and not outcome.error and _first(wanted[i]) is not _WHOLE
        ]
        if failed:
            detailed = {
                "result_format": "SUMMARY",
                "partial_unexpected_count": SAMPLE,
                "unexpected_index_column_names": list(view.key),
            }
            again = self._pass(suite, [wanted[i] for i in failed], view, [detailed] * len(failed))
            for i, outcome in zip(failed, again, strict=True):
                if not outcome.error:
                    found[i] = outcome
        return [
            replace(outcome, element_count=view.rows) if outcome.element_count is None else outcome
            for outcome in found
        ]

    def _pass(
        self,
        suite: Suite,
        wanted: Sequence[Expectation],
        view: View,
        formats: Sequence[Mapping[str, Any]],
    ) -> list[Outcome]:
        built = [
            _configuration(suite, index, expectation) for index, expectation in enumerate(wanted)
        ]
        execution_engine = SliceExecutionEngine(self._engine, view)
        names: Any = {"source_table_name": suite.source, "source_schema_name": "slice"}
        data = SqlAlchemyBatchData(
            execution_engine,
            table_name=suite.source,
            schema_name="slice",
            create_temp_table=False,
            **names,
        )
        validator = _Validator(execution_engine=execution_engine, batches=[_batch(data)])
        configurations = validator.process_expectations_for_validation(
            built, {"as_of": datetime.combine(self._as_of, time()).isoformat()}
        )
        for configuration in configurations:
            configuration.kwargs["result_format"] = dict(formats[int(str(configuration.id))])
        results = validator.graph_validate(configurations=configurations)
        # Errored ones come first, whatever the order of the suite.
        by_index = {
            int(str(result.expectation_config.id)): _outcome(result)
            for result in results
            if result.expectation_config
        }
        missing = Outcome(False, error="Great Expectations gave no result")
        return [by_index.get(index, missing) for index in range(len(wanted))]


def _batch(data: Any) -> Batch:
    return Batch(data=data)


def _first(expectation: Expectation) -> dict[str, Any]:
    """Those of each row are first asked whether they pass; the others answer at no further cost.

    One that lets some rows be otherwise passes with unexpected rows, which are counted, too.
    """
    if not expectation.type.startswith(OF_EACH_ROW):
        return _WHOLE
    return _BRIEF if expectation.kwargs.get("mostly", 1) == 1 else _COUNTED


def _configuration(suite: Suite, index: int, expectation: Expectation) -> Any:
    """The expectation as the library holds it; ``index`` is the id that its result is known by."""
    try:
        implementation: Any = get_expectation_impl(expectation.type)
        kwargs = dict(expectation.kwargs)
        return implementation(id=str(index), severity=expectation.severity, **kwargs).configuration
    except Exception as error:
        raise DefinitionError(
            f"Great Expectations refuses {expectation.type}: {_plain(str(error))}",
            file=suite.file,
            line=expectation.line,
        ) from None


def _outcome(result: Any) -> Outcome:
    error = error_of(result.exception_info)
    if error:
        return Outcome(False, error=_plain(error))
    detail = result.result
    observed = detail.get("observed_value")
    details = detail.get("details") or {}
    if isinstance(details.get("found"), Found):
        return _own(details["found"])
    if "unexpected_rows" in details:
        rows = details["unexpected_rows"]
        sample = [{k: v for k, v in row.items() if k != _FOUND} for row in rows]
        return Outcome(
            bool(result.success),
            unexpected_count=int(observed),
            sample=tuple(_row(row) for row in sample),
        )
    sample = detail.get("partial_unexpected_index_list") or [
        value if isinstance(value, dict) else {"value": value}
        for value in detail.get("partial_unexpected_list", ())
    ]
    count = detail.get("unexpected_count")
    elements = detail.get("element_count")
    return Outcome(
        # numpy's booleans cannot be written as JSON
        bool(result.success),
        observed=_scalar(observed),
        unexpected_count=None if count is None else int(count),
        element_count=None if elements is None else int(elements),
        sample=tuple(_row(row) for row in sample[:SAMPLE]),
    )


def _own(found: Found) -> Outcome:
    return Outcome(
        not found.unexpected,
        unexpected_count=found.unexpected,
        element_count=found.evaluated,
        sample=tuple(_row(row) for row in found.sample),
        counts=found.counts,
        skipped=found.skipped,
    )


def error_of(info: Mapping[str, Any] | None) -> str:
    """The message of an exception, from either shape in which the library reports one.

    >>> error_of({"raised_exception": True, "exception_message": "no such column"})
    'no such column'
    >>> error_of({"some metric": {"raised_exception": True, "exception_message": "no such table"}})
    'no such table'
    >>> error_of({"raised_exception": False, "exception_message": None})
    ''
    """
    if not info:
        return ""
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if isinstance(entry, Mapping) and entry.get("raised_exception"):
            return str(entry.get("exception_message") or "it raised an exception")
    return ""


def _plain(message: str) -> str:
    """What a message says of the data: one line, without the statement it belongs to."""
    message = message.split("[SQL:")[0].split("\n\nLINE ")[0]
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    text = " ".join(lines)
    return text if len(text) <= 300 else text[:297] + "..."


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): _scalar(value) for name, value in row.items()}


def _scalar(value: Any) -> str | int | float | None:
    """A value as JSON can hold it."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else str(value)
    if isinstance(value, datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    if isinstance(value, date | time | Decimal):
        return str(value)
    return str(value)

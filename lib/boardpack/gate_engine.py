"""Great Expectations on the open connection of a slice.

Beside `boardpack.gate_docs` the one module that imports that library.

Its import takes seconds, so nothing imports this module before `boardpack.gate.warm` did.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import sqlalchemy
from great_expectations.core.suite_parameters import build_suite_parameters
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.query_metric_provider import QueryMetricProvider
from great_expectations.expectations.registry import get_expectation_impl
from great_expectations.validator.metric_configuration import MetricConfiguration
from sqlalchemy.engine import Engine

import boardpack.gate_own  # noqa: F401 - Great Expectations knows its types from now on
from boardpack import gate_graph
from boardpack.errors import DefinitionError
from boardpack.gate_checks import Checks, Found
from boardpack.gate_graph import Answer
from boardpack.gate_lent import LentConnection, LentPostgres, engine_on
from boardpack.gate_sql import ADDED, plain
from boardpack.gate_suites import Expectation, Suite
from boardpack.gate_types import OF_EACH_ROW, ROWS
from boardpack.warehouse import Slice

#: How many rows are kept to show of a check that found some.
SAMPLE = 5

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


#: The names of the columns of a statement, and its rows.
_Read = Callable[[str], tuple[list[str], list[Any]]]


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
    """Great Expectations' SQL engine over one view of a slice.

    ``queries`` is the SQL of its suite that finds unexpected rows, ``read`` reads a statement in
    DuckDB's SQL wherever the tables are.
    """

    def __init__(self, engine: Engine, view: View, queries: Sequence[str], read: _Read) -> None:
        self.checks = view.checks
        self._read = read
        self._relation = view.relation
        self._columns = view.columns
        self._queries = tuple(dict.fromkeys(queries))
        self._counts: dict[str, int] = {}
        super().__init__(engine=engine, create_temp_table=False)

    def get_inspector(self) -> Any:
        """The columns as declared."""
        return _Columns(self.engine.dialect, self._columns)

    def count(self, query: str) -> int:
        """How many rows a query of the suite finds."""
        if not self._counts:
            try:
                self._counts = self._counted(self._queries)
            except Exception:
                # One of them spoils the statement, and is not told from the others.
                self._queries = ()
        return self._counts[query] if query in self._counts else self._counted([query])[query]

    def sample(self, query: str) -> list[dict[str, Any]]:
        """A few of the rows that it finds."""
        names, rows = self._read(f"SELECT * FROM ({self._sql(query)}\n) AS found LIMIT {SAMPLE}")
        return [
            {name: v for name, v in zip(names, row, strict=True) if not name.startswith(ADDED)}
            for row in rows
        ]

    def _counted(self, queries: Sequence[str]) -> dict[str, int]:
        parts = [
            f"SELECT {i} AS which, count(*) AS n FROM ({self._sql(query)}\n) AS found"
            for i, query in enumerate(queries)
        ]
        _, rows = self._read("\nUNION ALL ".join(parts)) if parts else ([], [])
        return {queries[which]: int(n) for which, n in rows}

    def _sql(self, query: str) -> str:
        return query.format(batch=self._relation)


class _RowCount(QueryMetricProvider):
    """How many unexpected rows there are: counted for all SQL of a suite in one statement."""

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
        return execution_engine.count(metric_value_kwargs["unexpected_rows_query"])


class _Rows(QueryMetricProvider):
    """A few of the unexpected rows, where there are any.

    The library's own metric reads every one of them.
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
        if not metrics["count"]:
            return []
        return execution_engine.sample(metric_value_kwargs["unexpected_rows_query"])

    @classmethod
    def _get_evaluation_dependencies(
        cls, metric: MetricConfiguration, *_: Any, **__: Any
    ) -> dict[str, MetricConfiguration]:
        return {
            "count": MetricConfiguration(
                metric_name=_RowCount.metric_name,
                metric_domain_kwargs=metric.metric_domain_kwargs,
                metric_value_kwargs=metric.metric_value_kwargs,
            )
        }


class Bench:
    """The slice's connection, ready to evaluate one suite after another within a ``with``.

    Meanwhile the SQL of a suite finds the as-of day in ``getvariable('as_of')``.
    """

    def __init__(self, slice_: Slice) -> None:
        self._slice = slice_
        self._connection = _lent(slice_)
        self._engine = engine_on(self._connection)
        self._as_of = slice_.as_of

    def __enter__(self) -> Bench:
        self._slice.con.execute(f"SET VARIABLE as_of = DATE '{self._as_of}'")
        return self

    def __exit__(self, *_: object) -> None:
        self._slice.con.execute("RESET VARIABLE as_of")

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
        engine = self._engine_on(suite, view)
        found = self._pass(engine, suite, wanted, [_first(e) for e in wanted])
        errored = [i for i, outcome in enumerate(found) if outcome.error]
        if len(errored) > 1:
            # One bad expectation spoils the statement it shares with others: find out which one.
            for i in errored:
                found[i] = self._pass(engine, suite, [wanted[i]], [_first(wanted[i])])[0]
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
            again = self._pass(engine, suite, [wanted[i] for i in failed], [detailed] * len(failed))
            for i, outcome in zip(failed, again, strict=True):
                if not outcome.error:
                    found[i] = outcome
        return [
            replace(outcome, element_count=view.rows) if outcome.element_count is None else outcome
            for outcome in found
        ]

    def _engine_on(self, suite: Suite, view: View) -> SliceExecutionEngine:
        queries = [e.kwargs["unexpected_rows_query"] for e in suite.expectations if e.type == ROWS]
        engine = SliceExecutionEngine(self._engine, view, queries, self._read)
        names: Any = {"source_table_name": suite.source, "source_schema_name": "slice"}
        if self._slice.elsewhere is None:
            names |= {"table_name": suite.source, "schema_name": "slice"}
        else:
            names["selectable"] = self._selected(view)
        data = SqlAlchemyBatchData(engine, create_temp_table=False, **names)
        engine.load_batch_data(suite.source, data)
        return engine

    def _selected(self, view: View) -> Any:
        """The select that stands for the view of a source where no view can be made."""
        native = self._slice.sent(f"SELECT * FROM {view.relation} AS t").replace(":", "\\:")
        columns: list[Any] = [sqlalchemy.column(name) for name in view.columns]
        text = sqlalchemy.text(f"({native}) AS t")
        return sqlalchemy.select(*columns).select_from(text)

    def _read(self, sql: str) -> tuple[list[str], list[Any]]:
        if self._slice.elsewhere is not None:
            sql = self._slice.sent(plain(sql, self._as_of))
        return self._connection.read(sql)

    def _pass(
        self,
        engine: SliceExecutionEngine,
        suite: Suite,
        wanted: Sequence[Expectation],
        formats: Sequence[Mapping[str, Any]],
    ) -> list[Outcome]:
        given = {"as_of": datetime.combine(self._as_of, time()).isoformat()}
        built = [
            _built(suite, expectation, given, format_)
            for expectation, format_ in zip(wanted, formats, strict=True)
        ]
        return [_outcome(answer) for answer in gate_graph.evaluate(engine, built)]


def _lent(slice_: Slice) -> LentConnection:
    if slice_.elsewhere is None:
        return LentConnection(slice_.con)
    from boardpack.postgres import Postgres

    assert isinstance(slice_.elsewhere, Postgres)
    return LentPostgres(slice_.elsewhere)


def _first(expectation: Expectation) -> dict[str, Any]:
    """Those of each row are first asked whether they pass; the others answer at no further cost.

    One that lets some rows be otherwise passes with unexpected rows, which are counted, too.
    """
    if not expectation.type.startswith(OF_EACH_ROW):
        return _WHOLE
    return _BRIEF if expectation.kwargs.get("mostly", 1) == 1 else _COUNTED


def _built(
    suite: Suite, expectation: Expectation, given: Mapping[str, Any], format_: Mapping[str, Any]
) -> Any:
    """The expectation as the library holds it, with what its parameters stand for."""
    try:
        implementation: Any = get_expectation_impl(expectation.type)
        kwargs, _ = build_suite_parameters(dict(expectation.kwargs), dict(given))
        return implementation(severity=expectation.severity, result_format=dict(format_), **kwargs)
    except Exception as error:
        raise DefinitionError(
            f"Great Expectations refuses {expectation.type}: {_plain(str(error))}",
            file=suite.file,
            line=expectation.line,
        ) from None


def _outcome(answer: Answer) -> Outcome:
    if answer.error:
        return Outcome(False, error=_plain(answer.error))
    detail = answer.result
    observed = detail.get("observed_value")
    details = detail.get("details") or {}
    if isinstance(details.get("found"), Found):
        return _own(details["found"])
    if "unexpected_rows" in details:
        return Outcome(
            answer.success,
            unexpected_count=int(observed or 0),
            sample=tuple(_row(row) for row in details["unexpected_rows"]),
        )
    sample = detail.get("partial_unexpected_index_list") or [
        value if isinstance(value, dict) else {"value": value}
        for value in detail.get("partial_unexpected_list", ())
    ]
    count = detail.get("unexpected_count")
    elements = detail.get("element_count")
    return Outcome(
        answer.success,
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

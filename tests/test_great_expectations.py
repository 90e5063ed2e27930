"""Each known fault of Great Expectations: that it is still there, and that the gate is right anyhow.

A test here fails when a new version of that library behaves otherwise: either a fault is gone, and
with it the reason for our way round it, or another has come. The numbers are those of the list that
the gate was planned with.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import nbformat
import numpy as np
import pandas as pd
import pytest
import sqlalchemy

import workspaces
from boardpack import gate, orders, runs
from boardpack.errors import DefinitionError, UnknownNameError
from boardpack.executions import NotebookProcess
from boardpack.gate_lent import LentConnection, engine_on
from boardpack.gate_results import GateResult
from boardpack.gate_suites import Expectation, Suite, load_suites
from boardpack.gate_types import REFUSED
from boardpack.model import Model
from boardpack.source_files import load
from boardpack.sources import Sources
from boardpack.workspace import SUITE, Workspace
from gate_fixture import company, slice_for

META = {"dimension": "accuracy", "owner": "finance", "at_stake": "Much.", "sentence": "all is well"}
FRAME = pd.DataFrame({
    "amount": [1.0, 2.0, 3.0, 4.0],
    "at": pd.to_datetime(["2025-06-01", "2025-06-29"] * 2),
    "name": ["x", "y", "x", "y"],
})  # fmt: skip


@pytest.fixture(scope="module")
def declared() -> Sources:
    return load(Workspace.open(SUITE))


@pytest.fixture(scope="module")
def library() -> Iterator[Any]:
    """Great Expectations itself, without what it prints."""
    gate.warm()
    import great_expectations

    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield great_expectations
    logger.setLevel(level)


@pytest.fixture(scope="module")
def context(library: Any) -> Any:
    """The library's own way: an ephemeral context over a pandas frame."""
    made = library.get_context(mode="ephemeral")
    made.variables.progress_bars = {"globally": False}
    asset = made.data_sources.add_pandas("pandas").add_dataframe_asset("frame")
    asset.add_batch_definition_whole_dataframe("whole")
    return made


@pytest.fixture(scope="module")
def whole(context: Any) -> Any:
    return context.data_sources.get("pandas").get_asset("frame").get_batch_definition("whole")


@pytest.fixture(scope="module")
def batch(whole: Any) -> Any:
    return whole.get_batch({"dataframe": FRAME})


def entry(type_: str, /, **kwargs: Any) -> dict[str, Any]:
    return {"type": type_, "kwargs": kwargs, "severity": "warning", "meta": META}


def suites_of(declared: Sources, folder: Path, source: str, *entries: dict[str, Any]) -> Any:
    path = folder / f"{source}.json"
    path.write_text(json.dumps({"name": source, "expectations": list(entries)}), encoding="utf-8")
    return load_suites([folder], [declared[source]])


def judged(declared: Sources, folder: Path, source: str, *entries: dict[str, Any]) -> GateResult:
    """What the gate says of these expectations of a small company."""
    suites = suites_of(declared, folder, source, *entries)
    with closing(slice_for(declared, company(), suites, [source])) as slice_:
        return gate.check(slice_, [source], suites)


# ---- 1: rows are fetched after the connection went back to the pool --------------------------


class _OneResult(LentConnection):
    """DuckDB as its drivers have it: a connection has one result, and ending a turn drops it."""

    def cursor(self) -> Any:
        return _Reading(self)

    def rollback(self) -> None:
        self.con.begin()
        self.con.rollback()


class _Reading:
    rowcount = -1
    arraysize = 1
    description: Any = None

    def __init__(self, connection: LentConnection) -> None:
        self._con = connection.con

    def execute(self, sql: str, parameters: Any = ()) -> None:
        self.description = self._con.execute(sql, list(parameters)).description

    def fetchone(self) -> Any:
        return self._con.fetchone()

    def fetchmany(self, size: int = 1) -> list[Any]:
        return self._con.fetchmany(size)

    def fetchall(self) -> list[Any]:
        return self._con.fetchall()

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("kind", "rows"), [(_OneResult, []), (LentConnection, [(1,), (2,)])],
    ids=["a driver's cursor", "a cursor that keeps its rows"],
)  # fmt: skip
def test_1_rows_are_fetched_after_the_connection_went_back(
    library: Any, kind: type[LentConnection], rows: list[Any]
) -> None:
    from great_expectations.execution_engine import SqlAlchemyExecutionEngine

    with duckdb.connect() as con:
        engine = SqlAlchemyExecutionEngine(engine=engine_on(kind(con)), create_temp_table=False)
        found = engine.execute_query(sqlalchemy.text("SELECT * FROM (VALUES (1), (2)) AS t"))
        assert [tuple(row) for row in found.fetchall()] == rows


#: Types that send SQL which it does not have for DuckDB.
UNTRANSLATED: list[tuple[str, dict[str, Any]]] = [
    ("expect_column_values_to_match_regex", {"column": "plan_name", "regex": "^T"}),
    ("expect_column_values_to_match_like_pattern", {"column": "plan_name", "like_pattern": "T%"}),
    ("expect_column_values_to_be_of_type", {"column": "plan_name", "type_": "VARCHAR"}),
    ("expect_column_values_to_be_increasing", {"column": "list_price_monthly"}),
]


@pytest.mark.parametrize(("type_", "kwargs"), UNTRANSLATED)
def test_1_what_it_cannot_say_to_duckdb_is_refused_as_a_suite_is_read(
    declared: Sources, tmp_path: Path, library: Any, type_: str, kwargs: dict[str, Any]
) -> None:
    from boardpack.gate_engine import Bench, View

    source = declared["plans"]
    wanted = Expectation(type_, kwargs, "warning", "accuracy", "Much.", "finance", "all is well")
    with (
        closing(slice_for(declared, company(), {}, ["plans"])) as slice_,
        Bench(slice_) as bench,
    ):
        view = View(slice_.relation("plans"), tuple(source.columns), source.key, 1)
        [outcome] = bench.evaluate(Suite("plans", tmp_path, (wanted,), ""), [wanted], view)
    assert outcome.error or not outcome.success
    with pytest.raises(DefinitionError, match="does not work on the slice"):
        suites_of(declared, tmp_path, "plans", entry(type_, **kwargs))


# ---- 2: a success that is no bool -----------------------------------------------------------

QUANTILES = {"column": "amount", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 9]]}}


def test_2_the_success_of_quantiles_is_no_bool_and_the_whole_run_dies(
    library: Any, context: Any, whole: Any, batch: Any
) -> None:
    expectation = library.expectations.ExpectColumnQuantileValuesToBeBetween(**QUANTILES)
    assert type(batch.validate(expectation).success) is np.bool
    suite = library.ExpectationSuite(name="quantiles", expectations=[expectation])
    definition = library.ValidationDefinition(
        name="quantiles", data=whole, suite=context.suites.add(suite)
    )
    with pytest.raises(TypeError, match="not JSON serializable"):
        context.validation_definitions.add(definition).run(batch_parameters={"dataframe": FRAME})


def test_2_the_gate_refuses_quantiles_and_writes_plain_json(
    declared: Sources, tmp_path: Path
) -> None:
    with pytest.raises(DefinitionError, match="does not work on the slice") as caught:
        suites_of(
            declared, tmp_path, "invoices",
            entry("expect_column_quantile_values_to_be_between", **QUANTILES),
        )  # fmt: skip
    assert "expect_column_median_to_be_between" in (caught.value.hint or "")
    result = judged(
        declared, tmp_path, "invoices",
        entry("expect_column_median_to_be_between", column="amount", max_value=9),
    )  # fmt: skip
    [found] = json.loads(json.dumps(result.to_dict()))["results"]
    assert (found["outcome"], found["observed"]) == ("failed", 96)


def test_2_an_answer_is_a_bool_whatever_the_library_gives(library: Any) -> None:
    from boardpack.gate_graph import _validated

    class Given:
        success = np.bool_(True)
        result: dict[str, Any] = {}  # noqa: RUF012
        exception_info = None

        def metrics_validate(self, **_: Any) -> Given:
            return self

    expectation: Any = Given()
    answer = _validated(expectation, {}, None, "")
    assert (answer.success, type(answer.success)) == (True, bool)


# ---- 3: an unknown type is dropped ----------------------------------------------------------


def test_3_an_unknown_type_is_dropped_with_no_more_than_a_line_in_the_log(
    library: Any, caplog: pytest.LogCaptureFixture
) -> None:
    kept, typo = "expect_column_values_to_not_be_null", "expect_colum_values_to_not_be_null"
    entries = [{"type": type_, "kwargs": {"column": "amount"}} for type_ in (kept, typo)]
    caplog.set_level(logging.ERROR, "great_expectations")
    suite = library.ExpectationSuite(name="typo", expectations=entries)
    assert [e.expectation_type for e in suite.expectations] == [kept]
    assert typo in caplog.text


def test_3_the_gate_stops_at_an_unknown_type(declared: Sources, tmp_path: Path) -> None:
    typo = entry("expect_colum_values_to_not_be_null", column="amount")
    with pytest.raises(UnknownNameError, match="did you mean 'expect_column_values_to_not_be_null"):
        suites_of(declared, tmp_path, "invoices", typo)


def test_3_every_expectation_of_the_suites_gives_a_result(declared: Sources) -> None:
    """None is lost on the way through the library: there are as many results as expectations."""
    suites = load_suites([SUITE / "expectations"], [declared["users"], declared["plans"]])
    with closing(slice_for(declared, company(), suites, suites)) as slice_:
        result = gate.check(slice_, list(suites), suites)
    expected = [e.type for suite in suites.values() for e in suite.expectations]
    assert [r.expectation for r in result.results] == expected


# ---- 4: freshness against a bound that JSON can hold ----------------------------------------


@pytest.mark.parametrize(
    ("bound", "evaluated"),
    [
        ("2025-06-20", False),
        (date(2025, 6, 20), False),
        (datetime(2025, 6, 20, tzinfo=UTC), False),
        ("2025-06-20T00:00:00", True),
        (datetime(2025, 6, 20), True),
    ],
)
def test_4_a_day_is_no_bound_of_a_moment(
    library: Any, batch: Any, bound: object, evaluated: bool
) -> None:
    """The newest row is of 29 June: every one of these should pass."""
    newest = library.expectations.ExpectColumnMaxToBeBetween(column="at", min_value=bound)
    result = batch.validate(newest)
    assert (result.success, bool(result.result)) == (evaluated, evaluated)


@pytest.mark.parametrize(("days", "outcome"), [(1, "passed"), (0, "failed")])
@pytest.mark.parametrize(
    ("source", "column"), [("sessions", "started_at"), ("gl_entries", "posted_on")]
)
def test_4_the_gate_measures_freshness_of_moments_and_days(
    declared: Sources, tmp_path: Path, source: str, column: str, days: int, outcome: str
) -> None:
    bound = {"$PARAMETER": f"as_of - timedelta(days={days})"}
    newest = entry("expect_column_max_to_be_between", column=column, min_value=bound)
    result = judged(declared, tmp_path, source, newest)
    if source == "gl_entries":
        # It has a row of the as-of itself.
        outcome = "passed"
    assert [r.outcome for r in result.results] == [outcome]


@pytest.mark.parametrize(
    ("source", "column", "bound", "outcome"),
    [
        ("sessions", "started_at", "2025-06-20", "passed"),
        ("sessions", "started_at", "2025-06-30", "failed"),
        ("gl_entries", "posted_on", "2025-06-20", "passed"),
        ("gl_entries", "posted_on", "2025-07-01", "failed"),
    ],
)
def test_4_where_the_gate_runs_a_day_is_compared_all_the_same(
    declared: Sources, tmp_path: Path, source: str, column: str, bound: str, outcome: str
) -> None:
    """Of its SQL engine; were it to err there as on pandas, the gate would hold and say so."""
    newest = entry("expect_column_max_to_be_between", column=column, min_value=bound)
    assert [r.outcome for r in judged(declared, tmp_path, source, newest).results] == [outcome]


# ---- 5: an error looks like a failure, in two shapes ----------------------------------------


def test_5_an_error_looks_like_a_failure_and_is_reported_in_two_shapes(
    library: Any, batch: Any
) -> None:
    from boardpack.gate_graph import error_of

    expectations = library.expectations
    no_column = batch.validate(expectations.ExpectColumnValuesToNotBeNull(column="amuont"))
    no_order = batch.validate(
        expectations.ExpectColumnMaxToBeBetween(column="at", min_value="2025-06-20")
    )
    for result in (no_column, no_order):
        assert (result.success, result.result) == (False, {})
        assert error_of(result.exception_info)
    flat, by_metric = no_order.exception_info, no_column.exception_info
    assert flat["raised_exception"] is True
    assert "raised_exception" not in by_metric
    assert all(entry["raised_exception"] for entry in by_metric.values())
    passed = batch.validate(expectations.ExpectColumnValuesToNotBeNull(column="amount"))
    failed = batch.validate(expectations.ExpectColumnValuesToBeNull(column="amount"))
    assert [error_of(r.exception_info) for r in (passed, failed)] == ["", ""]


def test_5_the_gate_tells_an_error_from_a_failure(declared: Sources, tmp_path: Path) -> None:
    def rows(where: str) -> dict[str, Any]:
        query = f"SELECT plan_id FROM {{batch}} WHERE {where}"
        return entry("unexpected_rows_expectation", unexpected_rows_query=query)

    result = judged(
        declared, tmp_path, "plans", rows("no_such_column = 1"), rows("plan_id IS NOT NULL"),
        rows("plan_id IS NULL"),
    )  # fmt: skip
    assert [r.outcome for r in result.results] == ["errored", "failed", "passed"]
    assert "no_such_column" in str(result.results[0].observed)
    assert result.verdict == "hold"


# ---- 6: pandas cannot look at two tables ----------------------------------------------------


def test_6_on_pandas_no_rows_are_searched_by_sql(library: Any, batch: Any) -> None:
    from boardpack.gate_graph import error_of

    found = library.expectations.UnexpectedRowsExpectation(
        unexpected_rows_query="SELECT * FROM {batch} WHERE amount > 1"
    )
    result = batch.validate(found)
    assert (result.success, result.result) == (False, {})
    assert "PandasExecutionEngine" in error_of(result.exception_info)


def test_6_the_gate_searches_where_the_tables_are(declared: Sources, tmp_path: Path) -> None:
    query = "SELECT user_id FROM {batch} ANTI JOIN slice.accounts USING (account_id)"
    orphans = entry("unexpected_rows_expectation", unexpected_rows_query=query)
    suites = suites_of(declared, tmp_path, "users", orphans)
    rows = company()
    rows["users"][1]["account_id"] = "A9"
    with closing(slice_for(declared, rows, suites, ["users"])) as slice_:
        [found] = gate.check(slice_, ["users"], suites).results
    assert (found.outcome, found.sample) == ("failed", ({"user_id": "U2"},))


# ---- 7: types of columns depend on the version of pandas ------------------------------------


def test_7_the_type_of_a_text_depends_on_the_version_of_pandas(library: Any, batch: Any) -> None:
    def passes(type_: str) -> bool:
        check = library.expectations.ExpectColumnValuesToBeOfType(column="name", type_=type_)
        return bool(batch.validate(check).success)

    major = int(pd.__version__.partition(".")[0])
    assert (passes("object"), passes("str")) == (major < 3, True)


def test_7_types_are_those_that_the_source_declares(declared: Sources, tmp_path: Path) -> None:
    typed = [type_ for type_ in REFUSED if "_type" in type_]
    assert len(typed) == 3
    for type_ in typed:
        with pytest.raises(DefinitionError, match="does not work on the slice") as caught:
            suites_of(declared, tmp_path, "plans", entry(type_, column="plan_name"))
        assert "the source declares the types of its columns" in (caught.value.hint or "")


# ---- 8: a store leaves a file among the suites ----------------------------------------------


def test_8_a_store_of_the_library_leaves_a_file_of_its_own(library: Any, tmp_path: Path) -> None:
    from great_expectations.data_context.store import ExpectationsStore

    ExpectationsStore(
        store_backend={"class_name": "TupleFilesystemStoreBackend", "base_directory": str(tmp_path)}
    )
    assert [path.name for path in tmp_path.iterdir()] == [".ge_store_backend_id"]


def test_8_the_gate_leaves_the_folder_as_it_was(declared: Sources, tmp_path: Path) -> None:
    not_null = entry("expect_column_values_to_not_be_null", column="plan_id")
    assert judged(declared, tmp_path, "plans", not_null).verdict == "publish"
    assert [path.name for path in tmp_path.iterdir()] == ["plans.json"]
    assert not list((SUITE / "expectations").glob(".*"))


# ---- 9: telemetry, and a slow import --------------------------------------------------------

OFFLINE = """\
import socket, sys
asked = []
def refuse(self, address, *more):
    asked.append(address)
    raise OSError("no network")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = lambda *address, **more: refuse(None, address)
sys.path.insert(0, {tests!r})
from boardpack import gate, gate_suites
from boardpack.source_files import load
from boardpack.workspace import SUITE, Workspace
from gate_fixture import company, slice_for
declared = load(Workspace.open(SUITE))
suites = gate_suites.load_suites([SUITE / "expectations"], [declared["users"]])
result = gate.check(slice_for(declared, company(), suites, ["users"]), ["users"], suites)
assert result.verdict == "publish"
{more}
assert not asked, asked
assert not [name for name in sys.modules if name.partition(".")[0] in ("posthog", "segment")]
"""
#: The library's own way, which may ask more of the network than the gate does.
ITS_OWN_WAY = """\
import great_expectations, pandas
context = great_expectations.get_context(mode="ephemeral")
asset = context.data_sources.add_pandas("p").add_dataframe_asset("f")
whole = asset.add_batch_definition_whole_dataframe("w")
not_null = great_expectations.expectations.ExpectColumnValuesToNotBeNull(column="a")
suite = context.suites.add(great_expectations.ExpectationSuite(name="s", expectations=[not_null]))
definition = great_expectations.ValidationDefinition(name="v", data=whole, suite=suite)
run = context.validation_definitions.add(definition).run
assert run(batch_parameters={"dataframe": pandas.DataFrame({"a": [1]})}).success
"""


@pytest.mark.parametrize("more", ["", ITS_OWN_WAY], ids=["the gate", "the library's own way"])
def test_9_nothing_is_sent_to_anybody(tmp_path: Path, more: str) -> None:
    script = tmp_path / "offline.py"
    text = OFFLINE.replace("{tests!r}", repr(str(Path(__file__).parent))).replace("{more}", more)
    script.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("mode", ["fork", "kernel"])
def test_9_no_notebook_pays_for_its_import(tmp_path: Path, mode: Any) -> None:
    """The gate has it imported once for a run; the cells of the run know nothing of it."""
    root = workspaces.shop(tmp_path / "shop")
    path = root / "notebooks" / "purchases.ipynb"
    notebook = nbformat.read(path, as_version=4)
    looks = "import sys\nassert 'great_expectations' not in sys.modules, 'it was imported here'"
    notebook.cells.append(nbformat.v4.new_code_cell(looks))
    nbformat.write(notebook, path)
    model = Model.open(root)
    wanted = orders.order(model, "monthly", "2025-05")
    with NotebookProcess(mode) as process:
        result = runs.run(model, wanted, now=lambda: datetime.now(UTC), process=process)
    assert (result.status, result.error) == ("published", None)
    assert "great_expectations" in sys.modules
    assert result.edition is not None
    executed = nbformat.read(result.edition / "notebooks" / "purchases.ipynb", as_version=4)
    assert any(cell.source == looks and cell.execution_count for cell in executed.cells)

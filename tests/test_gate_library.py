"""What Great Expectations does that the gate goes round: each stands here with its way round.

A test that fails says that the library has changed: the way round is needless, or no longer enough.
"""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from boardpack import gate
from boardpack.errors import DefinitionError, UnknownNameError
from boardpack.gate import Suite
from boardpack.gate_types import REFUSED, ROWS
from boardpack.sources import Sources, load
from boardpack.workspace import SUITE, Workspace
from gate_fixture import company, slice_for

NOON = datetime(2025, 6, 30, 12)


@pytest.fixture(scope="module", autouse=True)
def library() -> Any:
    gate.warm()
    import great_expectations as gx

    return gx


@pytest.fixture(scope="module")
def declared() -> Sources:
    return load(Workspace.open(SUITE))


def _on_pandas(gx: Any, frame: pd.DataFrame, *expectations: Any) -> Any:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    batch = asset.add_batch_definition_whole_dataframe("whole")
    suite = context.suites.add(gx.ExpectationSuite(name="s", expectations=list(expectations)))
    definition = gx.ValidationDefinition(name="v", data=batch, suite=suite)
    return definition.run(batch_parameters={"dataframe": frame})


def _suite(declared: Sources, folder: Path, *entries: dict[str, Any]) -> dict[str, Suite]:
    meta = {"dimension": "accuracy", "at_stake": "All.", "owner": "x", "sentence": "so it is"}
    whole = [{"severity": "critical", "meta": meta, **entry} for entry in entries]
    path = folder / "plans.json"
    path.write_text(json.dumps({"name": "plans", "expectations": whole}), encoding="utf-8")
    return gate.load_suites([folder], [declared["plans"]])


def _checked(declared: Sources, suites: dict[str, Suite]) -> gate.GateResult:
    with closing(slice_for(declared, company(), suites, ["plans"])) as slice_:
        return gate.check(slice_, ["plans"], suites)


def test_rows_are_read_once_the_connection_is_given_back(
    declared: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a lent cursor keeps its rows: DuckDB has dropped them by then."""
    from boardpack.gate_lent import LentConnection

    entry = {"type": "expect_column_max_to_be_between",
             "kwargs": {"column": "list_price_monthly", "min_value": 1}}  # fmt: skip
    suites = _suite(declared, tmp_path, entry)
    assert _checked(declared, suites).results[0].outcome == "passed"
    open_cursors: list[Any] = []
    plain = LentConnection.cursor

    def cursor(self: LentConnection) -> Any:
        open_cursors.append(plain(self))
        return open_cursors[-1]

    def dropped(self: LentConnection) -> None:
        for each in open_cursors:
            each._rows = []

    monkeypatch.setattr(LentConnection, "cursor", cursor)
    # What SQLAlchemy calls when a connection comes back.
    monkeypatch.setattr(LentConnection, "rollback", dropped)
    assert _checked(declared, suites).results[0].outcome == "errored"


def test_a_verdict_may_be_a_boolean_of_numpy(library: Any) -> None:
    """So every success is made a bool, and quantiles are refused."""
    expected = library.expectations.ExpectColumnQuantileValuesToBeBetween(
        column="x", quantile_ranges={"quantiles": [0.5], "value_ranges": [[1, 3]]}
    )
    with pytest.raises(TypeError, match="bool"):
        _on_pandas(library, pd.DataFrame({"x": [1.0, 2.0, 3.0]}), expected)
    assert "expect_column_quantile_values_to_be_between" in REFUSED
    with pytest.raises(TypeError):
        json.dumps(np.bool_(True))


def test_an_unknown_type_is_dropped(library: Any, declared: Sources, tmp_path: Path) -> None:
    """So suites are read by us, and a typo stops the load."""
    entry = {"type": "expect_column_values_to_be_uniqe", "kwargs": {"column": "plan_id"}}
    assert not library.ExpectationSuite(name="s", expectations=[entry]).expectations
    with pytest.raises(UnknownNameError, match="expect_column_values_to_be_unique"):
        _suite(declared, tmp_path, entry)


def test_a_day_is_no_bound_of_a_moment(library: Any) -> None:
    """So freshness is a parameter, which the gate fills with a moment."""
    frame = pd.DataFrame({"at": [NOON]})
    bound = library.expectations.ExpectColumnMaxToBeBetween(column="at", min_value="2025-06-01")
    (result,) = _on_pandas(library, frame, bound).results
    assert not result.success
    assert not result.result
    moment = library.expectations.ExpectColumnMaxToBeBetween(
        column="at", min_value=datetime(2025, 6, 1)
    )
    assert _on_pandas(library, frame, moment).success


def test_what_errors_looks_like_what_failed(library: Any) -> None:
    """So outcomes are told apart by the exception, whichever of two shapes it has."""
    from boardpack.gate_graph import error_of

    unknown = library.expectations.ExpectColumnValuesToNotBeNull(column="nowhere")
    bad = library.expectations.ExpectColumnMaxToBeBetween(column="at", min_value="2025-06-01")
    frame = pd.DataFrame({"at": [NOON]})
    shapes = set()
    for expectation in (unknown, bad):
        (result,) = _on_pandas(library, frame, expectation).results
        assert not result.success
        assert error_of(result.exception_info)
        shapes.add("raised_exception" in result.exception_info)
    assert shapes == {True, False}


def test_sql_cannot_be_checked_on_a_frame(library: Any) -> None:
    """So what joins is checked in the engine that has the tables."""
    query = "SELECT * FROM {batch} WHERE x > 1"
    expected = library.expectations.UnexpectedRowsExpectation(unexpected_rows_query=query)
    (result,) = _on_pandas(library, pd.DataFrame({"x": [1, 2]}), expected).results
    assert not result.success
    assert result.result == {} or result.exception_info


def test_the_type_of_a_text_depends_on_pandas(library: Any) -> None:
    """So types are those that a source declares, and expectations of types are refused."""
    frame = pd.DataFrame({"x": ["a", "b"]})
    passed = {
        type_: _on_pandas(
            library,
            frame,
            library.expectations.ExpectColumnValuesToBeOfType(column="x", type_=type_),
        ).success
        for type_ in ("object", "str")
    }
    assert passed == {"object": pd.__version__ < "3", "str": True}
    assert "expect_column_values_to_be_of_type" in REFUSED


@pytest.mark.parametrize(
    "type_", ["expect_column_values_to_match_regex", "expect_column_values_to_be_increasing"]
)
def test_what_the_library_cannot_ask_of_duckdb_is_refused(
    declared: Sources, tmp_path: Path, type_: str
) -> None:
    entry = {"type": type_, "kwargs": {"column": "plan_id", "regex": "^P"}}
    with pytest.raises(DefinitionError, match="does not work on the slice"):
        _suite(declared, tmp_path, entry)


def test_a_configuration_is_computed_whenever_it_is_looked_at(library: Any) -> None:
    """So it is kept while a source is evaluated, and only then."""
    from boardpack.gate_graph import _configured_once

    expectation = library.expectations.ExpectColumnValuesToNotBeNull(column="x")
    assert expectation.configuration is not expectation.configuration
    with _configured_once():
        kept = expectation.configuration
        assert expectation.configuration is kept
        assert kept.to_domain_obj() is expectation
        other = library.expectations.ExpectColumnValuesToNotBeNull(column="y")
        assert other.configuration.kwargs == {"column": "y"}
    assert expectation.configuration is not kept


def test_every_row_that_is_not_expected_would_be_read(
    declared: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So they are counted where they are, and a few come to be shown."""
    from boardpack import gate_lent

    read: list[int] = []
    plain = gate_lent.LentConnection.read

    def counted(self: Any, sql: str, parameters: Any = ()) -> Any:
        names, rows = plain(self, sql, parameters)
        read.append(len(rows))
        return names, rows

    monkeypatch.setattr(gate_lent.LentConnection, "read", counted)
    query = "SELECT plan_id FROM {batch}, range(1000)"
    suites = _suite(declared, tmp_path, {"type": ROWS, "kwargs": {"unexpected_rows_query": query}})
    (result,) = _checked(declared, suites).results
    assert (result.outcome, result.unexpected_count) == ("failed", 1000)
    assert len(result.sample) == 5
    assert max(read) == 5

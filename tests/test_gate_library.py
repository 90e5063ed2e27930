"""How the gate spares Great Expectations work: each way with what makes it needed.

A test that fails says that the library has changed: the way round is needless, or no longer enough.
"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from boardpack import gate, gate_results, gate_suites
from boardpack.gate_suites import Suite
from boardpack.gate_types import ROWS
from boardpack.source_files import load
from boardpack.sources import Sources
from boardpack.workspace import SUITE, Workspace
from gate_fixture import company, slice_for


@pytest.fixture(scope="module", autouse=True)
def library() -> Any:
    gate.warm()
    import great_expectations as gx

    return gx


@pytest.fixture(scope="module")
def declared() -> Sources:
    return load(Workspace.open(SUITE))


def _suite(declared: Sources, folder: Path, *entries: dict[str, Any]) -> dict[str, Suite]:
    meta = {"dimension": "accuracy", "at_stake": "All.", "owner": "x", "sentence": "so it is"}
    whole = [{"severity": "critical", "meta": meta, **entry} for entry in entries]
    path = folder / "plans.json"
    path.write_text(json.dumps({"name": "plans", "expectations": whole}), encoding="utf-8")
    return gate_suites.load_suites([folder], [declared["plans"]])


def _checked(declared: Sources, suites: dict[str, Suite]) -> gate_results.GateResult:
    with closing(slice_for(declared, company(), suites, ["plans"])) as slice_:
        return gate.check(slice_, ["plans"], suites)


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

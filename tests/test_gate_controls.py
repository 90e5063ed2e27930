"""Checks keep their names, say how many rows they looked at, and belong to one of twelve controls."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from boardpack.errors import DefinitionError, UnknownNameError
from boardpack.gate import check
from boardpack.gate_controls import CONTROLS, controls
from boardpack.gate_ids import ids_of
from boardpack.gate_results import CheckResult
from boardpack.gate_suites import Suite, load_suites
from boardpack.source_files import load
from boardpack.sources import Source, Sources
from boardpack.workspace import SUITE, Workspace
from gate_fixture import company, slice_for

META = {"dimension": "accuracy", "owner": "finance", "at_stake": "Revenue would be wrong."}


@pytest.fixture(scope="module")
def declared() -> Sources:
    return load(Workspace.open(SUITE))


@pytest.fixture(scope="module")
def suites(declared: Sources) -> dict[str, Suite]:
    tables = [source for source in declared.declared.values() if not source.derived_from]
    return load_suites([SUITE / "expectations"], tables, declared=declared.declared)


def own_suite(source: Source, folder: Path, *expectations: dict[str, Any]) -> Suite:
    complete = [
        {"severity": "warning", **e, "meta": {**META, **e.get("meta", {})}} for e in expectations
    ]
    path = folder / f"{source.id}.json"
    path.write_text(
        json.dumps(
            {"name": source.id, "meta": {"replaces": source.id}, "expectations": complete}, indent=1
        ),
        encoding="utf-8",
    )
    return load_suites([folder], [source])[source.id]


def rows_where(condition: str, **meta: str) -> dict[str, Any]:
    return {
        "type": "unexpected_rows_expectation",
        "kwargs": {"unexpected_rows_query": f"SELECT * FROM {{batch}} WHERE {condition}"},
        "meta": {"sentence": f"never {condition}", **meta},
    }


def test_every_check_has_an_id_of_its_own_that_can_be_read(suites: dict[str, Suite]) -> None:
    ids = [e.id for suite in suites.values() for e in suite.expectations]
    assert len(ids) == len(set(ids)) > 500
    assert all(e.id.startswith(f"{s.source}.") for s in suites.values() for e in s.expectations)
    assert "invoices.status.in_set" in ids
    assert max(map(len, ids)) < 90


def test_an_id_does_not_depend_on_the_order_of_a_suite(suites: dict[str, Suite]) -> None:
    for source, suite in suites.items():
        own = {"kpi_registry.method", "kpi_registry.lineage"}
        entries = [
            (e.type, e.kwargs, e.severity, e.sentence, e.id if e.id in own else None)
            for e in suite.expectations
        ]
        backwards = ids_of(source, entries[::-1])[::-1]
        assert backwards == [e.id for e in suite.expectations]


def test_an_id_of_the_suites_own_stands_and_is_not_given_twice(
    declared: Sources, tmp_path: Path
) -> None:
    plans = declared["plans"]
    one = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "plan_id"}}
    suite = own_suite(plans, tmp_path, {**one, "id": "plans.plan_id.unique"}, one)
    assert [e.id for e in suite.expectations] == ["plans.plan_id.unique", "plans.plan_id.unique.2"]
    with pytest.raises(DefinitionError, match=r"two expectations are called 'mine'"):
        own_suite(plans, tmp_path, {**one, "id": "mine"}, {**one, "id": "mine"})
    with pytest.raises(DefinitionError, match="more than letters"):
        own_suite(plans, tmp_path, {**one, "id": "<b>"})


COUNTED = [
    ({"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "day"}}, (30, 0)),
    ({"type": "expect_column_values_to_be_null", "kwargs": {"column": "day"}}, (30, 30)),
    ({"type": "expect_column_values_to_be_in_set",
      "kwargs": {"column": "is_business_day", "value_set": [True], "mostly": 0.5}}, (30, 8)),
    ({"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}, (1, 0)),
    ({"type": "expect_table_row_count_to_be_between", "kwargs": {"max_value": 1}}, (1, 1)),
    (rows_where("day > '2025-06-28'"), (30, 2)),
    (rows_where("day > '2025-06-28'", counts="gaps"), (1, 1)),
    (rows_where("day IS NULL", counts="gaps"), (1, 0)),
    (rows_where("no_such_column = 1"), (0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("expectation", "rows"), COUNTED)
def test_rows_looked_at_and_rows_not_as_expected(
    declared: Sources, tmp_path: Path, expectation: dict[str, Any], rows: tuple[int, int]
) -> None:
    suite = own_suite(declared["business_calendar"], tmp_path, expectation)
    slice_ = slice_for(declared, company(), {"business_calendar": suite}, ["business_calendar"])
    try:
        [result] = check(slice_, ["business_calendar"], {"business_calendar": suite}).results
    finally:
        slice_.close()
    assert (result.evaluated, result.unexpected) == rows
    assert result.id == suite.expectations[0].id


def test_every_check_belongs_to_a_control_of_its_dimension(suites: dict[str, Suite]) -> None:
    found = [e for suite in suites.values() for e in suite.expectations]
    for e in found:
        assert e.control in (CONTROLS[e.dimension] or ("",)), e.id
    used = {e.control for e in found}
    assert used >= {name for names in CONTROLS.values() for name in names}


def test_a_control_is_one_of_the_checks_dimension(declared: Sources, tmp_path: Path) -> None:
    plans = declared["plans"]
    with pytest.raises(UnknownNameError, match="Unknown control of accuracy"):
        own_suite(plans, tmp_path, rows_where("true", control="referential_integrity"))
    with pytest.raises(DefinitionError, match="is no time"):
        own_suite(plans, tmp_path, rows_where("true", limit="soon"))
    suite = own_suite(plans, tmp_path, rows_where("true", control="outlier_detection"))
    assert suite.expectations[0].control == "outlier_detection"


def result(control: str, outcome: str = "passed", limit: str = "", **rows: int) -> CheckResult:
    found = CheckResult(
        "s", "t", (), "warning", "accuracy", "passed", "it is so", "Nothing.",
        control=control, limit=limit, **{"evaluated": 1, "unexpected": 0, **rows},
    )  # fmt: skip
    return replace(found, outcome=outcome)  # type: ignore[arg-type]


def test_controls_are_yes_or_no_percent_or_a_limit() -> None:
    found = controls([
        result("required_fields_present"),
        result("required_fields_present", "failed"),
        result("no_null_values_in_key_fields"),
        result("data_coverage_percentage", "failed", evaluated=200, unexpected=1),
        result("business_rule_compliance", "errored"),
        result("outlier_detection", "skipped"),
        result("data_freshness_requirements", limit="< 46 days"),
        result("data_freshness_requirements", limit="< 3 days"),
        result("data_freshness_requirements"),
        result("processing_latency_threshold", "failed", limit="< 24 hours"),
        result(""),
    ])  # fmt: skip
    assert {dimension: tuple(names) for dimension, names in found.items()} == {
        dimension: names for dimension, names in CONTROLS.items() if names
    }
    assert found["completeness"] == {
        "required_fields_present": False,
        "no_null_values_in_key_fields": True,
        "data_coverage_percentage": 99.5,
    }
    assert found["accuracy"] == {
        "cross_reference_validation": None,
        "business_rule_compliance": False,
        "outlier_detection": None,
    }
    assert found["timeliness"] == {
        "data_freshness_requirements": "< 3 days",
        "processing_latency_threshold": "< 24 hours (missed)",
        "reporting_deadline_compliance": None,
    }

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from boardpack import gate, gate_results, gate_suites
from boardpack.errors import UnknownNameError, UserError
from boardpack.gate_checks import Checks
from boardpack.gate_results import CheckResult, GateResult
from boardpack.gate_suites import Suite
from boardpack.gate_types import CONTROL, OWN
from boardpack.own_sources import REGISTRY, RESULTS
from boardpack.source_files import load
from boardpack.sources import Sources
from boardpack.sql_dialects import SPARK
from boardpack.warehouse import open_slice
from boardpack.workspace import SUITE, Workspace
from gate_fixture import AS_OF, NOON, Rows, company, slice_for
from workspaces import over_demo


@pytest.fixture(scope="module")
def declared() -> Sources:
    return load(Workspace.open(SUITE))


@pytest.fixture(scope="module")
def suites(declared: Sources) -> dict[str, Suite]:
    return gate_suites.load_suites([SUITE / "expectations"], declared.declared.values())


def judge(
    declared: Sources, suites: dict[str, Suite], rows: Rows, sources: Sequence[str]
) -> GateResult:
    with closing(slice_for(declared, rows, suites, sources)) as slice_:
        return gate.check(slice_, sources, suites)


def own_suite(
    declared: Sources, folder: Path, source: str, *entries: dict[str, Any]
) -> dict[str, Suite]:
    """A suite of a test's own; what an entry leaves out is filled in."""
    meta = {
        "dimension": "accuracy",
        "owner": "finance",
        "at_stake": "Much.",
        "sentence": "all is well",
    }
    filled = [{"severity": "critical", "meta": meta, **entry} for entry in entries]
    suite = {"name": source, "expectations": filled}
    (folder / f"{source}.json").write_text(json.dumps(suite), encoding="utf-8")
    return gate_suites.load_suites([folder], [declared[source]])


def rows_where(condition: str, columns: str = "*") -> dict[str, Any]:
    query = f"SELECT {columns} FROM {{batch}} WHERE {condition}"
    return {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": query}}


def test_a_clean_company_is_published(declared: Sources, suites: dict[str, Suite]) -> None:
    sources = list(company())
    told: list[str] = []
    with closing(slice_for(declared, company(), suites, sources)) as slice_:
        result = gate.check(slice_, sources, suites, progress=told.append)
    assert (result.verdict, result.reasons) == ("publish", ())
    assert {r.outcome for r in result.results if r.expectation not in OWN} == {"passed"}
    # A few rows have no past to be compared with.
    unsaid = {str(r.observed) for r in result.results if r.outcome == "skipped"}
    assert unsaid == {
        "its own past is too short to say what is usual",
        "source_reconciliations not in the slice",
    }
    assert len(result.results) == sum(len(suites[name].expectations) for name in sources)
    assert told == sources == list(result.sources)


Plant = Callable[[Rows], object]

#: One row of so few is many: what is a warning of itself is then grave as well.
#: what is planted, the source that shows it, verdict, severity, words of the reason, rows, of all
FAULTS: list[tuple[str, str, Plant, str, str, str, int, int]] = [
    ("key without a value", "mrr_movements",
     lambda r: r["mrr_movements"][1].update(movement_id=None),
     "hold", "critical", "movement_id is never empty: not so for 1 of 3 rows (33.3 %)", 1, 3),
    ("key used twice", "accounts", lambda r: r["accounts"][1].update(account_id="A1"),
     "hold", "critical", "account_id is never repeated: not so for 2 of 2 rows (100.0 %)", 2, 2),
    ("key of several columns used twice", "request_metrics",
     lambda r: r["request_metrics"].append(dict(r["request_metrics"][0])),
     "hold", "critical", "never repeated together: not so for 1 repeated key", 1, 3),
    ("orphan", "mrr_movements", lambda r: r["mrr_movements"][2].update(account_id="A9"),
     "hold", "warning", "every account_id is one of accounts: not so for 1 of 3 rows (33.3 %), "
     "e.g. movement_id=M3 account_id=A9", 1, 3),
    ("negative amount of new MRR", "mrr_movements",
     lambda r: r["mrr_movements"][2].update(amount=-70),
     "hold", "critical", "raise MRR, contraction and churn lower it: not so for 1 of 3 rows", 1, 3),
    ("negative balance", "mrr_movements",
     lambda r: r["mrr_movements"][1].update(movement_type="churn", amount=-200),
     "hold", "critical", "is ever below zero: not so for 1 account, e.g. account_id=A1 "
     "effective_on=2025-05-20 balance=-100.00", 1, 3),
    ("typo in an enumeration that KPIs rest on", "mrr_movements",
     lambda r: r["mrr_movements"][1].update(movement_type="expansoin"),
     "hold", "critical", "e.g. movement_id=M2 movement_type=expansoin", 1, 3),
    ("typo in an enumeration that splits", "accounts",
     lambda r: r["accounts"][0].update(segment="SMB"),
     "hold", "warning", "segment is one of enterprise, mid_market, smb: not so for 1 of 2", 1, 2),
    ("stale movements", "mrr_movements", lambda r: r["mrr_movements"].__delitem__(slice(1, 3)),
     "banner", "warning", "the newest effective_on is at most 45 days older", 0, 1),
    ("stale feed", "sessions", lambda r: [s.update(started_at=datetime(2025, 5, 1), ended_at=None)
                                           for s in r["sessions"]],
     "hold", "critical", "the newest started_at is at most 45 days older than the as-of: not so, "
     "found 2025-05-01", 0, 4),
    ("feed that thins out", "web_visits", lambda r: r["web_visits"].extend(
        {"visit_id": f"W{n}", "visitor_id": "w", "visited_at": NOON - timedelta(days=8 + n)}
        for n in range(54)),
     "banner", "warning", "at least 30 % of the rows", 1, 56),
    ("cash bridge broken within a month", "cash_balances",
     lambda r: r["cash_balances"][1].update(closing_balance=66),
     "hold", "critical", "receipts minus payments plus financing: not so for 1 of 2 rows (50.0 %), "
     "e.g. month_end=2025-06-30", 1, 2),
    ("cash bridge broken between months", "cash_balances",
     lambda r: r["cash_balances"][0].update(closing_balance=81, customer_receipts=11),
     "hold", "critical", "opens with the balance that the month before closed with", 1, 2),
    ("invoice that is not its lines", "invoices", lambda r: r["invoice_lines"][1].update(amount=3),
     "hold", "critical",
     "at least 99 % of the invoices are the sum of their lines: not so for 1 invoice",
     1, 2),
    ("subscriptions and movements apart", "subscriptions",
     lambda r: r["subscriptions"][1].update(mrr=119),
     "banner", "warning",
     "come to the MRR of its movements: not so for 1 account, e.g. account_id=A1 "
     "by_subscriptions=119.00 by_movements=120.00", 1, 3),
    ("histogram that falls", "request_metrics", lambda r: r["request_metrics"][1].update(le_200=9),
     "hold", "critical",
     "rise from bound to bound up to the number of requests: not so for 1 of 2", 1, 2),
    ("more errors than requests", "request_metrics",
     lambda r: r["request_metrics"][1].update(errors_5xx=12),
     "hold", "critical", "no bucket has more errors than requests", 1, 2),
    ("dates in the wrong order", "tickets",
     lambda r: r["tickets"][0].update(first_response_at=NOON - timedelta(days=2)),
     "hold", "critical", "no ticket is answered, resolved or reopened before", 1, 1),
    ("score off its scale", "survey_responses", lambda r: r["survey_responses"][0].update(score=90),
     "hold", "critical", "a score lies within its scale", 1, 2),
    ("down for longer than measured", "service_uptime_hourly",
     lambda r: r["service_uptime_hourly"][0].update(total_minutes=2),
     "hold", "critical", "no hour is down for longer than it was measured", 1, 1),
    ("missing day", "business_calendar", lambda r: r["business_calendar"].pop(10),
     "banner", "warning", "no day is missing between the first and the last: not so for 1 gap", 1,
     29),
    ("paid twice", "payments", lambda r: r["payments"].append(
        {**r["payments"][1], "payment_id": "Y3"}),
     "hold", "warning", "no invoice is paid more than its amount: not so for 1 invoice", 1, 3),
    ("deal in two stages at once", "opportunity_stage_history",
     lambda r: r["opportunity_stage_history"][1].update(exited_at=None),
     "hold", "critical", "no deal is in two stages at once: not so for 1 deal, "
     "e.g. opportunity_id=O1 stays=2", 1, 4),
    ("stage that was never left", "opportunity_stage_history",
     lambda r: r["opportunity_stage_history"].pop(2),
     "banner", "warning", "every deal that ended more than 31 days ago has left the pipeline: "
     "not so for 1 deal", 1, 3),
    ("stay that names another before it", "opportunity_stage_history",
     lambda r: r["opportunity_stage_history"][1].update(stage_order_before=3),
     "hold", "critical", "every stay names the stage before it: not so for 1 of 4", 1, 4),
    ("gap between two stages", "opportunity_stage_history",
     lambda r: r["opportunity_stage_history"][0].update(exited_at=datetime(2025, 1, 4, 12)),
     "hold", "critical", "every stay begins where the one before it ends: not so for 1 of 4", 1,
     4),
    ("decided and open", "opportunities",
     lambda r: r["opportunities"][0].update(outcome="open"),
     "hold", "critical", "no open deal has an end: not so for 1 of 3", 1, 3),
    ("won before it began", "opportunities",
     lambda r: r["opportunities"][1].update(closed_at=datetime(2025, 6, 9)),
     "hold", "critical", "qualified, proposed or decided before it begins", 1, 3),
    ("bookings and MRR apart", "contracts",
     lambda r: r["contracts"][0].update(signed_on=date(2024, 12, 30)),
     "banner", "warning", "come to twelve times new and expansion MRR, within 1 %: not so for "
     "2 months", 2, 3),
    ("contracts and subscriptions apart", "contracts",
     lambda r: r["contracts"][0].update(ended_on=date(2025, 5, 1)),
     "hold", "warning", "come to the annual value of the subscriptions in force, within 1 %", 1,
     3),
    ("two quotas at once", "quotas",
     lambda r: r["quotas"][1].update(period_start=date(2025, 5, 28)),
     "banner", "warning", "nobody has two quotas of a kind at once: not so for 2 of 2", 2, 2),
    ("accepted before it was qualified", "leads",
     lambda r: r["leads"][0].update(sql_at=datetime(2025, 1, 2, 12)),
     "hold", "critical", "or accepted by sales before it is qualified: not so for 1 of 2", 1, 2),
    ("accepted and never qualified", "leads", lambda r: r["leads"][0].update(mql_at=None),
     "banner", "warning", "whoever sales accepted was qualified by marketing", 1, 2),
    ("spend and ledger apart", "marketing_spend",
     lambda r: r["marketing_spend"][0].update(amount=5.01),
     "banner", "warning", "without people, to the cent: not so for 1 month", 1, 3),
    ("event outside its session", "events",
     lambda r: r["events"][3].update(occurred_at=NOON - timedelta(days=1)),
     "banner", "warning", "every event lies inside its session", 1, 4),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "plant", "verdict", "severity", "words", "found", "of"),
    [pytest.param(*fault[1:], id=fault[0]) for fault in FAULTS],
)
def test_a_planted_fault(
    declared: Sources,
    suites: dict[str, Suite],
    source: str,
    plant: Plant,
    verdict: str,
    severity: str,
    words: str,
    found: int,
    of: int,
) -> None:
    rows = company()
    plant(rows)
    result = judge(declared, suites, rows, [source])
    assert result.verdict == verdict
    reason = next(reason for reason in result.reasons if words in reason)
    assert reason.startswith(f"{source}: ")
    [failed] = [r for r in result.results if r.reason == reason and r.outcome == "failed"]
    assert (failed.severity, failed.unexpected_count or 0, failed.element_count) == (
        severity,
        found,
        of,
    )
    assert reason.endswith(failed.at_stake)


@pytest.mark.parametrize(
    ("orphans", "age", "outcome"),
    [(0, 1, "passed"), (1, 1, "passed"), (2, 1, "failed"), (1, 40, "failed")],
)
def test_a_parent_may_be_recorded_later_than_its_child_for_a_while(
    declared: Sources, suites: dict[str, Suite], orphans: int, age: int, outcome: str
) -> None:
    rows = company()
    paid = {"amount": 1, "status": "failed", "failure_code": "?"}
    rows["payments"] = [
        {"payment_id": f"Y{n}", "invoice_id": "I1", "attempted_at": NOON, **paid} for n in range(30)
    ]
    for row in rows["payments"][:orphans]:
        row.update(invoice_id="I9", attempted_at=NOON - timedelta(days=age))
    result = judge(declared, suites, rows, ["payments"])
    [found] = [r for r in result.results if "every invoice_id is one of invoices" in r.sentence]
    assert found.outcome == outcome


def test_a_source_without_rows_holds(declared: Sources, suites: dict[str, Suite]) -> None:
    rows = {**company(), "tickets": []}
    result = judge(declared, suites, rows, ["tickets", "plans"])
    assert result.verdict == "hold"
    assert result.reasons == (
        "tickets: it has rows as of 2025-06-30: not so, found no row. "
        "Every figure that rests on it would be missing or zero.",
    )


def test_a_source_without_a_suite_is_told_and_does_not_hold(
    declared: Sources, suites: dict[str, Suite]
) -> None:
    without = {name: suite for name, suite in suites.items() if name != "plans"}
    result = judge(declared, without, company(), ["plans"])
    assert result.verdict == "publish"
    assert [(r.severity, r.dimension) for r in result.results] == [("info", "auditability")]
    assert result.reasons == (
        "For information: plans: it has a suite of expectations: not so, found none. "
        "Figures that rest on it are published unchecked.",
    )


def test_columns_that_a_mapping_leaves_out_fail_no_check(
    declared: Sources, suites: dict[str, Suite]
) -> None:
    rows = company()
    # Without these there would be no answers, two versions of a subscription at once, and a deal
    # in all of its stages.
    kept = {"responded_at", "score", "ended_on", "exited_at"}
    for name, entries in rows.items():
        optional = {c.name for c in declared[name].columns.values() if c.optional} - kept
        rows[name] = [{k: v for k, v in row.items() if k not in optional} for row in entries]
    result = judge(declared, suites, rows, list(rows))
    assert (result.verdict, result.reasons) == ("publish", ())


RULES: list[tuple[list[tuple[str, str]], str, int]] = [
    ([], "publish", 0),
    ([("critical", "passed"), ("warning", "passed")], "publish", 0),
    ([("info", "failed")], "publish", 1),
    ([("warning", "failed"), ("info", "failed")], "banner", 2),
    ([("warning", "failed"), ("critical", "failed")], "hold", 2),
    ([("critical", "skipped")], "publish", 0),
    ([("info", "errored")], "hold", 1),
    ([("warning", "errored"), ("critical", "passed")], "hold", 1),
]


@pytest.mark.parametrize(("found", "verdict", "told"), RULES)
def test_the_rules_of_the_verdict(found: list[tuple[Any, Any]], verdict: str, told: int) -> None:
    results = [
        CheckResult("s", "t", ("c",), severity, "accuracy", outcome, "c is right", "Much.")
        for severity, outcome in found
    ]
    judged, reasons = gate_results.decide(results)
    assert (judged, len(reasons)) == (verdict, told)


def test_the_gravest_reason_comes_first() -> None:
    base = CheckResult("s", "t", (), "info", "accuracy", "failed", "one", "Much.")
    results = [base, replace(base, severity="warning", sentence="two"),
               replace(base, severity="critical", sentence="three")]  # fmt: skip
    _, reasons = gate_results.decide(results)
    assert [reason.split(": ")[-2] for reason in reasons] == ["three", "two", "one"]


def test_what_errors_holds_and_says_that_it_could_not_be_checked(
    declared: Sources, tmp_path: Path
) -> None:
    suites = own_suite(
        declared, tmp_path, "plans",
        {**rows_where("no_such_column > 1"), "severity": "info"},
        rows_where("plan_id IS NULL"),
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "plan_name"}},
    )  # fmt: skip
    result = judge(declared, suites, company(), ["plans"])
    assert result.verdict == "hold"
    assert [r.outcome for r in result.results] == ["errored", "passed", "passed"]
    [reason] = result.reasons
    assert reason.startswith("plans: all is well: could not be checked (Binder Error: ")
    assert "no_such_column" in reason
    assert "Traceback" not in reason


def test_one_that_errors_does_not_take_along_those_it_shares_a_statement_with(
    declared: Sources, tmp_path: Path
) -> None:
    between = {"type": "expect_column_values_to_be_between"}
    suites = own_suite(
        declared, tmp_path, "plans",
        {**between, "kwargs": {"column": "plan_name", "min_value": 3}},
        {**between, "kwargs": {"column": "list_price_monthly", "min_value": 0}},
        {**between, "kwargs": {"column": "list_price_monthly", "max_value": 3}},
    )  # fmt: skip
    result = judge(declared, suites, company(), ["plans"])
    assert [r.outcome for r in result.results] == ["errored", "passed", "failed"]


@pytest.mark.parametrize(
    ("source", "column"), [("gl_entries", "posted_on"), ("tickets", "created_at")]
)
@pytest.mark.parametrize(("days", "outcome"), [(7, "passed"), (8, "failed")])
def test_freshness_is_measured_from_the_as_of(
    declared: Sources, tmp_path: Path, source: str, column: str, days: int, outcome: str
) -> None:
    kwargs = {"column": column, "min_value": {"$PARAMETER": "as_of - timedelta(days=7)"}}
    suites = own_suite(
        declared, tmp_path, source, {"type": "expect_column_max_to_be_between", "kwargs": kwargs}
    )
    rows = company()
    day = AS_OF - timedelta(days=days)
    rows[source][0][column] = day if column == "posted_on" else datetime.combine(day, NOON.time())
    result = judge(declared, suites, rows, [source])
    assert [r.outcome for r in result.results] == [outcome]
    assert str(result.results[0].observed).startswith(day.isoformat())


def test_sql_knows_the_as_of(declared: Sources, tmp_path: Path) -> None:
    suites = own_suite(
        declared, tmp_path, "gl_entries",
        rows_where("posted_on >= getvariable('as_of')"),
        rows_where("posted_on > getvariable('as_of')"),
    )  # fmt: skip
    result = judge(declared, suites, company(), ["gl_entries"])
    assert [r.outcome for r in result.results] == ["failed", "passed"]


@pytest.mark.parametrize(
    ("type_", "kwargs", "observed"),
    [
        ("expect_column_median_to_be_between", {"column": "amount", "max_value": 1}, 65.0),
        ("expect_column_mean_to_be_between", {"column": "amount", "max_value": 1}, 65.0),
        (
            "expect_column_proportion_of_unique_values_to_be_between",
            {"column": "line_type", "max_value": 0},
            0.5,
        ),
        ("expect_column_stdev_to_be_between", {"column": "amount", "max_value": 1}, None),
        ("expect_table_row_count_to_equal", {"value": 9}, 4),
    ],
)
def test_what_an_aggregate_found_is_plain_json(
    declared: Sources, tmp_path: Path, type_: str, kwargs: dict[str, Any], observed: object
) -> None:
    suites = own_suite(declared, tmp_path, "invoice_lines", {"type": type_, "kwargs": kwargs})
    rows = company()
    for n, amount in enumerate((30, 60, 70, 100)):
        line = {"line_id": f"L{n}", "line_type": ("usage", "addon")[n % 2], "amount": amount,
                "service_start": date(2025, 6, 1)}  # fmt: skip
        rows["invoice_lines"][n : n + 1] = [line]
    result = judge(declared, suites, rows, ["invoice_lines"])
    [found] = result.results
    assert found.outcome == "failed"
    assert type(found.observed) in (int, float)
    assert observed is None or found.observed == observed
    assert json.loads(json.dumps(result.to_dict()))["results"][0]["observed"] == found.observed


def test_a_verdict_is_the_same_after_a_journey_through_json(
    declared: Sources, suites: dict[str, Suite]
) -> None:
    rows = company()
    rows["mrr_movements"][0].update(movement_type="?", amount=-5)
    result = judge(declared, suites, rows, ["mrr_movements"])
    assert len(result.reasons) > 1
    assert GateResult.from_dict(json.loads(json.dumps(result.to_dict()))) == result


def test_data_that_looks_like_code_is_only_data(
    declared: Sources, suites: dict[str, Suite]
) -> None:
    rows = company()
    nasty = "');DROP TABLE plans;--{batch}<script>alert(1)</script>\n\x1b[31m"
    rows["plans"][0].update(plan_id=nasty, billing_period=nasty)
    rows["subscriptions"][0].update(plan_id=nasty)
    result = judge(declared, suites, rows, ["plans", "subscriptions"])
    [failed] = [
        r for r in result.results if r.columns == ("billing_period",) and r.outcome == "failed"
    ]
    assert failed.sample == ({"plan_id": nasty, "billing_period": nasty},)
    assert all(reason.isprintable() for reason in result.reasons)


def test_private_columns_are_in_no_sample(declared: Sources, tmp_path: Path) -> None:
    suites = own_suite(
        declared, tmp_path, "web_visits",
        {"type": "expect_column_values_to_be_null", "kwargs": {"column": "visitor_id"}},
        rows_where("channel IS NOT NULL"),
        rows_where("channel IS NOT NULL", "visit_id, upper(visitor_id) AS loud, 7 AS seven"),
        rows_where("channel IS NOT NULL", "visit_id, 7 AS seven"),
    )  # fmt: skip
    result = judge(declared, suites, company(), ["web_visits"])
    assert [r.outcome for r in result.results] == ["failed"] * 4
    assert "who-" not in json.dumps(result.to_dict()).lower()
    assert [sorted(r.sample[0]) for r in result.results[2:]] == [
        ["visit_id"],
        ["seven", "visit_id"],
    ]


def test_a_sample_is_small_whatever_failed(declared: Sources, tmp_path: Path) -> None:
    suites = own_suite(
        declared, tmp_path, "business_calendar",
        rows_where("day IS NOT NULL"),
        {"type": "expect_column_values_to_be_null", "kwargs": {"column": "day"}},
    )  # fmt: skip
    result = judge(declared, suites, company(), ["business_calendar"])
    assert [(r.unexpected_count, len(r.sample)) for r in result.results] == [(30, 5), (30, 5)]


def test_a_check_over_a_source_that_is_not_in_the_slice_is_skipped(
    declared: Sources, suites: dict[str, Suite]
) -> None:
    rows = {name: rows for name, rows in company().items() if name != "accounts"}
    result = judge(declared, suites, rows, ["users"])
    skipped = [r for r in result.results if r.outcome == "skipped"]
    lacking = [r.sentence for r in skipped if r.observed == "accounts not in the slice"]
    assert lacking[0] == "every account_id is one of accounts"
    assert all("account_id" in said or "for each region" in said for said in lacking)
    assert result.verdict == "publish"


def test_sql_over_a_source_that_nobody_declares_is_a_mistake(
    declared: Sources, tmp_path: Path
) -> None:
    foreign = rows_where("plan_id IN (SELECT plan_id FROM slice.subscription)")
    suites = own_suite(declared, tmp_path, "plans", foreign)
    with pytest.raises(UnknownNameError, match="did you mean 'subscriptions'") as caught:
        judge(declared, suites, company(), ["plans"])
    assert caught.value.file == str(tmp_path / "plans.json")


def test_reads_names_everything_a_check_looks_at(suites: dict[str, Suite]) -> None:
    assert gate_suites.reads(suites, ["users", "unheard_of"]) == ("users", "unheard_of", "accounts")
    assert set(gate_suites.reads(suites, ["events"])) == {
        "events",
        "sessions",
        "accounts",
        "users",
        "features",
        "source_reconciliations",
    }


def test_the_connection_is_left_as_it_was(declared: Sources, suites: dict[str, Suite]) -> None:
    with closing(slice_for(declared, company(), suites, ["plans"])) as slice_:
        before = slice_.con.execute("SELECT count(*) FROM duckdb_tables()").fetchone()
        gate.check(slice_, ["plans"], suites)
        assert slice_.con.execute("SELECT getvariable('as_of')").fetchone() == (None,)
        assert slice_.con.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == before
        slice_.con.begin()
        slice_.con.commit()


def test_a_clean_source_takes_few_statements(declared: Sources, suites: dict[str, Suite]) -> None:
    from boardpack.gate_engine import Bench, View

    suite = suites["request_metrics"]
    with closing(slice_for(declared, company(), suites, ["request_metrics"])) as slice_:
        columns = tuple(declared["request_metrics"].columns)
        source = declared["request_metrics"]
        checks = Checks(slice_, source, [(e.type, e.kwargs) for e in suite.expectations])
        view = View(slice_.relation("request_metrics"), columns, source.key, 2, checks)
        with Bench(slice_) as bench:
            wanted = [e for e in suite.expectations if e.type != CONTROL]
            outcomes = bench.evaluate(suite, wanted, view)
    assert all(outcome.success for outcome in outcomes)
    assert len(suite.expectations) > 20
    # One for all that is asked of each row, one for all SQL; the number of rows, the newest, and the
    # surfaces that few rows may be of.
    assert len(bench.statements) == 5


def test_an_engine_that_it_does_not_run_in_is_refused(
    declared: Sources, suites: dict[str, Suite]
) -> None:
    spark: Any = SimpleNamespace(dialect=SPARK)
    with closing(slice_for(declared, company(), suites, ["plans"])) as slice_:
        elsewhere = replace(slice_, elsewhere=spark)
        with pytest.raises(UserError, match="do not run in Spark, and nothing is published"):
            gate.check(elsewhere, ["plans"], suites)


def test_a_source_may_be_named_like_a_word_of_sql(declared: Sources, tmp_path: Path) -> None:
    order = replace(declared["plans"], id="order")
    named = Sources({**declared.declared, "order": order}, {})
    suites = own_suite(
        named, tmp_path, "order", rows_where("plan_id IS NULL"),
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "plan_id"}},
    )  # fmt: skip
    result = judge(named, suites, {"order": company()["plans"]}, ["order"])
    assert result.verdict == "publish"


def test_a_verdict_is_used_again_only_for_the_same_data_as_of_and_suites(
    declared: Sources, suites: dict[str, Suite], tmp_path: Path
) -> None:
    prints = {"plans": "p", "users": "u"}
    key = gate_results.verdict_key(prints, suites, AS_OF)
    assert key == gate_results.verdict_key(dict(reversed(prints.items())), suites, AS_OF)
    other = own_suite(declared, tmp_path, "plans", rows_where("plan_id IS NULL"))
    unread = {name: suite for name, suite in suites.items() if name in prints}
    assert key == gate_results.verdict_key(prints, unread, AS_OF)
    changed = [
        gate_results.verdict_key({**prints, "plans": "q"}, suites, AS_OF),
        gate_results.verdict_key({"plans": "p"}, suites, AS_OF),
        gate_results.verdict_key(prints, {**suites, **other}, AS_OF),
        gate_results.verdict_key(prints, suites, AS_OF + timedelta(days=1)),
    ]
    assert len({key, *changed}) == 5


@pytest.mark.parametrize("as_of", ["2024-06-30", "2025-06-30", "2025-12-31"])
def test_the_demo_company_is_published(
    demo_warehouse: Path, tmp_path: Path, suites: dict[str, Suite], as_of: str
) -> None:
    workspace = Workspace.open(over_demo(tmp_path / "demo", demo_warehouse))
    with closing(
        open_slice(workspace, load(workspace), date.fromisoformat(as_of), suites)
    ) as slice_:
        result = gate.check(slice_, slice_.sources, suites)
    # Its control totals do not all agree, which is a story to be found and no warning.
    told = {reason.split(":")[1].strip() for reason in result.reasons}
    assert (result.verdict, told) == ("publish", {"source_reconciliations"})
    # The company bills monthly and needs no snapshots of its customers.
    assert set(result.sources) == set(suites) - {"customer_snapshots"} - {REGISTRY, RESULTS}


def test_nothing_slow_is_imported_before_it_is_needed() -> None:
    code = "import sys, boardpack.gate; sys.exit('great_expectations' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_a_check_leaves_no_noise_behind(tmp_path: Path) -> None:
    script = tmp_path / "check.py"
    script.write_text(
        "import os, sys, warnings\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "shown = warnings.showwarning\n"
        "from boardpack import gate, gate_suites\n"
        "from boardpack.source_files import load\n"
        "from boardpack.workspace import SUITE, Workspace\n"
        "from gate_fixture import company, slice_for\n"
        "declared = load(Workspace.open(SUITE))\n"
        "suites = gate_suites.load_suites([SUITE / 'expectations'], declared.declared.values())\n"
        "rows = company()\n"
        "rows['users'][0]['role'] = '?'\n"
        "result = gate.check(slice_for(declared, rows, suites, ['users']), ['users'], suites)\n"
        "assert result.verdict == 'hold'\n"
        "assert warnings.showwarning is shown\n"
        "assert os.environ['GX_ANALYTICS_ENABLED'] == 'false'\n"
        "from scipy import stats\n"
        "assert stats.norm.cdf(0) == 0.5\n",
        encoding="utf-8",
    )
    environment = {k: v for k, v in os.environ.items() if k != "GX_ANALYTICS_ENABLED"}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

"""What checks found and what KPIs mean, as tables: by the as-of, whichever report came first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import nbformat
import pandas as pd
import pytest

from boardpack import backfills, doctors, mart_grounds, orders
from boardpack.backfill_workers import Task, gate_first
from boardpack.basis import Basis
from boardpack.elsewhere import own_relation
from boardpack.engine.compute import compute
from boardpack.judging import examine
from boardpack.kept_checks import KeptCheck, by_day, outcomes
from boardpack.ledger import Ledger
from boardpack.ledger_rows import KeptChecks
from boardpack.model import Model
from boardpack.orders import Order
from boardpack.own_sources import (
    definition_fields,
    record,
    registry_frame,
    results_frame,
    unrecorded,
)
from boardpack.periods import Period
from boardpack.sql_dialects import POSTGRES, SPARK, Dialect
from boardpack.warehouse import data_span, open_slice
from boardpack.workspace import SUITE
from workspaces import shop, small

UTC_ZONE = ZoneInfo("UTC")
WEIGHTS = {"accuracy": 30.0, "completeness": 25.0}
AS_OF = date(2025, 6, 30)


def now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


def kept(as_of: str, source: str = "users", *checks: Sequence[object]) -> KeptChecks:
    rows = checks or (("users.id.unique", "accuracy", "c", "critical", "passed", 10, 0, None),)
    return KeptChecks(as_of, source, "key", json.dumps(rows))


def test_a_result_stands_until_the_next_one_of_its_source_or_for_35_days() -> None:
    known = [
        kept("2025-01-31"), kept("2025-02-28"), kept("2025-05-31"),
        kept("2025-02-10", "plans"),
    ]  # fmt: skip
    frame = results_frame(known, date(2025, 6, 30), UTC_ZONE, WEIGHTS)
    found = {
        (row.dataset, str(row.run_at)): None
        if pd.isna(row.superseded_at)
        else str(row.superseded_at)
        for row in frame.itertuples()
    }
    assert found == {
        ("users", "2025-01-31 23:59:59"): "2025-02-28 23:59:59",
        ("users", "2025-02-28 23:59:59"): "2025-04-04 23:59:59",
        ("users", "2025-05-31 23:59:59"): None,
        ("plans", "2025-02-10 23:59:59"): "2025-03-17 23:59:59",
    }


def test_the_end_of_a_day_is_that_of_the_company() -> None:
    frame = results_frame([kept("2025-06-30")], AS_OF, ZoneInfo("America/New_York"), WEIGHTS)
    assert str(frame["run_at"][0]) == "2025-07-01 03:59:59"


def test_rows_say_what_was_found_and_leave_out_what_was_not_checked() -> None:
    checks = [
        ("u.1", "accuracy", "outlier_detection", "warning", "failed", 100, 7, "x"),
        ("u.2", "completeness", "", "info", "errored", 0, 0, None),
        ("u.3", "accuracy", "", "info", "skipped", 0, 0, None),
        ("users.drift", "consistency", "", "info", "failed", 1, 1, "one is new"),
    ]
    known = [kept("2025-06-30", "users", *checks), kept("2025-06-30", "dq_results")]
    frame = results_frame(known, AS_OF, UTC_ZONE, WEIGHTS).set_index("expectation_id")
    assert list(frame.index) == ["u.1", "u.2"]
    one, two = frame.loc["u.1"], frame.loc["u.2"]
    assert (one.weight, one.evaluated, one.unexpected, bool(one.success)) == (30, 100, 7, False)
    assert (one.control, one.severity) == ("outlier_detection", "warning")
    assert (two.evaluated, bool(two.success), pd.isna(two.control)) == (0, False, True)


def test_history_is_by_check_and_day() -> None:
    days = by_day([kept("2025-02-28"), kept("2025-01-31"), kept("2025-01-31", "plans")])
    assert {day: len(checks) for day, checks in days.items()} == {"2025-01-31": 2, "2025-02-28": 1}
    assert [day for day, _ in outcomes(days)["users.id.unique"]] == [
        "2025-01-31", "2025-01-31", "2025-02-28",
    ]  # fmt: skip
    assert isinstance(days["2025-02-28"][0], KeptCheck)


KPI = """\
- kpi: buyers
  name: Buyers
  definition: Accounts with a purchase.
  category: sales
  unit: count
  direction: higher
  owner: Sales
  why: It is how many buy.
  actions: [Sell]
  risks: [None that matters]
  measures:
    value: {source: invoices, value: count(distinct account_id)}
  tests:
    - {name: one, period: 2025-03, rows: {invoices: [{invoice_id: i, account_id: a, issued_on: 2025-03-01, amount: 1, status: paid}]}, expect: 1}
"""


def test_a_changed_formula_raises_the_version(tmp_path: Path) -> None:
    folder = small(tmp_path / "w", **{"kpis/own.yml": KPI})
    start, first, later = date(2023, 1, 1), date(2025, 3, 31), date(2025, 6, 30)
    model = Model.open(folder)
    with Ledger(model.workspace.var / "ledger.sqlite") as ledger:
        assert record(model.workspace, model.catalogue, ledger, first, "") == len(
            model.catalogue.kpis
        )
        assert record(model.workspace, model.catalogue, ledger, later, "") == 0
        changed = KPI.replace("count(distinct account_id)", "count(*)")
        (folder / "kpis" / "own.yml").write_text(changed, encoding="utf-8")
        again = Model.open(folder)
        before = registry_frame(again.catalogue, ledger.kpi_versions(), start, later)
        assert record(again.workspace, again.catalogue, ledger, later, "") == 1
        after = registry_frame(again.catalogue, ledger.kpi_versions(), start, later)
        assert unrecorded(again.catalogue, ledger.kpi_versions(), start, later) == []
    # What is loaded is the newest version whether it is recorded or not.
    pd.testing.assert_frame_equal(before, after)
    own = after[after["kpi_id"] == "buyers"].sort_values("version")
    assert list(own["version"]) == [1, 2]
    assert own["method_hash"].nunique() == 2
    assert list(own["valid_from"]) == [date(2000, 1, 1), later]
    assert list(own["valid_to"]) == [later, None]
    # Only one of all definitions changed.
    assert (after["version"] > 1).sum() == 1


def test_a_note_or_another_owner_is_no_new_version(tmp_path: Path) -> None:
    folder = small(tmp_path / "w", **{"kpis/own.yml": KPI})
    model = Model.open(folder)
    with Ledger(model.workspace.var / "ledger.sqlite") as ledger:
        record(model.workspace, model.catalogue, ledger, AS_OF, "")
        (folder / "kpis" / "own.yml").write_text(KPI.replace("owner: Sales", "owner: CFO"), "utf-8")
        again = Model.open(folder)
        assert record(again.workspace, again.catalogue, ledger, AS_OF, "") == 0


@pytest.mark.parametrize(
    "lacking", ["owner: Sales", "why: It is how many buy.", "risks: [None that matters]"]
)
def test_a_definition_that_lacks_a_field_is_not_full(tmp_path: Path, lacking: str) -> None:
    whole = Model.open(small(tmp_path / "a", **{"kpis/own.yml": KPI})).catalogue["buyers"]
    assert all(definition_fields(whole))
    text = KPI.replace(f"  {lacking}\n", "")
    part = Model.open(small(tmp_path / "b", **{"kpis/own.yml": text})).catalogue["buyers"]
    assert sum(map(bool, definition_fields(part))) == len(definition_fields(whole)) - 1


def test_a_table_of_the_warehouse_stands_before_our_own(tmp_path: Path) -> None:
    own = "SELECT TIMESTAMP '2025-06-01' AS run_at, 'd' AS dataset, 'd.1' AS expectation_id,"
    own += (
        " 'accuracy' AS dimension, 30 AS weight, 8 AS evaluated, 2 AS unexpected, false AS success"
    )
    settings = "company: Small\ncurrency: USD\ndimensions: []\nwarehouse:\n  views:\n"
    folder = small(tmp_path / "w", settings + f"    dq_results: {own}\n")
    model = Model.open(folder)
    slice_ = open_slice(model.workspace, model.sources, AS_OF, ["dq_results", "kpi_registry"])
    try:
        assert slice_.own == ("kpi_registry",)
        assert slice_.rows('SELECT expectation_id FROM slice."dq_results"') == [("d.1",)]
    finally:
        slice_.close()


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """A shop with a second report, of which one figure rests on what checks found."""
    folder = shop(tmp_path / "shop")
    path = folder / "notebooks" / "purchases.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            head = cell.source.partition("kpis = [")[0]
            cell.source = head + 'kpis = ["purchases", "data_quality_score", "data_auditability"]'
    nbformat.write(notebook, folder / "notebooks" / "quality.ipynb")
    text = (folder / "reports" / "monthly.qmd").read_text(encoding="utf-8")
    text = text.replace("purchases.ipynb", "quality.ipynb")
    (folder / "reports" / "quality.qmd").write_text(text, encoding="utf-8")
    return Model.open(folder)


def valued(model: Model, reports: Sequence[str], as_of: str = "2025-06-30") -> dict[str, float]:
    """The figures of the report on quality when these reports are made in this order."""
    wanted: list[Order] = [orders.order(model, name, "", as_of) for name in reports]
    found: dict[str, float] = {}
    with (
        Basis(model, wanted) as basis,
        Ledger(model.workspace.var / "ledger.sqlite") as ledger,
    ):
        for order in wanted:
            basis.judge(order, ledger, now)
        for order in wanted:
            facts = model.report_facts(order.period, as_of, order.report)
            values = basis.values(order, facts)
            if order.report == "quality":
                for kpi in ("data_quality_score", "data_auditability"):
                    found[kpi] = values.value(kpi).value  # type: ignore[assignment]
    return found


@pytest.mark.parametrize(
    "before", [[], [["monthly", "quality"]], [["monthly"]], [["quality"], ["monthly"]]]
)
def test_figures_do_not_depend_on_which_report_came_first(
    model: Model, before: list[list[str]]
) -> None:
    for reports in before:
        valued(model, reports)
    found = valued(model, ["quality"])
    with Ledger(model.workspace.var / "ledger.sqlite") as ledger:
        sources = {entry.source for entry in ledger.kept_checks("2025-06-30")}
    # Every connected source was checked, those of the other report among them.
    assert sources == {
        "accounts", "invoice_lines", "invoices", "payments", "dq_results", "kpi_registry",
    }  # fmt: skip
    assert found["data_auditability"] == pytest.approx(100)
    assert 90 < found["data_quality_score"] <= 100
    assert found == valued(model, ["monthly", "quality"]) == valued(model, ["quality", "monthly"])


def test_only_a_reports_own_sources_count_for_its_verdict(model: Model) -> None:
    wanted = [orders.order(model, name, "", "2025-06-30") for name in ("monthly", "quality")]
    with Basis(model, wanted) as basis, Ledger(model.workspace.var / "ledger.sqlite") as ledger:
        found = {order.report: basis.judge(order, ledger, now) for order in wanted}
    assert "payments" not in found["quality"].sources
    assert set(found["quality"].sources) >= {"dq_results", "kpi_registry", "invoices"}
    assert not {"dq_results", "kpi_registry"} & set(found["monthly"].sources)


def test_a_report_that_does_not_rest_on_checks_looks_at_no_other_source(model: Model) -> None:
    valued(model, ["monthly"])
    with Ledger(model.workspace.var / "ledger.sqlite") as ledger:
        sources = {entry.source for entry in ledger.kept_checks("2025-06-30")}
    assert "dq_results" not in sources


def test_a_check_by_hand_is_kept_and_a_second_one_adds_nothing(model: Model) -> None:
    path = model.workspace.var / "ledger.sqlite"
    with Ledger(path) as ledger:
        first = examine(model, [], "2025-05-31", ledger, now)
        count = ledger._con.execute("SELECT count(*) FROM kept_checks").fetchone()
        examine(model, [], "2025-05-31", ledger, now)
        assert ledger._con.execute("SELECT count(*) FROM kept_checks").fetchone() == count
        assert set(by_day(ledger.kept_checks("2025-05-31"))) == {"2025-05-31"}
        assert by_day(ledger.kept_checks("2025-05-30")) == {}
    made = [r for r in first.results if r.source != "dq_results" and r.outcome != "skipped"]
    slice_ = open_slice(model.workspace, model.sources, date(2025, 5, 31), ["dq_results"])
    try:
        [(rows, newest)] = slice_.rows("SELECT count(*), max(run_at) FROM slice.dq_results")
        told = {c for (c,) in slice_.rows("SELECT DISTINCT control FROM slice.dq_results")}
    finally:
        slice_.close()
    assert (rows, newest) == (len(made), datetime(2025, 5, 31, 23, 59, 59))
    assert told == {result.control or None for result in made}


@pytest.mark.parametrize(("report", "days"), [("quality", 3), ("monthly", 0)])
def test_periods_made_at_once_know_what_was_found_before_them(
    model: Model, report: str, days: int
) -> None:
    wanted = backfills.plan(model, report, "2025-04", "2025-06")
    gate_first(model, wanted, Task(report, "", now, False, "builtin"))
    with Ledger(model.workspace.var / "ledger.sqlite") as ledger:
        kept_days = by_day(ledger.kept_checks("9999-12-31"))
    assert list(kept_days) == ["2025-04-30", "2025-05-31", "2025-06-30"][:days]


def test_no_mart_is_made_of_what_we_fill_ourselves(model: Model) -> None:
    slice_ = open_slice(model.workspace, model.sources, AS_OF)
    try:
        ground = mart_grounds.Ground(model.workspace, model.catalogue, slice_, "")
        made_of = {ground.table(design).id for design in ground.designs()}
    finally:
        slice_.close()
    assert "invoices" in made_of
    assert not made_of & {"dq_results", "kpi_registry"}


def test_what_was_found_later_is_not_known_before(model: Model) -> None:
    with Ledger(model.workspace.var / "ledger.sqlite") as ledger:
        for day in ("2025-05-31", "2025-06-30"):
            examine(model, [], day, ledger, now)

    def score(as_of: date) -> list[float | None]:
        names = ["data_quality_score"]
        tables = model.catalogue.tables(names)
        slice_ = open_slice(model.workspace, model.sources, as_of, tables)
        try:
            frame = compute(model.catalogue, slice_, names, Period.parse("2025-06").last(3), [])
        finally:
            slice_.close()
        return [None if pd.isna(value) else value for value in frame["value"]]

    assert [value is None for value in score(date(2025, 6, 30))] == [True, False, False]
    assert [value is None for value in score(date(2025, 5, 31))][:2] == [True, False]
    assert score(date(2025, 6, 30))[1] == score(date(2025, 5, 31))[1]


def test_our_own_tables_do_not_say_how_far_the_data_reach(model: Model) -> None:
    with Ledger(model.workspace.var / "ledger.sqlite") as ledger:
        examine(model, [], "2026-03-31", ledger, now)
    both = data_span(model.workspace, model.sources, ["invoices", "dq_results"])
    assert set(both) == {"invoices"}
    alone = data_span(model.workspace, model.sources, ["dq_results"])
    assert alone["dq_results"].last == date(2026, 3, 31)
    assert orders.order(model, "quality").period == orders.order(model, "monthly").period


def test_before_the_first_check_there_is_no_score_and_no_error(model: Model) -> None:
    slice_ = open_slice(model.workspace, model.sources, AS_OF, ["dq_results", "kpi_registry"])
    try:
        names = ["data_quality_score", "data_consistency", "data_auditability"]
        frame = compute(model.catalogue, slice_, names, [Period.parse("2025-06")], [])
    finally:
        slice_.close()
    found = frame.set_index("kpi")
    assert pd.isna(found.loc["data_quality_score", "value"])
    assert found.loc["data_quality_score", "reason"]
    assert found.loc["data_auditability", "value"] == pytest.approx(100)


def test_a_workspace_without_a_start_knows_its_definitions_since_ever(model: Model) -> None:
    frame = registry_frame(model.catalogue, [], date(2000, 1, 1), AS_OF)
    assert set(frame["version"]) == {1}
    earlier = registry_frame(model.catalogue, [], date(2000, 1, 1), date(1999, 1, 1))
    assert set(earlier["valid_from"]) == {date(1999, 1, 1)}


class Named:
    """Stands in for a connection: only its dialect is asked for."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect


@pytest.mark.parametrize(
    ("dialect", "written"), [(POSTGRES, "'o''h\\no'"), (SPARK, "'o\\'h\\\\no'")]
)
def test_another_engine_is_sent_the_rows_as_text(dialect: Dialect, written: str) -> None:
    source = Model.open(SUITE).sources["dq_results"]
    rows = results_frame(
        [kept("2025-06-30", "users", ["o'h\\no", "accuracy", "", "info", "passed", 3, 0, None])],
        AS_OF, UTC_ZONE, WEIGHTS,
    )  # fmt: skip
    relation = own_relation(Named(dialect), source, rows, AS_OF, UTC_ZONE)  # type: ignore[arg-type]
    assert written in relation.native
    assert "NULL" in relation.native
    assert set(relation.columns) == set(source.columns)
    nothing = own_relation(Named(dialect), source, rows[:0], AS_OF, UTC_ZONE)  # type: ignore[arg-type]
    assert nothing.native.endswith("WHERE FALSE)")


def test_what_we_fill_ourselves_alone_makes_no_report(tmp_path: Path, model: Model) -> None:
    folder = small(tmp_path / "empty", "company: Small\ncurrency: USD\ndimensions: []\n")
    found = doctors.examine(folder)
    assert found.next[0].what.startswith("Connect a table")
    assert {s.source for s in found.sources if s.connected} == {"dq_results", "kpi_registry"}
    assert all(one.lacks for one in found.schedules if one.enabled)
    empty = Model.open(folder)
    board = orders.order(empty, "board", "2025-12")
    with Basis(empty, [board]) as basis:
        assert basis.sources(board)
        assert not basis.has_data(board)
    quality = orders.order(model, "quality", "2025-06")
    with Basis(model, [quality]) as basis:
        assert basis.has_data(quality)
        # A period before the data is one still, however old the definitions are.
        assert set(basis.slice.reach(basis.sources(quality))) == {"invoices"}

"""Tables that the last gate knew, and that are gone or have other columns now."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import Result

import workspaces
from boardpack import orders, runs
from boardpack.doctors import examine
from boardpack.errors import SourceError
from boardpack.executions import NotebookProcess
from boardpack.facts import Finding
from boardpack.ledger import Ledger
from boardpack.model import Model
from boardpack.outcomes import RunResult
from boardpack.warehouse import open_slice
from verdict_fixture import ODD, gate_policy, judged, readable, report_on

Change = Callable[[duckdb.DuckDBPyConnection], object]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The shop with its tables in a warehouse of its own, found by name."""
    root = workspaces.shop(tmp_path / "shop")
    config = (root / "boardpack.yml").read_text(encoding="utf-8")
    example = Model.open(root)
    slice_ = open_slice(example.workspace, example.sources, date(2030, 1, 1))
    frames = {name: slice_.con.execute(f'FROM slice."{name}"').df() for name in slice_.sources}
    kept = {name: slice_.columns[name] for name in slice_.sources}
    slice_.close()
    with duckdb.connect(root / "warehouse.duckdb") as con:
        for name, frame in frames.items():
            if name in slice_.own:
                continue
            con.register("frame", frame)
            types = {c: t for c, t in kept[name].items() if c in frame}
            listed = ", ".join(f'"{c}"::{t} AS "{c}"' for c, t in types.items())
            con.execute(f'CREATE TABLE "{name}" AS SELECT {listed} FROM frame')
    for path in (root / "sources").iterdir():
        path.unlink()
    head, _, _ = config.partition("warehouse:")
    (root / "boardpack.yml").write_text(
        f"{head}warehouse: {{duckdb: warehouse.duckdb}}\n", encoding="utf-8"
    )
    return root


def change(root: Path, *statements: str) -> None:
    with duckdb.connect(root / "warehouse.duckdb") as con:
        for statement in statements:
            con.execute(statement)


def told(root: Path, period: str = "2025-06") -> tuple[str, list[Finding]]:
    found, _ = judged(root, period)
    return found.verdict, [f for f in found.findings if f.source == "payments"]


DROPPED = "DROP TABLE payments"
LOST = "ALTER TABLE payments DROP COLUMN amount"
RETYPED = "ALTER TABLE payments ALTER amount TYPE VARCHAR"
EMPTIED = "DELETE FROM payments"


@pytest.mark.parametrize(
    ("statements", "check", "says"),
    [
        ([DROPPED], "connected", "its table is no longer there"),
        ([LOST], "columns", "amount (decimal) is missing, was DECIMAL(18,2)"),
        ([RETYPED], "columns", "amount is VARCHAR, expected decimal, was DECIMAL(18,2)"),
        (
            [RETYPED, "ALTER TABLE payments RENAME status TO state"], "columns",
            "amount is VARCHAR, expected decimal, was DECIMAL(18,2); status (string) is missing,",
        ),
        ([EMPTIED], "rows", "source 'payments' has no rows"),
    ],
    ids=["dropped", "column lost", "column retyped", "several columns", "emptied"],
)  # fmt: skip
def test_what_was_there_at_the_last_gate_and_is_not_now_holds(
    shop: Path, statements: list[str], check: str, says: str
) -> None:
    assert told(shop) == ("publish", [])
    change(shop, *statements)
    verdict, (found, *_) = told(shop)
    assert (verdict, found.check) == ("hold", f"payments.{check}")
    assert says in found.found
    assert (found.owner, found.since) == ("finance", "2025-06-30")
    _, kpis = judged(shop)
    assert (kpis["average_order_value"], kpis["total_revenue"]) == ("hold", "publish")
    # It stays so until it is mended, and since then.
    again, (still, *_) = told(shop)
    assert (again, still.check) == ("hold", f"payments.{check}")


def test_it_is_known_since_when_it_is_gone(shop: Path) -> None:
    told(shop, "2025-03")
    change(shop, DROPPED)
    told(shop, "2025-04")
    _, (found,) = told(shop, "2025-05")
    assert found.since == "2025-04-30"


def test_it_is_there_again(shop: Path) -> None:
    told(shop)
    change(shop, "ALTER TABLE payments RENAME TO gone")
    assert told(shop)[0] == "hold"
    change(shop, "ALTER TABLE gone RENAME TO payments")
    assert told(shop) == ("publish", [])


@pytest.mark.parametrize("statement", [LOST, RETYPED, EMPTIED])
def test_a_source_that_no_gate_has_seen_is_the_users_mistake(shop: Path, statement: str) -> None:
    change(shop, statement)
    with pytest.raises(SourceError, match="payments"):
        told(shop)


def test_a_source_that_no_gate_has_seen_is_not_available(shop: Path) -> None:
    change(shop, DROPPED)
    assert told(shop) == ("publish", [])


def test_what_only_kpis_rest_on_that_never_were_there_is_not_missed(shop: Path) -> None:
    told(shop)
    (shop / "kpis").mkdir()
    (shop / "kpis" / "own.yml").write_text(ODD, encoding="utf-8")
    report_on(shop, ["purchases", "odd"])
    change(shop, DROPPED)
    assert told(shop) == ("publish", [])


@pytest.mark.parametrize(
    ("retired", "statement"),
    [("payments", DROPPED), ("payments.failure_code", "ALTER TABLE payments DROP failure_code")],
)
def test_what_is_retired_is_not_missed(shop: Path, retired: str, statement: str) -> None:
    change(shop, "ALTER TABLE payments ADD COLUMN IF NOT EXISTS failure_code VARCHAR")
    told(shop)
    change(shop, statement)
    assert told(shop)[0] == "hold"
    gate_policy(shop, f"retired: [{retired}]")
    assert told(shop) == ("publish", [])


def test_an_optional_column_that_was_lost_is_missed_more_than_once(shop: Path) -> None:
    change(shop, "ALTER TABLE payments ADD COLUMN IF NOT EXISTS failure_code VARCHAR")
    told(shop)
    change(shop, "ALTER TABLE payments DROP failure_code")
    for _ in range(2):
        verdict, (found,) = told(shop)
        assert (verdict, found.check) == ("hold", "payments.columns")
        assert found.found.endswith("failure_code (string) is gone, was VARCHAR")


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("ALTER TABLE payments ADD COLUMN note VARCHAR", "note is new (VARCHAR)"),
        ("ALTER TABLE payments ALTER amount TYPE DOUBLE", "amount is DOUBLE, was DECIMAL(18,2)"),
    ],
)
def test_what_is_new_about_a_table_is_recorded_once(shop: Path, statement: str, says: str) -> None:
    told(shop)
    change(shop, statement)
    verdict, (found,) = told(shop)
    assert (verdict, found.check, found.leads_to) == ("publish", "payments.drift", "record")
    assert found.found.endswith(says)
    assert told(shop) == ("publish", [])


def test_a_column_that_no_kpi_reads_may_go(shop: Path) -> None:
    change(shop, "ALTER TABLE payments ADD COLUMN note VARCHAR")
    told(shop)
    change(shop, "ALTER TABLE payments DROP note")
    verdict, (found,) = told(shop)
    assert (verdict, found.found) == ("publish", "not so, found note is gone")


def test_a_whole_run_holds_instead_of_failing_and_can_be_forced(
    shop: Path, process: NotebookProcess
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def made(force: orders.Force | None = None) -> RunResult:
        model = Model.open(shop)
        # Without a period, too: the other tables say how far the data reach.
        wanted = orders.order(model, "monthly")
        return runs.run(model, wanted, now=lambda: now, process=process, force=force)

    assert made().status == "published"
    before = readable(shop)
    change(shop, RETYPED)
    held = made()
    assert (held.status, held.exit_code) == ("held", 3)
    assert "amount is VARCHAR, expected decimal" in held.held_lines()[0]
    assert held.kpi_verdicts["average_order_value"] == "hold"
    assert readable(shop) == before
    forced = made(orders.Force("known", "me"))
    assert (forced.status, forced.verdict) == ("published", "hold")
    assert forced.not_available["average_order_value"] == "not connected: payments"
    assert "total_revenue" in forced.kpis


def test_when_all_tables_are_gone_the_report_is_held(shop: Path, process: NotebookProcess) -> None:
    told(shop)
    tables = ("accounts", "invoices", "invoice_lines", "payments")
    change(shop, *(f"DROP TABLE {name}" for name in tables))
    model = Model.open(shop)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    wanted = orders.order(model, "monthly", "2025-06")
    held = runs.run(model, wanted, now=lambda: now, process=process)
    assert (held.status, held.exit_code) == ("held", 3)
    assert {found.check for found in held.findings} == {f"{name}.connected" for name in tables}
    failed = runs.run(
        model, wanted, now=lambda: now, process=process, force=orders.Force("now", "me")
    )
    assert (failed.status, failed.exit_code) == ("failed", 4)
    assert "nothing to publish" in str(failed.error)


def test_check_is_a_gate_too(shop: Path, command: Callable[..., Result]) -> None:
    def check() -> tuple[int, dict[str, Any]]:
        done = command(shop, "check", "payments", "--as-of", "2025-06-30", "--json")
        return done.exit_code, json.loads(done.stdout)

    assert check()[0] == 0
    change(shop, DROPPED)
    code, found = check()
    assert (code, found["verdict"]) == (3, "hold")
    assert found["findings"][0]["check"] == "payments.connected"
    assert told(shop)[0] == "hold"


def test_the_doctor_is_not_concerned(shop: Path) -> None:
    told(shop)
    change(shop, DROPPED)
    assert "payments" in examine(shop).text()


def test_the_ledger_keeps_what_a_table_looked_like(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        for found in ({"a": "DATE"}, {"a": "DATE"}, {"a": "DATE", "b": "DOUBLE"}, {"b": "DOUBLE"}):
            ledger.remember_columns({"payments": found}, "2026-01-01")
        ledger.remember_columns({"accounts": {"z": "DATE"}}, "2026-01-01")
        assert ledger.columns() == {"payments": {"b": "DOUBLE"}, "accounts": {"z": "DATE"}}
        assert ledger._con.execute("SELECT count(*) FROM source_columns").fetchone() == (4,)

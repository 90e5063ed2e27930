"""The gate and a report on PostgreSQL: the outcomes and values that DuckDB gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from shutil import copyfile
from typing import Any

import duckdb
import pandas as pd
import pytest
from click.testing import CliRunner

from boardpack import gate, gate_suites, own_sources
from boardpack.cli import main
from boardpack.gate_results import GateResult
from boardpack.judging import judge, load_suites
from boardpack.ledger import Ledger
from boardpack.model import Model
from boardpack.sql_dialects import POSTGRES, SPACES
from boardpack.translation import translate
from boardpack.warehouse import open_slice
from engines_fixture import load_postgres, workspace_over
from workspaces import over_demo

pytestmark = pytest.mark.engines

AS_OF = date(2025, 12, 31)
#: What is wrong, as SQL, and a source that must then have something that failed.
FAULTS = {
    "accounts": "UPDATE accounts SET segment = upper(segment) WHERE hash(account_id) % 50 = 0",
    "users": "INSERT INTO users SELECT * FROM users ORDER BY user_id LIMIT 3",
    "plans": "UPDATE plans SET plan_name = plan_name || '\u00a0 ' WHERE billing_period = 'annual'",
    "invoices": "UPDATE invoices SET amount = -amount WHERE issued_on >= DATE '2025-12-01'",
    "invoice_lines": "DELETE FROM invoice_lines WHERE service_start = DATE '2025-11-01'",
    "payments": "UPDATE payments SET invoice_id = 'lost' WHERE attempted_at < DATE '2023-06-01'",
    "sessions": "UPDATE sessions SET ended_at = started_at - INTERVAL 1 HOUR"
    " WHERE hash(session_id) % 30 = 0",
    "mrr_movements": "UPDATE mrr_movements SET amount = 100 * amount"
    " WHERE effective_on >= DATE '2025-10-01'",
    "web_visits": "DELETE FROM web_visits WHERE visited_at >= DATE '2025-12-20'",
    "leads": "UPDATE leads SET channel = 'Ã©' || channel WHERE created_at >= DATE '2025-12-01'",
    "tickets": "UPDATE tickets SET created_at = created_at + INTERVAL 60 DAY,"
    " recorded_at = created_at WHERE created_at >= DATE '2025-12-01'",
    "contracts": "UPDATE contracts SET end_date = start_date - 1 WHERE hash(contract_id) % 9 = 0",
    "budgets": "UPDATE budgets SET month = month + 3 WHERE line = 'cogs'",
    "cash_balances": "UPDATE cash_balances SET opening_balance = opening_balance + 1000",
    "opportunities": "UPDATE opportunities SET loss_reason = NULL",
}


@dataclass(frozen=True)
class Company:
    """The same tables in DuckDB and in PostgreSQL."""

    duckdb: Path
    postgres: Path


@pytest.fixture(scope="module")
def clean(
    tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Path, postgres_server: str
) -> Iterator[Company]:
    yield from _company(
        tmp_path_factory.mktemp("clean"), demo_warehouse, postgres_server, "gate_clean"
    )


@pytest.fixture(scope="module")
def faulty(
    tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Path, postgres_server: str
) -> Iterator[Company]:
    folder = tmp_path_factory.mktemp("faulty")
    tables = folder / "faulty.duckdb"
    copyfile(demo_warehouse, tables)
    with duckdb.connect(tables) as con:
        for sql in FAULTS.values():
            con.execute(sql)
    yield from _company(folder, tables, postgres_server, "gate_faulty")


def _company(folder: Path, tables: Path, server: str, database: str) -> Iterator[Company]:
    import psycopg

    with psycopg.connect(server, autocommit=True) as con:
        con.execute(f"CREATE DATABASE {database}")
    where = server.replace("dbname=postgres", f"dbname={database}")
    load_postgres(tables, where)
    yield Company(
        over_demo(folder / "duckdb", tables),
        workspace_over(folder / "postgres", f'{{postgres: "{where}"}}'),
    )
    with psycopg.connect(server, autocommit=True) as con:
        con.execute(f"DROP DATABASE {database} WITH (FORCE)")


def _checked(workspace: Path) -> GateResult:
    model = Model.open(workspace)
    tables = [s.id for s in model.sources.declared.values() if not s.derived_from]
    suites = load_suites(model, tables)
    seen = gate_suites.reads(suites, tables)
    with closing(open_slice(model.workspace, model.sources, AS_OF, seen)) as slice_:
        # What checks found is there only once all others were made, see `judging.checked`.
        names = [n for n in slice_.sources if n in tables and n != own_sources.RESULTS]
        return gate.check(slice_, names, suites)


def _outcomes(found: GateResult) -> list[tuple[Any, ...]]:
    return [
        (r.source, r.expectation, r.sentence, r.outcome, r.unexpected_count, r.element_count)
        for r in found.results
    ]


def test_a_clean_company_passes_alike(clean: Company) -> None:
    expected, found = _checked(clean.duckdb), _checked(clean.postgres)
    assert _outcomes(found) == _outcomes(expected)
    assert found.verdict == "publish"
    assert len(found.results) > 900


def test_the_same_faults_are_found_with_the_same_counts(faulty: Company) -> None:
    expected, found = _checked(faulty.duckdb), _checked(faulty.postgres)
    assert _outcomes(found) == _outcomes(expected)
    assert found.verdict == "hold"
    failed = {r.source for r in found.results if r.outcome == "failed"}
    assert set(FAULTS) <= failed
    assert not [r for r in found.results if r.outcome == "errored"]
    # Rows to look at come along, whatever finds them.
    shown = {r.expectation for r in found.results if r.sample}
    assert {"unexpected_rows_expectation", "expect_text_to_be_clean"} < shown
    assert shown == {r.expectation for r in expected.results if r.sample}


@pytest.mark.slow
def test_a_monthly_report_has_the_same_values(clean: Company) -> None:
    values = []
    for workspace in (clean.duckdb, clean.postgres):
        arguments = ["run", "monthly", "--period", "2025-12", "--workspace", str(workspace)]
        called = CliRunner().invoke(main, [*arguments, "--json"])
        assert called.exit_code == 0, called.output
        run = json.loads(called.output)
        assert run["verdict"] == "publish"
        values.append(pd.read_parquet(Path(run["edition"]) / "values.parquet"))
    key = ["kpi", "period", "dims"]
    mine, other = (frame.set_index(key).sort_index() for frame in values)
    assert len(mine) > 1000
    numbers = ["value", "numerator", "denominator"]
    # Engines add in different orders.
    pd.testing.assert_frame_equal(mine[numbers], other[numbers], rtol=1e-9, atol=1e-6)
    said = ["status", "reason", "unit"]
    pd.testing.assert_frame_equal(mine[said], other[said])
    # They are told apart all the same: another engine may one day say otherwise.
    assert set(mine["fingerprint"]).isdisjoint(other["fingerprint"])


def test_a_verdict_is_remembered(
    clean: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model.open(clean.postgres)
    suites = load_suites(model, ["plans"])

    def judged(ledger: Ledger, as_of: date) -> GateResult:
        with closing(open_slice(model.workspace, model.sources, as_of, ["plans"])) as slice_:
            prints = slice_.fingerprints
            now = datetime(2026, 1, 2)
            return judge(slice_, ["plans"], suites, ledger, prints, lambda: now, {})

    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        first = judged(ledger, AS_OF)
        monkeypatch.setattr(gate, "check", None)
        assert judged(ledger, AS_OF) == first
        with pytest.raises(TypeError):
            judged(ledger, date(2024, 6, 30))


def test_the_same_spaces_are_taken_off_a_text(postgres_server: str) -> None:
    import psycopg

    ends = [" ", "\t", "\n", "\u200b", "\ufeff", *SPACES]
    values = ", ".join(f"('{end}x{end}')" for end in ends)
    sql = f"SELECT trim(v) = v AS kept FROM (VALUES {values}) AS t(v)"
    with psycopg.connect(postgres_server) as con:
        found = con.execute(translate(sql, POSTGRES).encode()).fetchall()
    assert found == duckdb.sql(sql).fetchall()
    assert [kept for (kept,) in found] == [False, True, True, True, True, *[False] * len(SPACES)]

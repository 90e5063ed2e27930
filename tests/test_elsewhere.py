"""A warehouse of PostgreSQL or Spark: one line, what goes wrong with it, and all that reads it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import boardpack as bp
from boardpack.cli import main
from boardpack.errors import BoardpackError, SourceError, UserError, WorkspaceError
from boardpack.model import Model
from boardpack.warehouse import Slice, open_slice
from engines_fixture import lacking
from workspaces import small

HEAD = "company: Small\ncurrency: USD\ndimensions: []\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{duckdb: a.duckdb, spark: lake}", "names several warehouses, duckdb and spark"),
        ('{postgres: "dbname=x", views: {a: select 1}}', "files: and views: are read by DuckDB"),
        ("{duckdb: a.duckdb, password_variable: X}", "password_variable: is for postgres:"),
    ],
)
def test_a_warehouse_is_one_engine(tmp_path: Path, line: str, message: str) -> None:
    small(tmp_path, f"{HEAD}warehouse: {line}\n")
    with pytest.raises(BoardpackError) as caught:
        Model.open(tmp_path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("line", "package", "hint"),
    [
        ('{postgres: "dbname=x"}', "psycopg", "pip install 'boardpack[postgres]'"),
        ("{spark: lake}", "pyspark", "pip install 'boardpack[spark]'"),
    ],
)
def test_an_extra_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, package: str, hint: str
) -> None:
    for name in (f"boardpack.{'postgres' if package == 'psycopg' else 'spark'}",):
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.delattr(sys.modules["boardpack"], name.rpartition(".")[2], raising=False)
    for name in [m for m in sys.modules if m.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    small(tmp_path, f"{HEAD}warehouse: {line}\n")
    (tmp_path / "lake").mkdir()
    error = _refused(tmp_path)
    assert isinstance(error, WorkspaceError)
    assert error.hint == hint
    assert package in error.message


def test_a_folder_of_spark_lies_inside_and_is_there(tmp_path: Path) -> None:
    pytest.importorskip(
        "pyspark", reason="pyspark is not installed; `make test-engines` sets it up"
    )
    for line, message in (("lake", "the warehouse lake is not there"), ("../x", "outside")):
        small(tmp_path, f"{HEAD}warehouse: {{spark: {line}}}\n")
        assert message in _refused(tmp_path).message


def _refused(folder: Path, sources: list[str] | None = None) -> BoardpackError:
    with pytest.raises(BoardpackError) as caught:
        _open(folder, sources).close()
    return caught.value


def _open(
    folder: Path, sources: list[str] | None = None, as_of: date = date(2025, 12, 31)
) -> Slice:
    model = Model.open(folder)
    return open_slice(model.workspace, model.sources, as_of, sources or ["accounts"])


ACCOUNTS = """\
CREATE TYPE segment_kind AS ENUM ('smb', 'enterprise');
CREATE TABLE accounts (account_id integer, segment segment_kind, industry varchar(20),
  created_at timestamp);
INSERT INTO accounts VALUES (1, 'smb', '100% odd', '2024-01-01'),
  (2, 'enterprise', NULL, '2024-01-01'), (3, NULL, 'it''s', '2024-01-01');
"""
MOVEMENTS = """\
CREATE TABLE mrr_movements (movement_id text, account_id integer, movement_type text,
  amount numeric(18, 2), effective_on date, recorded_at timestamptz);
INSERT INTO mrr_movements VALUES
  ('m1', 1, 'new', 100.10, '2025-03-01', '2025-03-01 10:00+00'),
  ('m2', 2, 'new', 200.20, '2025-03-31', '2025-04-01 01:00+02'),
  ('m3', 3, 'new', 400.40, '2025-03-31', '2025-04-01 01:00+00');
"""


@pytest.fixture
def database(postgres_server: str) -> Iterator[tuple[str, Any]]:
    """An empty database, with what its connection string is and a connection that may write."""
    import psycopg

    with psycopg.connect(postgres_server, autocommit=True) as con:
        con.execute("DROP DATABASE IF EXISTS small")
        con.execute("CREATE DATABASE small")
        where = postgres_server.replace("dbname=postgres", "dbname=small")
        with psycopg.connect(where, autocommit=True) as own:
            yield where, own
        con.execute("DROP DATABASE small WITH (FORCE)")


@pytest.fixture
def workspace(tmp_path: Path, database: tuple[str, Any]) -> Path:
    where, con = database
    con.execute(ACCOUNTS)
    con.execute(MOVEMENTS)
    settings = HEAD.replace("dimensions: []", "dimensions: [segment]")
    return small(tmp_path / "own", f'{settings}warehouse: {{postgres: "{where}"}}\n')


@pytest.mark.engines
class TestPostgres:
    def test_values_sql_and_doctor(self, workspace: Path) -> None:
        said = _said(workspace, "kpi", "show", "new_mrr", "--last", "1", "--by", "segment")
        values = {row["dims"]: row["value"] for row in json.loads(said)}
        # The second was recorded on 31 March in UTC, where its clock said April; the third was not.
        values = {dims: value for dims, value in values.items() if value}
        assert values == {"": 300.3, "segment=smb": 100.1, "segment=enterprise": 200.2}
        sql = _said(workspace, "kpi", "sql", "new_mrr", "--last", "1")
        assert '\\"public\\".\\"mrr_movements\\" AS b' in sql
        assert "DOUBLE PRECISION" in sql
        doctor = json.loads(_said(workspace, "doctor"))
        states = {source["source"]: source["connected"] for source in doctor["sources"]}
        assert states["mrr_movements"]
        assert not states["tickets"]

    def test_a_notebook_computes_on_demand(self, workspace: Path) -> None:
        values = bp.open(workspace, period="2025-03", kpis=["new_mrr"])
        assert values.value("new_mrr", values.period).value == 300.3

    def test_its_sources_are_checked_where_they_are(self, workspace: Path) -> None:
        arguments = ["check", "mrr_movements", "--as-of", "2025-03-31", "--json"]
        called = CliRunner().invoke(main, [*arguments, "--workspace", str(workspace)])
        found = json.loads(called.output)
        outcomes = {result["outcome"] for result in found["results"]}
        assert "passed" in outcomes
        assert "errored" not in outcomes

    def test_nothing_can_be_written(self, workspace: Path) -> None:
        slice_ = _open(workspace)
        try:
            assert slice_.elsewhere is not None
            with pytest.raises(Exception, match="read-only transaction"):
                slice_.elsewhere.rows("DELETE FROM accounts RETURNING 1")
            # The next statement is none the worse for it.
            assert slice_.rows('SELECT COUNT(*) FROM slice."accounts" AS t') == [(3,)]
        finally:
            slice_.close()

    def test_a_slice_sees_the_rows_of_one_moment(
        self, workspace: Path, database: tuple[str, Any]
    ) -> None:
        slice_ = _open(workspace)
        try:
            database[1].execute("INSERT INTO accounts VALUES (4, NULL, NULL, '2024-01-01')")
            assert slice_.rows('SELECT COUNT(*) FROM slice."accounts" AS t') == [(3,)]
        finally:
            slice_.close()

    def test_a_source_is_mapped_onto_a_select_of_its_own_sql(self, workspace: Path) -> None:
        (workspace / "sources").mkdir()
        (workspace / "sources" / "accounts.yml").write_text(
            "maps: accounts\nsql: |\n  SELECT account_id, created_at, upper(segment::text) AS segment -- why\n"
            "  FROM accounts WHERE industry LIKE '100%'\n"
        )
        slice_ = _open(workspace)
        try:
            found = slice_.rows('SELECT t."account_id", t."segment" FROM slice."accounts" AS t')
        finally:
            slice_.close()
        assert found == [("1", "SMB")]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ("DELETE FROM accounts", "has no rows"),
            ("ALTER TABLE accounts DROP COLUMN account_id", "lacks the column 'account_id'"),
            ("ALTER TABLE mrr_movements ALTER amount TYPE text", "is VARCHAR, expected decimal"),
            ("ALTER TABLE mrr_movements ALTER amount TYPE jsonb USING '{}'", "is jsonb, expected"),
            ("CREATE SCHEMA a CREATE TABLE t (x int); CREATE SCHEMA b CREATE TABLE t (x int)", ""),
            ("DROP TABLE accounts; CREATE SCHEMA a CREATE TABLE accounts (x int);"
             "CREATE SCHEMA b CREATE TABLE accounts (x int)", "it is in several schemas"),
        ],
    )  # fmt: skip
    def test_a_table_that_cannot_be_read_is_told(
        self, workspace: Path, database: tuple[str, Any], change: str, message: str
    ) -> None:
        database[1].execute(change)
        if not message:
            _open(workspace).close()
            return
        error = _refused(workspace, ["accounts", "mrr_movements"])
        assert isinstance(error, SourceError)
        assert message in error.message
        assert error.file is not None

    def test_a_table_that_is_mapped_and_not_there_is_told(self, workspace: Path) -> None:
        (workspace / "sources").mkdir()
        (workspace / "sources" / "own.yml").write_text("maps: accounts\ntable: acounts\n")
        error = _refused(workspace)
        assert "table 'acounts', which is not there" in error.message
        assert "accounts" in str(error.hint)

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("host=127.0.0.1 port=1 user=reader dbname=x", "cannot be reached (host=127.0.0.1"),
            ("postgresql://reader:s3cret@127.0.0.1:1/x", "holds a password"),
            ("dbname=x password=s3cret", "holds a password"),
            ("nonsense", "is no connection string"),
        ],
    )
    def test_a_server_that_cannot_be_reached_is_told_without_a_password(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, message: str
    ) -> None:
        pytest.importorskip("psycopg", reason="psycopg is not installed")
        monkeypatch.setenv("PGPASSWORD", "s3cret")
        small(tmp_path, f'{HEAD}warehouse: {{postgres: "{line}"}}\n')
        called = CliRunner().invoke(main, ["doctor", "--workspace", str(tmp_path)])
        assert called.exit_code == 1
        assert message in called.output
        assert "s3cret" not in called.output
        assert "Traceback" not in called.output

    def test_the_password_is_that_of_a_named_variable(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: tuple[str, Any]
    ) -> None:
        where, con = database
        con.execute(ACCOUNTS)
        line = f'{{postgres: "{where}", password_variable: OWN_SECRET}}'
        small(tmp_path, f"{HEAD}warehouse: {line}\n")
        assert "OWN_SECRET, which holds" in _refused(tmp_path).message
        monkeypatch.setenv("OWN_SECRET", "s3cret")
        _open(tmp_path).close()


@pytest.mark.engines
def test_spark_reads_files_and_folders_of_files(tmp_path: Path) -> None:
    if not _has_spark():
        lacking("pyspark is not installed (pip install 'boardpack[spark]')")
    import duckdb

    lake = tmp_path / "lake"
    (lake / "mrr_movements").mkdir(parents=True)
    with duckdb.connect() as con:
        con.execute(
            "COPY (SELECT *, TIMESTAMP '2024-01-01' AS created_at"
            " FROM (VALUES ('a1', 'smb'), ('a2', NULL)) AS t(account_id, segment))"
            f" TO '{lake}/accounts.parquet'"
        )
        for number, amount in enumerate(("100.10", "200.20")):
            con.execute(
                f"COPY (SELECT 'm{number}' AS movement_id, 'a{number + 1}' AS account_id, 'new' AS"
                f" movement_type, {amount} AS amount, DATE '2025-03-0{number + 1}' AS effective_on)"
                f" TO '{lake}/mrr_movements/part-{number}.parquet'"
            )
    small(tmp_path, f"{HEAD.replace('[]', '[segment]')}warehouse: {{spark: lake}}\n")
    said = _said(tmp_path, "kpi", "show", "new_mrr", "--last", "1", "--by", "segment",
                 "--as-of", "2025-03-31")  # fmt: skip
    values = {row["dims"]: row["value"] for row in json.loads(said)}
    assert values[""] == pytest.approx(300.3)
    assert values["segment=smb"] == pytest.approx(100.1)
    assert values["segment=(unknown)"] == pytest.approx(200.2)


@pytest.mark.engines
def test_great_expectations_is_imported_beside_spark() -> None:
    """With pyspark in the environment it imports that as well, which must neither end nor warn."""
    if not _has_spark():
        lacking("pyspark is not installed (pip install 'boardpack[spark]')")
    import subprocess

    code = "from boardpack.gate import warm; warm(); print('here')"
    called = subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", "-c", code],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (called.returncode, called.stdout) == (0, "here\n"), called.stderr


def _has_spark() -> bool:
    from importlib.util import find_spec

    return find_spec("pyspark") is not None


def _said(workspace: Path, *command: str) -> str:
    called = CliRunner().invoke(main, [*command, "--workspace", str(workspace), "--json"])
    assert called.exit_code == 0, called.output
    return called.output


def test_a_kpi_that_allows_it_is_marked_where_it_is_only_near(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine of ours that has no exact percentile, over the tables of DuckDB."""
    from dataclasses import replace

    from boardpack.engine.compute import compute
    from boardpack.periods import Period
    from boardpack.sql_dialects import POSTGRES
    from boardpack.warehouse import slice_of_rows

    near = replace(POSTGRES, title="Nearly", percentile=None, approximate_percentile="x")
    text = """\
- kpi: typical_hours
  name: Typical hours
  definition: Median of the hours to a first answer.
  category: support
  unit: hours
  direction: lower
  measures:
    value: {source: tickets, value: "percentile(hours_between(created_at, first_response_at), 0.5)"}
"""
    monkeypatch.setattr(Slice, "dialect", near)
    monkeypatch.setattr(Slice, "rows", lambda *_, **__: [(0, -1, "", 8.0), (1, -1, "", 7.0)])
    periods = Period.parse("2025-05").last(2)

    def computed(folder: Path) -> Any:
        model = Model.open(folder)
        rows = {table: [] for table in model.catalogue.tables(["typical_hours"])}
        slice_ = slice_of_rows(model.sources, rows, date(2025, 4, 30), model.workspace.zone)
        try:
            return compute(model.catalogue, slice_, ["typical_hours"], periods, covered=True)
        finally:
            slice_.close()

    with pytest.raises(UserError) as caught:
        computed(small(tmp_path / "exact", **{"kpis/own.yml": text}))
    assert "KPI 'typical_hours', measure 'value': Nearly has no exact" in caught.value.message
    assert "approximate: allowed" in str(caught.value.hint)
    allowed = f"{text}  approximate: allowed\n"
    frame = computed(small(tmp_path / "near", **{"kpis/own.yml": allowed}))
    april, may = frame.itertuples()
    assert (april.value, april.status) == (8.0, "approximate")
    assert april.reason == "approximate: Nearly has no exact percentile"
    assert (may.status, may.reason.partition(";")[0]) == (
        "provisional", "open: the period ends on 2025-05-31"
    )  # fmt: skip
    assert "approximate: Nearly" in may.reason


def test_a_near_figure_is_marked_on_the_page() -> None:
    from boardpack.cards import headline
    from boardpack.tables import scorecard
    from boardpack.values import Values
    from values_fixture import PERIOD, small_values

    values = small_values()
    frame = values.frame.copy()
    near = (frame["kpi"] == "mrr") & (frame["period"] == PERIOD)
    frame.loc[near, ["status", "reason"]] = ["approximate", "approximate: no exact percentile"]
    marked = Values(frame, values.report, values.kpis)
    for shown in (headline, scorecard):
        assert "[approximate]{.warn}" in shown(marked, ["mrr"]).markdown
        assert "approximate" not in shown(values, ["mrr"]).markdown

"""What was published: the values of all editions, as one view in DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from boardpack.errors import StorageError
from boardpack.ledger import Ledger
from boardpack.ledger_rows import EditionRow
from boardpack.sql_texts import quoted_text
from boardpack.values import COLUMNS, FINGERPRINT, INTERVAL, JUDGED
from boardpack.workspace import Workspace

#: Facts of the edition that stand before the columns of `boardpack.values.COLUMNS` in the view.
EDITION = (
    "report", "segment", "edition", "revision", "is_latest", "as_of", "verdict", "release",
    "published_at", "run_id", "folder", "forced",
)  # fmt: skip

#: What the view has of each value.
VALUE = (*COLUMNS, *INTERVAL, FINGERPRINT, *JUDGED)

_TYPES = {"revision": "INTEGER", "is_latest": "BOOLEAN", "as_of": "DATE"}
_VALUE_TYPES = {
    "period_start": "DATE", "period_end": "DATE",
    "value": "DOUBLE", "numerator": "DOUBLE", "denominator": "DOUBLE",
    "low": "DOUBLE", "high": "DOUBLE",
}  # fmt: skip


def open_values(workspace: Workspace) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with the view ``kpi_values``: every value of every edition published.

    Its columns are `EDITION` (``edition`` is the period that the edition is about, ``is_latest``
    whether no later revision of it is there, drafts that were ``forced`` aside) and `VALUE`. It
    reads the editions that the ledger names and that are still in place; nothing is made where
    there is none.
    `StorageError` when one of them cannot be read. Close the connection when done.

    >>> import tempfile
    >>> from boardpack.workspace import SUITE
    >>> from dataclasses import replace
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     con = open_values(replace(Workspace.open(SUITE), root=Path(folder)))
    ...     con.execute("SELECT count(*) FROM kpi_values WHERE kpi = 'mrr'").fetchall()
    ...     con.close()
    [(0,)]
    """
    path = workspace.var / "ledger.sqlite"
    rows: list[EditionRow] = []
    if path.is_file():
        with Ledger(path) as ledger:
            rows = ledger.editions()
    root = workspace.var / "editions"
    there = [row for row in rows if (root / row.folder / "values.parquet").is_file()]
    con = duckdb.connect()
    con.execute(f"CREATE TABLE editions ({', '.join(_columns(EDITION, _TYPES))}, filename VARCHAR)")
    facts = _facts(there, root)
    # An edition made before a column was thought of has none of it.
    con.execute(
        f"CREATE TABLE nothing ({', '.join(_columns(VALUE, _VALUE_TYPES))}, filename VARCHAR)"
    )
    source = "nothing"
    if facts:
        con.executemany(
            f"INSERT INTO editions VALUES ({', '.join('?' * (len(EDITION) + 1))})", facts
        )
        files = ", ".join(quoted_text(str(entry[-1])) for entry in facts)
        source = (
            "(FROM nothing UNION ALL BY NAME"
            f" FROM read_parquet([{files}], union_by_name = true, filename = true))"
        )
    shown = [f"e.{name}" for name in EDITION] + [
        f'CAST(v."{name}" AS {_VALUE_TYPES.get(name, "VARCHAR")}) AS "{name}"' for name in VALUE
    ]
    try:
        con.execute(
            f"CREATE VIEW kpi_values AS SELECT {', '.join(shown)}"
            f" FROM {source} AS v JOIN editions AS e USING (filename)"
        )
    except duckdb.Error as error:
        con.close()
        raise StorageError(
            f"the values of an edition cannot be read: {str(error).splitlines()[0]}",
            file=root,
            hint="`boardpack verify EDITION` says whether an edition was changed",
        ) from None
    return con


def histories(
    workspace: Workspace, kpis: Sequence[str], period: str, dims: str = ""
) -> dict[str, list[dict[str, Any]]]:
    """Every figure that was published for these KPIs, a period and member, the oldest first.

    A KPI of which nothing was published has no entry.
    """
    con = open_values(workspace)
    try:
        rows = con.execute(
            "SELECT kpi, report, segment, edition, revision, as_of, published_at, value, status,"
            " unit, fingerprint, forced"
            " FROM kpi_values WHERE list_contains(?, kpi) AND period = ? AND dims = ?"
            " ORDER BY published_at, report, edition, segment, revision",
            [list(kpis), period, dims],
        )
        names = [column[0] for column in rows.description or ()][1:]
        found: dict[str, list[dict[str, Any]]] = {}
        for kpi, *row in rows.fetchall():
            found.setdefault(kpi, []).append(dict(zip(names, row, strict=True)))
        return found
    finally:
        con.close()


def _facts(rows: Sequence[EditionRow], root: Path) -> list[list[object]]:
    latest: dict[tuple[str, str, str], int] = {}
    for row in (row for row in rows if not row.forced):
        key = (row.report, row.period, row.segment)
        latest[key] = max(row.revision, latest.get(key, 0))
    return [
        [
            row.report, row.segment, row.period, row.revision,
            row.revision == latest.get((row.report, row.period, row.segment)),
            row.as_of, row.verdict, row.release, row.published_at, row.run_id, row.folder,
            row.forced,
            str(root / row.folder / "values.parquet"),
        ]
        for row in rows
    ]  # fmt: skip


def _columns(names: Sequence[str], types: dict[str, str]) -> list[str]:
    return [f'"{name}" {types.get(name, "VARCHAR")}' for name in names]

"""The demo company in PostgreSQL and in Spark: throw-away servers and folders for tests."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from boardpack import elsewhere
from boardpack.sources import Sources
from boardpack.translation import translate
from boardpack.warehouse import Slice, slice_of_rows
from boardpack.workspace import SUITE

PROGRAMS = "/usr/lib/postgresql"


def lacking(reason: str) -> None:
    """Skip, or fail where `make test-engines` said that every engine is there."""
    if os.environ.get("BOARDPACK_ENGINES") == "1":
        pytest.fail(f"{reason}, and BOARDPACK_ENGINES=1 allows no skip", pytrace=False)
    pytest.skip(f"{reason}; `make test-engines` sets it up")


def postgres_programs() -> Path | None:
    """The folder with initdb and pg_ctl, the newest there is."""
    if found := shutil.which("pg_ctl"):
        return Path(found).parent
    folders = sorted(Path(PROGRAMS).glob("*/bin/pg_ctl"), key=lambda p: float(p.parts[-3]))
    return folders[-1].parent if folders else None


@contextmanager
def cluster(programs: Path) -> Iterator[str]:
    """A server of its own, on a socket in a folder of its own; gives its connection string.

    A server does not run as root: then it runs as nobody.
    """
    folder = Path(tempfile.mkdtemp(prefix="boardpack-postgres-"))
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)

    def call(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(programs / program), "-D", str(folder / "data"), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            cwd=folder, timeout=120, check=False,
            **({} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}),
        )  # fmt: skip
        assert done.returncode == 0, done.stdout

    try:
        call(
            "initdb",
            "-U",
            "boardpack",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c full_page_writes=off -c shared_buffers=256MB"
        call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"host={folder} user=boardpack dbname=postgres"
        finally:
            call("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def load_postgres(path: Path, where: str) -> None:
    """Every table of a DuckDB file, by COPY."""
    import psycopg

    with (
        duckdb.connect(path, read_only=True) as con,
        psycopg.connect(where, autocommit=True) as postgres,
        tempfile.TemporaryDirectory() as folder,
    ):
        for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            columns = con.execute(f'DESCRIBE "{name}"').fetchall()
            typed = ", ".join(
                f'"{column}" {"DOUBLE PRECISION" if type_ == "DOUBLE" else type_}'
                for column, type_, *_ in columns
            )
            postgres.execute(f'CREATE TABLE "{name}" ({typed})')
            csv = Path(folder) / f"{name}.csv"
            con.execute(f"COPY \"{name}\" TO '{csv}' (FORMAT csv, HEADER false, FORCE_QUOTE *)")
            with (
                csv.open("rb") as file,
                postgres.cursor().copy(f'COPY "{name}" FROM STDIN (FORMAT csv)') as copy,
            ):
                while block := file.read(1 << 20):
                    copy.write(block)
        postgres.execute("ANALYZE")


def write_parquet(path: Path, folder: Path) -> None:
    """Every table of a DuckDB file, as a Parquet file each."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(path, read_only=True) as con:
        for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            con.execute(f"COPY \"{name}\" TO '{folder / name}.parquet' (FORMAT parquet)")


def workspace_over(folder: Path, warehouse: str) -> Path:
    """The demo company's workspace with its tables elsewhere, such as ``{spark: lake}``."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = (SUITE / "boardpack.yml").read_text(encoding="utf-8")
    head = settings.partition("warehouse:")[0]
    (folder / "boardpack.yml").write_text(f"{head}warehouse: {warehouse}\n", encoding="utf-8")
    return folder


def given_rows(connection: Any) -> Callable[..., Slice]:
    """Stands in for `slice_of_rows`: the same few rows, written into the engine's statements."""

    def slice_of(declared: Sources, rows: Mapping[str, Any], as_of: date, zone: ZoneInfo) -> Slice:
        plain = slice_of_rows(declared, rows, as_of, zone)
        relations = {}
        for name in rows:
            found = {
                column: type_
                for column, type_, *_ in plain.con.execute(f'DESCRIBE given."{name}"').fetchall()
            }
            table = plain.con.execute(f'SELECT * FROM given."{name}"').fetchall()
            native = f"({translate(_written(table, found), connection.dialect)})"
            relations[name] = elsewhere.relation_of(
                declared[name], native, found, as_of, zone, declared[name].file
            )
        return replace(plain, elsewhere=connection, relations=relations)

    return slice_of


def _written(rows: Sequence[Sequence[Any]], types: Mapping[str, str]) -> str:
    def cell(value: Any) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, bool | int | float | Decimal):
            return str(value)
        return "'" + str(value).replace("'", "''") + "'"

    empty = rows or [[None] * len(types)]
    selects = [
        "SELECT "
        + ", ".join(
            f'CAST({cell(value)} AS {type_}) AS "{name}"'
            for value, (name, type_) in zip(row, types.items(), strict=True)
        )
        for row in empty
    ]
    return " UNION ALL ".join(selects) + ("" if rows else " WHERE FALSE")

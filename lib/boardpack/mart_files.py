"""Marts on disk: a folder each below ``var/marts``, with a state and its Parquet files.

The state names every file and its hash, and is replaced in one step; what it does not name is not
there. A file is never written twice, so a reader of the state before keeps its files until the next
build.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

import duckdb
from pydantic import Field

from boardpack import files
from boardpack.engine.marts import Design, Grain
from boardpack.engine.rows import DAY
from boardpack.errors import StorageError
from boardpack.sql_texts import quoted_text
from boardpack.warehouse import Slice
from boardpack.workspace import Workspace
from boardpack.yamlfile import Strict

STATE = "mart.json"
GRAINS: tuple[Grain, ...] = ("day", "month")


class Part(Strict):
    """One file: the days, or the sums, of one month.

    ``single`` are the keys of which no two rows of one day are alike.
    """

    month: date
    grain: Grain
    file: str = Field(pattern=r"^\d{4}-\d{2}-(day|month)-[0-9a-f]{8}\.parquet$")
    sha256: str
    bytes: int
    rows: int
    single: tuple[str, ...] = ()


class State(Strict):
    """What a mart is, and what it was built from.

    ``definition`` is the hash of how its rows are made. ``rows`` and ``hashed`` are the number of
    rows of its source and the sum of their hashes, as known by ``as_of``; ``stamp`` identifies the
    files that they lay in, "" where only their content can tell. ``kept`` is false for a mart that
    would be nearly as large as its source, and has no parts; with ``always`` none is too large.
    """

    definition: str
    source: str
    keys: tuple[str, ...]
    as_of: date
    rows: int
    hashed: str
    stamp: str
    kept: bool
    always: bool
    parts: tuple[Part, ...]

    def size(self, grain: Grain) -> int:
        """How many rows it has."""
        return sum(part.rows for part in self.parts if part.grain == grain)

    def single(self) -> frozenset[str]:
        """The keys of which no two rows of one day are alike."""
        found = [set(part.single) for part in self.parts if part.grain == "day"]
        return frozenset(set.intersection(*found)) if found else frozenset()

    @property
    def bytes(self) -> int:
        """Its size on the disk."""
        return sum(part.bytes for part in self.parts)


def root(workspace: Workspace) -> Path:
    """Where the marts of a workspace are."""
    return workspace.var / "marts"


def folder(workspace: Workspace, design: Design) -> Path:
    """Where a mart is."""
    return root(workspace) / design.name


def read(folder: Path) -> State | None:
    """The state of a mart; None where there is none that can be used."""
    try:
        return State.model_validate_json((folder / STATE).read_bytes())
    except (OSError, ValueError):
        return None


def whole(folder: Path, state: State) -> bool:
    """Whether the files of a mart are those that were written."""
    try:
        for part in state.parts:
            with (folder / part.file).open("rb") as handle:
                if hashlib.file_digest(handle, "sha256").hexdigest() != part.sha256:
                    return False
    except OSError:
        return False
    return True


def paths(folder: Path, state: State) -> dict[Grain, dict[date, str]]:
    """The files of each grain by month."""
    return {
        grain: {p.month: str(folder / p.file) for p in state.parts if p.grain == grain}
        for grain in GRAINS
    }


def write_part(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    month: date,
    grain: Grain,
    sql: str,
    keys: Sequence[str] = (),
) -> Part | None:
    """A new file with the rows of a query; None where it has none.

    ``keys`` are looked at for those that have one row a day.
    """
    name = f"{month:%Y-%m}-{grain}-{secrets.token_hex(4)}.parquet"
    path = folder / name
    target = quoted_text(str(path))
    (rows,) = con.execute(
        f"COPY ({sql}) TO {target} (FORMAT parquet, COMPRESSION zstd)"
    ).fetchall()[0]
    if not rows:
        path.unlink(missing_ok=True)
        return None
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    single: list[str] = []
    if keys:
        counts = ", ".join(f'count(DISTINCT ({DAY}, "{key}"))' for key in keys)
        row = con.execute(f"SELECT {counts} FROM read_parquet({target})").fetchone() or ()
        single = [key for key, count in zip(keys, row, strict=True) if count == rows]
    return Part(
        month=month, grain=grain, file=name, sha256=digest, bytes=path.stat().st_size, rows=rows,
        single=tuple(single),
    )  # fmt: skip


def replace_state(folder: Path, state: State) -> None:
    """Let a mart be what ``state`` says, from now on and for certain."""
    before = read(folder)
    files.replace_text(folder / STATE, state.model_dump_json(indent=1) + "\n")
    kept = {STATE, *(part.file for part in state.parts)}
    # Whoever reads the mart as it was before may still be at it.
    kept |= {part.file for part in before.parts} if before else set()
    _sweep(folder, kept)


def _sweep(folder: Path, kept: Iterable[str]) -> None:
    names = set(kept)
    for entry in folder.iterdir():
        if entry.name not in names and entry.is_file():
            entry.unlink(missing_ok=True)


def present(workspace: Workspace) -> dict[str, State | None]:
    """Every mart there is by the name of its folder; None for one that cannot be used."""
    here = root(workspace)
    if not here.is_dir():
        return {}
    return {entry.name: read(entry) for entry in sorted(here.iterdir()) if _is_mart(entry)}


def _is_mart(entry: Path) -> bool:
    return entry.is_dir() and any(entry.iterdir())


def drop(workspace: Workspace, names: Iterable[str]) -> None:
    """Delete marts. `StorageError` where that fails; a mart is then not used any more either."""
    for name in names:
        path = root(workspace) / name
        try:
            (path / STATE).unlink(missing_ok=True)
            shutil.rmtree(path)
        except OSError as error:
            raise StorageError(
                f"the mart cannot be deleted: {files.reason(error)}.", file=path
            ) from error


def stamp(workspace: Workspace) -> str:
    """A hash that changes whenever the files with the workspace's tables do; reads little of them.

    To be taken before the files are opened: what is read is then at least as new.
    """
    settings = workspace.settings.warehouse
    found: dict[str, object] = {}
    if settings.duckdb is not None:
        path = workspace.root / settings.duckdb
        found["duckdb"] = [_facts(path), _facts(path.with_name(path.name + ".wal"))]
        try:
            with path.open("rb") as handle:
                # DuckDB counts in its headers how often it wrote.
                found["head"] = hashlib.sha256(handle.read(12288)).hexdigest()
        except OSError:
            found["head"] = ""
    for name, relative in settings.files.items():
        found[name] = _facts(workspace.root / relative)
    mappings = sorted((workspace.root / "sources").glob("*.yml"))
    found["mapped"] = [_facts(path) for path in mappings]
    for path in mappings:
        found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    found["config"] = settings.model_dump(mode="json")
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def _facts(path: Path) -> list[int]:
    try:
        found = path.stat()
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns]


def stamped(slice_: Slice, workspace: Workspace, table: str) -> bool:
    """Whether a table's rows lie in the files that `stamp` looks at, and nowhere else."""
    settings = workspace.settings.warehouse
    mapped = slice_.declared.mappings.get(table)
    name = table
    if mapped is not None:
        if mapped.table is None:
            # A select may read anything; a file of its own is not listed in the settings.
            return False
        name = mapped.table
    if name in settings.views:
        return False
    if name in settings.files:
        return True
    found = slice_.con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'warehouse' AND table_name = ?",
        [name],
    ).fetchone()
    return found == (1,)


def definition(slice_: Slice, design: Design, sql: str) -> str:
    """A hash of all that says what the rows of a mart are, but for the rows of its source."""
    source = slice_.declared[design.source]
    columns = sorted((c.name, c.type, c.happens) for c in source.columns.values())
    table = slice_.declared[source.placed_of or source.id]
    facts: Mapping[str, object] = {
        "sql": sql, "zone": str(slice_.zone), "columns": columns, "engine": duckdb.__version__,
        "known_by": [table.time, table.recorded_at],
    }  # fmt: skip
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def make_folder(workspace: Workspace, design: Design) -> Path:
    """The folder of a mart, made where it is not there; `StorageError` where it cannot be."""
    path = folder(workspace, design)
    try:
        files.make_folders(workspace.root, path)
        if not os.access(path, os.W_OK):
            raise PermissionError(13, "may not be written", str(path))
    except OSError as error:
        raise StorageError(
            f"the mart cannot be written: {files.reason(error)}.", file=path
        ) from error
    return path

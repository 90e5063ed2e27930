"""The ledger: what was run, what the gate said of it and what was published, written only once.

One SQLite file that several processes may write at a time. Rows are only ever added; triggers
refuse the rest. KPI values are not kept here: they live in the Parquet file of the run.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from boardpack.errors import StorageError
from boardpack.facts import Note
from boardpack.ledger_rows import EditionRow, KeptChecks, KpiVersion, Run, RunEnded, RunStarted
from boardpack.ledger_schema import MIGRATIONS, TABLES, append_only
from boardpack.locks import lock

_BUSY_SECONDS = 30.0


_OF = "(:report IS NULL OR report = :report) AND (:period IS NULL OR period = :period)"


class Ledger:
    """An open ledger; use it in a ``with`` block, one per process and thread.

    `StorageError` says which file could not be read or written, and what SQLite found.

    >>> import tempfile
    >>> run = RunStarted("a1", "monthly", "2025-12", "month", "2025-12-31", "2026-01-01T06:00:00Z")
    >>> with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "ledger.db") as ledger:
    ...     ledger.start(run)
    ...     [run.run_id for run in ledger.unfinished()]
    ['a1']
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained("opened"):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._con = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
            try:
                self._con.execute("PRAGMA foreign_keys = ON")
                self._con.execute("PRAGMA synchronous = FULL")
                if self._version() < len(MIGRATIONS):
                    self._migrate()
            except BaseException:
                self._con.close()
                raise
        if self._version() > len(MIGRATIONS):
            found = self._version()
            self._con.close()
            raise StorageError(
                f"the ledger has schema version {found}; this Boardpack knows {len(MIGRATIONS)}.",
                file=path,
                hint="a newer Boardpack wrote it: use that one",
            )

    def close(self) -> None:
        """Close the file."""
        self._con.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start(self, run: RunStarted) -> None:
        """Record that a run began, and what for; its id must be new, and so must the attempt."""
        with self._together():
            self._add("run_started", run.as_row())
            if run.made_for is not None:
                slot = {"segment": run.segment, "run_id": run.run_id}
                self._add("run_slot", {**asdict(run.made_for), **slot})

    def end(self, run: RunEnded) -> None:
        """Record how a run ended: once, and only for a run that began."""
        self._add("run_ended", run.as_row())

    def add_edition(self, edition: EditionRow) -> None:
        """Record a published edition; its report, period, segment and revision must be new."""
        self._add("edition", edition.as_row())

    def add_note(self, note: Note) -> Note:
        """Record what somebody wrote on a figure, as the next version of it, and return that.

        What the latest version says in the same person's words is not written twice.
        """
        about = {"kpi": note.kpi, "period": note.period, "member": note.member}
        with self._together():
            known = self.notes(**about)
            if known and (known[-1].text, known[-1].by) == (note.text, note.by):
                return replace(known[-1], name=note.name)
            new = replace(note, version=known[-1].version + 1 if known else 1)
            words = {"text": new.text, "written_by": new.by, "written_at": new.at}
            self._add("note", {**about, "version": new.version, **words})
        return new

    def notes(
        self, kpi: str | None = None, period: str | None = None, member: str | None = None
    ) -> list[Note]:
        """Every version of every note, by KPI, period and member, oldest first; or of one."""
        rows = self._rows(
            "SELECT kpi, period, member, text, written_by, written_at, version FROM note"
            " WHERE (:kpi IS NULL OR kpi = :kpi) AND (:period IS NULL OR period = :period)"
            " AND (:member IS NULL OR member = :member) ORDER BY kpi, period, member, version",
            {"kpi": kpi, "period": period, "member": member},
        )
        return [Note(*row) for row in rows]

    def latest_notes(self, period: str) -> list[Note]:
        """What was written last on each figure of a period, by KPI and member."""
        found = {(note.kpi, note.member): note for note in self.notes(period=period)}
        return list(found.values())

    def remember_verdict(self, key: str, body: str, at: str = "") -> None:
        """Keep a verdict for runs to come; ``body`` is its JSON, ``at`` when it was reached.

        The key names all that the verdict rests on, so the first one stands and a second is
        ignored. A verdict that rests on an error, and not on the data, is not to be remembered.
        """
        with self._explained("written"):
            self._con.execute(
                "INSERT INTO verdict (key, body, remembered_at) SELECT ?, ?, ?"
                " WHERE NOT EXISTS (SELECT 1 FROM verdict WHERE key = ?)",
                (key, body, at, key),
            )

    def verdict(self, key: str) -> str | None:
        """The JSON of the verdict remembered under ``key``, or None."""
        rows = self._rows("SELECT body FROM verdict WHERE key = :key", {"key": key})
        return None if not rows else str(rows[0]["body"])

    def keep_checks(self, found: Iterable[KeptChecks], at: str = "") -> None:
        """Keep what checks found, all or none of it; what the latest of a day says is not repeated.

        Nothing is overwritten: of a day that is checked again the newest is the one that counts.
        """
        with self._together():
            for kept in found:
                latest = self._rows(
                    "SELECT number, key, body FROM kept_checks WHERE as_of = :as_of"
                    " AND source = :source ORDER BY number DESC LIMIT 1",
                    {"as_of": kept.as_of, "source": kept.source},
                )
                if not latest or (latest[0]["key"], latest[0]["body"]) != (kept.key, kept.body):
                    number = latest[0]["number"] + 1 if latest else 1
                    self._add("kept_checks", {**asdict(kept), "number": number, "kept_at": at})

    def kept_checks(self, until: str) -> list[KeptChecks]:
        """What was found last in each source as of each day up to ``until``, oldest day first."""
        rows = self._rows(
            "SELECT as_of, source, key, body FROM kept_checks AS k WHERE as_of <= :until"
            " AND number = (SELECT max(number) FROM kept_checks"
            "               WHERE as_of = k.as_of AND source = k.source)"
            " ORDER BY as_of, source",
            {"until": until},
        )
        return [KeptChecks(*row) for row in rows]

    def kept_of(self, source: str, before: str) -> list[KeptChecks]:
        """What was found last in one source as of each day before another, newest day first."""
        rows = self._rows(
            "SELECT as_of, source, key, body FROM kept_checks AS k WHERE as_of < :before"
            " AND source = :source AND number = (SELECT max(number) FROM kept_checks"
            " WHERE as_of = k.as_of AND source = k.source) ORDER BY as_of DESC",
            {"source": source, "before": before},
        )
        return [KeptChecks(*row) for row in rows]

    def add_versions(self, found: Iterable[KpiVersion], at: str = "") -> None:
        """Record definitions that were not known before, all or none of them.

        A version that another process has recorded meanwhile is left as it is.
        """
        with self._together():
            for new in found:
                known = self._rows(
                    "SELECT 1 FROM kpi_version WHERE kpi = :kpi AND version >= :version",
                    {"kpi": new.kpi, "version": new.version},
                )
                if not known:
                    self._add("kpi_version", {**asdict(new), "recorded_at": at})

    def kpi_versions(self) -> list[KpiVersion]:
        """Every definition that was ever recorded, by KPI, oldest first."""
        rows = self._rows(
            "SELECT kpi, version, method_hash, valid_from FROM kpi_version ORDER BY kpi, version",
            {},
        )
        return [KpiVersion(*row) for row in rows]

    def remember_columns(self, columns: Mapping[str, Mapping[str, str]], at: str) -> None:
        """Keep which columns, of which types, the table of each source has."""
        with self._together():
            for source, found in columns.items():
                body = json.dumps(dict(sorted(found.items())), ensure_ascii=False)
                latest = self._rows(
                    "SELECT number, columns FROM source_columns WHERE source = :source"
                    " ORDER BY number DESC LIMIT 1",
                    {"source": source},
                )
                if not latest or latest[0]["columns"] != body:
                    number = latest[0]["number"] + 1 if latest else 1
                    row = {"source": source, "number": number, "columns": body, "seen_at": at}
                    self._add("source_columns", row)

    def columns(self) -> dict[str, dict[str, str]]:
        """The columns that the table of each source was last seen with."""
        rows = self._rows(
            "SELECT source, columns FROM source_columns AS c WHERE number ="
            " (SELECT max(number) FROM source_columns WHERE source = c.source)",
            {},
        )
        return {row["source"]: json.loads(row["columns"]) for row in rows}

    def editions(self, report: str | None = None, period: str | None = None) -> list[EditionRow]:
        """Every edition, oldest first; of one report or period when named."""
        rows = self._rows(
            f"SELECT * FROM edition WHERE {_OF}"
            " ORDER BY published_at, report, period, segment, revision",
            {"report": report, "period": period},
        )
        return [EditionRow.from_row(row) for row in rows]

    def latest(self, report: str, period: str, segment: str = "") -> EditionRow | None:
        """The highest revision of one report, period and segment, or None."""
        rows = self._rows(
            "SELECT * FROM edition WHERE report = :report AND period = :period"
            " AND segment = :segment ORDER BY revision DESC LIMIT 1",
            {"report": report, "period": period, "segment": segment},
        )
        return EditionRow.from_row(rows[0]) if rows else None

    def runs(self, report: str | None = None, period: str | None = None) -> list[Run]:
        """Every run, oldest first; of one report or period when named."""
        of = {"report": report, "period": period}
        ends = self._rows(
            f"SELECT run_ended.* FROM run_ended JOIN run_started USING (run_id) WHERE {_OF}", of
        )
        ended = {row["run_id"]: RunEnded.from_row(row) for row in ends}
        rows = self._rows(f"SELECT * FROM run_started WHERE {_OF} ORDER BY started_at, run_id", of)
        slots = {row["run_id"]: row for row in self._rows("SELECT * FROM run_slot", {})}
        started = [RunStarted.from_row(row, slots.get(row["run_id"])) for row in rows]
        return [Run(run, ended.get(run.run_id)) for run in started]

    def unfinished(self, report: str | None = None, period: str | None = None) -> list[RunStarted]:
        """Runs that began and did not end: still at work, or killed."""
        return [run.started for run in self.runs(report, period) if run.ended is None]

    def _version(self) -> int:
        return int(self._con.execute("PRAGMA user_version").fetchone()[0])

    def _migrate(self) -> None:
        # SQLite does not wait for others when it turns a file to WAL, so one alone makes it.
        lockfile = self.path.with_name(self.path.name + ".lock")
        with lock(lockfile, "the making of the ledger", _BUSY_SECONDS):
            self._con.execute("PRAGMA journal_mode = WAL")
            self._con.execute("BEGIN IMMEDIATE")
            try:
                for statements in MIGRATIONS[self._version() :]:
                    for statement in statements:
                        self._con.execute(statement)
                for table, key in TABLES.items():
                    for trigger in append_only(table, key):
                        self._con.execute(trigger)
                self._con.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
                self._con.execute("COMMIT")
            except BaseException:
                if self._con.in_transaction:
                    self._con.execute("ROLLBACK")
                raise

    @contextmanager
    def _together(self) -> Iterator[None]:
        """All that is written inside, or none of it."""
        with self._explained("written"):
            self._con.execute("BEGIN IMMEDIATE")
        try:
            yield
            with self._explained("written"):
                self._con.execute("COMMIT")
        except BaseException:
            if self._con.in_transaction:
                self._con.execute("ROLLBACK")
            raise

    def _add(self, table: str, values: Mapping[str, Any]) -> None:
        marks = ", ".join("?" * len(values))
        with self._explained("written"):
            self._con.execute(
                f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})",
                tuple(values.values()),
            )

    def _rows(self, query: str, values: Mapping[str, str | int | None]) -> list[sqlite3.Row]:
        with self._explained("read"):
            cursor = self._con.execute(query, values)
            cursor.row_factory = sqlite3.Row
            return cursor.fetchall()

    @contextmanager
    def _explained(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StorageError(
                f"the ledger could not be {verb}: {error}.",
                file=self.path,
                hint="nothing that it holds was changed",
            ) from error


def stamp(moment: datetime) -> str:
    """A moment as the ledger keeps it: UTC, ISO, to the second.

    >>> from datetime import timedelta, timezone
    >>> stamp(datetime(2026, 1, 1, 7, tzinfo=timezone(timedelta(hours=1))))
    '2026-01-01T06:00:00+00:00'
    """
    return moment.astimezone(UTC).isoformat(timespec="seconds")

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from boardpack import ledger as ledgers
from boardpack.errors import StorageError
from boardpack.facts import Note
from boardpack.ledger import Ledger
from boardpack.ledger_rows import (
    EditionRow,
    KeptChecks,
    KpiVersion,
    MadeFor,
    Run,
    RunEnded,
    RunStarted,
)
from processes import PROCESSES

STARTED = RunStarted(
    "run-1", "monthly", "2025-12", "month", "2025-12-31", "2026-01-01T06:00:00+00:00",
    version="0.1.0", made_for=MadeFor("monthly", "2026-01-01T06:00:00+00:00", 1),
)  # fmt: skip
ENDED = RunEnded(
    "run-1", "published", "2026-01-01T06:00:09+00:00", "banner", ("tickets: “late”",),
    seconds={"gate": 1.5, "render": 0.25}, gate_key="k1",
)  # fmt: skip
EDITION = EditionRow(
    report="monthly",
    period="2025-12",
    grain="month",
    segment="",
    revision=1,
    parent=None,
    run_id="run-1",
    as_of="2025-12-31",
    verdict="banner",
    status="final",
    release="draft",
    reasons=("tickets: “late”", "a\nb"),
    folder="monthly/2025-12/r1",
    published_at="2026-01-01T06:00:08+00:00",
    manifest_hash="ab" * 32,
    renderer="built in",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger(path) as opened:
        yield opened


def edition(**changes: Any) -> EditionRow:
    return replace(EDITION, **changes)


def test_what_is_recorded_is_read_back_as_it_was_after_reopening(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.start(STARTED)
        ledger.end(ENDED)
        ledger.add_edition(EDITION)
    with Ledger(path) as ledger:
        assert ledger.runs() == [Run(STARTED, ENDED)]
        assert ledger.editions() == [EDITION]


def test_a_run_without_an_end_is_unfinished(ledger: Ledger) -> None:
    ledger.start(STARTED)
    later = replace(STARTED, run_id="run-0", period="2026-01", started_at="2026-02-01T06:00:00Z",
                    made_for=None)  # fmt: skip
    ledger.start(later)
    ledger.end(ENDED)
    assert ledger.unfinished() == [later]
    assert ledger.unfinished("monthly", "2025-12") == []
    assert [run.started.run_id for run in ledger.runs()] == ["run-1", "run-0"]
    assert [run.started.run_id for run in ledger.runs(period="2025-12")] == ["run-1"]


def test_editions_are_found_by_report_and_period_and_the_latest_by_revision(ledger: Ledger) -> None:
    rows = [
        EDITION,
        edition(revision=2, parent=1, published_at="2026-01-02T00:00:00Z"),
        edition(revision=10, parent=2, published_at="2026-01-03T00:00:00Z"),
        edition(segment="smb", published_at="2026-01-04T00:00:00Z"),
        edition(report="board", published_at="2026-01-05T00:00:00Z"),
        edition(period="2026-01", published_at="2026-02-01T00:00:00Z"),
    ]
    for row in reversed(rows):
        ledger.add_edition(row)
    assert ledger.editions() == rows
    assert ledger.editions("monthly", "2025-12") == rows[:4]
    assert ledger.editions(period="2026-01") == rows[5:]
    assert ledger.latest("monthly", "2025-12") == rows[2]
    assert ledger.latest("monthly", "2025-12", "smb") == rows[3]
    assert ledger.latest("weekly", "2025-12") is None


def test_a_verdict_is_remembered_and_the_first_one_stands(ledger: Ledger) -> None:
    assert ledger.verdict("key") is None
    ledger.remember_verdict("key", '{"verdict": "banner"}', "2026-01-01T06:00:00Z")
    ledger.remember_verdict("key", '{"verdict": "publish"}')
    ledger.remember_verdict("other", "{}")
    assert ledger.verdict("key") == '{"verdict": "banner"}'


KEPT = KeptChecks("2025-12-31", "tickets", "k1", "[]")
VERSION = KpiVersion("mrr", 1, "abc", "2023-01-01")
NOTE = Note("mrr", "2025-12", "", "Two renewals moved.", "A. Jonas", "2026-01-01T06:00:00+00:00")


@pytest.mark.parametrize("table", list(ledgers.TABLES))
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET {column} = 'x'",
        "DELETE FROM {table}",
        "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
        "INSERT OR IGNORE INTO {table} SELECT * FROM {table}",
        "INSERT INTO {table} SELECT * FROM {table} WHERE true"
        " ON CONFLICT DO UPDATE SET {column} = 'x'",
    ],
)
def test_no_statement_changes_a_row(path: Path, table: str, statement: str) -> None:
    with Ledger(path) as ledger:
        ledger.start(STARTED)
        ledger.end(ENDED)
        ledger.add_edition(EDITION)
        ledger.remember_verdict("key", "{}")
        ledger.keep_checks([KEPT])
        ledger.add_versions([VERSION])
        ledger.remember_columns({"tickets": {"opened_at": "TIMESTAMP"}}, "today")
        ledger.add_note(NOTE)
    columns = {"run_started": "report", "run_ended": "error", "verdict": "body", "edition": "as_of",
               "run_slot": "run_id", "kept_checks": "body", "kpi_version": "method_hash",
               "source_columns": "columns", "note": "text"}  # fmt: skip
    # A connection of its own: the ledger's rows are safe from other programs too.
    con = sqlite3.connect(path)
    before = con.execute(f"SELECT * FROM {table}").fetchall()
    with pytest.raises(sqlite3.IntegrityError, match=r"never changed|there already"):
        con.execute(statement.format(table=table, column=columns[table]))
    assert con.execute(f"SELECT * FROM {table}").fetchall() == before != []
    con.close()


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda ledger: ledger.start(STARTED), "there already"),
        (lambda ledger: ledger.add_edition(edition(run_id="run-2")), "there already"),
        (lambda ledger: ledger.end(replace(ENDED, run_id="nobody")), "FOREIGN KEY"),
        (lambda ledger: ledger.add_edition(edition(revision=0)), "CHECK"),
        (lambda ledger: ledger.add_edition(edition(revision=2, status="done")), "CHECK"),
    ],
    ids=["start twice", "edition twice", "end of no run", "revision 0", "unknown status"],
)
def test_what_cannot_be_is_refused_and_nothing_is_lost(
    ledger: Ledger, write: Any, told: str
) -> None:
    ledger.start(STARTED)
    ledger.add_edition(EDITION)
    with pytest.raises(StorageError, match=told) as caught:
        write(ledger)
    assert caught.value.file == str(ledger.path)
    assert ledger.runs() == [Run(STARTED)]
    assert ledger.editions() == [EDITION]


def test_the_file_is_in_wal_mode_and_every_commit_is_synced(path: Path) -> None:
    with Ledger(path) as ledger:
        assert ledger._con.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert ledger._con.execute("PRAGMA synchronous").fetchone() == (2,)


def test_an_attempt_is_begun_once_and_its_run_with_it(ledger: Ledger) -> None:
    ledger.start(STARTED)
    second = replace(STARTED, run_id="run-2")
    with pytest.raises(StorageError, match="there already"):
        ledger.start(second)
    # Neither of the two rows is there; the next attempt is another one, as is another member's.
    assert [run.started for run in ledger.runs()] == [STARTED]
    assert STARTED.made_for is not None
    again = replace(second, made_for=replace(STARTED.made_for, attempt=2))
    ledger.start(again)
    ledger.start(replace(STARTED, run_id="run-3", segment="smb"))
    with pytest.raises(StorageError, match="CHECK"):
        ledger.start(replace(second, run_id="run-4", made_for=replace(STARTED.made_for, attempt=0)))
    assert [run.started.run_id for run in ledger.runs()] == ["run-1", "run-2", "run-3"]


#: Those of the first schema.
FIRST_TABLES = ("run_started", "run_ended", "verdict", "edition")
#: Columns that editions did not have in it.
LATER_OF_EDITIONS = ("forced", "forced_by", "because", "lacks_notes", "signatures")


def test_a_ledger_of_an_older_boardpack_is_taken_over(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first schema, as its Boardpack made and filled it, gains what came later."""
    with monkeypatch.context() as old:
        old.setattr(ledgers, "MIGRATIONS", ledgers.MIGRATIONS[:1])
        old.setattr(ledgers, "TABLES", {name: ledgers.TABLES[name] for name in FIRST_TABLES})
        with Ledger(path) as ledger:
            for run_id, ended in (("run-1", True), ("run-2", False)):
                ledger._add("run_started", replace(STARTED, run_id=run_id).as_row())
                if ended:
                    values = {k: v for k, v in ENDED.as_row().items() if k != "gate_key"}
                    ledger._add("run_ended", {**values, "reasons": "[]", "seconds": "{}"})
            first = {k: v for k, v in EDITION.as_row().items() if k not in LATER_OF_EDITIONS}
            ledger._add("edition", first)
    con = sqlite3.connect(path)
    assert con.execute("PRAGMA user_version").fetchone() == (1,)
    con.close()
    person = replace(STARTED, made_for=None)
    with Ledger(path) as ledger:
        assert ledger.runs() == [
            Run(person, replace(ENDED, reasons=(), seconds={}, gate_key="")),
            Run(replace(person, run_id="run-2")),
        ]
        assert ledger.editions() == [EDITION]
        ledger.start(replace(STARTED, run_id="run-3"))
    con = sqlite3.connect(path)
    assert con.execute("PRAGMA user_version").fetchone() == (len(ledgers.MIGRATIONS),)
    for statement in ("DELETE FROM run_slot", "UPDATE run_ended SET gate_key = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            con.execute(statement)
    con.close()


def test_checks_are_kept_by_day_and_the_newest_of_a_day_counts(ledger: Ledger) -> None:
    earlier = replace(KEPT, as_of="2025-11-30")
    ledger.keep_checks([KEPT, earlier, replace(KEPT, source="users", body="[1]")], "today")
    ledger.keep_checks([KEPT])
    assert ledger.kept_checks("2025-11-30") == [earlier]
    again = replace(KEPT, key="k2", body="[2]")
    ledger.keep_checks([again])
    assert ledger.kept_checks("2026-01-01") == [
        earlier, again, replace(KEPT, source="users", body="[1]"),
    ]  # fmt: skip
    # What was found before stays, and what is said a second time in a row is not repeated.
    assert ledger._con.execute("SELECT count(*) FROM kept_checks").fetchone() == (4,)


def test_checks_are_kept_all_or_none(ledger: Ledger) -> None:
    def breaking() -> Iterator[KeptChecks]:
        yield KEPT
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.keep_checks(breaking())
    assert ledger.kept_checks("2026-01-01") == []


def test_a_version_of_a_definition_is_recorded_once(ledger: Ledger) -> None:
    second = KpiVersion("mrr", 2, "def", "2025-12-31")
    ledger.add_versions([VERSION, second])
    # Another process saw the change on another day.
    ledger.add_versions([replace(second, valid_from="2025-11-30")])
    assert ledger.kpi_versions() == [VERSION, second]


def test_a_ledger_of_a_newer_boardpack_is_left_alone(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.start(STARTED)
    con = sqlite3.connect(path)
    con.execute("PRAGMA user_version = 99")
    con.close()
    with pytest.raises(StorageError, match="schema version 99"):
        Ledger(path)


def test_a_file_that_is_no_ledger_is_named(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("this is not a database, and long enough to be taken for one\n" * 40)
    with pytest.raises(StorageError, match="not a database") as caught:
        Ledger(path)
    assert caught.value.file == str(path)
    assert path.read_text().startswith("this is not")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file in the way")
    with pytest.raises(StorageError, match="could not be opened") as caught:
        Ledger(tmp_path / "var" / "ledger.sqlite")
    assert caught.value.file == str(tmp_path / "var" / "ledger.sqlite")


def write_many(path: Path, name: str, count: int, ready: Any) -> None:
    ready.wait()
    with Ledger(path) as ledger:
        for i in range(count):
            ledger.start(replace(STARTED, run_id=f"{name}-{i}", made_for=None))
            ledger.remember_verdict("shared", name)


def test_processes_that_open_a_new_ledger_at_once_lose_no_row(path: Path) -> None:
    ready = PROCESSES.Barrier(4)
    writers = [
        PROCESSES.Process(target=write_many, args=(path, f"writer{n}", 25, ready)) for n in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    assert [writer.exitcode for writer in writers] == [0] * 4
    with Ledger(path) as ledger:
        written = {run.started.run_id for run in ledger.runs()}
        assert written == {f"writer{n}-{i}" for n in range(4) for i in range(25)}
        assert str(ledger.verdict("shared")).startswith("writer")

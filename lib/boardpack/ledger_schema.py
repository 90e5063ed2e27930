"""The tables of the ledger, how an older one gains what is new, what keeps its rows as they are."""

from __future__ import annotations

from collections.abc import Iterator

# Each entry brings a ledger one schema version further; entries are added, never edited.
# Every table has a natural key and no rowid, so that there is no second name to overwrite a row by.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE run_started (
            run_id TEXT PRIMARY KEY,
            report TEXT NOT NULL,
            period TEXT NOT NULL,
            grain TEXT NOT NULL,
            as_of TEXT NOT NULL,
            started_at TEXT NOT NULL,
            segment TEXT NOT NULL,
            version TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE run_ended (
            run_id TEXT PRIMARY KEY REFERENCES run_started (run_id),
            status TEXT NOT NULL CHECK (status IN ('published', 'held', 'failed')),
            ended_at TEXT NOT NULL,
            verdict TEXT NOT NULL,
            reasons TEXT NOT NULL,
            error TEXT NOT NULL,
            seconds TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE verdict (
            key TEXT PRIMARY KEY,
            body TEXT NOT NULL,
            remembered_at TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE edition (
            report TEXT NOT NULL,
            period TEXT NOT NULL,
            grain TEXT NOT NULL,
            segment TEXT NOT NULL,
            revision INTEGER NOT NULL CHECK (revision > 0),
            parent INTEGER,
            run_id TEXT NOT NULL,
            as_of TEXT NOT NULL,
            verdict TEXT NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('final', 'provisional')),
            release TEXT NOT NULL CHECK (release IN ('draft', 'signed')),
            reasons TEXT NOT NULL,
            folder TEXT NOT NULL,
            published_at TEXT NOT NULL,
            manifest_hash TEXT NOT NULL,
            renderer TEXT NOT NULL,
            PRIMARY KEY (report, period, segment, revision)
        ) STRICT, WITHOUT ROWID""",
    ),
    (
        """CREATE TABLE run_slot (
            schedule TEXT NOT NULL,
            slot TEXT NOT NULL,
            segment TEXT NOT NULL,
            attempt INTEGER NOT NULL CHECK (attempt > 0),
            run_id TEXT NOT NULL REFERENCES run_started (run_id),
            PRIMARY KEY (schedule, slot, segment, attempt)
        ) STRICT, WITHOUT ROWID""",
        "ALTER TABLE run_ended ADD COLUMN gate_key TEXT NOT NULL DEFAULT ''",
    ),
    (
        """CREATE TABLE kept_checks (
            as_of TEXT NOT NULL,
            source TEXT NOT NULL,
            number INTEGER NOT NULL CHECK (number > 0),
            key TEXT NOT NULL,
            body TEXT NOT NULL,
            kept_at TEXT NOT NULL,
            PRIMARY KEY (as_of, source, number)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE kpi_version (
            kpi TEXT NOT NULL,
            version INTEGER NOT NULL CHECK (version > 0),
            method_hash TEXT NOT NULL,
            valid_from TEXT NOT NULL,
            recorded_at TEXT NOT NULL,
            PRIMARY KEY (kpi, version)
        ) STRICT, WITHOUT ROWID""",
    ),
    (
        """CREATE TABLE source_columns (
            source TEXT NOT NULL,
            number INTEGER NOT NULL CHECK (number > 0),
            columns TEXT NOT NULL,
            seen_at TEXT NOT NULL,
            PRIMARY KEY (source, number)
        ) STRICT, WITHOUT ROWID""",
        "ALTER TABLE edition ADD COLUMN forced TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE edition ADD COLUMN forced_by TEXT NOT NULL DEFAULT ''",
    ),
    (
        """CREATE TABLE note (
            kpi TEXT NOT NULL,
            period TEXT NOT NULL,
            member TEXT NOT NULL,
            version INTEGER NOT NULL CHECK (version > 0),
            text TEXT NOT NULL,
            written_by TEXT NOT NULL,
            written_at TEXT NOT NULL,
            PRIMARY KEY (kpi, period, member, version)
        ) STRICT, WITHOUT ROWID""",
        "ALTER TABLE edition ADD COLUMN because TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE edition ADD COLUMN lacks_notes TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE edition ADD COLUMN signatures TEXT NOT NULL DEFAULT '[]'",
    ),
)

#: Every table and what tells its rows apart.
TABLES = {
    "run_started": ("run_id",),
    "run_ended": ("run_id",),
    "verdict": ("key",),
    "edition": ("report", "period", "segment", "revision"),
    "run_slot": ("schedule", "slot", "segment", "attempt"),
    "kept_checks": ("as_of", "source", "number"),
    "kpi_version": ("kpi", "version"),
    "source_columns": ("source", "number"),
    "note": ("kpi", "period", "member", "version"),
}


def append_only(table: str, key: tuple[str, ...]) -> Iterator[str]:
    """Triggers that keep rows of a table from being changed; ``key`` tells them apart."""
    for verb in ("UPDATE", "DELETE"):
        yield (
            f"CREATE TRIGGER IF NOT EXISTS {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END"
        )
    # REPLACE deletes without asking the trigger above, so a known key is refused before that.
    same = " AND ".join(f"{column} = NEW.{column}" for column in key)
    yield (
        f"CREATE TRIGGER IF NOT EXISTS {table}_once BEFORE INSERT ON {table}"
        f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"
        f" BEGIN SELECT RAISE(ABORT, 'this row of {table} is there already'); END"
    )

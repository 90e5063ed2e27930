"""Building marts: whole, or the days that rows recorded since then touch.

A mart is brought up to a later day by the rows that became known since, and only where these
explain the whole difference between the hash then and now; where anything else changed, it is built
again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal

import duckdb

from boardpack import mart_files
from boardpack.engine.marts import Design, select, select_months
from boardpack.engine.rows import DAY
from boardpack.errors import BoardpackError, BusyError, StorageError
from boardpack.files import reason
from boardpack.locks import lock
from boardpack.mart_files import Part, State
from boardpack.mart_grounds import WORTH, Ground
from boardpack.periods import add_months, instant
from boardpack.sql_texts import quoted_text
from boardpack.warehouse import Slice, fingerprint
from boardpack.zones import literal

#: Rows of a source that are aggregated at once.
_AT_ONCE = 20_000_000
_HOW = Literal["fresh", "days", "whole", "not kept", "older", "busy", "failed"]


@dataclass(frozen=True)
class Built:
    """What became of a mart: ``days`` of it were computed again, in ``seconds``.

    ``how``: it was ``fresh``; ``days`` or the ``whole`` of it were built; it is ``not kept``, as
    large as its source; it is of a later as-of than the ``older`` one asked for; somebody else was
    ``busy`` with it; or it ``failed``, and what was there stays.
    """

    mart: str
    how: _HOW
    reason: str = ""
    days: int = 0
    seconds: float = 0.0


def refresh(
    ground: Ground,
    tables: Iterable[str] | None = None,
    *,
    always: bool = False,
    back: bool = False,
) -> list[Built]:
    """Bring marts to what the slice holds: those of ``tables``, or of all; a result each.

    ``always`` also builds those of small tables, whatever boardpack.yml says, and ``back`` takes
    those of a later as-of back. What cannot be built is told in its result: nothing rests on it.
    """
    setting = ground.workspace.settings.marts
    if not ground.embedded or (setting == "never" and not always):
        return []
    always = always or setting == "always"
    least = 0 if always else ground.workspace.settings.policy.marts_from
    large = {
        table
        for table in (ground.slice_.sources if tables is None else tables)
        if table in ground.slice_.sources and _count(ground.slice_, table) >= least
    }
    found = []
    for design in ground.designs() if large else ():
        if ground.table(design).id in large:
            began = time.perf_counter()
            built = _refreshed(ground, design, always, back)
            found.append(replace(built, seconds=round(time.perf_counter() - began, 3)))
    return found


def _refreshed(ground: Ground, design: Design, always: bool, back: bool) -> Built:
    name = design.name
    try:
        folder = mart_files.make_folder(ground.workspace, design)
        with lock(folder.with_suffix(".lock"), f"building the mart {name}"):
            return _Build(ground, design, always, back).make()
    except BusyError as error:
        return Built(name, "busy", error.message)
    except BoardpackError as error:
        return Built(name, "failed", error.message)
    except OSError as error:
        return Built(name, "failed", reason(error))
    except duckdb.Error as error:
        return Built(name, "failed", str(error).splitlines()[0])


def _count(slice_: Slice, table: str) -> int:
    row = slice_.con.execute(f"SELECT count(*) FROM {slice_.relation(table)}").fetchone()
    return int(row[0]) if row else 0


@dataclass
class _Build:
    """One mart, under its lock."""

    ground: Ground
    design: Design
    always: bool
    back: bool
    types: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.slice_ = self.ground.slice_
        self.con = self.slice_.con
        self.source = self.slice_.declared[self.design.source]
        self.table = self.ground.table(self.design)
        self.relation = self.slice_.relation(self.source.id)
        self.day = self.ground.day(self.design)
        self.folder = mart_files.folder(self.ground.workspace, self.design)

    def make(self) -> Built:
        state = mart_files.read(self.folder)
        name = self.design.name
        if state is not None and state.definition == self.ground.definition(self.design):
            if not state.kept and not self.always:
                return Built(name, "not kept", "it would be nearly as large as its source")
            usable = state.kept and mart_files.whole(self.folder, state)
            if usable and self.ground.holds(self.design, state):
                self._known_by_now(state)
                return Built(name, "fresh")
            if usable and state.as_of > self.slice_.as_of and not self.back:
                return Built(name, "older", f"the mart is as of {state.as_of}")
            if usable and state.as_of < self.slice_.as_of:
                days = self._add(state)
                if days is not None:
                    return Built(name, "days", days=len(days))
        return self._whole()

    def _known_by_now(self, state: State) -> None:
        """The same rows known by another day, or in other files: that is all that is new."""
        now = {"as_of": max(state.as_of, self.slice_.as_of), "stamp": self._stamp()}
        if state.as_of <= self.slice_.as_of and now != {"as_of": state.as_of, "stamp": state.stamp}:
            mart_files.replace_state(self.folder, state.model_copy(update=now))

    def _stamp(self) -> str:
        known = mart_files.stamped(self.slice_, self.ground.workspace, self.table.id)
        return self.ground.stamp if known else ""

    def _state(self, rows: int, hashed: int, parts: Sequence[Part], kept: bool = True) -> State:
        return State(
            definition=self.ground.definition(self.design), source=self.source.id,
            keys=self.design.keys, as_of=self.slice_.as_of, rows=rows, hashed=str(hashed),
            stamp=self._stamp(), kept=kept, always=self.always, parts=tuple(parts),
        )  # fmt: skip

    def _whole(self) -> Built:
        rows, hashed = self._hashed(f"SELECT * FROM {self.slice_.relation(self.table.id)}")
        months = self.con.execute(
            f"SELECT MAKE_DATE(YEAR(day), MONTH(day), 1), count(*), min(day), max(day) FROM"
            f" (SELECT {self.day} AS day FROM {self.relation} AS t"
            f' WHERE t."{self.source.time}" IS NOT NULL) AS days GROUP BY 1 ORDER BY 1'
        ).fetchall()
        if not months:
            return Built(self.design.name, "failed", "its source has no rows")
        self._check_days(months[0][2], months[-1][3])
        parts: list[Part] = []
        for low, high in _chunks([(month, count) for month, count, _, _ in months]):
            self._aggregate(self._between(low, high))
            for month in (m for m, *_ in months if low <= m < high):
                parts += self._written(month, f"SELECT * FROM mart_new WHERE {_of(month)}")
        size = sum(part.rows for part in parts if part.grain == "month")
        counted = sum(count for _, count, _, _ in months)
        kept = self.always or size <= WORTH * counted
        mart_files.replace_state(
            self.folder, self._state(rows, hashed, parts if kept else (), kept)
        )
        if not kept:
            share = f"{size:,} rows of {counted:,}"
            return Built(self.design.name, "not kept", f"it would be nearly as large: {share}")
        return Built(self.design.name, "whole")

    def _add(self, state: State) -> list[date] | None:
        """The days that rows known since then touch, computed again; None where that is not all."""
        if self.ground.hashes is None:
            return None
        changed, seen, before = self._since(state.as_of)
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE mart_changed AS {changed}")
        new, new_hash = self._hashed("SELECT * FROM mart_changed")
        old, old_hash = self._hashed(f"SELECT {before} FROM mart_changed AS t WHERE {seen}")
        rows, hashed = state.rows + new - old, int(state.hashed) + new_hash - old_hash
        expected = fingerprint(self.table, (rows, str(hashed)))
        if self.ground.hashes([self.table.id])[self.table.id] != expected:
            return None
        touched = self._touching(state.as_of)
        found = self.con.execute(
            f"SELECT DISTINCT {self.day} FROM mart_changed AS t"
            f' WHERE t."{self.source.time}" IS NOT NULL AND ({touched}) ORDER BY 1'
        ).fetchall()
        days = [day for (day,) in found]
        parts = list(state.parts)
        if days:
            self._check_days(days[0], days[-1])
            listed = ", ".join(f"DATE '{day}'" for day in days)
            between = self._between(days[0], days[-1] + timedelta(days=1))
            self._aggregate(f"{between} AND {self.day} IN ({listed})")
            files = mart_files.paths(self.folder, state)["day"]
            for month in sorted({day.replace(day=1) for day in days}):
                sql = f"SELECT * FROM mart_new WHERE {_of(month)}"
                if month in files:
                    kept = (
                        f"read_parquet({quoted_text(files[month])}) WHERE {DAY} NOT IN ({listed})"
                    )
                    sql = f"SELECT * FROM {kept} UNION ALL {sql}"
                parts = [part for part in parts if part.month != month]
                parts += self._written(month, sql)
        mart_files.replace_state(self.folder, self._state(rows, hashed, parts))
        return days

    def _since(self, as_of: date) -> tuple[str, str, str]:
        """SQL for the rows of the table that are known otherwise than at the end of ``as_of``.

        And, over these as ``t``: whether a row was known then at all, and its columns as they were.
        """
        end, table = as_of + timedelta(days=1), self.table
        edges = {c.name: literal(c, end, self.slice_.zone) for c in table.columns.values()}
        was = {
            name: f'CASE WHEN t."{name}" < {edges[name]} THEN t."{name}" END'
            if column.happens
            else f't."{name}"'
            for name, column in table.columns.items()
        }
        placed = list(dict.fromkeys(filter(None, (table.recorded_at, table.time))))
        happens = [name for name, column in table.columns.items() if column.happens]
        known = [f"({was[name]} < {edges[name]} OR {was[name]} IS NULL)" for name in placed]
        changed = []
        found: list[str] = []
        for name in dict.fromkeys((*placed, *happens)):
            # One column after the other, for then few rows are read beside it.
            where = [f't."{name}" >= {edges[name]}', *found]
            changed.append(
                f"SELECT * FROM {self.slice_.relation(table.id)} AS t WHERE {' AND '.join(where)}"
            )
            found.append(f'(t."{name}" < {edges[name]} OR t."{name}" IS NULL)')
        nothing = f"SELECT * FROM {self.slice_.relation(table.id)} LIMIT 0"
        before = ", ".join(f'{value} AS "{name}"' for name, value in was.items())
        return " UNION ALL ".join(changed) or nothing, " AND ".join(known) or "TRUE", before

    def _touching(self, as_of: date) -> str:
        """SQL that is true of the rows ``t`` whose part in the mart differs from that of before."""
        end, table = as_of + timedelta(days=1), self.table
        made = select(self.design, self.day, {}, "", "")
        looked_at = [
            name
            for name, column in table.columns.items()
            if name in (table.time, table.recorded_at) or (column.happens and f'"{name}"' in made)
        ]
        return (
            " OR ".join(
                f't."{name}" >= {literal(table.columns[name], end, self.slice_.zone)}'
                for name in looked_at
            )
            or "FALSE"
        )

    def _hashed(self, sql: str) -> tuple[int, int]:
        """How many rows a query has, and the sum of their hashes, as `Slice.fingerprints` does."""
        row = self.con.execute(
            f"SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0)::VARCHAR FROM ({sql}) AS t"
        ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    def _between(self, low: date, high: date) -> str:
        column = self.source.columns[str(self.source.time)]
        edges = [literal(column, day, self.slice_.zone) for day in (low, high)]
        name = f't."{column.name}"'
        return f"{name} >= {edges[0]} AND {name} < {edges[1]}"

    def _aggregate(self, where: str) -> None:
        """The rows of the mart for these rows, as a temporary table."""
        if not self.types:
            self.types = self._narrow(select(self.design, self.day, {}, self.relation, where))
        sql = select(self.design, self.day, self.types, self.relation, where)
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE mart_new AS {sql}")

    def _narrow(self, sql: str) -> dict[str, str]:
        """Types that a file can hold without loss, and that add up as those of rows do.

        A sum that does not fit is an error, and no mart is built.
        """
        found = {}
        for name, made, *_ in self.con.execute(f"DESCRIBE {sql}").fetchall():
            if made == "HUGEINT":
                found[name] = "BIGINT"
            elif made.startswith("DECIMAL(38,"):
                found[name] = f"DECIMAL(18,{made.partition(',')[2]}"
        return found

    def _written(self, month: date, sql: str) -> list[Part]:
        """The files of a month: by day, and from that by month."""
        ordered = f"SELECT * FROM ({sql}) ORDER BY {DAY}"
        by_day = mart_files.write_part(
            self.con, self.folder, month, "day", ordered, self.design.keys
        )
        if by_day is None:
            return []
        relation = f"read_parquet({quoted_text(str(self.folder / by_day.file))})"
        summed = select_months(self.design, self.types, relation)
        by_month = mart_files.write_part(self.con, self.folder, month, "month", summed)
        assert by_month is not None
        return [by_day, by_month]

    def _check_days(self, first: date, last: date) -> None:
        """See that a row's local day is the one between whose edges its moment lies.

        Where clocks are set back over midnight, some moments belong to two days: then every row has
        to be looked at. `StorageError` says so.
        """
        if self.source.time_is_date:
            return
        days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
        edges = ", ".join(
            f"(DATE '{day}', TIMESTAMP '{instant(day, self.slice_.zone)}',"
            f" TIMESTAMP '{instant(day + timedelta(days=1), self.slice_.zone)}')"
            for day in days
        )
        row = self.con.execute(
            f"WITH days(day, lo, hi) AS (VALUES {edges}), moments AS (SELECT day,"
            " unnest(generate_series(lo, hi - INTERVAL 1 MICROSECOND, INTERVAL 15 MINUTE))"
            " AS moment FROM days UNION ALL SELECT day, hi - INTERVAL 1 MICROSECOND FROM days)"
            f' SELECT t.day FROM (SELECT day, moment AS "{self.source.time}" FROM moments) AS t'
            f" WHERE {self.day} <> t.day LIMIT 1"
        ).fetchone()
        if row is not None:
            raise StorageError(f"clocks are set over midnight around {row[0]}.", file=self.folder)


def _chunks(months: Sequence[tuple[date, int]]) -> Iterator[tuple[date, date]]:
    """Stretches of whole months with about so many rows as are aggregated at once."""
    low, rows = months[0][0], 0
    for month, count in months:
        if rows and rows + count > _AT_ONCE:
            yield low, month
            low, rows = month, 0
        rows += count
    yield low, add_months(months[-1][0], 1)


def _of(month: date) -> str:
    return f"{DAY} >= DATE '{month}' AND {DAY} < DATE '{add_months(month, 1)}'"

"""Selects that plant a fault in a table, and a gate over the demo company that has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

from boardpack import gate, gate_results, gate_suites, source_files, vanished
from boardpack.errors import SourceError
from boardpack.gate_suites import Dimension, Severity
from boardpack.sources import Mapped
from boardpack.warehouse import open_slice
from boardpack.workspace import Workspace

AS_OF = date(2025, 12, 31)
#: The newest month, and the month before it, which has been reported.
NEWEST, CLOSED = "2025-12", "2025-11"

Strength = Literal["weak", "strong"]
_RANK: tuple[Severity, ...] = ("info", "warning", "critical")


@dataclass(frozen=True)
class Fault:
    """A kind of fault at one strength: the selects that plant it, and what has to find it."""

    kind: str
    strength: Strength
    #: table -> select that takes its place; it may read every table of the company
    tables: Mapping[str, str]
    severity: Severity
    dimension: Dimension
    #: the source whose check finds it
    source: str

    @property
    def id(self) -> str:
        """Kind and strength as one word."""
        return f"{self.kind}, {self.strength}"


@dataclass(frozen=True)
class Caught:
    """What the gate said of a fault: whether it is caught as it should be, and by which checks."""

    right: bool
    verdict: str
    #: the failed checks of its source, those that fit first
    checks: tuple[str, ...]


def changed(table: str, where: str = "true", **columns: str) -> str:
    """The table with columns changed in some of its rows."""
    new = ", ".join(
        f'CASE WHEN {where} THEN {value} ELSE "{name}" END AS "{name}"'
        for name, value in columns.items()
    )
    return f"SELECT * REPLACE ({new}) FROM {table}"


def without(table: str, where: str) -> str:
    """The table without some of its rows."""
    return f"SELECT * FROM {table} WHERE NOT coalesce({where}, false)"


def twice(table: str, where: str = "true", **columns: str) -> str:
    """The table with some of its rows there a second time, maybe with other values."""
    new = ", ".join(f'{value} AS "{name}"' for name, value in columns.items())
    replaced = f" REPLACE ({new})" if new else ""
    return f"SELECT * FROM {table} UNION ALL SELECT *{replaced} FROM {table} WHERE {where}"


def part(key: str, percent: float, salt: str = "") -> str:
    """A condition that some percent of the rows meet, the same ones every time."""
    return f"(hash({key}::VARCHAR || 'fault{salt}') % 100000 < {round(percent * 1000)})"


def within(column: str, month: str) -> str:
    """A condition for the rows of a month."""
    return f"(strftime({column}, '%Y-%m') = '{month}')"


class Company:
    """The clean demo company, in which faults are planted one at a time."""

    def __init__(self, folder: Path) -> None:
        self.workspace = Workspace.open(folder)
        self.declared = source_files.load(self.workspace)
        tables = [s for s in self.declared.declared.values() if not s.derived_from]
        self.suites = gate_suites.load_suites(
            self.workspace.folders("expectations"), tables, declared=self.declared.declared
        )
        with closing(open_slice(self.workspace, self.declared, AS_OF)) as slice_:
            #: the tables, with the columns that a gate has seen before
            self.known = {t: slice_.columns[t] for t in slice_.columns if t not in slice_.own}

    def check(
        self, sources: Sequence[str], tables: Mapping[str, str], as_of: date = AS_OF
    ) -> tuple[gate_results.CheckResult, ...]:
        """What the gate finds in sources, with these selects in the place of tables."""
        warehouse = self.workspace.settings.warehouse.model_copy(
            update={"views": {f"planted_{table}": select for table, select in tables.items()}}
        )
        settings = self.workspace.settings.model_copy(update={"warehouse": warehouse})
        here = Path("planted.yml")
        mappings = {table: Mapped(table, here, None, f"planted_{table}") for table in tables}
        declared = replace(self.declared, mappings=mappings)
        wanted = gate_suites.reads(self.suites, sources)
        broken: dict[str, SourceError] = {}
        opened = open_slice(
            replace(self.workspace, settings=settings), declared, as_of, wanted, broken=broken
        )
        with closing(opened) as slice_:
            told = vanished.changes(sources, slice_, broken, self.known, (), self.suites)
            there = [name for name in sources if name in slice_.sources]
            found = gate.check(slice_, there, self.suites).results if there else ()
        return tuple(result for results in told.values() for result in results) + found

    def catch(self, fault: Fault) -> Caught:
        """Plant a fault and see whether the gate finds it."""
        results = self.check([fault.source], fault.tables)
        failed = [result for result in results if result.outcome == "failed"]
        right = [
            result
            for result in failed
            if result.source == fault.source
            and result.dimension == fault.dimension
            and _RANK.index(result.severity) >= _RANK.index(fault.severity)
        ]
        others = [result for result in failed if result not in right]
        verdict, _ = gate_results.decide(results)
        told = (f"{r.severity} {r.dimension}: {r.reason}" for r in right + others)
        return Caught(bool(right), verdict, tuple(told))

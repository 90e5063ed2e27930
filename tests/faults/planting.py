"""Selects that plant a fault in a table, and a gate over the demo company that has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

from boardpack import gate
from boardpack import sources as source_files
from boardpack.errors import SourceError
from boardpack.gate_suites import Dimension, Severity
from boardpack.sources import Mapped, Sources
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
        self.suites = gate.load_suites(
            self.workspace.folders("expectations"),
            [s for s in self.declared.declared.values() if not s.derived_from],
            declared=self.declared.declared,
        )

    def check(
        self, sources: Sequence[str], tables: Mapping[str, str], as_of: date = AS_OF
    ) -> gate.GateResult:
        """What the gate says of sources, with these selects in the place of tables."""
        warehouse = self.workspace.settings.warehouse.model_copy(
            update={"views": {f"planted_{table}": select for table, select in tables.items()}}
        )
        settings = self.workspace.settings.model_copy(update={"warehouse": warehouse})
        here = Path("planted.yml")
        mappings = {
            table: Mapped(table, here, None, table=f"planted_{table}") for table in tables
        }
        declared = Sources(self.declared.declared, mappings)
        workspace = replace(self.workspace, settings=settings)
        wanted = gate.reads(self.suites, sources)
        with closing(open_slice(workspace, declared, as_of, wanted)) as slice_:
            return gate.check(slice_, sources, self.suites)

    def catch(self, fault: Fault) -> Caught:
        """Plant a fault and see whether the gate finds it."""
        try:
            found = self.check([fault.source], fault.tables)
        except SourceError as error:
            # A table that does not fit its source is refused before anything is checked.
            fits = fault.severity == "critical" and fault.source in str(error)
            return Caught(fits, "hold", (f"refused: {str(error).splitlines()[0]}",))
        failed = [r for r in found.results if r.outcome == "failed"]
        right = [
            r for r in failed
            if r.source == fault.source
            and r.dimension == fault.dimension
            and _RANK.index(r.severity) >= _RANK.index(fault.severity)
        ]  # fmt: skip
        others = [r for r in failed if r not in right]
        return Caught(
            bool(right),
            found.verdict,
            tuple(f"{r.severity} {r.dimension}: {r.reason}" for r in right + others),
        )

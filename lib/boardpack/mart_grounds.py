"""The grounds of marts: the slice that they are to hold, and which may be read in its place.

A mart may be read where its source has the rows that it was built from: proven by the hash of all
rows, or by the files that they lie in being the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from boardpack import mart_files
from boardpack.engine.catalogue import Catalogue
from boardpack.engine.marts import Design, Mart, Marts, designs, select
from boardpack.mart_files import State
from boardpack.sources import Source
from boardpack.warehouse import Slice, fingerprint
from boardpack.workspace import Workspace
from boardpack.zones import local_day

#: A mart with a larger share of its source's rows costs about as much to read.
WORTH = 0.5


@dataclass(frozen=True)
class Ground:
    """The slice that marts are to hold, and what tells whether they do.

    ``stamp`` is that of the files before they were opened, see `mart_files.stamp`; ``hashes`` gives
    the fingerprints of tables, or None where reading all rows for it would not pay.
    """

    workspace: Workspace
    catalogue: Catalogue
    slice_: Slice
    stamp: str
    hashes: Callable[[Iterable[str]], Mapping[str, str]] | None = None

    @property
    def embedded(self) -> bool:
        """Whether DuckDB holds the tables: what another engine has is read there."""
        return self.slice_.elsewhere is None

    def designs(self) -> list[Design]:
        """The marts of the slice's tables that its catalogue can use."""
        wanted = designs(self.catalogue, self.workspace.settings.dimensions)
        # What Boardpack fills itself is small, and changes while a run goes on.
        there = [t for t in self.slice_.sources if t not in self.slice_.own]
        return [d for d in wanted if self.table(d).id in there]

    def table(self, design: Design) -> Source:
        """The table that the rows of a mart are of."""
        source = self.slice_.declared[design.source]
        return self.slice_.declared[source.placed_of or source.id]

    def day(self, design: Design) -> str:
        """SQL for the local day of a row of ``t``."""
        return local_day(self.slice_.declared[design.source], self.slice_.zone)

    def definition(self, design: Design) -> str:
        """The hash of how the rows of a mart are made."""
        return mart_files.definition(
            self.slice_, design, select(design, self.day(design), {}, "", "")
        )

    def holds(self, design: Design, state: State) -> bool:
        """Whether a mart was built from the very rows that the slice has."""
        table = self.table(design)
        if self.hashes is not None:
            own = fingerprint(table, (state.rows, state.hashed))
            return self.hashes([table.id]).get(table.id) == own
        return (
            bool(state.stamp)
            and state.as_of == self.slice_.as_of
            and state.stamp == self.stamp == mart_files.stamp(self.workspace)
        )


def ready(ground: Ground) -> Marts:
    """The marts that may be read in place of the slice's rows, and why others may not."""
    if ground.workspace.settings.marts == "never":
        return Marts(otherwise="boardpack.yml says marts: never")
    if not ground.embedded:
        return Marts(otherwise="marts are kept of DuckDB's tables alone")
    if not mart_files.root(ground.workspace).is_dir():
        return Marts()
    found = []
    lacking: dict[str, str] = {}
    for design in ground.designs():
        why = _unusable(ground, design)
        if why:
            lacking.setdefault(design.source, why)
            continue
        folder = mart_files.folder(ground.workspace, design)
        state = mart_files.read(folder)
        if state is not None:
            files = mart_files.paths(folder, state)
            by_day = state.always or state.size("day") <= WORTH * state.rows
            found.append(Mart(design, files, state.size("day"), state.single(), by_day))
    return Marts(tuple(found), lacking)


def _unusable(ground: Ground, design: Design) -> str:
    """Why a mart may not be read, "" where it may."""
    folder = mart_files.folder(ground.workspace, design)
    state = mart_files.read(folder)
    if state is None:
        return "no mart is built"
    if state.definition != ground.definition(design):
        return "the mart is of other definitions"
    if not state.kept:
        return "a mart would be nearly as large"
    if not ground.holds(design, state):
        if state.as_of != ground.slice_.as_of:
            return f"the mart is as of {state.as_of}"
        return "its rows are not known to be those of the mart"
    if not state.parts or not mart_files.whole(folder, state):
        return "the files of the mart are damaged"
    return ""


def remembered(slice_: Slice) -> Callable[[Iterable[str]], Mapping[str, str]]:
    """`Slice.fingerprints`, which reads every table once at most."""
    known: dict[str, str] = {}

    def hashes(tables: Iterable[str]) -> Mapping[str, str]:
        wanted = list(tables)
        known.update(slice_.fingerprints(table for table in wanted if table not in known))
        return {table: known[table] for table in wanted}

    return hashes

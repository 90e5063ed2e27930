"""A new folder: what `boardpack init` writes and copies into it, all of it or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from boardpack.discovery import Table, readable_paths
from boardpack.errors import StorageError, WorkspaceError
from boardpack.files import reason, replace_text
from boardpack.sql_texts import quoted_text

#: What a workspace is made of: a folder that holds one of these is not written into.
_OWN = ("boardpack.yml", "sources", "kpis", "scorecards", "expectations", "notebooks", "reports")


@dataclass(frozen=True)
class NewFolder:
    """The folder of a workspace to be: what was written, and where its data come from."""

    root: Path
    link: bool = False
    written: list[Path] = field(default_factory=list)
    #: a line for each data file that was brought in
    data: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, folder: Path, *, link: bool = False) -> NewFolder:
        """The folder, if nothing of a workspace is in it; `WorkspaceError` if there is."""
        root = folder.resolve()
        if root.exists() and not root.is_dir():
            raise WorkspaceError(f"{folder} is a file, not a folder.", hint="name another folder")
        there = [name for name in _OWN if (root / name).exists()]
        if there:
            what = "is a workspace already" if "boardpack.yml" in there else "is not empty"
            raise WorkspaceError(
                f"{folder} {what}: it holds {', '.join(there)}.",
                hint="nothing is overwritten; name a new folder, or go on with"
                f" `boardpack doctor --workspace {folder}`",
            )
        return cls(root, link)

    @property
    def places(self) -> tuple[str, ...]:
        """The definitions that were written, without the data."""
        return tuple(
            str(path.relative_to(self.root))
            for path in self.written
            if path.parent != self.root / "data"
        )

    def write(self, files: Mapping[str, str]) -> None:
        """Write text files by their place, boardpack.yml last: until then it is no workspace."""
        for place in sorted(files, key=lambda place: (place == "boardpack.yml", place)):
            target = self.root / place
            _refuse_existing(target)
            self.written.append(target)
            replace_text(target, files[place])

    def bring(self, table: Table, scratch: Path) -> list[str]:
        """The paths inside the workspace of a table's files: copied, unless they lie there."""
        if not table.recode:
            return [self.bring_file(path) for path in table.files]
        paths = []
        for source, made in zip(table.files, readable_paths(table, scratch), strict=True):
            target = self.root / "data" / Path(made).name
            self._copy(Path(made), target, link=False)
            self.data.append(f"data/{target.name}: {source.name} written again as UTF-8")
            paths.append(f"data/{target.name}")
        return paths

    def bring_file(self, path: Path) -> str:
        """The path inside the workspace of one file; one that lies elsewhere is copied."""
        if path.is_relative_to(self.root):
            return str(path.relative_to(self.root))
        target = self.root / "data" / path.name
        number = 2
        while target in self.written:
            target = self.root / "data" / f"{path.stem}_{number}{path.suffix}"
            number += 1
        self._copy(path, target, link=self.link)
        self.data.append(
            f"data/{target.name}: {'linked to' if self.link else 'copied from'} {path}"
        )
        return f"data/{target.name}"

    def export(self, con: duckdb.DuckDBPyConnection, table: Table) -> Table:
        """A table of a DuckDB file as a Parquet file of the workspace."""
        target = self.root / "data" / f"{table.name}.parquet"
        _refuse_existing(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.written.append(target)
        con.execute(f"COPY ({table.select([])}) TO {quoted_text(str(target))} (FORMAT parquet)")
        self.data.append(f"data/{target.name}: written from {table.origin}")
        return replace(table, kind="parquet", files=(target,))

    def undo(self) -> None:
        """Take away what was written, and the folders that are empty then."""
        for path in reversed(self.written):
            path.unlink(missing_ok=True)
        parents = {path.parent for path in self.written} | {self.root}
        for folder in sorted(parents, key=lambda path: -len(path.parts)):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _copy(self, source: Path, target: Path, *, link: bool) -> None:
        _refuse_existing(target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self.written.append(target)
            if link:
                os.link(source, target)
            else:
                shutil.copyfile(source, target)
        except OSError as error:
            hint = "leave --link out: the file is then copied" if link else "make room, try again"
            raise StorageError(
                f"the data cannot be {'linked' if link else 'copied'}: {reason(error)}.",
                file=target,
                hint=hint,
            ) from None


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise WorkspaceError(
            f"{target} is there already, and nothing is overwritten.",
            hint="name a new folder, or name the file that lies there with --from",
        )

"""Everything that can go wrong, as one small tree.

BoardpackError                  base: what, where, what was found, what would be right
├── UserError                   the user's mistake (exit code 1)
│   ├── WorkspaceError          boardpack.yml or a folder of the workspace
│   ├── DefinitionError         a YAML definition: KPI, source, scorecard, suite
│   ├── UnknownNameError        a KPI, report, source, column or parameter that does not exist
│   ├── PeriodError             a period or as-of that cannot be
│   ├── SourceError             a source's data: missing, empty, of the wrong type
│   └── ReportError             a report document: an unknown label, something a report may not use
└── RunError                    the run failed (exit code 4)
    ├── GateError               a suite that cannot be run
    ├── NotebookError           a cell that raised or hung
    ├── RenderError             pandoc, typst or quarto refused
    ├── BusyError               someone else is at work on the same thing
    └── StorageError            a folder that is full or cannot be written
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal


class BoardpackError(Exception):
    """Something a person must know: what happened, where, and what would be right.

    ``str(error)`` is the whole message: ``file:line`` in front, the hint on a line of its own.

    >>> print(UnknownNameError.near("KPI", "mmr", ["mrr", "arr"]))
    Unknown KPI 'mmr'.
    Hint: did you mean 'mrr'?
    """

    exit_code = 4

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = str(file) if file is not None else None
        self.line = line
        self.hint = hint

    @property
    def code(self) -> str:
        """A stable name for programs: ``DefinitionError`` → ``definition_error``."""
        name = type(self).__name__
        return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")

    def as_dict(self) -> dict[str, str | int | None]:
        """The ``error`` object of ``--json``."""
        return {
            "code": self.code,
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "hint": self.hint,
        }

    def __str__(self) -> str:
        where = ""
        if self.file is not None:
            where = self.file + (f":{self.line}" if self.line is not None else "") + ": "
        return where + self.message + (f"\nHint: {self.hint}" if self.hint else "")


class UserError(BoardpackError):
    """The user's mistake: nothing was changed, and the message says what would be right."""

    exit_code = 1


class WorkspaceError(UserError):
    """boardpack.yml or a folder of the workspace is missing or wrong."""


class DefinitionError(UserError):
    """A YAML definition cannot be used as it is."""


class UnknownNameError(UserError):
    """A name that does not exist; the hint lists near matches."""

    @classmethod
    def near(
        cls,
        kind: str,
        name: str,
        known: Iterable[str],
        *,
        file: str | Path | None = None,
        line: int | None = None,
    ) -> UnknownNameError:
        """An error for ``name``, with up to three names of ``known`` that look like it."""
        names = sorted(set(known))
        matches = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        if matches:
            hint = "did you mean " + " or ".join(repr(match) for match in matches) + "?"
        elif names:
            shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
            hint = f"known: {shown}"
        else:
            hint = f"no {kind} is defined here"
        return cls(f"Unknown {kind} {name!r}.", file=file, line=line, hint=hint)


class PeriodError(UserError):
    """A period or as-of that cannot be: badly written, after the as-of, before the data."""


class SourceError(UserError):
    """The data behind a source is missing, empty, or of the wrong type.

    ``wrong`` says which of these it is, and ``columns`` what its table has, by type, where the
    table can be read.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        hint: str | None = None,
        wrong: Literal["connected", "columns", "rows"] = "connected",
        columns: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, file=file, line=line, hint=hint)
        self.wrong = wrong
        self.columns = dict(columns or {})


class ReportError(UserError):
    """A report document places something that does not exist or may not be used."""


class RunError(BoardpackError):
    """The run failed; what was published before it stays."""


class GateError(RunError):
    """A suite could not be run at all."""


class NotebookError(RunError):
    """A cell raised or hung; the executed notebook is kept in the run folder."""


class RenderError(RunError):
    """A renderer refused the assembled report."""


class BusyError(RunError):
    """Another process is at work on the same thing; nothing was begun."""


class StorageError(RunError):
    """A folder that is full or cannot be written."""

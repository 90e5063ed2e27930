"""A warehouse that is not DuckDB: what Boardpack asks of it, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from boardpack.errors import WorkspaceError
from boardpack.sql_dialects import Dialect
from boardpack.workspace import Workspace


class QueryError(Exception):
    """A statement that an engine refused, or lost its connection over; one line, no statement."""


@dataclass(frozen=True)
class Table:
    """A table of the warehouse by its full name, or why it cannot be told from another."""

    native: str
    broken: str = ""


class Connection(Protocol):
    """An open connection that only reads. Everything sent is in the engine's own SQL."""

    @property
    def dialect(self) -> Dialect:
        """How this engine writes what engines write differently."""

    def tables(self) -> Mapping[str, Table]:
        """Every table and view that can be read, by its name alone."""

    def columns(self, native: str) -> Mapping[str, str]:
        """The columns of a table or sub-select, each with its type in DuckDB's words."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a statement, its numbers as int and float; `QueryError` when it fails."""

    def digest(self, sql: str) -> str:
        """What tells the rows of a statement from others, whatever their order."""

    def close(self) -> None:
        """Let go of the warehouse."""


def connect(workspace: Workspace) -> Connection:
    """Connect to the PostgreSQL or Spark that ``boardpack.yml`` names.

    Raises `WorkspaceError` when it cannot be reached or what it takes is not installed.
    """
    settings = workspace.settings.warehouse
    file = workspace.root / "boardpack.yml"
    try:
        if settings.postgres is not None:
            from boardpack import postgres

            return postgres.connect(settings.postgres, settings.password_variable, file)
        from boardpack import spark

        return spark.connect(str(settings.spark), workspace.root, file)
    except ModuleNotFoundError as error:
        extra = "postgres" if settings.postgres is not None else "spark"
        if (error.name or "").partition(".")[0] not in ("psycopg", "pyspark"):
            raise
        raise WorkspaceError(
            f"a warehouse of {extra} takes a package that is not installed: {error.name}.",
            file=file,
            hint=f"pip install 'boardpack[{extra}]'",
        ) from None

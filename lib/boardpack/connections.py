"""A warehouse that is not DuckDB: what Boardpack asks of it, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from boardpack.sql_dialects import Dialect


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

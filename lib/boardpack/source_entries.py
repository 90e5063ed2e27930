"""What stands in a file of ``sources/``: a table, what is derived from one, a mapping."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from boardpack.yamlfile import Strict

#: Declared type -> the type a column has in the as-of slice.
TYPES = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "decimal": "DECIMAL(18, 2)",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "time": "TIME",
}
NAME = r"^[a-z][a-z0-9_]*$"


class ColumnEntry(Strict):
    """``{type: string?, values: [...], pii: true, happens: true}``."""

    type: str
    values: list[str] | None = None
    pii: bool = False
    happens: bool = False
    desc: str = ""

    @field_validator("type")
    @classmethod
    def _known(cls, text: str) -> str:
        if text.removesuffix("?") not in TYPES:
            raise ValueError(f"is not a type; types are {', '.join(TYPES)}, with ? for nullable")
        return text


class JoinEntry(Strict):
    """``{source: accounts, on: account_id}``.

    With ``as_of: event`` the other source is a history, a row each time that something changed, and
    what held at the time of the row is borrowed, not what holds now. ``optional: true`` borrows
    nothing, and lacks nothing, where the other source is not connected: names beside ids.
    """

    source: str
    on: str
    as_of: Literal["now", "event"] = "now"
    optional: bool = False


class HistogramEntry(Strict):
    """Cumulative counts: ``{total: requests, bounds: {le_25: 25, le_50: 50}}``."""

    total: str
    bounds: dict[str, float]

    @field_validator("bounds")
    @classmethod
    def _rising(cls, bounds: dict[str, float]) -> dict[str, float]:
        if list(bounds.values()) != sorted(set(bounds.values())):
            raise ValueError("bounds must rise")
        return bounds


class SourceEntry(Strict):
    """A file of ``sources/`` that declares a source."""

    source: str = Field(pattern=NAME)
    replaces: str | None = None
    title: str
    grain: str = ""
    notes: str = ""
    key: list[str]
    time: str | None = None
    time_end: str | None = None
    recorded_at: str | None = None
    joins: dict[str, JoinEntry] = Field(default_factory=dict)
    dimensions: dict[str, str] = Field(default_factory=dict)
    exclude: str | None = None
    references: dict[str, str] = Field(default_factory=dict)
    histogram: HistogramEntry | None = None
    columns: dict[str, ColumnEntry]

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, columns: Any) -> Any:
        if not isinstance(columns, dict):
            return columns
        return {
            name: {"type": entry} if isinstance(entry, str) else entry
            for name, entry in columns.items()
        }


class PanelColumnEntry(Strict):
    """A figure of each entity: up to a point (``at``), or over a window of the period.

    ``of`` takes it from another source that the panel names in ``also``.
    """

    value: str
    where: str | None = None
    at: str | None = None
    window: str | None = None
    of: str | None = None

    @model_validator(mode="after")
    def _one_of(self) -> PanelColumnEntry:
        if (self.at is None) == (self.window is None):
            raise ValueError("a panel column has either at: or window:")
        return self


class PanelEntry(Strict):
    """A file that derives one row an entity and period from another source.

    ``dimensions`` are those of the other source that it is split by; all of them if left out.
    """

    source: str = Field(pattern=NAME)
    replaces: str | None = None
    title: str
    grain: str = ""
    notes: str = ""
    panel_of: str
    entity: str
    also: dict[str, str] = Field(default_factory=dict)
    dimensions: list[str] = Field(default_factory=list)
    where: str | None = None
    columns: dict[str, PanelColumnEntry]


class DistinctEntry(Strict):
    """A file that derives one row an entity and local day from another source."""

    source: str = Field(pattern=NAME)
    replaces: str | None = None
    title: str
    grain: str = ""
    notes: str = ""
    distinct_of: str
    columns: list[str]
    where: str | None = None


class MilestoneEntry(Strict):
    """The moment of a first, or nth, row of another source: ``{of: events, by: user_id}``.

    ``by`` is the column of that source which names the row that it is a milestone of. ``within``
    asks for all n in so many days; ``counted: days`` counts days with a row, of which ``at_least``
    so many ``kinds`` have one: a power user's twelve active days and three features in 30 days.
    """

    of: str
    by: str
    where: str | None = None
    nth: int = Field(default=1, ge=1)
    within: str | None = None
    counted: Literal["rows", "days"] = "rows"
    kinds: dict[str, str] = Field(default_factory=dict)
    at_least: int = 0

    @model_validator(mode="after")
    def _several(self) -> MilestoneEntry:
        if self.within is not None and (self.nth == 1 or self.days is None):
            raise ValueError("within: is a number of days for nth: 2 or more, such as 30 days")
        if self.counted == "days" and self.within is None:
            raise ValueError("counted: days needs within:, such as 30 days")
        if self.kinds and (self.counted == "rows" or not 0 < self.at_least <= len(self.kinds)):
            raise ValueError(
                f"kinds: go with counted: days and at_least: 1 to {len(self.kinds)} of them"
            )
        return self

    @property
    def days(self) -> int | None:
        """``within`` as a number of days; None when it is no number of days."""
        match = re.fullmatch(r"(\d+) days?", (self.within or "").strip())
        return int(match.group(1)) if match else None


class TouchesEntry(Strict):
    """Rows of another source that share the credit for a row: touches that led to an order.

    ``by`` is a column of that source, own or borrowed, that names what ``to`` of ours does.
    ``columns`` are those of its columns that a row of ours then has, under names of our own.
    """

    of: str
    by: str
    to: str
    columns: dict[str, str]


class PlacedEntry(Strict):
    """A file that places the rows of another source by another moment, such as its end.

    ``milestones`` are further columns: when the first row of another source came that is its own.
    """

    source: str = Field(pattern=NAME)
    replaces: str | None = None
    title: str
    grain: str = ""
    notes: str = ""
    placed_of: str
    time: str
    milestones: dict[str, MilestoneEntry] = Field(default_factory=dict)
    touches: TouchesEntry | None = None

    @model_validator(mode="after")
    def _one_of(self) -> PlacedEntry:
        if self.milestones and self.touches:
            raise ValueError("a placed source has milestones: or touches:, not both")
        return self


class MappingEntry(Strict):
    """A file that says which of the company's tables is a source: by name, file or select."""

    maps: str
    table: str | None = None
    file: str | None = None
    sql: str | None = None
    notes: str = ""

    @model_validator(mode="after")
    def _one_of(self) -> MappingEntry:
        if sum(x is not None for x in (self.table, self.file, self.sql)) != 1:
            raise ValueError("a mapping has exactly one of table:, file: and sql:")
        return self

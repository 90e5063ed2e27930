"""A workspace: the folder with ``boardpack.yml``, laid over what the suite brings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from boardpack.calendarfile import CalendarEntry
from boardpack.calendars import Calendar
from boardpack.errors import UnknownNameError, WorkspaceError
from boardpack.gatefile import GateEntry
from boardpack.yamlfile import Document, Strict, parse, read

Kind = Literal[
    "sources", "kpis", "listings", "scorecards", "notebooks", "reports", "expectations",
    "schedules",
]  # fmt: skip

#: The suite itself: the folder that holds ``lib/``, ``notebooks/`` and ``reports/``.
SUITE = Path(__file__).resolve().parents[2]
_UNDER_LIB = ("sources", "kpis", "listings", "scorecards")


class Warehouse(Strict):
    """Where the company's tables are: a DuckDB file, data files and selects over them.

    Or ``postgres``, a connection string without its password, which is in the environment, or
    ``spark``, a folder of Parquet files or ``catalog:NAME``.
    """

    duckdb: str | None = None
    postgres: str | None = None
    #: the environment variable that holds the password; left out, PGPASSWORD and what libpq finds
    password_variable: str | None = None
    spark: str | None = None
    files: dict[str, str] = Field(default_factory=dict)
    views: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_engine(self) -> Warehouse:
        named = [
            name for name in ("duckdb", "postgres", "spark") if getattr(self, name) is not None
        ]
        if len(named) > 1:
            raise ValueError(f"names several warehouses, {' and '.join(named)}; one is right")
        if self.elsewhere and (self.files or self.views):
            raise ValueError(
                f"files: and views: are read by DuckDB, not by {named[0]}; map a source onto a"
                " select with sql: in its file"
            )
        if self.password_variable is not None and self.postgres is None:
            raise ValueError("password_variable: is for postgres:")
        return self

    @property
    def elsewhere(self) -> bool:
        """Whether the tables are in another engine than the embedded DuckDB."""
        return self.postgres is not None or self.spark is not None


class Policy(Strict):
    """Limits of a run, in seconds, the rows from which on a table has marts by itself, the gate."""

    cell_timeout: float = 120.0
    notebook_timeout: float = 600.0
    marts_from: int = Field(default=5_000_000, ge=0)
    gate: GateEntry = Field(default_factory=GateEntry)


class Settings(Strict):
    """``boardpack.yml``; ``boardpack`` is the oldest version that can read it, as in 0.1.0."""

    boardpack: str | None = Field(default=None, pattern=r"^\d+\.\d+\.\d+$")
    company: str
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    locale: str = "en_US"
    zone: str = "UTC"
    calendar: CalendarEntry = Field(default_factory=CalendarEntry)
    confidentiality: str = "Confidential"
    scorecard: str | None = None
    start: date | None = None
    dimensions: list[str] = Field(default_factory=lambda: ["segment", "region"])
    warehouse: Warehouse = Field(default_factory=Warehouse)
    policy: Policy = Field(default_factory=Policy)
    marts: Literal["auto", "always", "never"] = "auto"

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("is not a time zone; write it as Europe/Berlin") from None
        return zone

    @field_validator("locale")
    @classmethod
    def _locale_exists(cls, locale: str) -> str:
        from babel import Locale, UnknownLocaleError

        try:
            Locale.parse(locale)
        except (UnknownLocaleError, ValueError):
            raise ValueError("is not a locale; write it as en_US") from None
        return locale


def _refuse_newer(document: Document) -> None:
    """Say that Boardpack is too old before any key that it does not know is called a mistake."""
    written = document.data.get("boardpack") if isinstance(document.data, dict) else None
    own = version("boardpack")
    if isinstance(written, str) and _numbers(written) > _numbers(own):
        raise WorkspaceError(
            f"this workspace is written for Boardpack {written}; this is {own}.",
            file=document.path,
            line=document.line(("boardpack",)),
            hint="a newer Boardpack reads it: use that one",
        )


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)[:3]]


@dataclass(frozen=True)
class Workspace:
    """Settings, and where things are found: the workspace's own folder first, then the suite's.

    >>> Workspace.open(SUITE).settings.currency
    'USD'
    """

    root: Path
    settings: Settings

    @classmethod
    def open(cls, folder: str | Path) -> Workspace:
        """Read ``boardpack.yml`` of a folder; `WorkspaceError` when it is none."""
        root = Path(folder).resolve()
        path = root / "boardpack.yml"
        if not path.is_file():
            raise WorkspaceError(
                f"{root} is not a workspace: it has no boardpack.yml.",
                hint="name the folder with --workspace DIR",
            )
        document = read(path)
        _refuse_newer(document)
        return cls(root, parse(document, Settings))

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return ZoneInfo(self.settings.zone)

    @property
    def calendar(self) -> Calendar:
        """What the company calls a week, a month and a year, and the days it works on."""
        return self.settings.calendar.calendar

    @property
    def var(self) -> Path:
        """Everything generated."""
        return self.root / "var"

    def folders(self, kind: Kind) -> list[Path]:
        """The folders that may hold this kind of file, nearest first."""
        suite = SUITE / "lib" / kind if kind in _UNDER_LIB else SUITE / kind
        own = self.root / kind
        return [folder for folder in dict.fromkeys((own, suite)) if folder.is_dir()]

    def documents(self, kind: Kind) -> Iterator[tuple[Document, bool]]:
        """Every YAML file of a kind, the suite's first, and whether it is the workspace's own."""
        for folder in reversed(self.folders(kind)):
            own = folder.parent == self.root
            for path in sorted(folder.glob("*.yml")):
                yield read(path), own

    @cached_property
    def reports(self) -> dict[str, Path]:
        """Report id to its ``.qmd``; a workspace's own stands before the suite's."""
        return self._by_stem("reports", "*.qmd")

    @property
    def own_reports(self) -> tuple[str, ...]:
        """The reports that "all" means: the workspace's own, or the suite's where it has none."""
        nearest = next(
            (f for f in self.folders("reports") if any(f.glob("[!_]*.qmd"))), SUITE / "reports"
        )
        return tuple(name for name, path in self.reports.items() if path.parent == nearest)

    @cached_property
    def notebooks(self) -> dict[str, Path]:
        """Notebook name to its ``.ipynb``."""
        return self._by_stem("notebooks", "*.ipynb")

    def report(self, name: str) -> Path:
        """The document of a report; `UnknownNameError` with near matches."""
        try:
            return self.reports[name]
        except KeyError:
            raise UnknownNameError.near("report", name, self.reports) from None

    def inside(self, relative: str, what: str) -> Path:
        """A path of the workspace's files; one that leaves the workspace is refused."""
        path = (self.root / relative).resolve()
        if not path.is_relative_to(self.root):
            raise WorkspaceError(
                f"{what} {relative!r} lies outside the workspace.",
                file=self.root / "boardpack.yml",
                hint="copy or link the data into the workspace's folder",
            )
        return path

    def _by_stem(self, kind: Kind, pattern: str) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for folder in self.folders(kind):
            for path in sorted(folder.glob(pattern)):
                if not path.stem.startswith("_"):
                    found.setdefault(path.stem, path)
        return found

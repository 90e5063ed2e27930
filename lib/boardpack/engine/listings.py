"""Listings: rows that a report names one by one, such as the open actions, read from YAML."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from boardpack.engine.columns import column_sql
from boardpack.engine.entries import NAME
from boardpack.engine.expressions import ExpressionError, indispensable, scalar
from boardpack.engine.kinds import Kind, column_kind, kind
from boardpack.engine.members import check_members
from boardpack.engine.replacements import Claim, standing
from boardpack.engine.windows import Window, parse_window
from boardpack.errors import UnknownNameError
from boardpack.sources import Source, Sources, resolve
from boardpack.sql_texts import quoted_text
from boardpack.workspace import Workspace
from boardpack.yamlfile import Key, Place, Strict, parse

#: What a cell is: how it is written, and which side of its column it stands on.
CellKind = Literal["text", "status", "kpi", "date", "number", "percent", "currency"]

#: The day of the as-of, which an expression of a listing may name: ``due_on < as_of_day``.
AS_OF_DAY = "as_of_day"

#: The kinds of value that each kind of cell can show.
_SHOWS: Mapping[CellKind, tuple[Kind, ...]] = {
    "text": ("text", "truth"), "status": ("text",), "kpi": ("text",), "date": ("moment",),
    "number": ("number",), "percent": ("number",), "currency": ("number",),
}  # fmt: skip
_SAID: Mapping[Kind, str] = {
    "number": "a number", "text": "a text", "truth": "true or false", "moment": "a moment",
    "stretch": "a stretch of time",
}  # fmt: skip


class ColumnEntry(Strict):
    """``{value: due_on, head: Due, kind: date}``; words of a status may be good, warn or bad.

    A ``kpi`` is an id of the catalogue, written as the KPI's name; a ``status`` is a word such as
    ``needs_attention``, written as a reader says it.
    """

    value: str
    head: str
    kind: CellKind = "text"
    good: list[str] = Field(default_factory=list)
    warn: list[str] = Field(default_factory=list)
    bad: list[str] = Field(default_factory=list)
    #: whether columns about persons are written out; they read "masked" otherwise
    shows_pii: bool = False


class ListingEntry(Strict):
    """One listing of a file in ``listings/``."""

    listing: str = Field(pattern=NAME)
    replaces: str | None = None
    title: str
    source: str
    #: which rows, by the time of the source: those of the period, or all up to its end
    window: str = "to_date"
    #: the columns of which only the newest row is taken, for a table with a row a report
    latest_of: list[str] = Field(default_factory=list)
    where: str | None = None
    columns: dict[str, ColumnEntry] = Field(min_length=1)
    order: list[str] = Field(default_factory=list)
    group: str | None = None
    limit: int = Field(default=20, ge=1)
    owner: str = ""
    notes: str = ""

    @field_validator("columns")
    @classmethod
    def _named(cls, columns: dict[str, ColumnEntry]) -> dict[str, ColumnEntry]:
        for name in columns:
            if not re.match(NAME, name) or name in (ROW, GROUP):
                raise ValueError(f"{name!r} is no name for a column of a listing")
        return columns


#: Columns that the rows of every listing have: what they go by, and the group that they are in.
ROW, GROUP = "row", "group"


@dataclass(frozen=True)
class Expression:
    """An expression over the rows of a source: as it was written, and the columns it reads."""

    text: str
    columns: tuple[str, ...]
    #: whether one of them is about a person
    pii: bool = False

    def sql(self, column: Callable[[str], str], as_of: str) -> str:
        """SQL for it; ``column`` writes a column of the source, ``as_of`` is ISO."""
        return scalar(
            self.text, lambda name: f"DATE '{as_of}'" if name == AS_OF_DAY else column(name)
        )


@dataclass(frozen=True)
class ListingColumn:
    """A column of a listing; ``moods`` says which words are ``good``, ``warn`` or ``bad``."""

    name: str
    head: str
    kind: CellKind
    value: Expression
    shows_pii: bool
    moods: Mapping[str, str]

    @property
    def is_masked(self) -> bool:
        """Whether its cells only say that there is something."""
        return self.value.pii and not self.shows_pii


@dataclass(frozen=True)
class Listing:
    """A listing, once read and checked; ``order`` is what to sort by and whether downwards."""

    id: str
    title: str
    source: str
    window: Window
    latest_of: tuple[str, ...]
    where: Expression | None
    columns: tuple[ListingColumn, ...]
    order: tuple[tuple[Expression, bool], ...]
    group: Expression | None
    limit: int
    owner: str
    notes: str
    file: Path
    line: int | None
    text: str

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Everything that it reads of a row."""
        more = [part for part in (self.where, self.group) if part is not None]
        order = (expression for expression, _ in self.order)
        return (*(column.value for column in self.columns), *more, *order)


@dataclass(frozen=True)
class Listings:
    """All listings of a workspace, over its sources."""

    listings: Mapping[str, Listing]
    sources: Sources

    def __getitem__(self, name: str) -> Listing:
        try:
            return self.listings[name]
        except KeyError:
            raise UnknownNameError.near("listing", name, self.listings) from None

    def tables(self, names: Iterable[str]) -> tuple[str, ...]:
        """The tables to connect and to check for these listings."""
        found = [t for name in names for t in self.sources.tables(self[name].source)]
        return tuple(dict.fromkeys(found))

    def needs(self, name: str) -> set[tuple[str, str]]:
        """The (table, column) pairs that a listing cannot do without."""
        listing = self[name]
        source = self.sources[listing.source]
        own = source.placed_of or source.id
        read = (c for e in listing.expressions for c in indispensable(e.text) if c != AS_OF_DAY)
        pairs = (column.rpartition(".") for column in read)
        return {
            (source.joins[alias].source if alias else own, column)
            for alias, _, column in pairs
            if column not in source.milestones
        }

    def definition_hashes(self, names: Iterable[str]) -> dict[str, str]:
        """What these listings are defined as, each hashed."""
        return {name: self.definition_hash(name) for name in names}

    def definition_hash(self, name: str) -> str:
        """SHA-256 over a listing and the sources below it."""
        listing = self[name]
        digest = hashlib.sha256(listing.text.encode())
        below = {listing.source, *self.sources.tables(listing.source)}
        for source in sorted(below):
            digest.update(self.sources[source].text.encode())
        return digest.hexdigest()


def load(workspace: Workspace, sources: Sources) -> Listings:
    """Every listing, the suite's and the workspace's own; the first thing wrong is the error."""
    claims: dict[str, list[Claim[ListingEntry]]] = {}
    for document, own in workspace.documents("listings"):
        if not isinstance(document.data, list):
            raise document.error("expected a list of listings, each starting with `- listing:`.")
        for index in range(len(document.data)):
            key: Key = (index,)
            entry = parse(document, ListingEntry, key)
            claims.setdefault(entry.listing, []).append(
                Claim(entry.listing, entry.replaces, own, entry, Place(document, key))
            )
    found = standing(claims, "listing")
    read = {name: _listing(claim.entry, claim.place, sources) for name, claim in found.items()}
    return Listings(read, sources)


def _listing(entry: ListingEntry, at: Place, sources: Sources) -> Listing:
    source = _source(entry, at, sources)
    try:
        window = parse_window(entry.window)
    except ValueError as error:
        raise at.error(str(error), "window") from None
    for name in entry.latest_of:
        with _pointed_at(at, "latest_of"):
            resolve(sources, source, name)

    def read(text: str, *steps: str | int) -> tuple[Expression, Kind | None]:
        return _expression(sources, source, text, at, steps)

    where = None
    if entry.where is not None:
        where, said = read(entry.where, "where")
        if said not in ("truth", None):
            raise at.error(f"{entry.where!r} is {_SAID[said]}, and where: a condition.", "where")
    order = []
    for index, text in enumerate(entry.order):
        upwards, is_down = _direction(text)
        order.append((read(upwards, "order", index)[0], is_down))
    columns = []
    for name, column in entry.columns.items():
        value, found = read(column.value, "columns", name, "value")
        if found is not None and found not in _SHOWS[column.kind]:
            fitting = " or ".join(k for k, kinds in _SHOWS.items() if found in kinds)
            raise at.error(
                f"{column.value!r} is {_SAID[found]}, which is no {column.kind}.",
                "columns", name, "kind",
                hint=f"write kind: {fitting}" if fitting else None,
            )  # fmt: skip
        moods = _moods(column, sources, source, at, name)
        columns.append(
            ListingColumn(name, column.head, column.kind, value, column.shows_pii, moods)
        )
    return Listing(
        entry.listing, entry.title, entry.source, window, tuple(entry.latest_of), where,
        tuple(columns), tuple(order), read(entry.group, "group")[0] if entry.group else None,
        entry.limit, entry.owner, entry.notes, at.document.path, at.line(),
        json.dumps(entry.model_dump(mode="json"), sort_keys=True),
    )  # fmt: skip


def _source(entry: ListingEntry, at: Place, sources: Sources) -> Source:
    """The source of a listing: a table with a time and a key, of which each row is a thing."""
    if entry.source not in sources.declared:
        raise UnknownNameError.near(
            "source", entry.source, sources.declared, file=at.document.path, line=at.line("source")
        )
    source = sources[entry.source]
    if source.panel_of or source.distinct_of or source.touches:
        raise at.error(
            f"{source.id!r} has no rows that could be named: it is made of {source.derived_from}.",
            "source",
            hint=f"list {source.derived_from}",
        )
    if source.time is None:
        raise at.error(f"source {source.id!r} has no time: nothing places its rows.", "source")
    if not source.key:
        raise at.error(f"source {source.id!r} has no key: to tell its rows apart.", "source")
    return source


def _expression(
    sources: Sources, source: Source, text: str, at: Place, steps: tuple[str | int, ...]
) -> tuple[Expression, Kind | None]:
    """An expression as it is read, and what it gives; what is wrong in it points at its key."""
    used: list[str] = []

    def column(name: str) -> str:
        if name == AS_OF_DAY:
            return f"DATE '{AS_OF_DAY}'"
        used.append(name)
        return column_sql(sources, source, name)

    def kind_of(name: str) -> Kind | None:
        return "moment" if name == AS_OF_DAY else column_kind(sources, source, name)

    try:
        with _pointed_at(at, *steps):
            scalar(text, column)
            check_members(sources, source, text)
            found = kind(text, kind_of)
    except ExpressionError as error:
        raise at.error(f"{text!r}: {error}.", *steps, hint=error.hint) from None
    pii = any(resolve(sources, source, name).pii for name in used)
    return Expression(text, tuple(sorted(set(used))), pii), found


@contextmanager
def _pointed_at(at: Place, *steps: str | int) -> Iterator[None]:
    """What is not known under these steps of the entry is said to be wrong there."""
    try:
        yield
    except UnknownNameError as error:
        raise UnknownNameError(
            error.message, file=at.document.path, line=at.line(*steps), hint=error.hint
        ) from None


def _direction(text: str) -> tuple[str, bool]:
    """``amount desc`` as the expression and whether the largest comes first."""
    match = re.fullmatch(r"(.+?)\s+(asc|desc)", text.strip(), re.IGNORECASE | re.DOTALL)
    return (match[1], match[2].lower() == "desc") if match else (text, False)


def _moods(
    column: ColumnEntry, sources: Sources, source: Source, at: Place, name: str
) -> dict[str, str]:
    """Each word of a status that has a colour, and which."""
    moods: dict[str, str] = {}
    for mood in ("good", "warn", "bad"):
        words: list[str] = getattr(column, mood)
        step = ("columns", name, mood)
        if words and column.kind != "status":
            raise at.error(f"{mood}: is for kind: status.", *step)
        for word in words:
            if word in moods:
                raise at.error(f"{word!r} is {moods[word]} already.", *step)
            if re.fullmatch(r"[\w.]+", column.value):
                with _pointed_at(at, *step):
                    check_members(sources, source, f"{column.value} = {quoted_text(word)}")
            moods[word] = mood
    return moods

"""What a report says, in the pieces that slides are laid out from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

Align = Literal["left", "right", "center"]


def clean(text: str) -> str:
    r"""Text without the control characters that XML forbids, on one line.

    >>> clean("a\x00b\nc")
    'ab c'
    """
    return _FORBIDDEN.sub("", text).replace("\n", " ").replace("\t", " ")


@dataclass(frozen=True)
class Run:
    """Text in one look; ``kpi`` says whose number it is, ``member`` of which member.

    ``heat`` is the step of a heatmap that its cell is filled with, -1 for none.
    """

    text: str
    role: str = ""
    bold: bool = False
    kpi: str = ""
    member: str = ""
    heat: int = -1


Line = tuple[Run, ...]


def cut(line: Line, start: int) -> Line:
    """A line without its first characters."""
    found = []
    for run in line:
        if start < len(run.text):
            found.append(replace(run, text=run.text[start:]))
        start = max(0, start - len(run.text))
    if found:
        found[0] = replace(found[0], text=found[0].text.lstrip())
    return tuple(found)


def plain(line: Line) -> str:
    """The text of a line."""
    return "".join(run.text for run in line).strip()


@dataclass(frozen=True)
class Heading:
    """A heading of the report; ``level`` 2 begins a section."""

    level: int
    text: str
    id: str


@dataclass(frozen=True)
class Words:
    """Passages: running text, a list, the answer that opens a section, a note below a table.

    A message is that of the table that follows it; a remark is what somebody wrote on the figures
    above it.
    """

    kind: Literal["text", "bullets", "lead", "message", "note", "remark"]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Column:
    """A column of a sheet; ``share`` is its part of the width, 0 where the report sets none."""

    head: str
    share: float
    align: Align


@dataclass(frozen=True)
class Sheet:
    """A table with a header row."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Line, ...], ...]
    #: of its text, in points
    size: float = 12.0
    #: what it says, where the report says so
    title: str = ""


@dataclass(frozen=True)
class Entry:
    """A KPI and what it means: its name with what kind of figure it is, then the sentences."""

    name: Line
    text: Line

    @property
    def label(self) -> str:
        """The name alone."""
        return next((run.text.strip() for run in self.name if run.text.strip()), "")


@dataclass(frozen=True)
class Glossary:
    """Definitions, by which they are looked up: in the order of their names."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Cards:
    """Boxes of a few lines each, laid side by side."""

    columns: int
    cards: tuple[tuple[Line, ...], ...]


@dataclass(frozen=True)
class Figure:
    """A chart, by its name in ``charts.json``."""

    name: str


@dataclass(frozen=True)
class Picture:
    """An image of the report."""

    path: str
    alt: str


@dataclass(frozen=True)
class Alert:
    """A callout: what must be seen."""

    kind: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Place:
    """Where a part begins that a run writes itself, such as ``definitions``."""

    id: str


@dataclass(frozen=True)
class Row:
    """Pieces that stand side by side."""

    parts: tuple[Piece, ...] = field(default=())


@dataclass(frozen=True)
class Stack:
    """Pieces that stand one below another and belong together, such as a tree of cards."""

    parts: tuple[Piece, ...] = field(default=())


Piece = Heading | Words | Sheet | Glossary | Cards | Figure | Picture | Alert | Place | Row | Stack


def lines_of(piece: Piece) -> Iterator[Line]:
    """Every line of text in a piece."""
    if isinstance(piece, Words | Alert):
        yield from piece.lines
    elif isinstance(piece, Sheet):
        for row in piece.rows:
            yield from row
    elif isinstance(piece, Glossary):
        for entry in piece.entries:
            yield entry.name
            yield entry.text
    elif isinstance(piece, Cards):
        for card in piece.cards:
            yield from card
    elif isinstance(piece, Row | Stack):
        for part in piece.parts:
            yield from lines_of(part)


def spans(row: Sequence[Line]) -> bool:
    """Whether a row is a heading within its table: one text, and nothing beside it."""
    alone = len(row) > 1 and bool(plain(row[0])) and not any(plain(cell) for cell in row[1:])
    return alone and all(run.bold for run in row[0] if run.text.strip())


def is_by_hand(row: Sequence[Line]) -> bool:
    """Whether a row waits for somebody's hand: a text, and three or more cells that are empty."""
    return (
        len(row) > 3
        and bool(plain(row[0]))
        and not any(plain(cell) for cell in row[1:])
        and not spans(row)
    )

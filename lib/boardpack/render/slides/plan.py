"""Which slides a report becomes: its sections in order, a message each, long tables continued."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from boardpack.render.slides.drafts import Draft, Drafter
from boardpack.render.slides.measures import BODY, GAP, Ruler
from boardpack.render.slides.pages import Pages, height_of
from boardpack.render.slides.pieces import (
    Alert,
    Figure,
    Glossary,
    Heading,
    Piece,
    Place,
    Row,
    Sheet,
    Stack,
    Words,
    lines_of,
)

#: Parts that are looked up rather than read: they come after all others, before the signatures.
APPENDIX = frozenset({"definitions", "not-available"})
SIGNATURES = "sign-off"
#: What is said to whoever releases the report; the cover and the foot say that it is a draft.
_OPERATORS = frozenset({"DRAFT: notes are lacking"})
#: So few sentences do not need a slide of their own.
_FEW = 2


@dataclass(frozen=True)
class Slide:
    """A slide: its message, and what it shows from top to bottom.

    ``section`` is the headings it stands under, ``part_of`` the first of them, ``also`` sections
    that begin on it. ``kpis`` are those it shows a number of; ``part`` is which of how many when a
    table or a list goes on.
    """

    title: str
    section: str
    body: tuple[Piece, ...]
    kpis: tuple[str, ...] = ()
    part: tuple[int, int] = (1, 1)
    part_of: str = ""
    also: tuple[str, ...] = ()

    @property
    def numbered(self) -> str:
        """The title with its part: ``Scorecard (2 of 3)``."""
        part, parts = self.part
        return f"{self.title} ({part} of {parts})" if parts > 1 else self.title


@dataclass(frozen=True)
class Section:
    """A part of the report under one heading of the second level."""

    title: str
    id: str
    pieces: tuple[Piece, ...]

    @property
    def names(self) -> set[str]:
        """Its id and those of the places within it."""
        return {self.id, *(piece.id for piece in self.pieces if isinstance(piece, Place))}


def plan(
    pieces: Sequence[Piece], charts: Mapping[str, Any], ruler: Ruler, opening: str = ""
) -> list[Slide]:
    """The slides between the cover and the end: the sections, the appendix, the signatures.

    ``charts`` is what ``charts.json`` holds; ``opening`` is the title of what stands above the
    first heading and says nothing of itself.
    """
    sections = list(_sections(pieces))
    last = [s for s in sections if SIGNATURES in s.names]
    appendix = [s for s in sections if s not in last and s.names & APPENDIX]
    main = [s for s in sections if s not in last and s not in appendix]
    planner = _Planner(charts, Pages(ruler), opening)
    slides: list[Slide] = []
    signed = [slide for section in last for slide in planner.slides(section)]
    for section in main:
        found = list(planner.slides(section))
        joined = None
        if len(found) == 1 and slides:
            joined = planner.joined(slides[-1], found[0])
            if joined is not None:
                slides[-1] = joined
            elif signed and section is main[-1]:
                joined = planner.joined(signed[-1], found[0])
                signed[-1] = joined or signed[-1]
        if joined is None:
            slides += found
    looked_up = [slide for section in appendix for slide in planner.slides(section)]
    return [*slides, *looked_up, *signed]


def _sections(pieces: Sequence[Piece]) -> Iterator[Section]:
    title, id_, found = "", "", list[Piece]()
    for piece in pieces:
        if isinstance(piece, Heading) and piece.level <= 2:
            if found:
                yield Section(title, id_, tuple(found))
            title, id_, found = piece.text, piece.id, []
        elif not (isinstance(piece, Alert) and piece.title in _OPERATORS):
            found.append(piece)
    if found:
        yield Section(title, id_, tuple(found))


@dataclass(frozen=True)
class _Planner:
    charts: Mapping[str, Any]
    pages: Pages
    opening: str

    def slides(self, section: Section) -> Iterator[Slide]:
        """The slides of a section."""
        drafter = Drafter(self.charts, self.pages)
        title = section.title or self.opening
        for draft in drafter.drafts(section.pieces, title, is_signed=SIGNATURES in section.names):
            yield from self._parts(draft, section)

    def joined(self, before: Slide, slide: Slide) -> Slide | None:
        """A section of a sentence or two below the table before it; None where it cannot."""
        lines = [line for piece in slide.body for line in lines_of(piece)]
        is_sentence = len(lines) <= _FEW and all(isinstance(piece, Words) for piece in slide.body)
        is_quiet = all(isinstance(piece, Words | Sheet | Heading) for piece in before.body)
        has_table = any(isinstance(piece, Sheet) for piece in before.body)
        if not (is_sentence and is_quiet and has_table and slide.title == slide.part_of):
            return None
        body = (*before.body, Heading(3, slide.title, ""), *slide.body)
        heights = [
            self.pages.sheet_height(piece, piece.size)
            if isinstance(piece, Sheet)
            else height_of(piece, self.pages.ruler)
            for piece in body
        ]
        if sum(heights) + GAP * len(heights) > BODY.height:
            return None
        kpis = tuple(dict.fromkeys((*before.kpis, *slide.kpis)))
        return replace(before, body=body, kpis=kpis, also=(*before.also, slide.part_of))

    def _parts(self, draft: Draft, section: Section) -> Iterator[Slide]:
        """The slides of a draft: one, or as many as its table, cards or words need."""
        chunks = self.pages.of(draft.body, draft.visual)
        under = section.title
        if draft.sub and draft.sub != draft.message:
            under = f"{section.title} › {draft.sub}" if section.title else draft.sub
        for i, body in enumerate(chunks):
            shown = "" if under == draft.message else under
            part, part_of = (i + 1, len(chunks)), section.title or draft.message
            title = draft.message
            if isinstance(body[0], Glossary) and len(chunks) > 1:
                # By what stands on it a definition is found, not by the number of its slide.
                entries = [entry for piece in body for entry in _entries(piece)]
                title, part = f"{title}: {entries[0].label} to {entries[-1].label}", (1, 1)
                shown = "Appendix"
            yield Slide(title, shown, body, _kpis(body, self.charts), part, part_of)


def _entries(piece: Piece) -> tuple[Any, ...]:
    return piece.entries if isinstance(piece, Glossary) else ()


def _kpis(body: Sequence[Piece], charts: Mapping[str, Any]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for piece in body:
        for part in piece.parts if isinstance(piece, Row | Stack) else (piece,):
            if isinstance(part, Figure):
                found |= dict.fromkeys(charts.get(part.name, {}).get("kpis", ()))
            found |= dict.fromkeys(run.kpi for line in lines_of(part) for run in line if run.kpi)
    return tuple(found)

"""Which slides a report becomes: its sections in order, a message each, long tables continued."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from boardpack.render.slides.measures import BODY, BODY_WIDTH, GAP, LEAST_SIZE, Ruler, spans
from boardpack.render.slides.pieces import (
    Alert,
    Cards,
    Figure,
    Heading,
    Line,
    Picture,
    Piece,
    Place,
    Row,
    Sheet,
    Stack,
    Words,
    cut,
    lines_of,
    plain,
)

#: Parts that are looked up rather than read: they come after all others, before the signatures.
APPENDIX = frozenset({"definitions", "not-available"})
SIGNATURES = "sign-off"
#: Parts that a report sets without a heading of their own.
_NAMES = {"not-available": "Not available"}

#: Words of more characters than this are no title.
_TITLE = 150
#: How high words may be, and what people wrote, and cards, to stand beside what is drawn.
_BESIDE, _REMARKS, _SMALL = 96.0, 150.0, 150.0
#: A chart that is lower than this says nothing.
_LEAST_CHART = 170.0
#: Cards that fill a slide, and that have words at their side.
_CARDS, _AT_SIDE = 8, 6
#: The width of the words at the side of cards.
SIDE = 350.0
#: How high the lines are that lead from cards to others.
JOINT = 27.0
TEXT_SIZE = 14.0
#: A table is written as large as it may without more slides.
_SIZES = (14.0, 13.0, LEAST_SIZE)


@dataclass(frozen=True)
class Slide:
    """A slide: its message, and what it shows from top to bottom.

    ``section`` is the headings it stands under, ``part_of`` the first of them. ``kpis`` are those
    it shows a number of; ``part`` is which of how many when a table or a list goes on.
    """

    title: str
    section: str
    body: tuple[Piece, ...]
    kpis: tuple[str, ...] = ()
    part: tuple[int, int] = (1, 1)
    part_of: str = ""
    kind: str = "content"

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


@dataclass
class _Draft:
    """A slide to be: ``message`` is its own, ``sub`` the heading of the third level above it."""

    sub: str
    body: list[Piece] = field(default_factory=list)
    message: str = ""
    visual: Piece | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether it could share a slide: words and tables alone, and no message."""
        return not any(isinstance(p, Figure | Row | Stack | Cards | Picture) for p in self.body)


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
    planner = _Planner(charts, ruler, opening)
    slides = [slide for section in main for slide in planner.slides(section)]
    looked_up = [slide for section in appendix for slide in planner.slides(section)]
    if looked_up:
        slides += [Slide("Appendix", "", (), part_of="Appendix", kind="divider"), *looked_up]
    return slides + [slide for section in last for slide in planner.slides(section)]


def _sections(pieces: Sequence[Piece]) -> Iterator[Section]:
    title, id_, found = "", "", list[Piece]()
    for piece in pieces:
        if isinstance(piece, Heading) and piece.level <= 2:
            if found:
                yield Section(title, id_, tuple(found))
            title, id_, found = piece.text, piece.id, []
        else:
            found.append(piece)
    if found:
        yield Section(title, id_, tuple(found))


@dataclass(frozen=True)
class _Planner:
    charts: Mapping[str, Any]
    ruler: Ruler
    opening: str

    def slides(self, section: Section) -> Iterator[Slide]:
        """The slides of a section."""
        is_signed = SIGNATURES in section.names
        drafts = list(self._drafts(section, is_signed))
        for draft in self._together(drafts, section.title or self.opening):
            yield from self._parts(draft, section)

    def _drafts(self, section: Section, is_signed: bool) -> Iterator[_Draft]:
        sub, waiting = "", list[Words | Alert]()
        draft = _Draft("")
        for piece in self._trees(section.pieces):
            if isinstance(piece, Place) and piece.id in _NAMES:
                piece = Heading(3, _NAMES[piece.id], piece.id)
            if isinstance(piece, Heading):
                if draft.body:
                    yield draft
                if waiting:
                    yield self._words(sub, waiting)
                sub, waiting = piece.text, []
                draft = _Draft(sub)
            elif isinstance(piece, Words | Alert):
                if waiting or not self._follows(draft, piece):
                    waiting.append(piece)
            elif not isinstance(piece, Place):
                if not waiting and self._joins(draft, piece):
                    continue
                if draft.body:
                    yield draft
                draft = _Draft(sub, [piece], self._message(piece), piece)
                words, waiting = waiting, []
                if not draft.message and words and not is_signed:
                    draft.message = _as_title(words[-1])
                    words = words[:-1] if draft.message else words
                if words and self._height(words) > _BESIDE:
                    yield self._words(sub, words)
                else:
                    draft.body = [*words, *draft.body]
        if draft.body:
            yield draft
        if waiting:
            yield self._words(sub, waiting)

    def _trees(self, pieces: Sequence[Piece]) -> Iterator[Piece]:
        """The pieces, with cards and the cards below them as one where they fit on a slide.

        Lines that lead from the ones to the others may be drawn between them.
        """
        i = 0
        while i < len(pieces):
            end = i + 3 if isinstance(pieces[min(i + 1, len(pieces) - 1)], Picture) else i + 2
            parts = pieces[i:end]
            if not (len(parts) > 1 and all(isinstance(parts[n], Cards) for n in (0, -1))):
                yield pieces[i]
                i += 1
                continue
            heights = [self.ruler.cards(p, BODY_WIDTH) for p in parts if isinstance(p, Cards)]
            if sum(heights) + JOINT <= BODY.height:
                yield Stack(tuple(parts))
                i = end
                continue
            # A chart that comes next belongs to what stands above: it is its course.
            after = [p for p in pieces[end : end + 1] if isinstance(p, Figure)]
            yield parts[0]
            yield from after
            yield parts[-1]
            i = end + len(after)

    def _follows(self, draft: _Draft, piece: Words | Alert) -> bool:
        """Whether words can stand on the slide of what they follow; they do then."""
        visual = draft.visual
        if visual is None or isinstance(piece, Alert):
            return False
        if isinstance(visual, Cards) and len(visual.cards) <= _AT_SIDE and len(draft.body) == 1:
            at_side = replace(visual, columns=2)
            fits = self.ruler.cards(at_side, BODY_WIDTH - SIDE - 30) <= BODY.height
            if piece.kind == "lead" and not draft.message and (said := _as_title(piece)):
                draft.message = said
                return True
            height = self.ruler.words(piece, TEXT_SIZE, SIDE)
            if piece.kind == "bullets" and fits and height <= BODY.height:
                draft.body = [Row((visual, piece))]
                return True
        beside = [p for p in draft.body if isinstance(p, Words)]
        height = self._height([*beside, piece])
        may = {
            "note": True,
            "remark": height <= _REMARKS,
            "lead": False,
            # A table has its words before it: what follows it speaks of what comes next.
        }.get(piece.kind, isinstance(visual, Figure | Row | Cards) and height <= _BESIDE)
        if isinstance(visual, Sheet) and piece.kind == "bullets":
            may = self._height([*draft.body, piece]) <= BODY.height
        if may:
            draft.body.append(piece)
        return may

    def _joins(self, draft: _Draft, piece: Piece) -> bool:
        """Whether what is drawn can stand below what was drawn before; it does then."""
        before = draft.visual
        alone = len(draft.body) == 1 and not (isinstance(before, Cards) and draft.message)
        if isinstance(piece, Figure) and isinstance(before, Cards) and alone:
            if self.ruler.cards(before, BODY_WIDTH) <= _SMALL:
                draft.message = self._message(piece)
                draft.body.append(piece)
                draft.visual = piece
            return draft.visual is piece
        if isinstance(piece, Figure) and isinstance(before, Sheet) and alone:
            if not draft.message and self._leaves_room(before, piece):
                draft.message = self._message(piece)
                draft.body = [piece, before]
                draft.visual = piece
            return draft.visual is piece
        below = isinstance(piece, Sheet) and isinstance(before, Figure | Row) and alone
        if not below or not self._leaves_room(piece, before):
            return False
        named = self._named(piece, "")
        draft.body += [Heading(4, named, ""), piece] if named else [piece]
        return True

    def _leaves_room(self, sheet: Piece | None, drawn: Piece | None) -> bool:
        """Whether a chart can still be read above a table."""
        if not isinstance(sheet, Sheet):
            return False
        height = self._sheet_height(sheet, LEAST_SIZE) + 2 * GAP
        named = TEXT_SIZE * 1.25 + GAP if self._named(sheet, "") else 0.0
        needed = _LEAST_CHART + (TEXT_SIZE * 1.5 if isinstance(drawn, Row) else 0.0)
        return BODY.height - height - named >= needed

    def _words(self, sub: str, words: Sequence[Words | Alert]) -> _Draft:
        """A slide of words; a warning or a sentence that opens them is its message."""
        if isinstance(words[0], Alert):
            return _Draft(sub, list(words), words[0].title)
        message = _as_title(words[0]) if len(words) > 1 else ""
        return _Draft(sub, list(words[1:] if message else words), message)

    def _together(self, drafts: Sequence[_Draft], title: str) -> Iterator[_Draft]:
        """Small parts of a section side by side on one slide, below their headings."""
        found: list[_Draft] = []
        for draft in drafts:
            last = found[-1] if found else None
            if last and last.is_quiet and draft.is_quiet and not (last.message and draft.message):
                whole = [*_headed(last), *([] if last.sub == draft.sub else _headed(draft)[:1]),
                         *(draft.body)]  # fmt: skip
                if not draft.sub or last.sub == draft.sub:
                    whole = [*last.body, *draft.body]
                message = last.message or draft.message
                named = last.sub if last.sub == draft.sub else ""
                if self._height(whole) <= BODY.height and (draft.sub or not last.sub):
                    found[-1] = _Draft(named, whole, message, None)
                    found[-1].visual = next((p for p in whole if isinstance(p, Sheet)), None)
                    continue
            found.append(draft)
        for draft in found:
            if not draft.message and draft.is_quiet:
                _promote(draft)
            draft.message = draft.message or self._named(draft.visual, draft.sub or title)
        yield from found

    def _message(self, piece: Piece) -> str:
        if isinstance(piece, Figure):
            return self._title_of(piece)
        if isinstance(piece, Row):
            titles = [self._title_of(p) for p in piece.parts if isinstance(p, Figure)]
            whole = "; ".join(title for title in titles if title)
            return whole if len(whole) <= _TITLE + 20 else next(iter(titles), "")
        return ""

    def _title_of(self, figure: Figure) -> str:
        return " ".join(str(self.charts.get(figure.name, {}).get("title", "")).split())

    def _named(self, piece: Piece | None, heading: str) -> str:
        """A title for what has no message: the heading, and by what a table divides it."""
        if not isinstance(piece, Sheet) or not piece.rows:
            return heading
        runs = [run for row in piece.rows for cell in row for run in cell if run.kpi]
        dimensions = {run.member.partition("=")[0] for run in runs if run.member}
        if len(dimensions) != 1:
            return heading
        by = dimensions.pop().replace("_", " ")
        of = piece.columns[1].head if len({run.kpi for run in runs}) == 1 else heading
        return f"{of} by {by}".strip().capitalize() if not of else f"{of} by {by}"

    def _height(self, pieces: Sequence[Piece]) -> float:
        heights = [self._one_height(piece) for piece in pieces]
        return sum(heights) + GAP * max(0, len(heights) - 1)

    def _one_height(self, piece: Piece) -> float:
        if isinstance(piece, Sheet):
            return self._sheet_height(piece, LEAST_SIZE)
        return height_of(piece, self.ruler)

    def _sheet_height(self, sheet: Sheet, size: float) -> float:
        widths = self.ruler.widths(sheet, BODY_WIDTH, size)
        head, rows = self.ruler.rows(sheet, widths, size)
        return head + sum(rows)

    def _parts(self, draft: _Draft, section: Section) -> Iterator[Slide]:
        """The slides of a draft: one, or as many as its table, cards or words need."""
        visual = draft.visual
        others = [piece for piece in draft.body if piece is not visual]
        chunks: list[tuple[Piece, ...]]
        if visual is None:
            chunks = _word_parts(draft.body, self.ruler)
        elif isinstance(visual, Sheet) and not any(isinstance(p, Sheet) for p in others):
            at = draft.body.index(visual)
            above, below = draft.body[:at], draft.body[at + 1 :]
            chunks = [
                (*(above), replace(visual, rows=rows, size=size))
                for rows, size in self._pages(visual, self._height(above), self._height(below))
            ]
            chunks[-1] = (*chunks[-1], *below)
        elif isinstance(visual, Cards) and len(visual.cards) > _CARDS:
            count = math.ceil(len(visual.cards) / _CARDS)
            each = math.ceil(len(visual.cards) / count)
            starts = range(0, len(visual.cards), each)
            chunks = [(replace(visual, cards=visual.cards[i : i + each]),) for i in starts]
            chunks[-1] = (*chunks[-1], *others)
        else:
            chunks = [tuple(draft.body)]
        under = section.title
        if draft.sub and draft.sub != draft.message:
            under = f"{section.title} › {draft.sub}" if section.title else draft.sub
        for i, body in enumerate(chunks):
            shown = "" if under == draft.message else under
            part, part_of = (i + 1, len(chunks)), section.title or draft.message
            kpis = _kpis(body, self.charts)
            yield Slide(draft.message, shown, body, kpis, part, part_of)

    def _pages(
        self, sheet: Sheet, above: float, below: float
    ) -> list[tuple[tuple[tuple[Line, ...], ...], float]]:
        """The rows of each slide, at the largest size that does not need more slides."""
        room = BODY.height - (above + GAP if above else 0.0)
        after = below + GAP if below else 0.0
        least = self._split(sheet, room, after, LEAST_SIZE)
        for size in _SIZES:
            pages = self._split(sheet, room, after, size)
            if len(pages) == len(least) and self.ruler.has_room(sheet, BODY_WIDTH, size):
                return [(page, size) for page in pages]
        return [(page, LEAST_SIZE) for page in least]

    def _split(
        self, sheet: Sheet, room: float, after: float, size: float
    ) -> list[tuple[tuple[Line, ...], ...]]:
        """Rows in even parts, since a last slide with a single row reads like a mistake.

        A heading within the table is not parted from its first row.
        """
        widths = self.ruler.widths(sheet, BODY_WIDTH, size)
        head, heights = self.ruler.rows(sheet, widths, size)
        if head + sum(heights) + after <= room or not heights:
            return [sheet.rows]
        for count in range(2, len(heights)):
            goal = min(room - head, sum(heights) / count + max(heights))
            pages, used = [list[tuple[Line, ...]]()], 0.0
            for i, (row, height) in enumerate(zip(sheet.rows, heights, strict=True)):
                follows = heights[i + 1] if spans(row) and i + 1 < len(heights) else 0.0
                if pages[-1] and used + height + follows > goal:
                    pages.append([])
                    used = 0.0
                pages[-1].append(row)
                used += height
            if len(pages) <= count and used + head + after <= room:
                return [tuple(page) for page in pages]
        return [(row,) for row in sheet.rows]


def height_of(piece: Piece, ruler: Ruler) -> float:
    """How high words, a warning or a heading are across a slide; 0 of what takes what is left."""
    if isinstance(piece, Heading):
        return TEXT_SIZE * 1.25
    if isinstance(piece, Alert):
        return ruler.words(Words("text", piece.lines), TEXT_SIZE, BODY_WIDTH - 24) + 36
    if not isinstance(piece, Words):
        return 0.0
    size = LEAST_SIZE if piece.kind in ("note", "remark") else TEXT_SIZE
    inset = 16.0 if piece.kind == "remark" else 0.0
    return ruler.words(piece, size, BODY_WIDTH - inset) + inset


def _as_title(words: Words | Alert) -> str:
    """What a sentence says if it can be a title; a list, a note or a warning cannot."""
    if isinstance(words, Alert) or words.kind not in ("text", "lead") or len(words.lines) != 1:
        return ""
    said = plain(words.lines[0])
    return said.removesuffix(".").removesuffix(":") if len(said) <= _TITLE else ""


def _promote(draft: _Draft) -> None:
    """Let the first sentence of an answer that is too long for a title be the title."""
    for i, piece in enumerate(draft.body):
        if isinstance(piece, Words) and piece.kind == "lead" and len(piece.lines) == 1:
            said = plain(piece.lines[0])
            first, dot, rest = said.partition(". ")
            if dot and rest and len(first) <= _TITLE:
                draft.message = first
                line = cut(piece.lines[0], len(first) + 2)
                draft.body[i] = Words("text", (line,))
            return


def _headed(draft: _Draft) -> list[Piece]:
    if not draft.sub or (draft.body and isinstance(draft.body[0], Heading)):
        return list(draft.body)
    return [Heading(3, draft.sub, ""), *draft.body]


def _word_parts(body: Sequence[Piece], ruler: Ruler) -> list[tuple[Piece, ...]]:
    """Words on as many slides as they need at a size that can be read."""
    parts: list[list[Piece]] = [[]]
    used = 0.0
    for piece in body:
        whole = height_of(piece, ruler)
        parted = [piece]
        if isinstance(piece, Words | Alert) and whole > BODY.height - used:
            parted = [replace(piece, lines=(line,)) for line in piece.lines]
        for i, one in enumerate(parted):
            height = height_of(one, ruler)
            if parts[-1] and used + height > BODY.height:
                parts.append([])
                used = 0.0
            before = parts[-1][-1] if parts[-1] else None
            if i and isinstance(before, Words | Alert) and isinstance(one, Words | Alert):
                parts[-1][-1] = replace(before, lines=(*before.lines, *one.lines))
            else:
                parts[-1].append(one)
            used += height + GAP
    return [tuple(part) for part in parts if part]


def _kpis(body: Sequence[Piece], charts: Mapping[str, Any]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for piece in body:
        for part in piece.parts if isinstance(piece, Row | Stack) else (piece,):
            if isinstance(part, Figure):
                found |= dict.fromkeys(charts.get(part.name, {}).get("kpis", ()))
            found |= dict.fromkeys(run.kpi for line in lines_of(part) for run in line if run.kpi)
    return tuple(found)

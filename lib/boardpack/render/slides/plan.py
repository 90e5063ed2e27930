"""Which slides a report becomes: its sections in order, a message each, long tables continued."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from boardpack.render.slides.measures import BODY, BODY_WIDTH, LEAST_SIZE, Ruler, spans
from boardpack.render.slides.pieces import (
    Alert,
    Cards,
    Figure,
    Heading,
    Line,
    Piece,
    Place,
    Row,
    Sheet,
    Words,
    lines_of,
    plain,
)

#: Parts that are looked up rather than read: they come after all others, and before the signatures.
APPENDIX = frozenset({"definitions", "not-available", "restatements"})
SIGNATURES = "sign-off"

#: Words of more than this are no title.
_TITLE = 170
#: What may stand above or below a chart or a table before it needs a slide of its own.
_BESIDE = 96.0
_REMARKS = 150.0
#: Cards that fill a slide.
_CARDS = 8
TEXT_SIZE = 16.0


@dataclass(frozen=True)
class Slide:
    """A slide: its message, and what it shows from top to bottom.

    ``section`` is the heading it belongs to. ``kpis`` are those it shows a number of; ``part`` is
    which of how many when a table or a list goes on over several.
    """

    title: str
    section: str
    body: tuple[Piece, ...]
    kpis: tuple[str, ...] = ()
    part: tuple[int, int] = (1, 1)
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


def plan(pieces: Sequence[Piece], charts: Mapping[str, Any], ruler: Ruler) -> list[Slide]:
    """The slides between the cover and the end: contents, the sections, the appendix, signatures.

    ``charts`` is what ``charts.json`` holds.
    """
    sections = list(_sections(pieces))
    last = [s for s in sections if SIGNATURES in s.names]
    appendix = [s for s in sections if s not in last and s.names & APPENDIX]
    main = [s for s in sections if s not in last and s not in appendix]
    slides = [slide for section in main for slide in _slides(section, charts, ruler)]
    looked_up = [slide for section in appendix for slide in _slides(section, charts, ruler)]
    if looked_up:
        slides += [Slide("Appendix", "", (), kind="divider"), *looked_up]
    return slides + [slide for section in last for slide in _slides(section, charts, ruler)]


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


@dataclass
class _Draft:
    """A slide that may still take words; ``text`` is how high those it has are."""

    title: str
    body: list[Piece]
    visual: Piece | None = None
    text: float = 0.0


def _slides(section: Section, charts: Mapping[str, Any], ruler: Ruler) -> Iterator[Slide]:
    heading = section.title
    drafts: list[tuple[str, _Draft]] = []
    waiting: list[Words | Alert] = []
    for piece in (*section.pieces, Heading(3, "", "")):
        if isinstance(piece, Place):
            continue
        if isinstance(piece, Heading):
            if waiting:
                _place_words(drafts, heading, waiting, ruler)
                waiting = []
            if piece.text:
                heading = f"{section.title} › {piece.text}" if section.title else piece.text
            drafts.append((heading, _Draft("", [])))
        elif isinstance(piece, Words | Alert):
            draft = drafts[-1][1] if drafts and not waiting else None
            height = height_of(piece, ruler)
            if draft and draft.visual and _may_follow(draft, piece, height):
                draft.body.append(piece)
                draft.text += height
            else:
                waiting.append(piece)
        else:
            drafts.append((heading, _visual(piece, waiting, heading, charts, ruler, drafts)))
            waiting = []
    for under, draft in drafts:
        if draft.body:
            yield from _parts(draft, under, ruler, charts)


def _may_follow(draft: _Draft, piece: Words | Alert, height: float) -> bool:
    if isinstance(piece, Alert) or piece.kind == "lead":
        return False
    if piece.kind == "note":
        return True
    if piece.kind == "remark":
        return draft.text + height <= _REMARKS
    # A table has its words before it: what follows it speaks of what comes next.
    return isinstance(draft.visual, Figure | Row) and draft.text + height <= _BESIDE


def _visual(
    piece: Piece,
    waiting: list[Words | Alert],
    heading: str,
    charts: Mapping[str, Any],
    ruler: Ruler,
    drafts: list[tuple[str, _Draft]],
) -> _Draft:
    """A slide for what is drawn, with the words before it: its title, or above it."""
    title = _message(piece, charts)
    words = list(waiting)
    if not title and words and (said := _as_title(words[-1])):
        title, words = said, words[:-1]
        if len(words) and sum(height_of(w, ruler) for w in words) > _BESIDE:
            _place_words(drafts, heading, words, ruler)
            words = []
    elif words and sum(height_of(w, ruler) for w in words) > _BESIDE:
        _place_words(drafts, heading, words, ruler)
        words = []
    text = sum(height_of(w, ruler) for w in words)
    return _Draft(title or _named(piece, heading), [*words, piece], piece, text)


def _place_words(
    drafts: list[tuple[str, _Draft]], heading: str, words: Sequence[Words | Alert], ruler: Ruler
) -> None:
    """A slide of words; a sentence that opens them is its title."""
    said = list(words)
    title = _as_title(said[0]) if len(said) > 1 else ""
    if title:
        said = said[1:]
    draft = _Draft(title or _last_part(heading), [*said])
    drafts.append((heading, draft))


def _message(piece: Piece, charts: Mapping[str, Any]) -> str:
    if isinstance(piece, Figure):
        return _chart_title(piece, charts)
    if isinstance(piece, Row):
        titles = [_chart_title(p, charts) for p in piece.parts if isinstance(p, Figure)]
        whole = "; ".join(title for title in titles if title)
        return whole if len(whole) <= _TITLE else next(iter(titles), "")
    return ""


def _chart_title(figure: Figure, charts: Mapping[str, Any]) -> str:
    return " ".join(str(charts.get(figure.name, {}).get("title", "")).split())


def _as_title(words: Words | Alert) -> str:
    """What a sentence says if it can be a title; a list, a note or a warning cannot."""
    if isinstance(words, Alert) or words.kind not in ("text", "lead") or len(words.lines) != 1:
        return ""
    said = plain(words.lines[0])
    return said.removesuffix(".").removesuffix(":") if len(said) <= _TITLE else ""


def _named(piece: Piece, heading: str) -> str:
    """A title for what has no message: the heading, and by what a table divides it."""
    title = _last_part(heading)
    if not isinstance(piece, Sheet) or not piece.rows:
        return title
    runs = [run for row in piece.rows for cell in row for run in cell if run.kpi]
    dimensions = {run.member.partition("=")[0] for run in runs if run.member}
    if len(dimensions) != 1:
        return title
    by = dimensions.pop().replace("_", " ")
    of = piece.columns[1].head if len({run.kpi for run in runs}) == 1 else title
    return f"{of} by {by}"


def _last_part(heading: str) -> str:
    return heading.rpartition("› ")[2]


def height_of(piece: Words | Alert, ruler: Ruler) -> float:
    if isinstance(piece, Alert):
        inner = Words("text", piece.lines)
        return ruler.words(inner, LEAST_SIZE + 2, BODY_WIDTH - 24) + 36
    size = LEAST_SIZE if piece.kind in ("note", "remark") else TEXT_SIZE - 2
    inset = 16.0 if piece.kind == "remark" else 0.0
    return ruler.words(piece, size, BODY_WIDTH - inset) + inset


def _parts(
    draft: _Draft, heading: str, ruler: Ruler, charts: Mapping[str, Any]
) -> Iterator[Slide]:
    """The slides of a draft: one, or as many as its table, cards or words need."""
    at = next((i for i, p in enumerate(draft.body) if p is draft.visual), None)
    if draft.visual is None or at is None:
        chunks = [(chunk, (), ()) for chunk in _word_parts(draft.body, ruler)]
    else:
        above, below = tuple(draft.body[:at]), tuple(draft.body[at + 1 :])
        room = BODY.height - sum(height_of(w, ruler) for w in above if isinstance(w, Words | Alert))
        after = sum(height_of(w, ruler) for w in below if isinstance(w, Words | Alert))
        split = _split(draft.visual, room, after, ruler)
        chunks = [((part,), above, ()) for part in split]
        chunks[-1] = (chunks[-1][0], above, below)
    for i, (part, above, below) in enumerate(chunks):
        body = (*above, *part, *below)
        section = heading if _last_part(heading) != draft.title else heading.rpartition(" › ")[0]
        kpis = _kpis(body, charts)
        yield Slide(draft.title, section, body, kpis, (i + 1, len(chunks)))


def _split(piece: Piece, room: float, after: float, ruler: Ruler) -> list[Piece]:
    if isinstance(piece, Cards) and len(piece.cards) > _CARDS:
        count = -(-len(piece.cards) // _CARDS)
        each = -(-len(piece.cards) // count)
        starts = range(0, len(piece.cards), each)
        return [replace(piece, cards=piece.cards[i : i + each]) for i in starts]
    if isinstance(piece, Sheet):
        return [replace(piece, rows=rows) for rows in _pages(piece, room, after, ruler)]
    return [piece]


def _pages(
    sheet: Sheet, room: float, after: float, ruler: Ruler
) -> list[tuple[tuple[Line, ...], ...]]:
    """The rows of each slide; a heading within the table is not parted from its first row."""
    widths = ruler.widths(sheet, BODY_WIDTH, LEAST_SIZE)
    head, heights = ruler.rows(sheet, widths, LEAST_SIZE)
    whole = head + sum(heights) + after
    if whole <= room or not heights:
        return [sheet.rows]
    count = 2
    while count < len(heights):
        # Even parts: a last slide with a single row reads like a mistake.
        goal = min(room - head, max(sum(heights) / count + max(heights), max(heights)))
        pages, used = [list[tuple[Line, ...]]()], 0.0
        for i, (row, height) in enumerate(zip(sheet.rows, heights, strict=True)):
            needed = height + (heights[i + 1] if spans(row) and i + 1 < len(heights) else 0.0)
            if pages[-1] and used + needed > goal:
                pages.append([])
                used = 0.0
            pages[-1].append(row)
            used += height
        fits = used + head + after <= room or len(pages[-1]) == 1
        if len(pages) <= count and fits:
            return [tuple(page) for page in pages]
        count += 1
    return [(row,) for row in sheet.rows]


def _word_parts(body: Sequence[Piece], ruler: Ruler) -> list[tuple[Piece, ...]]:
    """Words on as many slides as they need at a size that can be read."""
    parts: list[list[Piece]] = [[]]
    used = 0.0
    for piece in body:
        assert isinstance(piece, Words | Alert)
        whole = height_of(piece, ruler)
        parted = [replace(piece, lines=(line,)) for line in piece.lines]
        for i, one in enumerate([piece] if whole <= BODY.height - used else parted):
            height = height_of(one, ruler)
            if parts[-1] and used + height > BODY.height:
                parts.append([])
                used = 0.0
            before = parts[-1][-1] if parts[-1] else None
            if i and isinstance(before, Words | Alert):
                parts[-1][-1] = replace(before, lines=(*before.lines, *one.lines))
            else:
                parts[-1].append(one)
            used += height
    return [tuple(part) for part in parts if part]


def _kpis(body: Sequence[Piece], charts: Mapping[str, Any]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for piece in body:
        figures = piece.parts if isinstance(piece, Row) else (piece,)
        for figure in figures:
            if isinstance(figure, Figure):
                for kpi in charts.get(figure.name, {}).get("kpis", ()):
                    found[kpi] = None
        for line in lines_of(piece):
            for run in line:
                if run.kpi:
                    found[run.kpi] = None
    return tuple(found)

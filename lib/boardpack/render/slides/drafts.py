"""Drafts of slides: which pieces of a section stand together, and what they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from boardpack.render.slides.datatables import table_of
from boardpack.render.slides.measures import BODY, BODY_WIDTH, GAP, TABLE_SIZE
from boardpack.render.slides.messages import LONGEST, as_title, named, of_body, of_charts, title_of
from boardpack.render.slides.pages import TEXT_SIZE, Pages
from boardpack.render.slides.pieces import (
    Alert,
    Cards,
    Figure,
    Glossary,
    Heading,
    Picture,
    Piece,
    Place,
    Row,
    Sheet,
    Stack,
    Words,
    cut,
    plain,
)
from boardpack.render.slides.series import is_drawable

#: Parts that a report sets without a heading of their own.
NAMES = {"not-available": "Not available"}
#: How high words may be, and what people wrote, and cards, to stand beside what is drawn.
_BESIDE, _REMARKS, _SMALL = 96.0, 150.0, 150.0
#: A chart that is lower than this says nothing.
_LEAST_CHART = 170.0
#: Cards that have words at their side.
_AT_SIDE = 6
#: The width of the words at the side of cards.
SIDE = 350.0
#: How high the lines are that lead from cards to others.
JOINT = 27.0


@dataclass
class Draft:
    """A slide to be: ``message`` is its own, ``sub`` the heading of the third level above it."""

    sub: str
    body: list[Piece] = field(default_factory=list)
    message: str = ""
    visual: Piece | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether it could share a slide: words and tables alone."""
        loud = Figure | Row | Stack | Cards | Picture | Glossary
        return not any(isinstance(piece, loud) for piece in self.body)


@dataclass(frozen=True)
class Drafter:
    """Makes the drafts of sections; ``charts`` is what ``charts.json`` holds."""

    charts: Mapping[str, Any]
    pages: Pages

    def drafts(
        self, pieces: Sequence[Piece], title: str, *, is_signed: bool = False
    ) -> Iterator[Draft]:
        """The slides of a section of this title, each with what it says."""
        found = self._together(self._tables_together(list(self._drafts(pieces, is_signed))))
        for draft in found:
            if not draft.message and draft.is_quiet:
                _promote(draft)
            if not draft.message:
                _speak(draft)
            draft.message = draft.message or of_body(draft.body, draft.sub or title)
            first = draft.body[0]
            if isinstance(first, Heading) and draft.message.startswith(f"{first.text}:"):
                draft.body = draft.body[1:]
            yield draft

    def _drafts(self, pieces: Sequence[Piece], is_signed: bool) -> Iterator[Draft]:
        sub, waiting = "", list[Words | Alert]()
        draft = Draft("")
        for piece in self._trees(list(self._native(pieces))):
            if isinstance(piece, Place) and piece.id in NAMES:
                piece = Heading(3, NAMES[piece.id], piece.id)
            if isinstance(piece, Heading):
                if draft.body:
                    yield draft
                if waiting:
                    yield self._words(sub, waiting)
                sub, waiting = piece.text, []
                draft = Draft(sub)
            elif isinstance(piece, Words | Alert):
                if waiting or not self._follows(draft, piece):
                    waiting.append(piece)
            elif not isinstance(piece, Place):
                if not waiting and self._joins(draft, piece):
                    continue
                if draft.body:
                    yield draft
                draft = Draft(sub, [piece], self._message(piece), piece)
                words, waiting = waiting, []
                if not draft.message and words and not is_signed:
                    draft.message = as_title(words[-1])
                    words = words[:-1] if draft.message else words
                if words and self.pages.height(words) > _BESIDE:
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
            heights = [self.pages.ruler.cards(p, BODY_WIDTH) for p in parts if isinstance(p, Cards)]
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

    def _follows(self, draft: Draft, piece: Words | Alert) -> bool:
        """Whether words can stand on the slide of what they follow; they do then."""
        visual = draft.visual
        if visual is None or isinstance(piece, Alert):
            return False
        if isinstance(visual, Cards) and len(visual.cards) <= _AT_SIDE and len(draft.body) == 1:
            at_side = replace(visual, columns=2)
            fits = self.pages.ruler.cards(at_side, BODY_WIDTH - SIDE - 30) <= BODY.height
            if piece.kind == "lead" and not draft.message and (said := as_title(piece)):
                draft.message = said
                return True
            height = self.pages.ruler.words(piece, TEXT_SIZE, SIDE)
            if piece.kind == "bullets" and fits and height <= BODY.height:
                draft.body = [Row((visual, piece))]
                return True
        beside = [p for p in draft.body if isinstance(p, Words)]
        height = self.pages.height([*beside, piece])
        may = {
            "note": True,
            "remark": height <= _REMARKS,
            "lead": False,
            # A table has its words before it: what follows it speaks of what comes next.
        }.get(piece.kind, isinstance(visual, Figure | Row | Cards) and height <= _BESIDE)
        if isinstance(visual, Sheet) and piece.kind == "bullets":
            may = self.pages.height([*draft.body, piece]) <= BODY.height
        if may:
            draft.body.append(piece)
        return may

    def _joins(self, draft: Draft, piece: Piece) -> bool:
        """Whether what is drawn can stand below what was drawn before; it does then."""
        before = draft.visual
        alone = len(draft.body) == 1 and not (isinstance(before, Cards) and draft.message)
        if isinstance(piece, Figure) and isinstance(before, Cards) and alone:
            if self.pages.ruler.cards(before, BODY_WIDTH) <= _SMALL:
                draft.message = of_charts(piece, self.charts)
                draft.body.append(piece)
                draft.visual = piece
            return draft.visual is piece
        if isinstance(piece, Figure) and isinstance(before, Sheet) and alone:
            if not draft.message and self._leaves_room(before, piece):
                draft.message = of_charts(piece, self.charts)
                draft.body = [piece, before]
                draft.visual = piece
            return draft.visual is piece
        if not (isinstance(piece, Sheet) and isinstance(before, Figure | Row) and alone):
            return False
        if not self._leaves_room(piece, before):
            return False
        name = piece.title or named(piece, "")
        draft.body += [Heading(4, name, ""), piece] if name else [piece]
        return True

    def _message(self, piece: Piece) -> str:
        return piece.title if isinstance(piece, Sheet) else of_charts(piece, self.charts)

    def _leaves_room(self, sheet: Piece | None, drawn: Piece | None) -> bool:
        """Whether a chart can still be read above a table."""
        if not isinstance(sheet, Sheet):
            return False
        height = self.pages.sheet_height(sheet, TABLE_SIZE) + 2 * GAP
        name = TEXT_SIZE * 1.25 + GAP if sheet.title or named(sheet, "") else 0.0
        needed = _LEAST_CHART + (TEXT_SIZE * 1.5 if isinstance(drawn, Row) else 0.0)
        return BODY.height - height - name >= needed

    def _words(self, sub: str, words: Sequence[Words | Alert]) -> Draft:
        """A slide of words; a warning or a sentence that opens them is its message."""
        if isinstance(words[0], Alert):
            return Draft(sub, list(words), words[0].title)
        message = as_title(words[0]) if len(words) > 1 else ""
        return Draft(sub, list(words[1:] if message else words), message)

    def _native(self, pieces: Sequence[Piece]) -> Iterator[Piece]:
        """The pieces, a table with its message; so is a chart that cannot be drawn natively."""
        before: Words | None = None
        for piece in pieces:
            entry = self.charts.get(piece.name, {}) if isinstance(piece, Figure) else {}
            plot = entry.get("plot")
            sheet = table_of(entry) if plot and not is_drawable(plot) else None
            if isinstance(piece, Figure) and sheet is not None:
                piece = replace(sheet, title=title_of(piece, self.charts))
            if isinstance(piece, Sheet) and before:
                piece, before = replace(piece, title=as_title(before) or piece.title), None
            if before:
                yield before
            before = piece if isinstance(piece, Words) and piece.kind == "message" else None
            if not before:
                yield piece
        if before:
            yield before

    def _tables_together(self, drafts: Sequence[Draft]) -> list[Draft]:
        """A small table that would stand alone joins that of the chart before it, on one slide."""
        found: list[Draft] = []
        for draft in drafts:
            last = found[-1] if found else Draft("")
            moved, alone = last.body[-1:], [piece for piece in draft.body if draft.visual is piece]
            both = [*moved, *alone]
            if (
                len(both) == 2
                and all(isinstance(piece, Sheet) for piece in both)
                and len(draft.body) == 1
                and isinstance(last.visual, Figure | Row)
                and isinstance(last.body[0], Figure | Row)
                and last.sub == draft.sub
                and self.pages.height(both) <= BODY.height
                and self.pages.height(alone) <= _SMALL
            ):
                found[-1] = replace(last, body=last.body[:1])
                found.append(Draft(draft.sub, moved, self._message(moved[0]), moved[0]))
            found.append(draft)
        return found

    def _together(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Small parts of a section below one another on one slide, under their headings."""
        found: list[Draft] = []
        for draft in drafts:
            last = found[-1] if found else None
            if last and last.is_quiet and draft.is_quiet:
                whole = [*_headed(last), *([] if last.sub == draft.sub else _headed(draft)[:1]),
                         *(draft.body)]  # fmt: skip
                both = bool(last.message and draft.message)
                if not draft.sub or last.sub == draft.sub or both:
                    # Of two messages the first is the title, the other stands above its table.
                    between = [Heading(3, draft.message, "")] if both else []
                    whole = [*last.body, *between, *draft.body]
                message = last.message or draft.message
                name = last.sub if last.sub == draft.sub else ""
                if self.pages.height(whole) <= BODY.height and (draft.sub or not last.sub):
                    found[-1] = Draft(name, whole, message)
                    found[-1].visual = next((p for p in whole if isinstance(p, Sheet)), None)
                    continue
            found.append(draft)
        return found


def _promote(draft: Draft) -> None:
    """Let the first sentence of an answer that is too long for a title be the title."""
    for i, piece in enumerate(draft.body):
        if isinstance(piece, Words) and piece.kind == "lead" and len(piece.lines) == 1:
            said = plain(piece.lines[0])
            first, dot, rest = said.partition(". ")
            if dot and rest and len(first) <= LONGEST:
                draft.message = first
                line = cut(piece.lines[0], len(first) + 2)
                draft.body[i] = Words("text", (line,))
            return


def _speak(draft: Draft) -> None:
    """Let the one thing that is said of a table be the title above it."""
    said = [p for p in draft.body if isinstance(p, Words) and p.kind == "bullets"]
    lines = [line for words in said for line in words.lines]
    if isinstance(draft.visual, Sheet) and len(lines) == 1 and len(plain(lines[0])) <= LONGEST:
        draft.message = plain(lines[0]).removesuffix(".")
        draft.body = [piece for piece in draft.body if piece is not said[0]]


def _headed(draft: Draft) -> list[Piece]:
    if not draft.sub or (draft.body and isinstance(draft.body[0], Heading)):
        return list(draft.body)
    return [Heading(3, draft.sub, ""), *draft.body]

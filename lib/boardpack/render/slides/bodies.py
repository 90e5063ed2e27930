"""What stands on a slide below its title: words, cards, tables and drawings, top to bottom."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pptx.util import Pt

from boardpack.render.slides.charts import Painter
from boardpack.render.slides.drafts import JOINT, SIDE
from boardpack.render.slides.drawing import Ink, Look, describe
from boardpack.render.slides.measures import (
    BODY,
    CARD_GAP,
    CARD_INSET,
    GAP,
    GLOSSARY_SIZE,
    LEAST_SIZE,
    Box,
    Ruler,
    card_size,
    columns_of,
)
from boardpack.render.slides.pages import COLUMN_GAP, ENTRY_GAP, TEXT_SIZE, height_of, text_size
from boardpack.render.slides.pictures import Raster, fitted
from boardpack.render.slides.pieces import (
    Alert,
    Cards,
    Figure,
    Glossary,
    Heading,
    Picture,
    Row,
    Run,
    Sheet,
    Stack,
    Words,
    plain,
)
from boardpack.render.slides.plan import Slide
from boardpack.render.slides.series import is_drawable
from boardpack.render.slides.tables import draw_table

_HEADING = 14.0
#: Words that stand alone are written larger, as far as they fit.
_ALONE = 20.0
#: What takes the room that words and tables leave.
_DRAWN = (Figure, Picture, Row, Stack)


@dataclass(frozen=True)
class Bodies:
    """Draws the bodies of the slides of one report; ``charts`` is what ``charts.json`` holds."""

    ink: Ink
    ruler: Ruler
    painter: Painter
    charts: Mapping[str, Any]
    pictures: Mapping[str, Raster]

    def words_into(self, frame: Any, body: Sequence[Any]) -> None:
        """Write passages that stand alone on their slide, as large as they may be."""
        size = _ALONE
        while size > LEAST_SIZE and (
            sum(self.ruler.words(w, size, BODY.width) for w in body) > BODY.height
        ):
            size -= 1
        paragraphs = [p for words in body for p in self._paragraphs(words, size)]
        self.ink.write(frame, paragraphs)

    def _paragraphs(self, words: Words, size: float) -> list[Any]:
        after = size * (0.55 if words.kind == "bullets" else 0.35)
        color = "muted" if words.kind == "note" else "ink"
        look = Look(size, color, words.kind == "lead", bullet=words.kind == "bullets", after=after)
        return [self.ink.paragraph(line, look) for line in words.lines]

    def draw(self, slide: Any, planned: Slide) -> None:
        """From top to bottom; what is drawn takes the room that words and tables leave."""
        at = BODY.y
        size = text_size(planned.body, self.ruler)
        rest = [self._height(piece, size) for piece in planned.body]
        # Where nothing is drawn the tables take what is left, each by its rows.
        spare = BODY.height - sum(rest) - GAP * len(rest)
        if spare < 0 or any(isinstance(p, _DRAWN) for p in planned.body):
            spare = 0.0
        rows = [len(p.rows) if isinstance(p, Sheet) else 0 for p in planned.body]
        shares = [n / (sum(rows) or 1) for n in rows]
        for i, piece in enumerate(planned.body):
            below = sum(height + GAP for height in rest[i + 1 :] if height)
            room = Box(BODY.x, at, BODY.width, BODY.bottom - at - below)
            if isinstance(piece, Alert):
                at += self._alert(slide, piece, room, planned.title, size) + GAP
            elif isinstance(piece, Words):
                at += self._words(slide, piece, room, rest[i], size) + GAP
            elif isinstance(piece, Sheet):
                alt = _table_alt(planned, piece)
                name = f"Table {i + 1}"
                at += (
                    draw_table(
                        slide, piece, room, self.ink, self.ruler, name, alt, spare * shares[i]
                    )
                    + GAP
                )
            elif isinstance(piece, Cards):
                at += self._cards(slide, piece, room) + GAP
            elif isinstance(piece, Glossary):
                self._glossary(slide, piece, i)
            elif isinstance(piece, Heading):
                look = Look(size, "accent" if piece.level == 3 else "ink", bold=True)
                box = Box(room.x, room.y, room.width, rest[i])
                self.ink.text_box(slide, box, [self.ink.paragraph((Run(piece.text),), look)],
                                  name="Heading")  # fmt: skip
                at += rest[i] + GAP / 3
            elif isinstance(piece, Stack):
                self._tree(slide, piece, room)
                at = room.bottom + GAP
            elif isinstance(piece, Row) and any(isinstance(p, Cards) for p in piece.parts):
                self._beside(slide, piece, room)
                at = room.bottom + GAP
            elif isinstance(piece, Row):
                boxes = room.split(len(piece.parts), 36)
                for j, (part, box) in enumerate(zip(piece.parts, boxes, strict=True)):
                    self._drawn(slide, part, box, f"{i + 1}.{j + 1}", heading=True)
                at = room.bottom + GAP
            elif isinstance(piece, Figure | Picture):
                self._drawn(slide, piece, room, str(i + 1), heading=False)
                at = room.bottom + GAP

    def _height(self, piece: Any, size: float) -> float:
        if isinstance(piece, Sheet):
            widths = self.ruler.widths(piece, BODY.width, piece.size)
            head, rows = self.ruler.rows(piece, widths, piece.size)
            return head + sum(rows)
        if isinstance(piece, Cards):
            return self.ruler.cards(piece, BODY.width)
        return height_of(piece, self.ruler, size)

    def _glossary(self, slide: Any, glossary: Glossary, column: int) -> None:
        """Definitions below one another in one of two columns."""
        box = BODY.split(2, COLUMN_GAP)[column]
        paragraphs = []
        for entry in glossary.entries:
            after = 0.0 if entry.text else ENTRY_GAP
            paragraphs.append(self.ink.paragraph(entry.name, Look(GLOSSARY_SIZE, after=after)))
            if entry.text:
                look = Look(GLOSSARY_SIZE, after=ENTRY_GAP)
                paragraphs.append(self.ink.paragraph(entry.text, look))
        self.ink.text_box(slide, box, paragraphs, name=f"Definitions {column + 1}")

    def _beside(self, slide: Any, row: Row, room: Box) -> None:
        """Cards with the words that go with them at their side."""
        left = Box(room.x, room.y, room.width - SIDE - 30, room.height)
        right = Box(room.x + room.width - SIDE, room.y, SIDE, room.height)
        for part in row.parts:
            if isinstance(part, Cards):
                self._cards(slide, replace(part, columns=2), left)
            elif isinstance(part, Words):
                paragraphs = self._paragraphs(part, TEXT_SIZE)
                self.ink.text_box(slide, right, paragraphs, name="Text")

    def _tree(self, slide: Any, tree: Stack, room: Box) -> None:
        """Cards with the lines that lead from one row of them to the next."""
        at = room.y
        drawn = any(isinstance(part, Picture) for part in tree.parts)
        for part in tree.parts:
            at += 0 if drawn or part is tree.parts[0] else CARD_GAP
            if isinstance(part, Cards):
                at += self._cards(slide, part, Box(room.x, at, room.width, room.bottom - at))
            elif isinstance(part, Picture):
                box = Box(room.x, at, room.width, JOINT)
                self._picture(slide, part.path, box, part.alt)
                at += JOINT

    def _words(self, slide: Any, words: Words, room: Box, height: float, size: float) -> float:
        if words.kind == "remark":
            box = Box(room.x, room.y, room.width, height)
            self.ink.bar(slide, Box(box.x, box.y, 3, height), "accent")
            inner = Box(box.x + 3, box.y, box.width - 3, height)
            self.ink.text_box(slide, inner, self._paragraphs(words, LEAST_SIZE), fill="wash",
                              inset=7, name="Commentary")  # fmt: skip
            return height
        size = size - 2 if words.kind == "note" else size
        box = Box(room.x, room.y, room.width, height)
        self.ink.text_box(slide, box, self._paragraphs(words, size), name="Text")
        return height

    def _alert(self, slide: Any, alert: Alert, room: Box, title: str, size: float) -> float:
        height = height_of(alert, self.ruler, size)
        color = {"warning": "warn", "important": "bad", "caution": "warn"}.get(alert.kind, "accent")
        self.ink.bar(slide, Box(room.x, room.y, 4, height), color)
        look = Look(size, after=size * 0.35)
        head = self.ink.paragraph((Run(alert.title),), Look(size, color, bold=True, after=4))
        heads = [head] if alert.title != title else []
        lines = [self.ink.paragraph(line, look) for line in alert.lines]
        box = Box(room.x + 4, room.y, room.width - 4, height)
        self.ink.text_box(
            slide, box, [*heads, *lines], fill="wash", inset=10, name=alert.title[:60]
        )
        return height

    def _cards(self, slide: Any, cards: Cards, room: Box) -> float:
        columns = columns_of(cards)
        height = self.ruler.cards(cards, room.width)
        boxes = Box(room.x, room.y, room.width, height).grid(len(cards.cards), columns, CARD_GAP)
        for card, box in zip(cards.cards, boxes, strict=True):
            paragraphs = []
            for line in card:
                size, after = card_size(line)
                paragraphs.append(self.ink.paragraph(line, Look(size, after=after)))
            self.ink.text_box(slide, box, paragraphs, fill="wash", inset=CARD_INSET,
                              name=plain(card[0])[:60] or "Card")  # fmt: skip
        return height

    def _drawn(self, slide: Any, piece: Any, box: Box, number: str, *, heading: bool) -> None:
        if isinstance(piece, Picture):
            self._picture(slide, piece.path, box, piece.alt)
            return
        entry = self.charts.get(piece.name, {})
        alt, plot = str(entry.get("alt", "")), plot_of(self.charts, piece)
        if plot is None:
            if heading:
                box = self._over(slide, str(entry.get("title", "")), box)
            self._picture(slide, f"figures/{piece.name}.svg", box, alt)
        elif plot["panels"]:
            self._panels(slide, plot["panels"], box, alt, number)
        else:
            name = " ".join(str(plot.get("title") or "").split())
            if heading:
                name = name or str(entry.get("title", ""))
                box = self._over(slide, name, box)
            self.painter.draw(slide, plot, box, alt, f"Chart {number}")

    def _over(self, slide: Any, text: str, box: Box) -> Box:
        """A heading above a drawing, and the room that is left for the drawing."""
        lines = min(2, self.ruler.lines(text, _HEADING, box.width, True))
        height = lines * _HEADING * 1.25
        top = Box(box.x, box.y, box.width, height)
        look = Look(_HEADING, bold=True)
        self.ink.text_box(slide, top, [self.ink.paragraph((Run(text),), look)], name="Heading")
        return Box(box.x, box.y + height + 4, box.width, box.height - height - 4)

    def _panels(
        self, slide: Any, panels: Sequence[Mapping[str, Any]], box: Box, alt: str, number: str
    ) -> None:
        columns = {1: 1, 2: 2, 3: 3, 4: 2}.get(len(panels), 3)
        places = box.grid(len(panels), columns, 30)
        for i, (panel, place) in enumerate(zip(panels, places, strict=True)):
            inner = self._over(slide, str(panel["title"]), place)
            if not panel["categories"]:
                continue
            said = f"{panel['title']}. {alt}" if i == 0 else str(panel["title"])
            self.painter.draw(slide, panel, inner, said, f"Chart {number}.{i + 1}")

    def _picture(self, slide: Any, path: str, box: Box, alt: str) -> None:
        image = self.pictures.get(path)
        if image is None:
            return
        place = fitted(image, box)
        shape = slide.shapes.add_picture(
            io.BytesIO(image.data), Pt(place.x), Pt(place.y), Pt(place.width), Pt(place.height)
        )
        describe(shape, alt)


def plot_of(charts: Mapping[str, Any], figure: Figure) -> Mapping[str, Any] | None:
    """The figures of a chart that can be drawn natively; None of one that is a picture."""
    plot = charts.get(figure.name, {}).get("plot")
    return plot if plot and is_drawable(plot) else None


def _table_alt(planned: Slide, sheet: Sheet) -> str:
    heads = ", ".join(column.head for column in sheet.columns if column.head)
    return f"Table: {planned.numbered}. Columns: {heads}."

"""The slides themselves: cover, contents, what was planned, and the speaker's notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from lxml import etree
from pptx.opc.constants import RELATIONSHIP_TYPE as RT
from pptx.util import Pt

from boardpack.brand import Brand
from boardpack.facts import KpiFacts, ReportFacts
from boardpack.formats import day_name, period_name
from boardpack.frontpage import draft_line, period_of
from boardpack.periods import parse_day
from boardpack.render.slides.charts import Painter
from boardpack.render.slides.drawing import Ink, Look, describe, qn
from boardpack.render.slides.master import FOOT, KICKER, NUMBER, blank, layout_of
from boardpack.render.slides.measures import (
    BODY,
    CARD_GAP,
    CARD_INSET,
    GAP,
    LEAST_SIZE,
    MARGIN,
    TITLE_SIZE,
    WIDTH,
    Box,
    Ruler,
    card_size,
    columns_of,
)
from boardpack.render.slides.pictures import fitted, rasters
from boardpack.render.slides.pieces import (
    Alert,
    Cards,
    Figure,
    Heading,
    Line,
    Picture,
    Row,
    Run,
    Sheet,
    Stack,
    Words,
    clean,
    plain,
)
from boardpack.render.slides.plan import JOINT, SIDE, TEXT_SIZE, Slide, height_of
from boardpack.render.slides.series import is_drawable
from boardpack.render.slides.tables import draw_table

_HEADING = 14.0
_BETTER = {"higher": "Higher is better.", "lower": "Lower is better.", "range": "Within its range."}
#: From so many sections on a reader looks for one.
_WORTH_LISTING = 3


@dataclass
class Deck:
    """The presentation of one report; ``day`` is the date that its files carry."""

    facts: ReportFacts
    title: str
    brand: Brand
    ruler: Ruler
    charts: Mapping[str, Any]
    kpis: Mapping[str, KpiFacts]
    folder: Path
    day: datetime
    _pictures: dict[str, Any] = field(default_factory=dict)

    @property
    def language(self) -> str:
        """The language of the texts, as a program that reads them aloud wants it."""
        return self.facts.locale.replace("_", "-")

    @cached_property
    def ink(self) -> Ink:
        """The colours of the brand."""
        return Ink(self.brand.colors, self.language)

    @cached_property
    def painter(self) -> Painter:
        """What draws the charts."""
        return Painter(self.ink, self.ruler, self.day)

    @cached_property
    def period(self) -> str:
        """The period of the report by its name."""
        return period_name(period_of(self.facts), self.facts.locale)

    @cached_property
    def foot(self) -> str:
        """What stands below each slide."""
        facts = self.facts
        parts = (
            "DRAFT, not for distribution" if self.draft else "",
            facts.company, self.title, self.period, facts.segment,
            "" if facts.status == "final" else "Provisional",
            f"Revision {facts.revision}", "signed" if facts.signatures else "",
            facts.confidentiality,
        )  # fmt: skip
        return clean(" · ".join(part for part in parts if part))

    @property
    def draft(self) -> str:
        """Why this is a draft; "" for a report that is none."""
        return draft_line(self.facts)

    def make(self, planned: Sequence[Slide]) -> Any:
        """The presentation: what was planned between a cover and whatever ends it."""
        presentation = blank(self.brand, self.language)
        self._presentation = presentation
        self._pictures = rasters(self.folder, self.brand, self._needed(planned))
        self._cover()
        many = len({_section(slide) for slide in planned}) >= _WORTH_LISTING
        contents = self._add("content", "Contents", "") if many else None
        firsts: dict[str, Any] = {}
        for slide in planned:
            made = self._divider(slide) if slide.kind == "divider" else self._content(slide)
            firsts.setdefault(_section(slide), (made, len(presentation.slides)))
        if contents is not None:
            self._contents(contents, [(n, *at) for n, at in firsts.items() if n])
        self._properties(presentation.core_properties)
        return presentation

    def _needed(self, planned: Sequence[Slide]) -> list[str]:
        """The files of pictures that cannot stand on a slide as they are."""
        found = []
        for slide in planned:
            for piece in slide.body:
                for part in piece.parts if isinstance(piece, Row | Stack) else (piece,):
                    if isinstance(part, Figure) and not self._plot(part):
                        found.append(f"figures/{part.name}.svg")
                    elif isinstance(part, Picture):
                        found.append(part.path)
        return found

    def _plot(self, figure: Figure) -> Mapping[str, Any] | None:
        plot = self.charts.get(figure.name, {}).get("plot")
        return plot if plot and is_drawable(plot) else None

    def _add(self, layout: str, title: str, section: str) -> Any:
        slide = self._presentation.slides.add_slide(layout_of(self._presentation, layout))
        size = TITLE_SIZE
        while size > 16 and self.ruler.lines(title, size, WIDTH - 2 * MARGIN, True) > 2:
            size -= 2
        look = Look(size, bold=True)
        if layout in ("content", "words"):
            shown = title
            while self.ruler.lines(shown, size, WIDTH - 2 * MARGIN, True) > 3:
                shown = shown[: int(len(shown) * 0.9)].rstrip() + "…"
            self.ink.write(slide.shapes.title.text_frame, [self.ink.paragraph((Run(shown),), look)])
        for placeholder in list(slide.placeholders):
            if placeholder.placeholder_format.idx == KICKER and layout in ("content", "words"):
                if section:
                    placeholder.text_frame.text = clean(section)
                else:
                    placeholder._element.getparent().remove(placeholder._element)
        self._foot(slide, layout)
        if self.draft:
            tag = Box(WIDTH - MARGIN - 76, 16, 76, 22)
            said = self.ink.paragraph((Run("DRAFT"),), Look(12, "bad", bold=True, align="ctr"))
            self.ink.text_box(
                slide, tag, [said], anchor="ctr", fill="paper", edge="bad", name="Draft mark"
            )
        return slide

    def _foot(self, slide: Any, layout: str) -> None:
        """The foot and the number of the slide, which python-pptx leaves on the layout."""
        from copy import deepcopy

        for shape in layout_of(self._presentation, layout).placeholders:
            idx = shape.placeholder_format.idx
            if idx not in (FOOT, NUMBER):
                continue
            copy = deepcopy(shape._element)
            copy.nvSpPr.cNvPr.set("id", str(200 + idx))
            for child in list(copy.spPr):
                copy.spPr.remove(child)
            slide.shapes._spTree.append(copy)
            if idx == FOOT:
                p = copy.txBody.find(qn("a:p"))
                for child in list(p):
                    p.remove(child)
                r = etree.SubElement(p, qn("a:r"))
                etree.SubElement(r, qn("a:rPr"), lang=self.language)
                etree.SubElement(r, qn("a:t")).text = self.foot

    def _cover(self) -> None:
        slide = self._add("cover", self.title, "")
        facts = self.facts
        slide.shapes.title.text_frame.text = clean(self.title)
        as_of = day_name(parse_day(facts.as_of), facts.locale) if facts.as_of else ""
        state = "Final" if facts.status == "final" else "Provisional"
        checks = {
            "publish": "passed", "banner": "passed with warnings", "hold": "failed",
            "not checked": "not made",
        }[facts.verdict]  # fmt: skip
        look_of = {"hold": "bad", "banner": "warn"}.get(facts.verdict, "")
        signed = ", ".join(dict.fromkeys(one.by for one in facts.signatures))
        known = (f"As of {as_of}" if as_of else "", f"Revision {facts.revision}", state)
        lines: list[Line] = [
            (Run(" · ".join(part for part in known if part)),),
            (Run("Data checks ", "muted"), Run(checks, look_of)),
            (Run(" · ".join(part for part in (facts.currency, facts.segment) if part)),),
            (Run("Signed by ", "muted"), Run(signed)) if signed else (),
            (Run(facts.confidentiality, bold=True),),
        ]  # fmt: skip
        if self.draft:
            said = (Run("DRAFT, not for distribution: ", "bad", bold=True), Run(self.draft))
            lines.insert(0, said)
        for placeholder in slide.placeholders:
            idx = placeholder.placeholder_format.idx
            if idx == 1:
                placeholder.text_frame.text = clean(f"{facts.company} · {self.period}")
            elif idx == KICKER:
                look = Look(14, after=5)
                shown = [line for line in lines if plain(line)]
                paragraphs = [self.ink.paragraph(line, look) for line in shown]
                self.ink.write(placeholder.text_frame, paragraphs)
        self._notes(slide, [f"{facts.company}: {self.title}, {self.period}.",
                            "Every figure is that of the edition's values; see the other files of"
                            " this edition for the numbers behind each chart."])  # fmt: skip

    def _contents(self, slide: Any, sections: Sequence[tuple[str, Any, int]]) -> None:
        columns = 2 if len(sections) > 9 else 1
        each = -(-len(sections) // columns)
        for column, box in enumerate(BODY.split(columns, 48)):
            part = sections[column * each : (column + 1) * each]
            width = box.width if columns == 2 else 520.0
            look = Look(16 if each <= 12 else LEAST_SIZE, after=9 if each <= 12 else 4)
            paragraphs = []
            for name, target, number in part:
                link = slide.part.relate_to(target.part, RT.SLIDE)
                p = self.ink.paragraph((Run(name),), look, link)
                tab = etree.SubElement(p.find(qn("a:pPr")), qn("a:tabLst"))
                etree.SubElement(tab, qn("a:tab"), pos=str(int(Pt(width))), algn="r")
                r = self.ink.paragraph((Run(f"\t{number}", "muted"),), look).find(qn("a:r"))
                r.find(qn("a:t")).text = f"\t{number}"
                p.insert(len(p) - 1, r)
                paragraphs.append(p)
            if paragraphs:
                self.ink.text_box(slide, Box(box.x, box.y, width, box.height), paragraphs,
                                  name="Contents")  # fmt: skip

    def _divider(self, planned: Slide) -> Any:
        slide = self._add("divider", planned.title, "")
        slide.shapes.title.text_frame.text = planned.title
        return slide

    def _content(self, planned: Slide) -> Any:
        only_words = all(isinstance(p, Words) and p.kind != "remark" for p in planned.body)
        layout = "words" if only_words else "content"
        slide = self._add(layout, planned.numbered, planned.section)
        if only_words:
            body = next(p for p in slide.placeholders if p.placeholder_format.idx == 1)
            self._words_into(body.text_frame, planned.body)
        else:
            self._stack(slide, planned)
        self._notes(slide, self._said(planned))
        return slide

    def _words_into(self, frame: Any, body: Sequence[Any]) -> None:
        size = 18.0
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

    def _stack(self, slide: Any, planned: Slide) -> None:
        """From top to bottom; what is drawn takes the room that words and tables leave."""
        at = BODY.y
        rest = [self._height(piece) for piece in planned.body]
        for i, piece in enumerate(planned.body):
            below = sum(height + GAP for height in rest[i + 1 :] if height)
            room = Box(BODY.x, at, BODY.width, BODY.bottom - at - below)
            if isinstance(piece, Alert):
                at += self._alert(slide, piece, room, planned.title) + GAP
            elif isinstance(piece, Words):
                at += self._words(slide, piece, room, rest[i]) + GAP
            elif isinstance(piece, Sheet):
                alt = _table_alt(planned, piece)
                name = f"Table {i + 1}"
                at += draw_table(slide, piece, room, self.ink, self.ruler, name, alt) + GAP
            elif isinstance(piece, Cards):
                at += self._cards(slide, piece, room) + GAP
            elif isinstance(piece, Heading):
                look = Look(TEXT_SIZE, "accent" if piece.level == 3 else "ink", bold=True)
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

    def _height(self, piece: Any) -> float:
        if isinstance(piece, Sheet):
            widths = self.ruler.widths(piece, BODY.width, piece.size)
            head, rows = self.ruler.rows(piece, widths, piece.size)
            return head + sum(rows)
        if isinstance(piece, Cards):
            return self.ruler.cards(piece, BODY.width)
        return height_of(piece, self.ruler)

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

    def _words(self, slide: Any, words: Words, room: Box, height: float) -> float:
        if words.kind == "remark":
            box = Box(room.x, room.y, room.width, height)
            self.ink.bar(slide, Box(box.x, box.y, 3, height), "accent")
            inner = Box(box.x + 3, box.y, box.width - 3, height)
            self.ink.text_box(slide, inner, self._paragraphs(words, LEAST_SIZE), fill="wash",
                              inset=7, name="Commentary")  # fmt: skip
            return height
        size = LEAST_SIZE if words.kind == "note" else 14.0
        box = Box(room.x, room.y, room.width, height)
        self.ink.text_box(slide, box, self._paragraphs(words, size), name="Text")
        return height

    def _alert(self, slide: Any, alert: Alert, room: Box, title: str) -> float:
        height = height_of(alert, self.ruler)
        color = {"warning": "warn", "important": "bad", "caution": "warn"}.get(alert.kind, "accent")
        self.ink.bar(slide, Box(room.x, room.y, 4, height), color)
        look = Look(LEAST_SIZE + 2, after=LEAST_SIZE * 0.4)
        head = self.ink.paragraph((Run(alert.title),), Look(14, color, bold=True, after=4))
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
        alt, plot = str(entry.get("alt", "")), self._plot(piece)
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
        image = self._pictures.get(path)
        if image is None:
            return
        import io

        place = fitted(image, box)
        shape = slide.shapes.add_picture(
            io.BytesIO(image.data), Pt(place.x), Pt(place.y), Pt(place.width), Pt(place.height)
        )
        describe(shape, alt)

    def _said(self, planned: Slide) -> list[str]:
        """What stands in the notes: how to read the figures, and where they come from."""
        said = []
        for piece in planned.body:
            for part in piece.parts if isinstance(piece, Row) else (piece,):
                if isinstance(part, Figure):
                    said.append(str(self.charts.get(part.name, {}).get("alt", "")))
        for kpi in planned.kpis:
            facts = self.kpis.get(kpi)
            if facts is not None:
                said.append(_definition(facts))
        as_of = day_name(parse_day(self.facts.as_of), self.facts.locale) if self.facts.as_of else ""
        known = f", as known by the end of {as_of}" if as_of else ""
        said.append(f"{self.facts.company}, {self.period}{known}. Revision {self.facts.revision}.")
        return said

    def _notes(self, slide: Any, lines: Sequence[str]) -> None:
        slide.notes_slide.notes_text_frame.text = "\n".join(clean(line) for line in lines if line)

    def _properties(self, properties: Any) -> None:
        facts = self.facts
        properties.title = clean(f"{self.title}, {self.period} · {facts.company}")[:255]
        properties.author = clean(facts.company)[:255]
        properties.last_modified_by = clean(facts.company)[:255]
        properties.subject = clean(self.period)
        properties.category = clean(facts.confidentiality)[:255]
        properties.comments = f"Revision {facts.revision}"
        properties.keywords = ""
        properties.language = self.language
        properties.revision = 1
        properties.created = properties.modified = self.day


def _section(slide: Slide) -> str:
    return slide.part_of or slide.title


def _table_alt(planned: Slide, sheet: Sheet) -> str:
    heads = ", ".join(column.head for column in sheet.columns if column.head)
    return f"Table: {planned.numbered}. Columns: {heads}."


def _definition(facts: KpiFacts) -> str:
    formula = "" if facts.formula in ("", "value") else f" Computed as {facts.formula}."
    source = f" Source: {', '.join(facts.sources)}." if facts.sources else ""
    owner = f" Owner: {facts.owner}." if facts.owner else ""
    ended = facts.definition if facts.definition.endswith(".") else f"{facts.definition}."
    notes = f" {facts.notes}" if facts.notes else ""
    return f"{facts.name}: {ended}{notes}{formula}{source}{owner} {_BETTER[facts.direction]}"

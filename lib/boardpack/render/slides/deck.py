"""The slides themselves: cover, contents, and what was planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
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
from boardpack.render.slides.bodies import Bodies, plot_of
from boardpack.render.slides.charts import Painter
from boardpack.render.slides.drawing import Ink, Look, qn
from boardpack.render.slides.master import FOOT, KICKER, NUMBER, blank, layout_of
from boardpack.render.slides.measures import (
    BODY,
    LEAST_SIZE,
    MARGIN,
    TITLE_SIZE,
    WIDTH,
    Box,
    Ruler,
)
from boardpack.render.slides.notes import notes_of, write_notes
from boardpack.render.slides.pictures import rasters
from boardpack.render.slides.pieces import (
    Figure,
    Line,
    Picture,
    Row,
    Run,
    Stack,
    Words,
    clean,
    plain,
)
from boardpack.render.slides.plan import Slide

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

    @property
    def language(self) -> str:
        """The language of the texts, as a program that reads them aloud wants it."""
        return self.facts.locale.replace("_", "-")

    @cached_property
    def ink(self) -> Ink:
        """The colours of the brand."""
        return Ink(self.brand.colors, self.language)

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
        pictures = rasters(self.folder, self.brand, self._needed(planned))
        painter = Painter(self.ink, self.ruler, self.day)
        self._bodies = Bodies(self.ink, self.ruler, painter, self.charts, pictures)
        self._cover()
        begun = [name for slide in planned for name in (slide.part_of or slide.title, *slide.also)]
        many = len(set(begun)) >= _WORTH_LISTING
        contents = self._add("content", "Contents", "") if many else None
        firsts: dict[str, Any] = {}
        for slide in planned:
            made = self._content(slide)
            for name in (slide.part_of or slide.title, *slide.also):
                firsts.setdefault(name, (made, len(presentation.slides)))
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
                    if isinstance(part, Figure) and plot_of(self.charts, part) is None:
                        found.append(f"figures/{part.name}.svg")
                    elif isinstance(part, Picture):
                        found.append(part.path)
        return found

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
        write_notes(slide, [f"{facts.company}: {self.title}, {self.period}.",
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

    def _content(self, planned: Slide) -> Any:
        only_words = all(isinstance(p, Words) and p.kind != "remark" for p in planned.body)
        layout = "words" if only_words else "content"
        slide = self._add(layout, planned.numbered, planned.section)
        if only_words:
            body = next(p for p in slide.placeholders if p.placeholder_format.idx == 1)
            self._bodies.words_into(body.text_frame, planned.body)
        else:
            self._bodies.draw(slide, planned)
        write_notes(slide, notes_of(planned, self.facts, self.kpis, self.charts))
        return slide

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

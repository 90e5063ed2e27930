"""How slides look: in the notation of the page, within their boxes, with a message as title."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from pptx import Presentation
from pptx.util import Pt

from boardpack.blocks import Plot, Series
from boardpack.brand import read_brand
from boardpack.markup import Box, Bullets, Column, Paragraph, Span, Strong, Table
from boardpack.render.scheme import heat_steps
from boardpack.render.slides.measures import HEIGHT, WIDTH, Ruler
from report_fixture import Desk
from slides_fixture import (
    BARS,
    BRIDGE,
    COLUMNS_OF_TABLE,
    LINES,
    PANELS,
    STACK,
    block,
    charts_of,
    made,
    parts,
    rows,
    tables_of,
    texts,
    titled,
    titles,
    words,
)

FIGURES = "{{< embed ../notebooks/r.ipynb#fig >}}"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def banded(*normal: tuple[float, float] | None, **marks: tuple[int, ...]) -> Plot:
    own, *others = LINES.series
    return replace(LINES, series=(replace(own, **marks), *others), normal=normal, ends=(0.0, 6.0))


def drawn(desk: Desk, plot: Plot, title: str = "MRR rose to $5.5M") -> Any:
    desk.notebook("r", fig=block(plot, title))
    return charts_of(titled(made(desk, FIGURES), title))[0]


@pytest.mark.parametrize(
    ("normal", "base", "band"),
    [
        (
            (None, (1.0, 3.0), (2.0, 2.5), (3.0, 4.0), (4.0, 5.0)),
            (None, 1.0, 2.0, 3.0, 4.0),
            {"Normal range": (None, 2.0, 0.5, 1.0, 1.0)},
        ),
        (
            ((-1.0, 1.0), (-3.0, -2.0), None, (0.0, 1.0), (1.0, 2.0)),
            (None, -2.0, None, None, 1.0),
            {
                "Normal range": (1.0, None, None, 1.0, 1.0),
                "Normal range below zero": (-1.0, -1.0, None, None, None),
            },
        ),
    ],
    ids=["above zero", "across zero"],
)
def test_what_was_to_be_expected_is_a_band_behind_the_lines(
    desk: Desk, normal: Any, base: Any, band: dict[str, Any]
) -> None:
    held = drawn(desk, banded(*normal))
    columns, lines = held.plots
    found = {series.name: tuple(series.values) for series in columns.series}
    assert found.pop("Normal range starts at (not shown)") == base
    assert found == band
    assert [series.name for series in lines.series] == ["Target", "Year before", "Actual"]
    assert columns.gap_width == 0
    gone = [int(e.get("val")) for e in held._chartSpace.iterfind(".//{*}legendEntry/{*}idx")]
    seen = set(range(len(columns.series) + 3)) - set(gone)
    assert seen == {1}  # of all series the legend names the band alone
    ids = [e.get("val") for e in held._chartSpace.iterfind(".//{*}ser/{*}idx")]
    assert len(ids) == len(set(ids))
    axes = {
        tuple(a.get("val") for a in g.findall("{*}axId"))
        for g in held._chartSpace.iterfind(".//{*}plotArea/*")
        if g.findall("{*}ser")
    }
    assert len(axes) == 1


def test_a_wide_band_does_not_press_the_lines_flat(desk: Desk) -> None:
    held = drawn(desk, banded(*[(-50.0, 80.0)] * 5))
    assert (held.value_axis.minimum_scale, held.value_axis.maximum_scale) == (0.0, 6.0)


def test_what_may_still_change_is_dashed_and_hollow_and_what_is_unusual_has_a_ring(
    desk: Desk,
) -> None:
    held = drawn(desk, banded(*[(1.0, 3.0)] * 5, still_open=(4,), unusual=(1,)))
    (own,) = [
        s
        for s in held._chartSpace.iterfind(".//{*}ser")
        if s.find(".//{*}tx//{*}v").text == "Actual"
    ]
    points = {int(p.find("{*}idx").get("val")): p for p in own.findall("{*}dPt")}
    assert points[4].find("{*}spPr/{*}ln/{*}prstDash").get("val") == "sysDash"
    assert points[4].find("{*}marker/{*}spPr/{*}solidFill/{*}schemeClr").get("val") == "bg1"
    ring = points[1].find("{*}marker/{*}spPr")
    assert ring.find("{*}noFill") is not None
    assert ring.find("{*}ln/{*}solidFill/{*}schemeClr").get("val") == "tx1"
    assert points[1].find("{*}spPr") is None


def test_the_strokes_of_lines_are_those_of_the_page(desk: Desk) -> None:
    held = drawn(desk, LINES)
    found = {}
    for series in held._chartSpace.iterfind(".//{*}ser"):
        line = series.find("{*}spPr/{*}ln")
        dash = line.find("{*}prstDash")
        found[series.find(".//{*}tx//{*}v").text] = (
            line.find(".//{*}schemeClr").get("val"), dash is not None, int(line.get("w")) / 12700,
        )  # fmt: skip
    assert found["Actual"] == ("accent1", False, 2.5)
    assert found["Year before"] == ("accent2", False, 1.75)  # lighter, and thinner
    assert found["Target"] == ("accent3", True, 1.25)


def test_a_heatmap_keeps_its_colours_in_cells_that_can_be_edited(desk: Desk) -> None:
    heads = (Column("Cohort", 20), *(Column(f"Month {i}", 10, "right") for i in range(6)))
    body = (
        (
            ("Dec 2024",),
            *((Span(f"heat-{i}", (f"{i}%", Span("missed", ("▼",)))),) for i in range(6)),
        ),
    )
    desk.notebook("r", fig=words(Table(heads, body)))
    (table,) = tables_of(made(desk, f"## Cohorts\n\n{FIGURES}").slides[1])
    steps = heat_steps(read_brand().colors)
    cells = list(table.rows)[1].cells
    fills = [c._tc.tcPr.find("{*}solidFill/{*}srgbClr").get("val") for c in list(cells)[1:]]
    assert fills == [step["fill"].lstrip("#") for step in steps]
    for cell, step in zip(list(cells)[1:], steps, strict=True):
        inks = {e.get("val") for e in cell._tc.iterfind(".//{*}rPr/{*}solidFill/{*}srgbClr")}
        assert inks == {step["ink"].lstrip("#")}  # the sign as well: its own red could not be read


def test_a_chart_without_common_measure_is_a_table_of_its_figures(desk: Desk) -> None:
    """Behind it are full amounts; the slide writes them as the report does, or not at all."""
    series = Series("Against last year in percent", "last_year", (4.0, None), ("+4%", ""))

    def cell(kpi: str, text: str, what: str, period: str = "2025-12") -> dict[str, str]:
        return {"kpi": kpi, "period": period, "member": "", "text": text, "what": what}

    drawn = [
        cell("arr", "$1.92M", "value"), cell("arr", "+$74K", "change"),
        cell("arr", "+4%", "change"), cell("margin", "81%", "value"),
        cell("margin", "−2 pp", "change"),
    ]  # fmt: skip
    entry = block(Plot("bars", ("ARR", "Margin"), (series,)), "Better: 1 of 2", numbers=drawn)
    rows_of_data = [
        ["ARR", cell("arr", "$1,920,000", "value"), cell("arr", "$1,846,000", "value", "2024-12"),
         drawn[1], drawn[2], "better"],
        ["Margin", cell("margin", "81%", "value"), cell("margin", "83%", "value", "2024-12"),
         drawn[4], "—", "worse"],
    ]  # fmt: skip
    heads = ["Name", "Actual", "Year before", "Change", "Percent", "Is"]
    entry["data"] = {"columns": heads, "rows": rows_of_data}
    entry["cells"] = [c for row in rows_of_data for c in row if isinstance(c, dict)]
    desk.notebook("r", fig=entry)
    (table,) = tables_of(titled(made(desk, FIGURES), "Better: 1 of 2"))
    assert [[c.text_frame.text for c in row.cells] for row in table.rows] == [
        ["Name", "Actual", "vs year before", "Percent"],
        ["ARR", "$1.92M", "+$74K", "+4%"],
        ["Margin", "81%", "−2 pp", "—"],
    ]
    hues = [
        row.cells[2]._tc.xpath(".//a:rPr/a:solidFill/a:schemeClr/@val")
        for row in list(table.rows)[1:]
    ]
    assert hues == [["accent4"], ["accent5"]]  # good, bad


def definitions(count: int) -> dict[str, Any]:
    entries = [
        Box("definition", (
            Paragraph((Strong((f"KPI {i:03d}",)), Span("muted", (" percent · CFO",)))),
            Paragraph(("What it is, in a sentence that is neither short nor long. " * 3,)),
        ), id=f"def-kpi_{i}")
        for i in reversed(range(count))
    ]  # fmt: skip
    return words(Box("definitions", tuple(entries)))


def test_definitions_stand_dense_in_two_columns_by_their_names(desk: Desk) -> None:
    desk.notebook("r", fig=definitions(60))
    deck = made(desk, f"## Definitions\n\n::: {{#definitions}}\n{FIGURES}\n:::")
    pages = [slide for slide in deck.slides if "Definitions" in slide.shapes.title.text_frame.text]
    assert len(pages) <= 4
    named = [re.findall(r"KPI \d+", texts(slide).split("\n", 1)[1]) for slide in pages]
    assert [name for page in named for name in page] == [f"KPI {i:03d}" for i in range(60)]
    for slide, names in zip(pages, named, strict=True):
        assert slide.shapes.title.text_frame.text == f"Definitions: {names[0]} to {names[-1]}"
        left, right = [s for s in slide.shapes if s.name.startswith("Definitions")]
        assert left.left + left.width < right.left
    sizes = [len(page) for page in named]
    assert max(sizes) - min(sizes) <= 4  # no slide with a single one


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (Table(COLUMNS_OF_TABLE, rows(3)), "Target missed: KPI 0 and KPI 2"),
        (
            Table(
                (Column("KPI", 20), Column("Nov", 10, "right"), Column("vs Nov", 10, "right")),
                ((("A",), ("1",), (Span("bad", ("−1",)),)), (("B",), ("2",), (Span("good", ("+1",)),))),
            ),
            "Worse than in Nov: A; better: B",
        ),
        (Bullets(((Strong(("Net retention (CFO)",)), " fell."), (Strong(("Churn",)), " rose."))), "Things: Net retention and Churn"),
        (Box("message", (Paragraph(("Two of three were met.",)),)), "Two of three were met"),
    ],
    ids=["judged", "changed", "listed", "said"],
)  # fmt: skip
def test_a_slide_without_a_chart_has_a_message_from_what_stands_on_it(
    desk: Desk, body: Any, message: str
) -> None:
    table = Table((Column("Name", 10), Column("Figure", 10, "right")), ((("A",), ("1",)),))
    desk.notebook("r", fig=words(body, *([table] if isinstance(body, Box) else [])))
    assert titles(made(desk, f"## Things\n\n{FIGURES}")) == ["Monthly", message]


def test_a_member_table_without_a_message_is_named_by_its_dimension(desk: Desk) -> None:
    from boardpack.blocks import Shown
    from boardpack.markup import Number

    def figure(text: str, member: str) -> Any:
        return (Number(Shown("mrr", "2025-12", f"region={member}", text)),)

    table = Table(
        (Column("Region", 10), Column("MRR", 10, "right")),
        tuple(((name,), figure(text, name)) for name, text in (("EU", "$98,000"), ("US", "$1,011,070"))),
    )  # fmt: skip
    desk.notebook("r", fig=words(table))
    assert titles(made(desk, f"## MRR\n\n{FIGURES}"))[1] == "MRR by region"


def test_a_sentence_stands_below_the_table_before_it_and_is_found_in_the_contents(
    desk: Desk,
) -> None:
    desk.notebook("r", fig=words(Table(COLUMNS_OF_TABLE, rows(3))))
    deck = made(
        desk, f"## A\n\n{FIGURES}\n\n## B\n\n{FIGURES}\n\n## Restatements\n\nNothing was restated."
    )
    assert len(deck.slides) == 4
    assert "Restatements\nNothing was restated." in texts(deck.slides[3])
    assert "B\t4\nRestatements\t4" in texts(deck.slides[1])


CROWD: dict[str, Any] = {
    "a": banded(*[(1.0, 3.0)] * 5, still_open=(4,), unusual=(1,)), "b": STACK, "c": BRIDGE,
    "d": BARS, "e": PANELS, "f": LINES,
}  # fmt: skip


def crowded(desk: Desk) -> Any:
    """A report of everything, with long words."""
    long = "A sentence of some length that says what happened and what follows from it. " * 2
    named = tuple(
        ((f"A name of a KPI that is long, number {i}",), (long[:60],), (f"{i},000,000%",))
        for i in range(50)
    )
    desk.notebook(
        "r", **{name: block(plot) for name, plot in CROWD.items()},
        tbl=words(Table(COLUMNS_OF_TABLE, named)), said=words(Bullets(((long,),) * 25)),
        defs=definitions(40),
    )  # fmt: skip
    body = "\n\n".join(
        f"## {n}\n\n{{{{< embed ../notebooks/r.ipynb#{n} >}}}}" for n in (*CROWD, "tbl", "said")
    )
    return made(
        desk,
        f"{body}\n\n## Definitions\n\n::: {{#definitions}}\n{{{{< embed ../notebooks/r.ipynb#defs >}}}}\n:::",
    )


def needed(frame: Any, ruler: Ruler, width: float) -> float:
    """How high the text of a frame is once it is wrapped."""
    height = 0.0
    for paragraph in frame.paragraphs:
        sizes = [run.font.size.pt for run in paragraph.runs if run.font.size]
        bold = bool(paragraph.runs) and all(run.font.bold for run in paragraph.runs)
        size = max(sizes, default=12.0)
        text = "".join(run.text for run in paragraph.runs)
        # What is written with a hanging indent has less room.
        indent = (
            float(paragraph._p.pPr.get("marL", 0)) / 12700 if paragraph._p.pPr is not None else 0
        )
        height += ruler.lines(text, size, width - indent, bold) * size * 1.2
    return height


def test_no_text_overflows_its_box_or_its_slide(desk: Desk) -> None:
    """Measured in the brand's font, made as wide as the fonts that stand in for it."""
    deck, ruler = crowded(desk), Ruler.of(read_brand())
    assert len(deck.slides) > 12
    for number, slide in enumerate(deck.slides, start=1):
        for shape in slide.shapes:
            at = f"{shape.name} on slide {number}"
            assert 0 <= shape.left <= Pt(WIDTH) - shape.width, at
            assert 0 <= shape.top <= Pt(HEIGHT) - shape.height, at
            if shape.has_table:
                bottom = shape.top + sum(row.height for row in shape.table.rows)
                assert bottom <= Pt(HEIGHT - 36), at
                widths = [column.width.pt for column in shape.table.columns]
                for row in shape.table.rows:
                    for cell, width in zip(row.cells, widths, strict=True):
                        wanted = needed(cell.text_frame, ruler, width - 11)
                        assert cell.is_merge_origin or wanted <= row.height.pt + 0.5, at
            elif shape.has_text_frame and shape.text_frame.text:
                wanted = needed(shape.text_frame, ruler, shape.width.pt)
                assert wanted <= shape.height.pt + 1, at


def test_the_package_is_whole(desk: Desk) -> None:
    """Every part has a type and is there once; every relationship leads to a part."""
    crowded(desk)
    path: Path = desk.target / "report.pptx"
    with zipfile.ZipFile(path) as file:
        names = file.namelist()
    assert [name for name, count in Counter(names).items() if count > 1] == []
    found = parts(path)
    types = etree.fromstring(found["[Content_Types].xml"])
    defaults = {e.get("Extension").lower() for e in types.findall("{*}Default")}
    overrides = {e.get("PartName") for e in types.findall("{*}Override")}
    assert all(name.lstrip("/") in found for name in overrides)
    for name, data in found.items():
        assert f"/{name}" in overrides or name.rpartition(".")[2].lower() in defaults, name
        if not name.endswith(".rels"):
            continue
        folder = posixpath.dirname(posixpath.dirname(name))
        source = posixpath.join(folder, posixpath.basename(name).removesuffix(".rels"))
        ids = []
        for relation in etree.fromstring(data):
            ids.append(relation.get("Id"))
            if relation.get("TargetMode") == "External":
                pytest.fail(f"{name} leads out of the file: {relation.get('Target')}")
            target = relation.get("Target")
            reached = (
                target.lstrip("/")
                if target.startswith("/")
                else posixpath.normpath(posixpath.join(folder, target))
            )
            assert reached in found, f"{name}: {target}"
        assert len(ids) == len(set(ids)), name
        if source in found and source.endswith(".xml"):
            asked = set(re.findall(rb'r:(?:id|embed|link|pict)="([^"]+)"', found[source]))
            assert {one.decode() for one in asked} <= set(ids), source
    again = Presentation(io.BytesIO(path.read_bytes()))
    for slide in again.slides:
        ids = [shape.shape_id for shape in slide.shapes]
        assert len(ids) == len(set(ids)), slide.shapes.title.text_frame.text

"""The slides of a report: what they show, that it can be edited, and what must not break them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree
from pptx.enum.text import PP_ALIGN

from boardpack.blocks import Plot, Series
from boardpack.errors import ReportError
from boardpack.facts import KpiFacts, Note
from boardpack.markup import (
    Box,
    Break,
    Bullets,
    Column,
    NoValue,
    Paragraph,
    Span,
    Strong,
    Table,
)
from boardpack.render import render
from boardpack.render.slides import render_slides
from report_fixture import FACTS, Desk, svg
from slides_fixture import (
    BARS,
    BRIDGE,
    COLUMNS,
    COLUMNS_OF_TABLE,
    LINES,
    PANELS,
    STACK,
    block,
    charts_of,
    label_texts,
    made,
    parts,
    rows,
    tables_of,
    texts,
    titled,
    titles,
    words,
)

#: What a customer may be called: a formula, control characters, another script, no end.
NAMES = (
    "=cmd|' /C calc'!A0",
    "+1+cmd",
    "@SUM(A1)",
    "https://evil.example/?a=1",
    "bell\x07 and \x0bfeed",
    "N" * 200,
    "شركة المثال",
    "Rocket 🚀 Inc",
    "<b>&amp;</b>",
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def sheets(path: Path) -> Iterator[dict[str, bytes]]:
    """The workbooks behind the charts."""
    for name, data in parts(path).items():
        if name.endswith(".xlsx"):
            with zipfile.ZipFile(io.BytesIO(data)) as book:
                yield {entry: book.read(entry) for entry in book.namelist()}


def test_a_report_opens_with_a_cover_and_each_slide_has_a_message(desk: Desk) -> None:
    desk.notebook("revenue", fig=block(LINES), note=words(Paragraph(("A word.",))))
    deck = made(
        desk,
        "## Revenue\n\n{{< embed ../notebooks/revenue.ipynb#fig >}}\n\n## Outlook\n\nSo be it.",
    )
    assert titles(deck) == ["Monthly", "MRR rose to $5.5M", "Outlook"]
    assert (deck.slide_width, deck.slide_height) == (12192000, 6858000)
    assert "DataInsight Pro · December 2025" in texts(deck.slides[0])
    assert "As of December 31, 2025" in texts(deck.slides[0])
    assert [slide.slide_layout.name for slide in deck.slides] == [
        "Cover", "Title only", "Title and text",
    ]  # fmt: skip
    for number, slide in enumerate(deck.slides, start=1):
        foot = [s for s in slide.placeholders if s.placeholder_format.idx in (11, 12)]
        assert len(foot) == 2, number
        assert "DataInsight Pro · Monthly · December 2025" in foot[0].text_frame.text
        assert "Confidential" in foot[0].text_frame.text


def test_the_contents_lead_to_the_first_slide_of_each_section(desk: Desk) -> None:
    deck = made(desk, "## One\n\nWords.\n\n## Two\n\nWords.\n\n## Three\n\nWords.")
    assert titles(deck) == ["Monthly", "Contents", "One", "Two", "Three"]
    contents = deck.slides[1]
    assert "One\t3\nTwo\t4\nThree\t5" in texts(contents)
    links = contents._element.xpath(".//a:hlinkClick/@r:id")
    led = [contents.part.related_part(link).slide.shapes.title.text_frame.text for link in links]
    assert led == ["One", "Two", "Three"]


@pytest.mark.parametrize(
    ("plot", "kinds"),
    [
        (LINES, ["LINE"]),
        (COLUMNS, ["COLUMN_CLUSTERED"]),
        (BARS, ["BAR_CLUSTERED"]),
        (PANELS, ["LINE", "LINE"]),
    ],
    ids=lambda given: given.kind if isinstance(given, Plot) else "",
)
def test_a_chart_is_native_with_the_figures_of_its_plot(
    desk: Desk, plot: Plot, kinds: list[str]
) -> None:
    desk.notebook("revenue", fig=block(plot))
    slide = titled(made(desk, "{{< embed ../notebooks/revenue.ipynb#fig >}}"), "MRR rose to $5.5M")
    held = charts_of(slide)
    assert [one.chart_type.name for one in held] == kinds
    for one, drawn in zip(held, plot.panels or (plot,), strict=True):
        found = {series.name: tuple(series.values) for series in one.plots[0].series}
        assert found == {series.name: series.values for series in drawn.series}
        said = " ".join(label_texts(one))
        for series in drawn.series:
            for label in filter(None, series.labels):
                assert label in said
        assert not one.has_legend
        assert one.value_axis.visible is False
        assert one.value_axis.has_major_gridlines is False
    alternatives = [s._element.xpath(".//p:cNvPr/@descr")[0] for s in slide.shapes if s.has_chart]
    assert '"MRR" from $1.88M to $1.92M' in alternatives[0]
    assert all(alternatives)


def test_a_bridge_stands_on_a_base_that_is_not_seen(desk: Desk) -> None:
    desk.notebook("revenue", fig=block(BRIDGE))
    (held,) = charts_of(made(desk, "{{< embed ../notebooks/revenue.ipynb#fig >}}").slides[1])
    found = {series.name: tuple(series.values) for series in held.plots[0].series}
    assert held.chart_type.name == "COLUMN_STACKED"
    assert found["Base (not shown)"] == (0.0, 100.0, 120.0, 0.0)
    assert found["Gain"] == (None, 30.0, None, None)
    assert found["Loss"] == (None, None, 10.0, None)
    assert [t for t in label_texts(held) if t != "≈"] == ["$100", "+$30", "−$10", "$120"]
    base = held._chartSpace.find(".//{*}ser/{*}spPr/{*}noFill")
    assert base is not None


def test_a_bar_of_a_bridge_that_crosses_zero_is_drawn_in_two_parts(desk: Desk) -> None:
    steps = (
        Series("Balance", "balance", (20.0, None, -10.0), ("$20", "", "−$10")),
        Series("Loss", "loss", (None, -30.0, None), ("", "−$30", "")),
    )
    desk.notebook("revenue", fig=block(Plot("bridge", ("Nov", "Lost", "Dec"), steps)))
    (held,) = charts_of(made(desk, "{{< embed ../notebooks/revenue.ipynb#fig >}}").slides[1])
    found = {series.name: tuple(series.values) for series in held.plots[0].series}
    assert found["Loss"] == (None, 20.0, None)
    assert found["Loss below zero"] == (None, -10.0, None)
    assert sorted(label_texts(held)) == sorted(["$20", "−$10", "−$30"])


def test_the_net_of_a_stack_is_a_line_over_its_columns(desk: Desk) -> None:
    desk.notebook("revenue", fig=block(STACK))
    (held,) = charts_of(made(desk, "{{< embed ../notebooks/revenue.ipynb#fig >}}").slides[1])
    bars, line = held.plots
    assert [s.name for s in bars.series] == ["New", "Churned"]
    assert [(s.name, tuple(s.values)) for s in line.series] == [("Net", (2.0, 2.0))]
    assert held._chartSpace.find(".//{*}legend") is not None


def test_labels_at_the_end_do_not_lie_on_one_another(desk: Desk) -> None:
    desk.notebook("revenue", fig=block(LINES))
    (held,) = charts_of(made(desk, "{{< embed ../notebooks/revenue.ipynb#fig >}}").slides[1])
    shifts = [float(y.get("val")) for y in held._chartSpace.iterfind(".//{*}dLbl//{*}y")]
    assert len(shifts) >= 2
    said = label_texts(held)
    assert said == ["$5.6M target", "$5.4M year before", "$5.5M"]


def test_a_chart_without_a_plot_is_a_picture_with_its_words(desk: Desk) -> None:
    desk.notebook("revenue", fig=block(None))
    slide = made(desk, "{{< embed ../notebooks/revenue.ipynb#fig >}}").slides[1]
    (picture,) = [shape for shape in slide.shapes if shape.shape_type == 13]
    assert picture.image.content_type == "image/png"
    assert picture.image.size == (640, 240)  # twice the drawing
    assert "$1.88M to $1.92M" in picture._element.xpath(".//p:cNvPr/@descr")[0]


def test_two_charts_side_by_side_share_a_slide(desk: Desk) -> None:
    desk.notebook("r", a=block(LINES, "One rose"), b=block(replace(LINES, title="Two"), "Two fell"))
    body = "::: {layout-ncol=2}\n{{< embed ../notebooks/r.ipynb#a >}}\n\n{{< embed ../notebooks/r.ipynb#b >}}\n:::"
    deck = made(desk, body)
    slide = titled(deck, "One rose; Two fell")
    left, right = [shape for shape in slide.shapes if shape.has_chart]
    assert left.left + left.width <= right.left
    assert left.top == right.top


def test_a_long_table_goes_on_with_its_head(desk: Desk) -> None:
    desk.notebook("s", tbl=words(Box("scorecard", (Table(COLUMNS_OF_TABLE, rows(40)),))))
    deck = made(desk, "## Scorecard\n\n{{< embed ../notebooks/s.ipynb#tbl >}}")
    pages = [slide for slide in deck.slides if tables_of(slide)]
    message = "Target missed: KPI 0, KPI 2, KPI 4 and others"
    assert [s.shapes.title.text_frame.text for s in pages] == [
        f"{message} ({i} of {len(pages)})" for i in range(1, len(pages) + 1)
    ]
    found = []
    for slide in pages:
        (table,) = tables_of(slide)
        assert table.first_row
        assert [cell.text_frame.text for cell in table.rows[0].cells] == ["Name", "Status", "Share"]
        body = list(table.rows)[1:]
        assert len(body) > 5
        found += [row.cells[0].text_frame.text for row in body]
        for row in body:
            paragraph = row.cells[2].text_frame.paragraphs[0]
            assert paragraph.alignment == PP_ALIGN.RIGHT
        bottom = sum(row.height for row in table.rows)
        (shape,) = [s for s in slide.shapes if s.has_table]
        assert shape.top + bottom <= deck.slide_height - 12700 * 36
    assert found == [f"KPI {i}" for i in range(40)]


def test_what_is_met_and_what_is_missed_has_its_colour(desk: Desk) -> None:
    desk.notebook("s", tbl=words(Box("scorecard", (Table(COLUMNS_OF_TABLE, rows(2)),))))
    deck = made(desk, "## Scorecard\n\n{{< embed ../notebooks/s.ipynb#tbl >}}")
    (table,) = tables_of(titled(deck, "Target missed: KPI 0"))
    hues = [
        row.cells[1]._tc.xpath(".//a:rPr/a:solidFill/a:schemeClr/@val")
        for row in list(table.rows)[1:]
    ]
    assert hues == [["accent5"], ["accent4"]]  # bad, good


def test_a_heading_within_a_table_spans_it_and_keeps_its_first_row(desk: Desk) -> None:
    grouped = []
    for group in range(8):
        grouped.append(((Strong((f"Group {group}",)),), (), ()))
        grouped += rows(4)
    desk.notebook("s", tbl=words(Table(COLUMNS_OF_TABLE, tuple(grouped))))
    deck = made(desk, "## Scorecard\n\n{{< embed ../notebooks/s.ipynb#tbl >}}")
    for slide in deck.slides:
        for table in tables_of(slide):
            last = list(table.rows)[-1].cells[0].text_frame.text
            assert not last.startswith("Group")
            heads = [r for r in table.rows if r.cells[0].text_frame.text.startswith("Group")]
            assert all(head.cells[0].is_merge_origin for head in heads)


def test_cards_stand_beside_the_answer_which_is_the_title(desk: Desk) -> None:
    card = Box("card", (
        Paragraph((Span("card-name", ("MRR",)),)), Paragraph((Span("card-value", ("$5M",)),)),
        Paragraph((Span("card-note", ("Target ", Span("missed", ("missed",)))), Break(), "so far")),
    ))  # fmt: skip
    desk.notebook(
        "s",
        cards=words(Box("cards", (card, card), columns=2)),
        said=words(
            Box("lead", (Paragraph(("One target of two was met.",)),)), Bullets((("MRR rose.",),))
        ),
    )
    deck = made(
        desk, "{{< embed ../notebooks/s.ipynb#cards >}}\n\n{{< embed ../notebooks/s.ipynb#said >}}"
    )
    slide = titled(deck, "One target of two was met")
    assert "MRR\n$5M\nTarget missed\nso far" in texts(slide)
    assert "MRR rose." in texts(slide)


def test_signatures_come_last_and_definitions_before_them(desk: Desk) -> None:
    entry = Box("definition", (Paragraph((Strong(("MRR",)), " CFO")), Paragraph(("What it is.",))))
    desk.notebook("s", d=words(Box("definitions", (entry,))))
    body = (
        "## Sign-off\n\nAs known.\n\n| Role | Name | Date | Signature |\n|:--|:--|:--|:--|\n| CEO | | | |\n\n"
        "## Definitions\n\n::: {#definitions}\n{{< embed ../notebooks/s.ipynb#d >}}\n:::\n\n"
        "::: {#not-available}\n- NPS: not connected\n:::\n\n## Last\n\nWords."
    )
    deck = made(desk, body)
    assert titles(deck)[2:] == ["Last", "Definitions", "Not available", "Sign-off: awaiting CEO"]
    assert "MRR CFO\nWhat it is." in texts(titled(deck, "Definitions"))
    assert "NPS: not connected" in texts(titled(deck, "Not available"))
    (sheet,) = tables_of(titled(deck, "Sign-off: awaiting CEO"))
    assert sheet.rows[1].height >= 12700 * 36  # room to sign


def test_a_warning_has_a_slide(desk: Desk) -> None:
    warning = '::: {.callout-warning title="Read with care"}\nInvoices came late.\n:::'
    deck = made(desk, f"{warning}\n\n## Revenue\n\nWords.")
    assert titles(deck) == ["Monthly", "Read with care", "Revenue"]
    assert "Invoices came late." in texts(deck.slides[1])


@pytest.mark.parametrize("columns", [1, 2])
def test_what_was_written_on_a_figure_stands_below_its_chart(desk: Desk, columns: int) -> None:
    desk.notebook("r", fig=block(LINES), other=block(BARS, "Bars", numbers=[]))
    note = Note(
        "mrr", "2025-12", "", "Two renewals slipped.", "A. Jonas", "2026-01-05T09:00:00Z", 1, "MRR"
    )
    charts = "{{< embed ../notebooks/r.ipynb#fig >}}\n\n{{< embed ../notebooks/r.ipynb#other >}}"
    body = f"::: {{layout-ncol={columns}}}\n{charts}\n:::" if columns > 1 else charts
    deck = made(desk, f"## Revenue\n\n{body}", replace(FACTS, notes=(note,)))
    slide = next(s for s in deck.slides if s.shapes.title.text_frame.text.startswith("MRR rose"))
    (said,) = [shape for shape in slide.shapes if shape.name == "Commentary"]
    assert "MRR: Two renewals slipped." in said.text_frame.text
    assert "A. Jonas, January 5, 2026" in said.text_frame.text
    held = [shape for shape in slide.shapes if shape.has_chart]
    assert len(held) == columns
    assert all(shape.top + shape.height <= said.top for shape in held)


def test_a_draft_says_so_on_every_slide(desk: Desk) -> None:
    desk.notebook("r", fig=block(LINES))
    forced = replace(FACTS, forced="The bank was closed", forced_by="A. Jonas", verdict="hold")
    deck = made(desk, "## Revenue\n\n{{< embed ../notebooks/r.ipynb#fig >}}", forced)
    for slide in deck.slides:
        said = texts(slide)
        assert "DRAFT" in said.splitlines()
        assert "DRAFT, not for distribution" in said
    assert "The bank was closed" in texts(deck.slides[0])


def test_the_notes_say_what_a_figure_means_and_where_it_comes_from(desk: Desk) -> None:
    desk.notebook("r", fig=block(LINES))
    mrr = KpiFacts("mrr", "Recurring revenue", "What renews", "currency", "higher", owner="CFO",
                   formula="sum(x)", sources=("invoices", "accounts"))  # fmt: skip
    deck = made(desk, "{{< embed ../notebooks/r.ipynb#fig >}}", mrr=mrr)
    notes = titled(deck, "MRR rose to $5.5M").notes_slide.notes_text_frame.text
    assert "Recurring revenue: What renews. Computed as sum(x)." in notes
    assert "Source: invoices, accounts. Owner: CFO." in notes
    assert "Bars over two months" in notes  # the words that stand for the chart
    assert "December 31, 2025" in notes


def test_names_are_text_wherever_they_stand(desk: Desk) -> None:
    series = Series("=1+1", "actual", tuple(float(i) for i in range(len(NAMES))))
    desk.notebook(
        "r",
        fig=block(Plot("bars", NAMES, (series,)), "=Title"),
        tbl=words(
            Table(
                (Column("Name", 30), Column("Value", 10, "right")),
                tuple(((n,), ("1",)) for n in NAMES),
            )
        ),
    )
    deck = made(
        desk,
        "## A\n\n{{< embed ../notebooks/r.ipynb#fig >}}\n\n## B\n\n{{< embed ../notebooks/r.ipynb#tbl >}}",
    )
    (book,) = sheets(desk.target / "report.pptx")
    sheet = etree.fromstring(book["xl/worksheets/sheet1.xml"])
    assert sheet.findall(".//{*}f") == []
    assert sheet.findall(".//{*}hyperlink") == []
    strings = ["".join(si.itertext()) for si in etree.fromstring(book["xl/sharedStrings.xml"])]
    shown = [re.sub(r"[\x00-\x1f]", "", name) for name in NAMES]
    assert set(strings) >= {*shown, "=1+1"}
    (held,) = charts_of(titled(deck, "=Title"))
    assert list(held.plots[0].categories) == shown
    (table,) = tables_of(titled(deck, "B"))
    found = [row.cells[0].text_frame.text for row in list(table.rows)[1:]]
    assert found == shown
    right = list(table.rows)[1 + NAMES.index("شركة المثال")].cells[0]._tc.xpath(".//a:pPr/@rtl")
    assert right == ["1"]


def test_a_title_of_any_length_stands_above_the_body(desk: Desk) -> None:
    desk.notebook("r", fig=block(LINES, "A customer of the name " + "N" * 200 + " left"))
    deck = made(desk, "{{< embed ../notebooks/r.ipynb#fig >}}")
    assert titles(deck)[1].startswith("A customer of the name NN")


def test_no_text_of_a_body_is_smaller_than_twelve_points_and_no_table_than_eleven(
    desk: Desk,
) -> None:
    many = Bullets(
        tuple(
            (f"A sentence of some length, number {i}, that says what happened. " * 3,)
            for i in range(30)
        )
    )
    desk.notebook(
        "r", fig=block(PANELS), said=words(many), tbl=words(Table(COLUMNS_OF_TABLE, rows(30)))
    )
    deck = made(
        desk,
        "\n\n".join(
            f"## {n}\n\n{{{{< embed ../notebooks/r.ipynb#{n} >}}}}" for n in ("fig", "said", "tbl")
        ),
    )
    assert sum(title.startswith("said (") for title in titles(deck)) > 1
    for slide in deck.slides:
        for shape in slide.shapes:
            if shape.is_placeholder and shape.placeholder_format.idx in (11, 12):
                continue
            root = shape.chart._chartSpace if shape.has_chart else shape._element
            sizes = {int(size) for size in root.xpath(".//a:r/a:rPr/@sz | .//a:defRPr/@sz")}
            least = 1100 if shape.has_table else 1200
            assert min(sizes, default=1200) >= least, shape.name


def test_equal_reports_are_equal_files(desk: Desk, tmp_path: Path) -> None:
    desk.notebook("r", fig=block(LINES), tbl=words(Table(COLUMNS_OF_TABLE, rows(3))))
    body = (
        "## A\n\n{{< embed ../notebooks/r.ipynb#fig >}}\n\n{{< embed ../notebooks/r.ipynb#tbl >}}"
    )
    assembled = desk.assemble(body, header="title: Monthly\nslides: true")
    one, other = (render_slides(assembled, tmp_path / name) for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()
    core = parts(one)["docProps/core.xml"].decode()
    assert "2025-12-31T00:00:00Z" in core
    assert "<dc:title>Monthly, December 2025 · DataInsight Pro</dc:title>" in core
    (book,) = sheets(one)
    assert b"2025-12-31T00:00:00Z" in book["docProps/core.xml"]


@pytest.mark.parametrize(
    ("header", "wanted"), [("slides: true", True), ("slides: false", False), ("x: 1", False)]
)
def test_slides_are_made_of_reports_that_ask_for_them(
    desk: Desk, header: str, wanted: bool
) -> None:
    assembled = desk.assemble("## A\n\nWords.", header=f"title: Monthly\n{header}")
    assert assembled.slides is wanted
    done = render(assembled, desk.target, renderer="builtin")
    assert (desk.target / "report.pptx").is_file() is wanted
    assert (done.pptx is not None) is wanted


def test_a_header_that_means_nothing_is_refused(desk: Desk) -> None:
    with pytest.raises(ReportError, match="slides: 'perhaps' is neither true nor false") as refused:
        desk.assemble("Words.", header="title: Monthly\nslides: perhaps")
    assert refused.value.line == 3


def test_an_empty_chart_says_so_in_its_place(desk: Desk) -> None:
    empty = Plot("lines", (), (), "MRR")
    desk.notebook("r", fig=block(empty, "MRR has no figures yet"))
    slide = titled(made(desk, "{{< embed ../notebooks/r.ipynb#fig >}}"), "MRR has no figures yet")
    assert charts_of(slide) == []
    assert any(shape.shape_type == 13 for shape in slide.shapes)


#: The order in which the standard wants the children of what is written by hand: PowerPoint repairs
#: a file that differs, or refuses it.
ORDERS = {
    "chartSpace": "date1904 lang roundedCorners style clrMapOvr chart spPr txPr externalData",
    "chart": "title autoTitleDeleted plotArea legend plotVisOnly dispBlanksAs showDLblsOverMax",
    "lineChart": "grouping varyColors ser dLbls dropLines hiLowLines upDownBars marker smooth axId",
    "barChart": "barDir grouping varyColors ser dLbls gapWidth overlap serLines axId",
    "ser": "idx order tx spPr invertIfNegative marker dPt dLbls cat val smooth",
    "dPt": "idx invertIfNegative marker bubble3D explosion spPr",
    "dLbls": "dLbl delete numFmt spPr txPr dLblPos showLegendKey showVal showCatName showSerName"
    " showPercent showBubbleSize",
    "dLbl": "idx delete layout tx numFmt spPr txPr dLblPos showLegendKey showVal showCatName"
    " showSerName showPercent showBubbleSize",
    "catAx": "axId scaling delete axPos majorGridlines minorGridlines title numFmt majorTickMark"
    " minorTickMark tickLblPos spPr txPr crossAx crosses auto lblAlgn lblOffset tickLblSkip"
    " tickMarkSkip noMultiLvlLbl",
    "valAx": "axId scaling delete axPos majorGridlines minorGridlines title numFmt majorTickMark"
    " minorTickMark tickLblPos spPr txPr crossAx crosses crossBetween majorUnit",
    "scaling": "logBase orientation max min",
    "legend": "legendPos legendEntry layout overlay spPr txPr",
    "marker": "symbol size spPr",
    "manualLayout": "layoutTarget xMode yMode wMode hMode x y w h",
    "pPr": "lnSpc spcBef spcAft buClr buSzPct buFont buNone buChar tabLst defRPr",
    "rPr": "ln noFill solidFill latin ea cs hlinkClick",
    "tcPr": "lnL lnR lnT lnB noFill solidFill",
    "ln": "noFill solidFill prstDash round",
    "spPr": "xfrm prstGeom noFill solidFill pattFill ln",
}


def test_the_parts_are_written_in_the_order_of_the_standard(desk: Desk) -> None:
    plots = {"a": LINES, "b": COLUMNS, "c": STACK, "d": BRIDGE, "e": BARS, "f": PANELS}
    desk.notebook("r", **{name: block(plot) for name, plot in plots.items()},
                  tbl=words(Table(COLUMNS_OF_TABLE, rows(3)), Paragraph((NoValue("none"),))))  # fmt: skip
    made(
        desk,
        "\n\n".join(
            f"## {n}\n\n{{{{< embed ../notebooks/r.ipynb#{n} >}}}}" for n in (*plots, "tbl")
        ),
    )
    seen = set()
    for name, data in parts(desk.target / "report.pptx").items():
        if not re.match(r"ppt/(charts|slides|slideLayouts|slideMasters)/[^/]*\.xml", name):
            continue
        for element in etree.fromstring(data).iter(etree.Element):
            tag = etree.QName(element).localname
            order = ORDERS.get(tag, "").split()
            children = [etree.QName(child).localname for child in element]
            if not order or (tag == "marker" and not children):
                continue
            seen.add(tag)
            places = [order.index(child) for child in children]
            assert places == sorted(places), f"{tag} in {name}: {children}"
        ids = re.findall(rb'<p:cNvPr id="(\d+)"', data)
        assert len(ids) == len(set(ids)), name
    assert seen >= set(ORDERS) - {"legend"} | {"legend"}


def test_a_picture_in_the_text_is_shown(desk: Desk) -> None:
    (desk.root / "reports").mkdir()
    (desk.root / "reports" / "map.svg").write_text(svg(), encoding="utf-8")
    deck = made(desk, '## Regions\n\n![](map.svg){fig-alt="A map of the regions"}')
    (picture,) = [s for s in titled(deck, "Regions").shapes if s.shape_type == 13]
    assert picture._element.xpath(".//p:cNvPr/@descr") == ["A map of the regions"]


def test_bars_without_a_common_measure_are_the_pages_own_drawing(desk: Desk) -> None:
    series = Series("Against last year in percent", "last_year", (4.0, None), ("+4%", ""))
    desk.notebook("r", fig=block(Plot("bars", ("ARR", "Margin"), (series,)), "Better: 1 of 2"))
    slide = titled(made(desk, "{{< embed ../notebooks/r.ipynb#fig >}}"), "Better: 1 of 2")
    assert charts_of(slide) == []
    assert [shape.shape_type for shape in slide.shapes].count(13) == 1


@pytest.mark.parametrize(("lines", "slides"), [(2, 1), (24, 2)])
def test_a_tree_of_cards_stands_on_one_slide_where_it_fits(
    desk: Desk, lines: int, slides: int
) -> None:
    def card(name: str, count: int) -> Box:
        said = [Paragraph((f"Line {i} of {name}",)) for i in range(count)]
        return Box("card", (Paragraph((Span("card-name", (name,)),)), *said))

    star = Box("cards", (card("North", 2),), columns=1)
    branches = Box("cards", (card("Input", lines), card("Output", lines)), columns=2)
    desk.notebook("g", tree=words(star, branches), fig=block(LINES))
    body = "## Star\n\n{{< embed ../notebooks/g.ipynb#tree >}}\n\n{{< embed ../notebooks/g.ipynb#fig >}}"
    deck = made(desk, body)
    holding = [s for s in deck.slides if "Line 0 of" in texts(s)]
    assert len(holding) == slides
    if slides == 2:  # the star keeps its course
        assert "Line 0 of North" in texts(titled(deck, "MRR rose to $5.5M"))


def test_the_notes_of_definitions_have_the_formula(desk: Desk) -> None:
    entry = Box("definition", (
        Paragraph((Strong(("MRR",)), " CFO")), Paragraph(("What it is.",)),
        Paragraph((Span("formula", ("sum(x)",)),)),
    ), id="def-mrr")  # fmt: skip
    desk.notebook("s", d=words(Box("definitions", (entry,))))
    mrr = KpiFacts("mrr", "MRR", "What it is", "currency", "higher", formula="sum(x)")
    deck = made(
        desk,
        "## Definitions\n\n::: {#definitions}\n{{< embed ../notebooks/s.ipynb#d >}}\n:::",
        mrr=mrr,
    )
    slide = titled(deck, "Definitions")
    assert "sum(x)" not in texts(slide)
    assert "MRR: What it is. Computed as sum(x)." in slide.notes_slide.notes_text_frame.text


def test_a_wide_table_is_written_smaller_rather_than_its_figures_broken(desk: Desk) -> None:
    heads = (Column("KPI", 20), *(Column(f"M {i}", 8, "right") for i in range(11)))
    row = (("Net profit of the year",), *((f"−${i},123,456",) for i in range(11)))
    desk.notebook("s", wide=words(Table(heads, (row,))), slim=words(Table(heads[:4], (row[:4],))))
    deck = made(
        desk,
        "\n\n".join(
            f"## {n}\n\n{{{{< embed ../notebooks/s.ipynb#{n} >}}}}" for n in ("wide", "slim")
        ),
    )
    sizes = [
        set(tables_of(titled(deck, name))[0]._tbl.xpath(".//a:r/a:rPr/@sz"))
        for name in ("wide", "slim")
    ]
    assert sizes == [{"1000"}, {"1600"}]

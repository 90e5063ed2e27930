"""The PDF of a report: cover, contents, running heads, what stays together, what it says to readers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pypdf
import pytest

from boardpack.markup import Box, Paragraph, Strong, Table
from boardpack.render import Rendered, render
from pages_fixture import (
    ARABIC,
    HEBREW,
    LONG,
    block,
    customers,
    gallery,
    groups,
    heatmap,
    orphaned_headings,
    scorecard,
    tree,
)
from report_fixture import FACTS, Desk, chart, svg

HEADINGS = [
    "What moved", "Scorecard", "North Star", "Cohorts", "Customers", "Sign-off", "Definitions",
]  # fmt: skip


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return gallery(tmp_path_factory.mktemp("gallery"))


@pytest.fixture(scope="module")
def pdf(rendered: Rendered) -> pypdf.PdfReader:
    return pypdf.PdfReader(rendered.pdf)


@pytest.fixture(scope="module")
def sheets(pdf: pypdf.PdfReader) -> list[str]:
    return [sheet.extract_text() for sheet in pdf.pages]


def made(root: Path, header: str = "title: Board report", **facts: Any) -> list[str]:
    """The text of each sheet of a short report."""
    from dataclasses import replace

    desk = Desk(root)
    assembled = desk.assemble("## One\n\nWords.", replace(FACTS, **facts), header=header)
    done = render(assembled, assembled.folder, renderer="builtin")
    return [sheet.extract_text() for sheet in pypdf.PdfReader(done.pdf).pages]


def test_a_cover_says_what_it_is_of_whom_and_for_when(sheets: list[str]) -> None:
    for words in (
        "DataInsight Pro", "Board report", "December 2025", "December 31, 2025", "Confidential",
        "Draft, not yet signed", "Revision",
    ):  # fmt: skip
        assert words in sheets[0]
    assert "$" not in sheets[0]


def test_cover_and_contents_are_there_for_who_asks(tmp_path: Path) -> None:
    plain = made(tmp_path / "plain")
    assert len(plain) == 1
    assert "Contents" not in plain[0]
    covered = made(tmp_path / "cover", header="title: Board report\ncover: true")
    assert len(covered) == 2
    assert "Words." not in covered[0]
    listed = made(tmp_path / "toc", header="title: Board report\ntoc: true")
    assert "Contents" in listed[0]
    assert "Words." in listed[1]


def test_a_forced_report_is_a_draft_on_its_cover(tmp_path: Path) -> None:
    header = "title: Board report\ncover: true"
    sheets = made(tmp_path, header, verdict="hold", forced="The auditors wait", forced_by="ann")
    assert "Draft, not for distribution" in sheets[0]


def test_contents_have_the_page_of_every_heading(sheets: list[str], pdf: pypdf.PdfReader) -> None:
    listed = dict(re.findall(r"^(.+?)(?: \.)+ (\d+)$", sheets[1], re.MULTILINE))
    assert [name for name in listed if name != "Side by side"] == HEADINGS
    for name, page in listed.items():
        assert name in sheets[int(page) - 1]
    links = [note.get_object() for note in pdf.pages[1]["/Annots"]]
    assert sum(link["/Subtype"] == "/Link" for link in links) >= len(HEADINGS)


def test_running_heads_name_the_section(sheets: list[str]) -> None:
    whole = len(sheets)
    for number, sheet in enumerate(sheets, start=1):
        assert f"{number} / {whole}" in sheet
    continued = [sheet for sheet in sheets[2:] if sheet.count("Customer 2") > 2]
    assert continued
    for sheet in continued:
        assert sheet.splitlines()[0].startswith("DataInsight Pro · Board report · December 2025")
        assert "Customers" in " ".join(sheet.splitlines()[:2])


def test_no_heading_is_the_last_line_of_a_sheet(sheets: list[str]) -> None:
    assert orphaned_headings(sheets[2:], set(HEADINGS)) == []


@pytest.mark.parametrize("lines", range(30, 54, 3))
def test_a_heading_stays_with_its_table(tmp_path: Path, lines: int) -> None:
    """However far down the sheet it falls."""
    desk = Desk(tmp_path)
    desk.notebook("n", t=block(customers(60)), c=chart(), x=block(Box("scorecard", (scorecard(),))))
    words = "\n\n".join(f"Line {i}." for i in range(lines))
    for label in ("t", "c", "x"):
        place = f"{{{{< embed ../notebooks/n.ipynb#{label} >}}}}"
        assembled = desk.assemble(f"## One\n\n{words}\n\n## Two\n\n{place}\n\n## Three\n\nEnd.")
        done = render(assembled, assembled.folder, renderer="builtin")
        sheets = [sheet.extract_text() for sheet in pypdf.PdfReader(done.pdf).pages]
        assert orphaned_headings(sheets, {"One", "Two", "Three"}) == []


@pytest.mark.parametrize("lines", range(6, 40, 2))
def test_no_head_of_a_group_and_no_message_is_left_behind(tmp_path: Path, lines: int) -> None:
    desk = Desk(tmp_path)
    message = Box("message", (Paragraph(("All of them, in groups",)),))
    desk.notebook("n", g=block(message, Box("scorecard", (groups(30),))))
    words = "\n\n".join(f"Line {i}." for i in range(lines))
    assembled = desk.assemble(f"{words}\n\n{{{{< embed ../notebooks/n.ipynb#g >}}}}\n\nEnd.")
    done = render(assembled, assembled.folder, renderer="builtin")
    sheets = [sheet.extract_text() for sheet in pypdf.PdfReader(done.pdf).pages]
    heads = {f"Group {i}" for i in range(1, 31)}
    assert len(sheets) > 1
    assert all(sum(head in sheet.splitlines() for sheet in sheets) == 1 for head in heads)
    assert orphaned_headings(sheets, {"All of them, in groups", *heads}) == []


def test_a_table_of_sixty_rows_goes_over_sheets_with_its_heads(sheets: list[str]) -> None:
    over = [sheet for sheet in sheets if re.search(r"Customer \d+", sheet)]
    assert len(over) >= 2
    for sheet in over:
        assert re.search(r"Customer\s+MRR", sheet)
    assert sum(sheet.count("Customer 60") for sheet in sheets) == 1


def test_no_name_is_cut_or_leaves_its_column(sheets: list[str], pdf: pypdf.PdfReader) -> None:
    whole = re.sub(r"[\s\u200b]", "", "".join(sheets))
    assert LONG in whole
    edge = float(pdf.pages[0].mediabox.width) - 50
    for sheet in pdf.pages[2:]:
        starts: list[float] = []
        sheet.extract_text(visitor_text=lambda text, cm, tm, *_, s=starts: s.append(tm[4]))
        assert max(starts) < edge


def test_other_scripts_are_set_in_fonts_that_have_them(sheets: list[str], pdf: Any) -> None:
    fonts = {
        str(font.get_object()["/BaseFont"]).split("+")[-1].split("-")[0]
        for sheet in pdf.pages
        for font in sheet["/Resources"].get("/Font", {}).values()
    }
    assert {"SourceSansPro", "NotoSansHebrew", "NotoSansArabic", "NotoEmoji"} <= fonts
    whole = "".join(sheets)
    assert all(word in whole for word in HEBREW.split())
    # Joined letters come back one by one.
    assert set(ARABIC) <= set(whole)


def test_a_reader_of_any_kind_finds_his_way(pdf: pypdf.PdfReader) -> None:
    root = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == "en-US"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    metadata = root["/Metadata"].get_data()
    assert b"pdfuaid" in metadata
    assert re.search(rb"pdfaid:part>2<.*pdfaid:conformance>A<", metadata, re.DOTALL)
    assert pdf.metadata is not None
    assert pdf.metadata.title == "Board report, December 2025 · DataInsight Pro"
    titles = [entry.title for entry in pdf.outline if not isinstance(entry, list)]
    assert titles == HEADINGS
    words = [element["/Alt"] for element in elements(pdf, "/Figure")]
    assert words.count('Bars over two months, "MRR" from $1.88M to $1.92M.') == 3


def elements(pdf: pypdf.PdfReader, kind: str) -> list[Any]:
    """The elements of a kind in the tree that assistive programs read."""
    found, waiting, seen = [], [pdf.trailer["/Root"]["/StructTreeRoot"]], set()
    while waiting:
        element = waiting.pop()
        if not isinstance(element, pypdf.generic.DictionaryObject) or id(element) in seen:
            continue
        seen.add(id(element))
        if element.get("/S") == kind:
            found.append(element)
        below = element.get("/K", [])
        below = below if isinstance(below, list) else [below]
        waiting += [child.get_object() for child in below]
    return found


def test_charts_are_drawings_and_no_pictures(pdf: pypdf.PdfReader) -> None:
    for sheet in pdf.pages:
        for name, found in sheet["/Resources"].get("/XObject", {}).items():
            assert found.get_object()["/Subtype"] == "/Form", name


def test_roles_in_typst(rendered: Rendered) -> None:
    document = (rendered.pdf.parent / "report.typ").read_text(encoding="utf-8")
    for piece in (
        "fill: bp-heat.at(5).fill", "#bp-tree[", "#bp-node(0,", "#bp-node(2,", "#bp-remark-block[",
        "#bp-decision-block[", "#bp-triangle-block[", "#bp-register-block[", "#bp-sign-off-block[",
        "#bp-definitions-block[", "<def-mrr>", "#link(<def-mrr>)", "colspan: 3",
    ):  # fmt: skip
        assert piece in document


def test_boxes_may_hold_boxes(tmp_path: Path) -> None:
    inner: Any = Paragraph((Strong(("Innermost",)),))
    for role in ("node", "remark", "odd", "decision", "card", "register", "even"):
        inner = Box(role, (Paragraph((role,)), inner))
    desk = Desk(tmp_path)
    desk.notebook("n", deep=block(Box("cards", (inner,), columns=1), tree(), inner))
    assembled = desk.assemble("## A\n\n{{< embed ../notebooks/n.ipynb#deep >}}")
    done = render(assembled, assembled.folder, renderer="builtin")
    assert done.html.read_text(encoding="utf-8").count("Innermost") == 2


def test_a_letter_that_no_font_has_is_a_sign_in_print(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    drawing = svg("漢字 Ltd")
    desk.notebook("n", c=chart("漢字 Ltd", svg=drawing), t=block(Paragraph(("漢字 Ltd",))))
    assembled = desk.assemble(
        "{{< embed ../notebooks/n.ipynb#c >}}\n\n{{< embed ../notebooks/n.ipynb#t >}}"
    )
    done = render(assembled, assembled.folder, renderer="builtin")
    text = "".join(sheet.extract_text() for sheet in pypdf.PdfReader(done.pdf).pages)
    assert text.count("\ufffd\ufffd Ltd") >= 2
    assert "stands for a letter that no font of this document has" in text
    assert "漢字 Ltd" in done.html.read_text(encoding="utf-8")
    assert "漢字" in (desk.target / "figures" / "n-c.svg").read_text(encoding="utf-8")


def test_a_long_table_is_rendered_in_seconds(tmp_path: Path) -> None:
    rows = customers(300)
    desk = Desk(tmp_path)
    desk.notebook("n", t=block(Table(rows.columns, rows.rows), heatmap()))
    done = render(
        desk.assemble("{{< embed ../notebooks/n.ipynb#t >}}"), tmp_path, renderer="builtin"
    )
    assert done.seconds < 20


@pytest.mark.parametrize(("lines", "sheets"), [(3, 1), (8, 1), (25, 2), (33, 2)])
def test_a_break_is_made_where_it_leaves_no_empty_sheet(
    tmp_path: Path, lines: int, sheets: int
) -> None:
    words = "\n\n".join(f"Line {i}." for i in range(lines))
    assembled = Desk(tmp_path).assemble(
        f"## One\n\n{words}\n\n{{{{< pagebreak >}}}}\n\n## Two\n\nEnd."
    )
    done = render(assembled, assembled.folder, renderer="builtin")
    found = [sheet.extract_text() for sheet in pypdf.PdfReader(done.pdf).pages]
    assert len(found) == sheets
    assert "Two\nEnd." in found[-1]

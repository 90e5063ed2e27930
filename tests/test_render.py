from __future__ import annotations

import dataclasses
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import brand_yml
import pypdf
import pytest
import typst
from playwright.sync_api import Browser, Page

from boardpack.brand import PALETTE, read_brand
from boardpack.errors import DefinitionError, RenderError, StorageError
from boardpack.fonts import font_folder
from boardpack.markup import escape_markdown
from boardpack.render import Rendered, render
from boardpack.render.builtin import _pandoc
from boardpack.render.quarto import outside_links
from boardpack.render.theme import HERE, lay_theme
from boardpack.workspace import SUITE
from report_fixture import FACTS, HOSTILE, Desk, chart, svg, text

CARDS = """:::: {.cards layout-ncol=2}
::: {.card}
[MRR]{.card-name}

[[\\$1.92M]{.n data-kpi="mrr" data-period="2025-12" data-member=""}]{.card-value}

![](figures/spark.svg){fig-alt="MRR rising" width=2.4cm}

[Target \\$2M]{.card-note}
:::
::: {.card}
[NPS]{.card-name}

[[58]{.n data-kpi="nps" data-period="2025-12" data-member=""}]{.card-value}
:::
::::"""

ROWS = "\n".join(
    f'| KPI {i} | [{i},234]{{.n data-kpi="k{i}" data-period="2025-12" data-member=""}} |'
    for i in range(80)
)

BODY = """
{{< embed ../notebooks/revenue.ipynb#cards >}}

## Revenue

An introduction.

{{< embed ../notebooks/revenue.ipynb#fig-mrr >}}

### Side by side

::: {layout-ncol=2}
{{< embed ../notebooks/revenue.ipynb#fig-arr >}}

{{< embed ../notebooks/revenue.ipynb#fig-nrr >}}
:::

::: {.callout-note title="How to read this"}
Words "in quotes" and *emphasis*.
:::

::: {.content-visible when-format="html"}
Only on screen.
:::

::: {.content-hidden when-format="html"}
Only on paper.
:::

{{< pagebreak >}}

## Scorecard

{{< embed ../notebooks/revenue.ipynb#table >}}

```{=html}
<table><thead><tr><th>Plan</th><th>Accounts</th></tr></thead>
<tbody><tr><td>Raw &amp; HTML</td><td>1,234</td></tr></tbody></table>
```
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("workspace"))
    desk.notebook(
        "revenue",
        fig_mrr=chart(),
        fig_arr=chart("ARR & <more>", alt=HOSTILE),
        fig_nrr=chart("NRR"),
        cards=text(CARDS, figures={"spark.svg": svg("x")}),
        table=text(f"| KPI | Value |\n|:-----|---:|\n{ROWS}"),
        hostile=text(f"Account {escape_markdown(HOSTILE)} renewed."),
    )
    return desk


@pytest.fixture(scope="module")
def rendered(desk: Desk) -> Rendered:
    assembled = desk.assemble(BODY, name="whole.qmd", target=desk.root / "whole")
    return render(assembled, assembled.folder, renderer="builtin")


@pytest.fixture(scope="module")
def page(rendered: Rendered) -> str:
    return rendered.html.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pdf(rendered: Rendered) -> pypdf.PdfReader:
    return pypdf.PdfReader(rendered.pdf)


class Outline(HTMLParser):
    """Tags in order, without what scripts and styles hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._quiet = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._quiet = tag in ("script", "style")
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self._quiet = False

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self.words.append(data)


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_the_page_is_one_small_file_that_may_reach_no_network(page: str) -> None:
    assert outside_links(page) == []
    assert len(page) < 3_000_000
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "unsafe-eval" not in policy[1]
    assert re.search(r"script-src 'sha256-", policy[1])


def test_the_page_is_a_document_with_language_title_and_headings_in_order(page: str) -> None:
    outline = Outline(page)
    assert ("html", {"lang": "en-US"}) in outline.tags
    assert "<title>Monthly, December 2025 · DataInsight Pro</title>" in page
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels == [1, 2, 3, 2]
    assert any(tag == "a" and attrs.get("class") == "skip" for tag, attrs in outline.tags)
    assert any(
        tag == "nav" and attrs.get("aria-label") == "Contents" for tag, attrs in outline.tags
    )


def test_numbers_say_which_kpi_they_are(page: str) -> None:
    spans = [attrs for tag, attrs in Outline(page).tags if tag == "span" and "data-kpi" in attrs]
    assert {"class": "n", "data-kpi": "nps", "data-period": "2025-12", "data-member": ""} in spans


def test_every_chart_has_words_a_picture_and_its_numbers(page: str) -> None:
    outline = Outline(page)
    views = [attrs for tag, attrs in outline.tags if attrs.get("class") == "chart-view"]
    assert [view["role"] for view in views] == ["img"] * 3
    assert views[1]["aria-label"] == HOSTILE.replace("{{<", "{ {<")
    assert sum(attrs.get("class") == "chart-data" for _, attrs in outline.tags) == 3
    assert page.count("window.vegaEmbed=") == 1


def test_both_files_show_what_their_reader_can_use(page: str, pdf: pypdf.PdfReader) -> None:
    on_screen, on_paper = flat("".join(Outline(page).words)), flat(pdf_text(pdf))
    assert ("Only on screen." in on_screen, "Only on screen." in on_paper) == (True, False)
    assert ("Only on paper." in on_screen, "Only on paper." in on_paper) == (False, True)
    for words in (
        "How to read this",
        "Words “in quotes” and emphasis.",
        "Raw & HTML",
        "ARR & <more>",
    ):
        assert words in on_screen
        assert words in on_paper


def pdf_text(pdf: pypdf.PdfReader) -> str:
    return "\n".join(page.extract_text() for page in pdf.pages)


def test_the_pdf_has_the_numbers_of_the_page(page: str, pdf: pypdf.PdfReader) -> None:
    numbers = re.findall(r'<span class="n"[^>]*>([^<]+)</span>', page)
    assert len(numbers) > 80
    on_paper = pdf_text(pdf)
    assert [number for number in numbers if number not in on_paper] == []


def test_the_pdf_is_numbered_bookmarked_tagged_and_named(pdf: pypdf.PdfReader) -> None:
    pages = len(pdf.pages)
    assert pages >= 3
    for number, sheet in enumerate(pdf.pages, start=1):
        words = flat(sheet.extract_text())
        assert f"{number} / {pages}" in words
        assert ("DataInsight Pro · Monthly" in words) == (number > 1)
    titles = [entry.title for entry in pdf.outline if not isinstance(entry, list)]
    assert titles == ["Revenue", "Scorecard"]
    assert pdf.metadata is not None
    assert pdf.metadata.title == "Monthly, December 2025 · DataInsight Pro"
    root = pdf.trailer["/Root"]
    assert root["/Lang"] == "en-US"
    assert root["/MarkInfo"]["/Marked"]
    assert b"pdfuaid" in root["/Metadata"].get_data()


def test_a_long_table_repeats_its_head_and_a_chart_stays_with_its_title(
    pdf: pypdf.PdfReader,
) -> None:
    sheets = [flat(sheet.extract_text()) for sheet in pdf.pages]
    assert sum("KPI Value" in sheet for sheet in sheets) == 2
    for title in ("MRR grew to $1.92M", "ARR & <more>", "NRR"):
        (sheet,) = (sheet for sheet in sheets if title in sheet)
        assert "Jan" in sheet


def test_equal_reports_are_equal_files(desk: Desk, rendered: Rendered, tmp_path: Path) -> None:
    again = render(desk.assemble(BODY), tmp_path, renderer="builtin")
    assert again.html.read_bytes() == rendered.html.read_bytes()
    assert again.pdf.read_bytes() == rendered.pdf.read_bytes()


def test_fonts_travel_with_both_files(page: str, pdf: pypdf.PdfReader) -> None:
    assert page.count("data:font/woff2;base64,") == len(read_brand().fonts)
    fonts = set(re.findall(rb"[A-Z]{6}\+([A-Za-z-]+)", pdf.stream.read() if pdf.stream else b""))
    names = {str(font["/BaseFont"]) for sheet in pdf.pages for font in _fonts(sheet)} | {
        font.decode() for font in fonts
    }
    assert {name.split("+")[-1].split("-")[0] for name in names} == {"SourceSansPro"}


def _fonts(sheet: pypdf.PageObject) -> list[pypdf.generic.DictionaryObject]:
    return [font.get_object() for font in sheet["/Resources"].get("/Font", {}).values()]


def test_hostile_text_stays_text(desk: Desk, tmp_path: Path) -> None:
    facts = dataclasses.replace(FACTS, company=HOSTILE, confidentiality=HOSTILE)
    assembled = desk.assemble(
        "## Accounts\n\n{{< embed ../notebooks/revenue.ipynb#hostile >}}", facts
    )
    done = render(assembled, tmp_path, renderer="builtin")
    straight = HOSTILE.replace('"q"', "“q”")
    words = flat("".join(Outline(done.html.read_text()).words))
    assert f"Account {HOSTILE} renewed." in words or f"Account {straight} renewed." in words
    paper = flat(pdf_text(pypdf.PdfReader(done.pdf)))
    for piece in ("<b>Sons</b> #1 $x$ *y* @z", "[l](m)", "{{< meta company >}}"):
        assert piece in paper
    assert "<b>Sons" not in done.html.read_text()


@pytest.mark.parametrize("start", ["= a", "== a", "- a", "+ a", "/ a: b", "1. a"])
def test_what_begins_a_line_is_not_taken_for_markup(desk: Desk, tmp_path: Path, start: str) -> None:
    written = escape_markdown(start)
    desk.notebook("starts", t=text(f"[{written}]{{.n}} **{written}**\n\n| {written} |\n|---|\n"))
    facts = dataclasses.replace(FACTS, company=start)
    assembled = desk.assemble("{{< embed ../notebooks/starts.ipynb#t >}}", facts)
    done = render(assembled, tmp_path, renderer="builtin")
    pdf = pypdf.PdfReader(done.pdf)
    assert flat(pdf_text(pdf)).count(start) == 4
    assert pdf.outline == []


def test_pieces_in_typst(rendered: Rendered) -> None:
    document = (rendered.pdf.parent / "report.typ").read_text()
    for piece in (
        '#bp-fit(2.4cm, width => image("figures/revenue-cards-spark.svg", '
        'alt: "MRR rising", width: width))',
        "#bp-card-value[#bp-n[\\$1.92M]]",
        '#bp-callout("note", [',
        "#bp-row((1fr, 1fr,),",
        "#bp-facts(",
        "#block(sticky: true)[\n\nAn introduction.",
        "columns: (60%, 40%)",
    ):
        assert flat(piece) in flat(document)
    assert document.count("#bp-chart[") == 3


def test_a_filter_under_quarto_leaves_quarto_its_own_work(desk: Desk, tmp_path: Path) -> None:
    # Under Quarto a global of that name exists; callouts, layouts, conditions are Quarto's to do.
    desk_filter = tmp_path / "as-under-quarto.lua"
    desk_filter.write_text(f"quarto = {{}}\nreturn dofile([[{HERE / 'filter.lua'}]])\n")
    desk.assemble(BODY)
    document = subprocess.run(
        [_pandoc_path(), "report.qmd", "--to=typst", f"--lua-filter={desk_filter}"],
        cwd=desk.target,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "#bp-cards(2," in document
    assert "#bp-facts(" in document
    assert "#bp-callout" not in document
    source = desk.target / "as-under-quarto.typ"
    source.write_text(f'#import "theme/report.typ": *\n#show: report-parts\n{document}')
    lay_theme(desk.target)
    assert typst.compile(str(source), root=str(desk.target), font_paths=[str(font_folder())])
    assert "#bp-row" not in document


def _pandoc_path() -> str:
    import pypandoc

    return str(pypandoc.get_pandoc_path())


def drawn(page: Page) -> None:
    # Looked up and not evaluated: the page forbids the eval that a waiting function would need.
    page.locator(".is-drawn").nth(2).wait_for(state="attached")


def test_the_page_opens_from_disk_without_a_word(
    rendered: Rendered, visit: Callable[..., object]
) -> None:
    for width in (1360, 390):
        seen = visit(rendered.html, width=width)
        drawn(seen.page)
        assert seen.console == []
        assert seen.external == []
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        family = "[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family)"
        assert "Source Sans Pro" in str(seen.page.evaluate(family))


def test_a_chart_answers_the_mouse_and_prints_its_picture(
    rendered: Rendered, visit: Callable[..., object]
) -> None:
    page = visit(rendered.html).page
    drawn(page)
    page.locator(".chart-live path[aria-roledescription=bar]").first.hover(force=True)
    tooltip = page.locator("#vg-tooltip-element.visible")
    tooltip.wait_for(timeout=5000)
    assert "1.88" in tooltip.inner_text() or "1.92" in tooltip.inner_text()
    picture = page.locator(".chart-picture").first
    assert not picture.is_visible()
    page.emulate_media(media="print")
    assert picture.is_visible()
    assert not page.locator(".chart-live").first.is_visible()


def test_without_scripts_the_pictures_stand(rendered: Rendered, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(rendered.html.as_uri())
    assert page.locator(".chart-picture").first.is_visible()
    context.close()


def test_no_page_of_the_pdf_is_clipped_or_empty(
    rendered: Rendered, pdftoppm: str, tmp_path: Path
) -> None:
    subprocess.run([pdftoppm, "-gray", "-r", "30", rendered.pdf, tmp_path / "p"], check=True)
    sheets = sorted(tmp_path.glob("p*.pgm"))
    assert len(sheets) == len(pypdf.PdfReader(rendered.pdf).pages)
    for sheet in sheets:
        width, height, pixels = _gray(sheet.read_bytes())
        rows = [pixels[y * width : (y + 1) * width] for y in range(height)]
        margin = width // 15
        inked = sum(min(row) < 160 for row in rows)
        assert inked > 4
        assert all(min(row[:margin]) > 200 and min(row[-margin:]) > 200 for row in rows)


def _gray(data: bytes) -> tuple[int, int, bytes]:
    header = re.match(rb"P5\s+(\d+)\s+(\d+)\s+255\s", data)
    assert header is not None
    return int(header[1]), int(header[2]), data[header.end() :]


def test_an_image_without_words_stops_the_pdf(desk: Desk) -> None:
    assembled = desk.assemble("Text")
    with assembled.document.open("a") as document:
        document.write('\n## A\n\n```{=typst}\n#image("figures/a.svg")\n```\n')
    (desk.target / "figures" / "a.svg").write_text(svg().split("?>")[1])
    with pytest.raises(RenderError, match=r"Typst refused the report(.|\n)*alt"):
        render(assembled, desk.target, renderer="builtin")


def test_pandoc_that_fails_says_why(desk: Desk) -> None:
    assembled = desk.assemble("Text")
    assembled.document.write_text("---\ntitle: [\n---\n")
    with pytest.raises(RenderError, match="pandoc refused the report"):
        _pandoc(assembled.folder, "--to=html5")


def test_a_folder_that_cannot_be_written(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="cannot be written"):
        render(desk.assemble("Text"), tmp_path / "out", renderer="builtin")


def test_a_report_without_charts_carries_no_vega(desk: Desk, tmp_path: Path) -> None:
    done = render(desk.assemble("Text"), tmp_path, renderer="builtin")
    assert done.html.stat().st_size < 200_000


def test_rendering_starts_no_drawing_engine_in_this_process() -> None:
    # A process that has run it can not be forked any more, and the next run forks.
    code = (
        "import sys, boardpack.render.assets as assets; assets.vega_bundle(); "
        "print('vl_convert' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_cache_that_cannot_be_written_costs_only_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from boardpack.render import assets

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert assets._cached("x", lambda: b"made") == b"made"


def test_the_brand_is_one_that_quarto_reads() -> None:
    brand = brand_yml.Brand.from_yaml(SUITE / "reports" / "_brand.yml")
    assert brand.typography is not None
    assert brand.color is not None
    assert brand.color.palette is not None
    assert set(PALETTE) <= set(brand.color.palette)


@pytest.mark.parametrize(
    ("change", "message", "line"),
    [
        (('  ink: "#14213D"', '  ink: "navy"'), "colour 'ink' is 'navy'", 7),
        (('    good: "#0B7A5E"', '    fine: "#0B7A5E"'), "the palette lacks good", 6),
        (("source: file", "source: google"), "source 'google'", None),
        (("fonts/SourceSansPro-It.ttf", "fonts/None.ttf"), "does not exist", None),
        (("fonts/SourceSansPro-It.ttf", "../../None.ttf"), "outside the reports", None),
        (
            ("    family: Source Sans Pro\n    size", "    family: Arial\n    size"),
            "no files",
            None,
        ),
    ],
)
def test_a_brand_that_cannot_be(
    tmp_path: Path, change: tuple[str, str], message: str, line: int | None
) -> None:
    written = (SUITE / "reports" / "_brand.yml").read_text()
    assert change[0] in written
    path = tmp_path / "_brand.yml"
    path.write_text(written.replace(*change))
    with pytest.raises(DefinitionError, match=message) as caught:
        read_brand(path)
    assert caught.value.line is not None
    assert line is None or caught.value.line == line


def test_a_workspace_brings_its_own_brand(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    (tmp_path / "reports" / "fonts").mkdir(parents=True)
    written = (SUITE / "reports" / "_brand.yml").read_text()
    (tmp_path / "reports" / "_brand.yml").write_text(
        written.replace("#14213D", "#123").replace("SourceSansPro-It.ttf", "Own.ttf")
    )
    shutil.copy(font_folder() / "SourceSansPro-It.ttf", tmp_path / "reports" / "fonts" / "Own.ttf")
    done = render(desk.assemble("Text"), desk.target, renderer="builtin")
    assert "--ink: #112233;" in done.html.read_text()
    assert (desk.target / "fonts" / "Own.ttf").is_file()


def test_the_pdf_opens_from_memory(rendered: Rendered) -> None:
    assert pypdf.PdfReader(io.BytesIO(rendered.pdf.read_bytes())).pdf_header == "%PDF-1.7"

"""The monthly and the board report of the demo company, as a reader gets them."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pypdf
import pytest
import yaml
from playwright.sync_api import Page

import workspaces
from boardpack import batches, orders
from boardpack.executions import Job, NotebookProcess
from boardpack.model import Model
from boardpack.values import Values
from boardpack.workspace import SUITE
from page_numbers import phrases, ticks, unaccounted, words_of_html, written_of
from pages_fixture import OF_COLOURS, axe, orphaned_headings
from slide_words import words_of_slides

#: Report, period: the board pack is also made for a quarter.
MADE = [
    ("daily", "2025-12-31"), ("weekly", "2025-W52"), ("monthly", "2025-12"),
    ("quarterly", "2025-Q4"), ("board", "2025-12"), ("board", "2025-Q4"),
]  # fmt: skip
#: Reports with definitions at their end, and the chart of actuals against targets on page one.
LONG = ("monthly", "quarterly", "board")


@dataclass(frozen=True)
class Edition:
    """A published edition, and the text of its PDF."""

    report: str
    folder: Path
    pages: list[str]
    shown: list[dict[str, str]]

    @property
    def values(self) -> Values:
        return Values.load(self.folder)

    def phrases(self) -> list[str]:
        said = phrases(self.values, {n["period"] for n in self.shown})
        revision = self.values.report.revision
        return [*said, f"revision {revision}", f"Revision {revision}"]

    def parts(self) -> list[str]:
        """Which of how many slides a table stands on."""
        return [f"({part} of {parts})" for parts in range(2, 30) for part in range(1, parts + 1)]

    def at_axes(self) -> list[str]:
        charts = json.loads((self.folder / "charts.json").read_text(encoding="utf-8"))
        return list(ticks(charts))

    def printed(self) -> str:
        """The words of the PDF up to the definitions, without contents, heads and feet."""
        told = []
        for number, page in enumerate(self.pages, 1):
            lines = page.splitlines()
            if "Definitions" in lines and "Contents" not in lines:
                break
            if "Contents" not in lines:
                told.append(page.replace(f"{number} / {len(self.pages)}", ""))
        return "\n".join(told)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Path) -> Path:
    return workspaces.over_demo(tmp_path_factory.mktemp("demo"), demo_warehouse)


@pytest.fixture(scope="module")
def published(workspace: Path, process: NotebookProcess) -> dict[tuple[str, str], Edition]:
    model = Model.open(workspace)
    wanted = [orders.order(model, report, period, "2025-12-31") for report, period in MADE]
    results = batches.make(model, wanted, now=lambda: datetime.now(UTC), process=process)
    found = {}
    for made, result in zip(MADE, results, strict=True):
        assert result.status == "published", (result.reasons, result.error)
        assert result.edition is not None
        reader = pypdf.PdfReader(result.edition / "report.pdf")
        found[made] = Edition(
            made[0],
            result.edition,
            [page.extract_text() for page in reader.pages],
            json.loads((result.edition / "shown.json").read_text(encoding="utf-8")),
        )
    return found


def drawn(page: Page) -> None:
    """Wait until every chart is."""
    charts = page.locator("script.vega-spec").count()
    page.locator(".chart-live.is-drawn").nth(charts - 1).wait_for(state="attached", timeout=60_000)


@pytest.fixture(params=[m for m in MADE if m[0] in LONG], ids=lambda made: "-".join(made))
def long(request: Any, published: dict[tuple[str, str], Edition]) -> Edition:
    return published[request.param]


@pytest.fixture(params=MADE, ids=lambda made: "-".join(made))
def edition(request: Any, published: dict[tuple[str, str], Edition]) -> Edition:
    return published[request.param]


def test_the_page_opens_from_disk_without_a_network(
    edition: Edition, look: Callable[..., Any]
) -> None:
    seen = look(edition.folder / "report.html")
    drawn(seen.page)
    assert seen.console == []
    assert seen.external == []
    assert seen.page.locator("h1").count() == 1
    assert seen.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_first_edition_says_that_nothing_was_restated(edition: Edition) -> None:
    document = (edition.folder / "reports" / f"{edition.report}.qmd").read_text(encoding="utf-8")
    words = " ".join(" ".join(edition.pages).split())
    said = "No earlier edition shows these figures: nothing was restated." in words
    assert said == ("{#restatements}" in document)
    assert said or edition.report == "daily"


def test_no_screen_scrolls_sideways(
    edition: Edition, look: Callable[..., Any], visit: Callable[..., Any]
) -> None:
    """On a phone, at a desk, and where a wide window is made narrow, which draws charts again."""
    file = edition.folder / "report.html"
    for width in (360, 1280):
        page = look(file, width=width).page
        drawn(page)
        assert page.evaluate("document.documentElement.scrollWidth") == width
    page = visit(file, width=1920).page
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 1920
    page.set_viewport_size({"width": 768, "height": 900})
    assert page.evaluate(_SETTLED, 768) == 768


#: How wide the page is, once it is as wide as it should be or has had the time for it.
_SETTLED = """async (width) => {
  const until = performance.now() + 20_000;
  const found = () => document.documentElement.scrollWidth;
  while (found() !== width && performance.now() < until) await new Promise(requestAnimationFrame);
  return found();
}"""


def test_the_page_is_one_file_of_at_most_three_megabytes(edition: Edition) -> None:
    assert (edition.folder / "report.html").stat().st_size <= 3_000_000


#: The board pack for a month and the one for a quarter are made of the same parts.
LIGHT = [made for made in MADE if made != ("board", "2025-Q4")]
DARK = [made for made in MADE if made != ("board", "2025-12")]


@pytest.mark.parametrize("made", LIGHT, ids="-".join)
def test_axe_finds_nothing(
    published: dict[tuple[str, str], Edition], look: Callable[..., Any], made: tuple[str, str]
) -> None:
    seen = look(published[made].folder / "report.html")
    drawn(seen.page)
    assert axe(seen.page) == []
    assert seen.console == []


@pytest.mark.parametrize("made", DARK, ids="-".join)
def test_axe_finds_nothing_in_the_dark(
    published: dict[tuple[str, str], Edition], visit: Callable[..., Any], made: tuple[str, str]
) -> None:
    """The same page in other colours: what has nothing to do with colours is known by then."""
    seen = visit(published[made].folder / "report.html", dark=True)
    drawn(seen.page)
    assert axe(seen.page, OF_COLOURS) == []
    assert seen.console == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("made", [("daily", "2025-12-31"), ("board", "2025-12")], ids="-".join)
def test_axe_finds_nothing_on_the_page_about_the_data(
    published: dict[tuple[str, str], Edition],
    visit: Callable[..., Any],
    made: tuple[str, str],
    dark: bool,
) -> None:
    """That of the fewest tables and that of the most."""
    assert axe(visit(published[made].folder / "quality.html", dark=dark).page) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_on_the_index(
    published: dict[tuple[str, str], Edition],
    workspace: Path,
    visit: Callable[..., Any],
    dark: bool,
) -> None:
    assert axe(visit(workspace / "var" / "site" / "index.html", dark=dark).page) == []


def test_the_index_does_not_scroll_sideways(
    published: dict[tuple[str, str], Edition], workspace: Path, visit: Callable[..., Any]
) -> None:
    page = visit(workspace / "var" / "site" / "index.html").page
    for width in (360, 768, 961, 1000, 1100, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        found = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert found == [width, width]


def test_no_heading_is_the_last_line_of_a_sheet(edition: Edition) -> None:
    page = (edition.folder / "report.html").read_text(encoding="utf-8")
    found = re.findall(r"<h[23][^>]*>(.*?)</h[23]>", page, re.DOTALL)
    found += re.findall(r'<div class="message">(.*?)</div>', page, re.DOTALL)
    found += re.findall(r'<tr class="group">(.*?)</tr>', page, re.DOTALL)
    headings = {" ".join(html.unescape(re.sub(r"<[^>]+>", " ", one)).split()) for one in found}
    # The contents of a report end with a heading by what they are.
    sheets = [sheet for sheet in edition.pages if " . . . " not in sheet]
    assert orphaned_headings(sheets, headings) == []


def test_the_pdf_says_what_it_is_to_every_reader(edition: Edition) -> None:
    reader = pypdf.PdfReader(edition.folder / "report.pdf")
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/StructTreeRoot"]
    assert root["/Lang"] == "en-US"
    metadata = root["/Metadata"].get_data()
    assert b"pdfuaid" in metadata
    assert b"pdfaid" in metadata
    assert reader.metadata is not None
    assert "DataInsight Pro" in str(reader.metadata.title)
    assert reader.outline or edition.report == "daily"


def test_a_chart_keeps_its_bars_on_a_phone(long: Edition, look: Callable[..., Any]) -> None:
    """A narrow page shows the chart smaller: its bars are as long beside each other as at a desk."""
    lengths = {}
    for width in (360, 1280):
        seen = look(long.folder / "report.html", width=width)
        chart = seen.page.locator("#summary-fig-targets .chart-live.is-drawn svg")
        chart.wait_for(timeout=20_000)
        bars = chart.locator(".mark-rect path")
        boxes = [bar.bounding_box() for bar in bars.all()]
        lengths[width] = [box["width"] for box in boxes if box]
        assert chart.bounding_box()["width"] <= width
    assert max(lengths[360]) > 50
    shares = [[length / max(found) for length in found] for found in lengths.values()]
    assert shares[0] == pytest.approx(shares[1], abs=0.05)


def test_the_first_number_leads_to_its_definition(long: Edition, visit: Callable[..., Any]) -> None:
    page = visit(long.folder / "report.html", width=1280, height=900).page
    name = page.locator(".card-name a").first
    kpi = name.get_attribute("href").removeprefix("#def-")
    assert page.locator(".card-value [data-kpi]").first.get_attribute("data-kpi") == kpi
    name.click()
    place = page.locator(f"#def-{kpi}")
    assert place.inner_text().startswith(name.inner_text())
    box = place.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 900
    assert "is better" in place.inner_text()
    links = [
        annotation
        for sheet in pypdf.PdfReader(long.folder / "report.pdf").pages
        for annotation in sheet.get("/Annots", [])
    ]
    assert len(links) > 20


def test_page_one_says_what_it_is(edition: Edition) -> None:
    first = next(page for page in edition.pages if "As of" in page)
    for words in ("DataInsight Pro", "December 31, 2025", "USD", "Board confidential", "Passed"):
        assert words in first
    first_card = {"daily": "revenue_run_rate", "weekly": "mrr"}.get(edition.report, "arr")
    cards = [n for n in edition.shown if n["kpi"] == first_card and n["text"].startswith("$")]
    assert cards
    assert any(n["text"] in first for n in cards)


def test_every_kpi_shown_is_defined_and_no_other(long: Edition) -> None:
    facts = json.loads((long.folder / "facts.json").read_text(encoding="utf-8"))["kpis"]
    page = (long.folder / "report.html").read_text(encoding="utf-8")
    section = page[page.index('id="definitions"') :]
    shown = {n["kpi"] for n in long.shown if n["kpi"] and "only" not in n}
    assert len(shown) > 20
    for kpi, fact in facts.items():
        heads = f">{html.escape(fact['name'], quote=False)}</" in section
        assert heads == (kpi in shown), kpi


def test_a_report_is_as_long_as_its_reader_has_time(
    published: dict[tuple[str, str], Edition],
) -> None:
    pages = {made: len(edition.pages) for made, edition in published.items()}
    assert pages["daily", "2025-12-31"] <= 3
    assert 5 <= pages["weekly", "2025-W52"] <= 12
    assert 10 <= pages["monthly", "2025-12"] <= 40
    assert 10 <= pages["board", "2025-12"] <= 25


#: The parts that each cadence asks for, in the words of the page.
PARTS = {
    "daily": ("System health and performance", "Errors", "Revenue", "Sales", "Use and trials",
              "Customers", "Transactions and data", "Incidents"),
    "weekly": ("Revenue and bookings", "Sales", "Acquisition", "Product", "Customers", "At risk",
               "Implementation", "Competition", "Issues and actions"),
    "monthly": ("What moved", "Executive summary", "Planning", "For whom", "Profit and loss",
                "Unit economics", "Acquisition", "Customers", "Market and rivals",
                "Platform and team", "Findings and actions", "All KPIs"),
    "quarterly": ("Performance against goals", "Market and rivals", "Product and roadmap",
                  "Team and capacity", "Goals", "Targets to come", "Initiatives and milestones",
                  "Finance"),
    "board": ("Decisions", "Key metrics", "Recommendation", "Operational performance",
              "Priority actions", "Risks", "North Star", "Scorecard", "Financials", "Customers",
              "Cohorts", "Product", "Market position", "Initiatives", "Early warnings",
              "Data quality", "Restatements", "Sign-off", "Definitions"),
}  # fmt: skip


def test_a_report_has_the_parts_that_its_cadence_asks_for(edition: Edition) -> None:
    page = (edition.folder / "report.html").read_text(encoding="utf-8")
    words = [line.strip() for line in words_of_html(page).splitlines()]
    missing = [part for part in PARTS[edition.report] if part not in words]
    assert missing == []


def test_a_report_shows_the_kpis_that_its_cadence_asks_for(
    edition: Edition, reference: Path, workspace: Path
) -> None:
    """By the inventory: what the catalogue has, and has for periods of this kind."""
    inventory = reference / "inventory" / "features.yml"
    features = yaml.safe_load(inventory.read_text(encoding="utf-8"))["features"]
    catalogue = Model.open(workspace).catalogue
    cadence = {"monthly board": "board"}
    page = (edition.folder / "report.html").read_text(encoding="utf-8")
    words = words_of_html(page, without=["definitions"])
    shown = {number["kpi"] for number in edition.shown}
    asked = {
        kpi
        for found in features.values()
        for feature in found
        if feature["group"] == "report"
        and cadence.get(feature.get("cadence", "board"), feature.get("cadence", "board"))
        == edition.report
        for kpi in feature.get("kpis", [])
        if kpi in catalogue.kpis and edition.values.period.grain in catalogue[kpi].grains
    }
    assert len(asked) > 4
    missing = {kpi for kpi in asked - shown if catalogue[kpi].name not in words}
    assert missing == set()


def test_pages_are_numbered(edition: Edition) -> None:
    for number, page in enumerate(edition.pages, 1):
        assert re.search(rf"\b{number}\s*/\s*{len(edition.pages)}\b", page)


def test_the_pdf_has_the_numbers_that_are_shown(edition: Edition) -> None:
    # What stands for a chart is read from the PDF as well, if not from its lines.
    charts = json.loads((edition.folder / "charts.json").read_text(encoding="utf-8"))
    said = (*edition.pages, *(chart["alt"] for chart in charts.values()))
    text = re.sub(r"\s+", "", "".join(said))
    written = {re.sub(r"\s+", "", n["text"]) for n in edition.shown if "only" not in n}
    missing = {number for number in written if number not in text}
    assert len(written) > 50
    assert missing == set()


def test_the_page_has_the_numbers_that_are_shown(
    edition: Edition, look: Callable[..., Any]
) -> None:
    page = look(edition.folder / "report.html").page
    marked = page.evaluate(
        "[...document.querySelectorAll('[data-kpi]')].map(e => "
        "[e.dataset.kpi, e.dataset.period, e.dataset.member || '', e.textContent.trim()])"
    )
    known = {(n["kpi"], n["period"], n["member"], n["text"].strip()) for n in edition.shown}
    assert len(marked) > 100
    assert {tuple(entry) for entry in marked} <= known


def test_no_number_on_the_page_is_missing_from_the_list(edition: Edition) -> None:
    said = edition.phrases()
    page = (edition.folder / "report.html").read_text(encoding="utf-8")
    words = words_of_html(page, without=["definitions", "sign-off"])
    assert unaccounted(words, [n["text"] for n in edition.shown], said) == []


def test_no_number_in_the_pdf_is_missing_from_the_list(edition: Edition) -> None:
    printed = [n["text"] for n in edition.shown if "only" not in n]
    known = [*printed, *edition.at_axes()]
    assert unaccounted(edition.printed(), known, edition.phrases()) == []


def test_every_number_of_the_list_is_that_of_the_frozen_values(edition: Edition) -> None:
    values = edition.values
    told = {"value": 0, "target": 0, "change": 0, "gap": 0}
    for shown in edition.shown:
        kpi, what, text = shown["kpi"], shown["what"], shown["text"]
        if not kpi or what not in told:
            continue
        told[what] += 1
        assert text in written_of(values, shown), shown
    assert min(told.values()) > 0, told


def test_every_picture_says_what_it_shows(edition: Edition, look: Callable[..., Any]) -> None:
    page = look(edition.folder / "report.html").page
    silent = page.evaluate(
        "[...document.querySelectorAll('img, svg[role=img], figure[role=img]')]"
        ".filter(e => !(e.getAttribute('alt') || e.getAttribute('aria-label') || "
        "e.getAttribute('aria-labelledby') || e.closest('[aria-hidden=true]'))).length"
    )
    assert silent == 0


@pytest.mark.slow
def test_notebooks_run_as_they_are_in_jupyterlab(workspace: Path, tmp_path: Path) -> None:
    """A plain kernel, no run folder: values on demand, and every block shows something offline."""
    jobs = [
        Job(path, tmp_path / path.name, {"workspace": str(workspace), "period": "2025-12"})
        for path in sorted((SUITE / "notebooks").glob("*.ipynb"))
    ]
    assert len(jobs) > 5
    with NotebookProcess(mode="kernel") as process:
        process.run(jobs, timeout=240)
    for job in jobs:
        cells = nbformat.read(job.output, as_version=4).cells
        blocks = [c for c in cells if c.cell_type == "code" and c.source.startswith("#| label")]
        for cell in blocks:
            data = cell.outputs[0].data
            assert {"image/svg+xml", "text/html"} & set(data), cell.source


def test_no_number_on_a_slide_is_missing_from_the_list(
    published: dict[tuple[str, str], Edition],
) -> None:
    made = {key: edition for key, edition in published.items() if key[0] == "board"}
    assert len(made) == 2
    for edition in made.values():
        words = words_of_slides(edition.folder / "report.pptx", ("Contents", "Definitions"))
        shown = [n["text"] for n in edition.shown if "only" not in n]
        assert unaccounted(words, shown, [*edition.phrases(), *edition.parts()]) == []
        assert sum(text in words for text in set(shown)) > 200

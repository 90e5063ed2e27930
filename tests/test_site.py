from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from boardpack.brand import read_brand
from boardpack.calendars import PLAIN, Calendar
from boardpack.errors import StorageError
from boardpack.ledger_rows import EditionRow
from boardpack.periods import Period
from boardpack.site import write_index


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "var" / "site"


def edition(report: str, period: str, revision: int = 1, **changes: Any) -> EditionRow:
    about = Period.parse(period)
    segment = changes.pop("segment", "")
    row = EditionRow(
        report=report,
        period=period,
        grain=about.grain,
        segment=segment,
        revision=revision,
        parent=revision - 1 or None,
        run_id=f"run-{revision}",
        as_of=about.last_day.isoformat(),
        verdict="publish",
        status="final",
        release="draft",
        reasons=(),
        folder="/".join(part for part in (report, period, segment, f"r{revision}") if part),
        published_at=f"{about.end}T06:0{revision}:00+00:00",
        manifest_hash="",
        renderer="built in",
    )
    return replace(row, **changes)


def publish(site: Path, *rows: EditionRow) -> tuple[EditionRow, ...]:
    for row in rows:
        folder = site.parent / "editions" / row.folder
        folder.mkdir(parents=True)
        for name in ("report.html", "report.pdf", "values.csv"):
            (folder / name).write_text(f"<title>{row.folder}</title>")
    return rows


class Links(HTMLParser):
    """The targets of a page's links, in order, and every tag it opens."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.targets += [value or "" for name, value in attrs if tag == "a" and name == "href"]


def read(path: Path) -> tuple[str, Links]:
    page = path.read_text(encoding="utf-8")
    return page, Links(page)


def test_every_edition_is_linked_newest_first_and_older_revisions_are_folded(site: Path) -> None:
    rows = publish(
        site,
        edition("monthly", "2025-11"),
        edition("monthly", "2025-12", 1),
        edition("monthly", "2025-12", 2),
        edition("monthly", "2025-12", segment="smb"),
        edition("monthly", "2026-01", status="provisional"),
        edition("board", "2025-Q4"),
    )
    page, links = read(write_index(site, rows, "DataInsight Pro"))
    html = [target for target in links.targets if target.endswith("report.html")]
    assert html == [
        "../editions/board/2025-Q4/r1/report.html",
        "../editions/board/2025-Q4/r1/report.html",
        "../editions/monthly/2026-01/r1/report.html",
        "../editions/monthly/2026-01/r1/report.html",
        "../editions/monthly/2025-12/r2/report.html",
        "../editions/monthly/2025-12/r1/report.html",
        "../editions/monthly/2025-12/smb/r1/report.html",
        "../editions/monthly/2025-11/r1/report.html",
    ]
    files = [target for target in links.targets if target.startswith("..")]
    assert all((site / target).is_file() for target in files)
    assert len(files) == 3 * len(html)
    folded = page[page.index("<details>") : page.index("</details>")]
    assert "1 earlier revision" in folded
    assert "2025-12/r1/report.html" in folded
    assert "2025-12/r2/" not in folded
    assert "6 editions of 2 reports" in page


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"verdict": "publish"}, ("Passed<", ">publish<")),
        (
            {"verdict": "banner", "reasons": ("tickets are late", "b")},
            ("Passed with warnings", ">banner<", "2 reasons", "tickets are late"),
        ),
        ({"verdict": "hold"}, ("Failed", ">hold<")),
        ({"verdict": "not checked"}, ("Not checked",)),
        ({"status": "provisional", "release": "signed"}, ("Provisional", ">signed<")),
        ({"as_of": "2026-01-05"}, ("As of", 'datetime="2026-01-05"', "Jan 5, 2026")),
        ({"published_at": "2026-01-05T01:30:00+02:00"}, ("2026-01-04 <span>23:30 UTC",)),
    ],
    ids=str,
)
def test_an_edition_shows_what_the_ledger_knows_of_it(
    site: Path, changes: dict[str, Any], told: tuple[str, ...]
) -> None:
    page, _ = read(write_index(site, [edition("monthly", "2025-12", **changes)], "Company"))
    assert [words for words in (*told, "December 2025", "2025-12") if words not in page] == []


def test_periods_are_named_in_the_companys_calendar_and_as_they_were_before(site: Path) -> None:
    def made(period: str, calendar: Calendar, **more: Any) -> EditionRow:
        about = Period.parse(period, calendar)
        found = edition("quarterly", "2025-Q1", **more)
        return replace(found, period=period, as_of=about.last_day.isoformat())

    july = Calendar(year_start=7)
    rows = [made("2025-Q1", PLAIN), made("FY2026-Q2", july), made("FY2026-Q1", july)]
    page, _ = read(write_index(site, rows, "Company", calendar=july))
    places = [page.index(f">{name}<") for name in ("Q2 FY2026", "Q1 FY2026", "Q1 2025")]
    assert places == sorted(places)
    # What a company no longer calls a quarter is named as it was written.
    page, _ = read(write_index(site, rows, "Company"))
    assert ">FY2026-Q2<" in page
    assert ">Q1 2025<" in page


def test_text_from_outside_is_never_markup(site: Path) -> None:
    evil = "<script>alert('x')</script>\"'&"
    row = edition(
        "monthly", "2025-12", segment="smb", verdict=evil, reasons=(evil,), release=evil,
        as_of=evil, published_at=evil,
    )  # fmt: skip
    row = replace(row, segment=evil, folder="monthly/2025-12/%22><script>/r1")
    publish(site, row)
    page, links = read(write_index(site, [row], evil, titles={"monthly": evil}))
    assert "script" not in links.tags
    assert "<script" not in page
    assert page.count("alert(&#x27;x&#x27;)") >= 6
    assert "../editions/monthly/2025-12/%2522%3E%3Cscript%3E/r1/report.html" in links.targets


def test_files_that_are_gone_are_not_linked(site: Path) -> None:
    kept, gone = edition("monthly", "2025-12"), edition("monthly", "2025-11")
    publish(site, kept)
    (site.parent / "editions" / kept.folder / "report.pdf").unlink()
    page, links = read(write_index(site, [kept, gone], "Company"))
    assert set(links.targets) == {
        "#editions",
        "../editions/monthly/2025-12/r1/report.html",
        "../editions/monthly/2025-12/r1/values.csv",
    }
    assert "Files removed" in page


def test_the_page_has_the_colours_and_the_font_of_the_brand(site: Path) -> None:
    brand = read_brand()
    brand = replace(brand, colors={**brand.colors, "accent": "#AA0055"})
    page, _ = read(write_index(site, [], "Company", brand=brand))
    assert "--accent: #AA0055" in page
    assert f'font-family: "{brand.family}"' in page
    css = Path(__file__).parents[1].joinpath("lib/boardpack/site.css").read_text(encoding="utf-8")
    used = set(re.findall(r"var\(--([\w-]+)\)", css)) - {"family"}
    assert used <= set(brand.colors)


def test_an_index_without_editions_says_how_to_make_one(site: Path) -> None:
    page, links = read(write_index(site, [], "Company"))
    assert "Nothing is published yet" in page
    assert links.targets == ["#editions"]


def test_an_index_that_cannot_be_written_stays_as_it_was(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write_index(site, [], "Company").read_bytes()

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StorageError, match="disk is full"):
        write_index(site, [edition("monthly", "2025-12")], "Company")
    assert (site / "index.html").read_bytes() == before


@pytest.mark.parametrize("width", [1280, 390])
def test_in_a_browser_it_asks_for_nothing_fits_and_its_links_open(
    site: Path, visit: Callable[..., Any], width: int
) -> None:
    reasons = ("tickets: " + "an_unbroken_name_" * 12,)
    rows = publish(
        site,
        edition("monthly", "2025-12", 1),
        edition("monthly", "2025-12", 2, verdict="banner", reasons=reasons),
        edition("monthly", "2025-11", segment="(unknown)"),
        edition("board", "2025-Q4"),
    )
    path = write_index(site, rows, "A company with a rather long name of several words Ltd")
    seen = visit(path, width=width)
    page = seen.page
    assert (seen.console, seen.external) == ([], [])
    for details in page.locator("details").all():
        details.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert page.evaluate("document.fonts.check('600 16px \"Source Sans Pro\"')")
    assert page.get_by_role("table").count() == 2
    assert page.get_by_role("rowheader").first.inner_text().startswith("Q4 2025")
    page.get_by_role("link", name="HTML of Monthly, December 2025, revision 1").click()
    assert page.title() == "monthly/2025-12/r1"
    assert (seen.console, seen.external) == ([], [])

"""A report that is published although its data did not pass: a draft, and marked as one for good."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pypdf
import pytest
import typst
import yaml
from click.testing import CliRunner, Result
from playwright.sync_api import Browser

import workspaces
from boardpack import manifests, orders, published, runs
from boardpack.brand import read_brand
from boardpack.cli import main
from boardpack.executions import NotebookProcess
from boardpack.frontpage import shortened
from boardpack.ledger import Ledger
from boardpack.ledger_rows import EditionRow
from boardpack.model import Model
from boardpack.orders import Force
from boardpack.outcomes import RunResult
from boardpack.render import render
from boardpack.revisions import two_revisions
from boardpack.site import index_html
from boardpack.standings import Known
from report_fixture import FACTS, HOSTILE, Desk
from verdict_fixture import INVOICED_TWICE, planted, readable

REASON = f"The board meets today. {HOSTILE}"
WHO = 'A. <i>Jonas</i> & "Co" #1'
Make = Callable[..., RunResult]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspaces.shop(tmp_path_factory.mktemp("force") / "shop")


@pytest.fixture(scope="module")
def make(shop: Path, process: NotebookProcess) -> Make:
    began = datetime(2026, 1, 1, tzinfo=UTC)

    def run(period: str, force: Force | None = None) -> RunResult:
        nonlocal began
        began += timedelta(minutes=1)
        model = Model.open(shop)
        wanted = orders.order(model, "monthly", period)
        return runs.run(model, wanted, now=lambda: began, process=process, force=force)

    return run


@pytest.fixture(scope="module")
def story(shop: Path, make: Make) -> tuple[RunResult, RunResult, RunResult]:
    """A sound edition, a forced one of bad data, and a sound one again."""
    first = make("2025-05")
    with planted(shop, INVOICED_TWICE):
        forced = make("2025-05", Force(REASON, WHO))
    return first, forced, make("2025-05")


def rows(shop: Path) -> list[EditionRow]:
    with Ledger(shop / "var" / "ledger.sqlite") as ledger:
        return ledger.editions("monthly", "2025-05")


def test_it_is_recorded_in_manifest_ledger_and_facts(
    shop: Path, story: tuple[RunResult, RunResult, RunResult]
) -> None:
    first, forced, last = story
    assert (forced.status, forced.verdict, forced.exit_code) == ("published", "hold", 0)
    told = forced.as_dict()
    assert (told["forced"], told["forced_by"]) == (REASON, WHO)
    assert forced.edition is not None
    manifest = json.loads((forced.edition / "manifest.json").read_text(encoding="utf-8"))
    facts = json.loads((forced.edition / "facts.json").read_text(encoding="utf-8"))["report"]
    for entry in (manifest, facts, asdict(rows(shop)[1])):
        assert (entry["verdict"], entry["forced"], entry["forced_by"]) == ("hold", REASON, WHO)
        assert any("invoice_id is never repeated" in reason for reason in entry["reasons"])
    assert [row.forced for row in rows(shop)] == ["", REASON, ""]
    assert [row.revision for row in rows(shop)] == [1, 2, 3]
    assert first.as_dict()["forced"] == last.as_dict()["forced"] == ""


def test_every_page_of_the_pdf_is_marked(story: tuple[RunResult, RunResult, RunResult]) -> None:
    first, forced, _ = story
    assert forced.edition is not None
    assert first.edition is not None
    pages = pypdf.PdfReader(forced.edition / "report.pdf").pages
    assert len(pages) > 1
    for page in pages:
        text = " ".join(page.extract_text().split())
        assert "DRAFT, not for distribution: the data did not pass its checks." in text
        assert "The board meets today. Smith & <b>Sons</b>" in text
        # The large letters across the page, beside the running head.
        assert len(re.findall("DRAFT", text)) >= 2
    info = pypdf.PdfReader(forced.edition / "report.pdf").metadata
    assert info is not None
    assert str(info.title).startswith("DRAFT: ")
    sound = "".join(p.extract_text() for p in pypdf.PdfReader(first.edition / "report.pdf").pages)
    assert "DRAFT" not in sound


def test_reason_and_name_stay_text(story: tuple[RunResult, RunResult, RunResult]) -> None:
    forced = story[1]
    assert forced.edition is not None
    page = (forced.edition / "report.html").read_text(encoding="utf-8")
    assert "<b>Sons</b>" not in page
    assert "<i>Jonas</i>" not in page
    assert page.count("The board meets today. Smith &amp; &lt;b&gt;Sons&lt;/b&gt;") == 2
    assert "by A. &lt;i&gt;Jonas&lt;/i&gt;" in page
    pdf = " ".join(
        " ".join(p.extract_text().split())
        for p in pypdf.PdfReader(forced.edition / "report.pdf").pages
    )
    assert "$x$ *y* @z" in pdf
    assert "{{< meta company >}}" in pdf


def test_the_mark_of_the_page_stays_in_sight_and_on_paper(
    story: tuple[RunResult, RunResult, RunResult], browser: Browser
) -> None:
    forced = story[1]
    assert forced.edition is not None
    page = browser.new_page(viewport={"width": 1000, "height": 500})
    page.goto((forced.edition / "report.html").as_uri())
    page.evaluate("window.scrollTo(0, 1e6)")
    assert page.evaluate("scrollY") > 300
    for part in (".draft-mark", ".draft-strip"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert 0 <= box["y"] + box["height"] / 2 < 500, part
    assert page.locator(".draft-mark").get_attribute("aria-hidden") == "true"
    assert page.title().startswith("DRAFT: ")
    paper = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4")))
    assert len(paper.pages) > 1
    for sheet in paper.pages:
        text = sheet.extract_text()
        assert "DRAFT" in text.replace("\n", "")
        assert "not for distribution" in " ".join(text.split())
    page.close()


def test_who_takes_the_mark_away_is_found_out(
    tmp_path: Path, story: tuple[RunResult, RunResult, RunResult]
) -> None:
    forced = story[1]
    assert forced.edition is not None
    assert manifests.verify(forced.edition) == []
    copy = tmp_path / "r2"
    shutil.copytree(forced.edition, copy)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o755)
    page = copy / "report.html"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("draft-mark", "unseen"), encoding="utf-8")
    manifest = copy / "manifest.json"
    assert [d.file for d in manifests.verify(copy)] == ["report.html"]
    manifest.write_text(
        manifest.read_text(encoding="utf-8").replace('"verdict": "hold"', '"verdict": "publish"'),
        encoding="utf-8",
    )
    known = manifests.text_hash((forced.edition / "manifest.json").read_text(encoding="utf-8"))
    assert {d.file for d in manifests.verify(copy, known)} == {"report.html", "manifest.json"}


def test_a_draft_is_listed_as_one_and_never_as_the_latest(
    shop: Path, story: tuple[RunResult, RunResult, RunResult], tmp_path: Path
) -> None:
    first, draft, last = rows(shop)
    root = shop / "var" / "editions"
    page = index_html([first, draft], "Shop", root, read_brand())
    latest, every = page.split('<div class="all">')
    assert "Revision 1" in latest
    assert "Draft" not in latest
    assert "Draft, failed" in every
    assert "<summary>1 draft</summary>" in every
    assert "Published all the same by A. &lt;i&gt;Jonas&lt;/i&gt;" in every
    alone = index_html([draft], "Shop", root, read_brand()).split('<div class="all">')[0]
    assert "Revision 2" in alone
    assert "Draft, failed" in alone
    newer = index_html([first, draft, last], "Shop", root, read_brand())
    assert "Revision 3" in newer.split('<div class="all">')[0]
    assert "<summary>1 earlier revision and 1 draft</summary>" in newer
    # A schedule does not take a draft for what it is to make.
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.add_edition(draft)
        assert Known.read(ledger).editions == {}
        ledger.add_edition(last)
        assert [row.revision for row in Known.read(ledger).editions.values()] == [3]
    con = published.open_values(Model.open(shop).workspace)
    seen = con.execute(
        "SELECT revision, is_latest, any_value(forced) FROM kpi_values WHERE edition = '2025-05'"
        " GROUP BY ALL ORDER BY revision"
    ).fetchall()
    con.close()
    assert seen == [(1, False, ""), (2, False, REASON), (3, True, "")]


def test_what_follows_is_compared_with_what_was_sound(
    story: tuple[RunResult, RunResult, RunResult],
) -> None:
    last = story[2]
    assert last.edition is not None
    found = json.loads((last.edition / "restatements.json").read_text(encoding="utf-8"))
    assert [against["revision"] for against in found] == [1]
    assert found[0]["rows"] == []


def test_both_revisions_can_still_be_compared(
    shop: Path, story: tuple[RunResult, RunResult, RunResult]
) -> None:
    before, after = two_revisions(rows(shop), "monthly 2025-05", (1, 2))
    assert (before.forced, after.forced) == ("", REASON)


def test_what_passes_is_not_marked_by_force(shop: Path, make: Make) -> None:
    done = make("2025-04", Force("just in case", "me"))
    assert (done.verdict, done.forced) == ("publish", "")
    assert done.edition is not None
    page = (done.edition / "report.html").read_text(encoding="utf-8")
    assert 'class="draft-' not in page
    assert "DRAFT:" not in page


def test_an_identity_that_does_not_hold_can_be_forced(
    shop: Path, make: Make, process: NotebookProcess
) -> None:
    (shop / "kpis").mkdir()
    own = shop / "kpis" / "own.yml"
    own.write_text(
        "- identity: purchases_are_customers\n  title: every purchase has a customer of its own\n"
        "  left: purchases\n  right: purchasing_customers\n  rows: account_id\n",
        encoding="utf-8",
    )
    try:
        before = readable(shop)
        held = make("2025-02")
        assert held.status == "held"
        assert readable(shop) == before
        wrong, whom = held.held_lines()
        assert wrong.startswith(
            "monthly 2025-02 is held: an identity does not hold: every purchase has a customer"
        )
        assert whom.startswith("Since 2025-02-28; ask Sales; and 5 more: var/runs/")
        later = make("2025-03", Force("seen", "me"))
    finally:
        own.unlink()
    assert (later.status, later.verdict, later.forced) == ("published", "hold", "seen")
    assert later.findings[0].since == "2025-02-28"
    assert later.kpi_verdicts["purchases"] == "hold"
    assert later.kpi_verdicts["total_revenue"] == "publish"
    assert later.edition is not None
    facts = json.loads((later.edition / "facts.json").read_text(encoding="utf-8"))["report"]
    gate = json.loads((later.edition / "gate.json").read_text(encoding="utf-8"))
    assert facts["verdict"] == gate["verdict"] == "hold"
    frame = pd.read_csv(later.edition / "values.csv")
    assert set(frame.loc[frame["kpi"] == "purchases", "kpi_verdict"]) == {"hold"}


def test_what_cannot_be_computed_is_an_error_all_the_same(
    shop: Path, make: Make, process: NotebookProcess
) -> None:
    before = readable(shop)
    path = shop / "notebooks" / "purchases.ipynb"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("bp.headline(", "bp.no_such_verb("), encoding="utf-8")
    try:
        with planted(shop, INVOICED_TWICE):
            failed = make("2025-02", Force("now", "me"))
    finally:
        path.write_text(text, encoding="utf-8")
    assert (failed.status, failed.exit_code, failed.edition) == ("failed", 4, None)
    assert failed.as_dict()["forced"] == ""
    assert readable(shop) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--reason", "why"], "--reason is for --force"),
        (["--force", "--by", "me"], "--force takes --reason"),
        (["--force", "--reason", "", "--by", "me"], "--force takes --reason"),
        (["--force", "--reason", " \n ", "--by", "me"], "--force takes --reason"),
        (["--force", "--reason", "why"], "--force takes --by"),
        (["--force", "--reason", "why", "--by", " "], "--force takes --by"),
        (["--force", "--reason", "x" * 301, "--by", "me"], "--reason is plain text of at most 300"),
        (["--force", "--reason", "a\x1b[2Jb", "--by", "me"], "--reason is plain text"),
        (["--force", "--reason", "why", "--by", "x" * 61], "--by is plain text of at most 60"),
    ],
)
def test_wrong_usage(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("BOARDPACK_USER", raising=False)
    given = ["run", "monthly", "--workspace", str(tmp_path), *arguments]
    found = CliRunner().invoke(main, given)
    assert found.exit_code == 2
    assert says in found.output


def test_all_reports_are_not_forced_together(tmp_path: Path) -> None:
    given = ["run", "all", "--workspace", str(tmp_path), "--force", "--reason", "a", "--by", "me"]
    found = CliRunner().invoke(main, given)
    assert found.exit_code == 2
    assert "name it" in found.output


def test_who_forces_may_be_in_the_environment(
    shop: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOARDPACK_USER", "Ada")
    with planted(shop, INVOICED_TWICE):
        done = subprocess.run(
            [sys.executable, "-m", "boardpack", "run", "monthly", "--period", "2025-01", "--force",
             "--reason", "the board\nmeets", "--json"],
            cwd=shop, text=True, capture_output=True, timeout=240, check=False,
        )  # fmt: skip
    found = json.loads(done.stdout)
    assert (done.returncode, found["verdict"]) == (0, "hold")
    assert (found["forced"], found["forced_by"]) == ("the board meets", "Ada")


def test_force_that_was_not_needed_is_told(
    shop: Path, make: Make, command: Callable[..., Result]
) -> None:
    done = command(
        shop, "run", "monthly", "--period", "2025-01", "--force", "--reason", "just in case",
        "--by", "me",
    )  # fmt: skip
    assert done.exit_code == 0
    assert "not forced: the data passed" in done.stderr
    assert "DRAFT" not in done.stdout


def test_under_quarto_the_pages_are_marked_too(tmp_path: Path) -> None:
    facts = replace(FACTS, verdict="hold", forced=f'Say "{HOSTILE}"\\', forced_by="me")
    document = Desk(tmp_path).assemble("Text.", facts).document.read_text(encoding="utf-8")
    header = yaml.safe_load(document.split("---")[1])
    assert header["pagetitle"].startswith("DRAFT: ")
    setup = header["format"]["typst"]["include-in-header"]["text"]
    assert (
        '#set page(background: bp-draft, header: bp-draft-head("the data did not pass its checks. Say'
        in setup
    )
    assert '\\"Smith & <b>' in setup
    assert "::: {.draft-mark aria-hidden=true}" in document


def test_what_quarto_sets_compiles(tmp_path: Path) -> None:
    """The lines for Quarto's own template, tried on a page of Typst with the same standards."""
    facts = replace(FACTS, verdict="hold", forced=f'Say "{HOSTILE}"\\', forced_by="me")
    desk = Desk(tmp_path)
    assembled = desk.assemble("Text.", facts)
    render(assembled, desk.target, renderer="builtin")
    header = yaml.safe_load(assembled.document.read_text(encoding="utf-8").split("---")[1])
    setup = header["format"]["typst"]["include-in-header"]["text"]
    page = desk.target / "quarto.typ"
    page.write_text(
        '#set document(title: "x")\n' + setup + "First.\n#pagebreak()\nSecond.\n", encoding="utf-8"
    )
    made = typst.compile(
        str(page), root=str(desk.target), font_paths=[str(desk.target / "fonts")],
        pdf_standards=["a-2a", "ua-1"],
    )  # fmt: skip
    sheets = pypdf.PdfReader(io.BytesIO(made)).pages
    assert len(sheets) == 2
    for sheet in sheets:
        assert "DRAFT, not for distribution" in sheet.extract_text()


def test_a_long_reason_is_cut_at_a_word() -> None:
    assert shortened("one two three", 9) == "one two …"
    assert shortened("one\n two\x07") == "one two"

"""The page about the data: everything that was found, nothing that nobody may see, no network."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from boardpack.brand import read_brand
from boardpack.cli import main
from boardpack.gate_results import CheckResult
from boardpack.kept_checks import KeptCheck
from boardpack.ledger_rows import EditionRow
from boardpack.quality import Quality
from boardpack.quality_page import MASK, SHOWN_DAYS, quality_html
from boardpack.quality_section import section
from boardpack.site import index_html
from conftest import Visit
from workspaces import shop

NASTY = "<script>alert('x')</script>"


def result(source: str, name: str, outcome: str = "passed", **more: object) -> CheckResult:
    found = CheckResult(
        source, "expect_column_values_to_be_in_set", ("status",), "warning", "accuracy", "passed",
        f"{name} is as it should be", "Revenue would be wrong.", "finance",
        element_count=100, id=f"{source}.{name}", control="business_rule_compliance",
        evaluated=100,
    )  # fmt: skip
    return replace(found, outcome=outcome, **more)  # type: ignore[arg-type]


FAILED = result(
    "users", "email", "failed", columns=("email",), unexpected_count=2, unexpected=2,
    sample=({"user_id": NASTY}, {"user_id": "u2"}), severity="critical",
)  # fmt: skip
RESULTS = (
    FAILED,
    result("invoices", "status"),
    result("invoices", "due", "errored", observed=f"no such {NASTY}", evaluated=0),
    result("invoices", "late", "skipped", evaluated=0, dimension="timeliness"),
    result("plans", "name", dimension="consistency", control="data_format_standards"),
)


def checked(day: str, outcome: str = "passed") -> tuple[str, tuple[KeptCheck, ...]]:
    unexpected = 0 if outcome == "passed" else 50
    return day, (
        KeptCheck("users.email", "users", "accuracy", "", "critical", outcome, 100, unexpected),
        KeptCheck("plans.name", "plans", "consistency", "", "warning", "passed", 100, 0),
        KeptCheck("else.where", "elsewhere", "completeness", "", "info", "failed", 100, 100),
    )


KEPT = dict([
    checked("2025-03-31", "failed"), checked("2025-04-30"),
    checked("2025-05-31", "failed"), checked("2025-06-30", "failed"), checked("2025-07-31"),
])  # fmt: skip
QUALITY = Quality(
    "Ltd & Sons", "Monthly report", "June 2025", "2025-06-30", "banner", RESULTS, KEPT,
    reasons=("an identity does not hold: mrr & more", FAILED.reason),
    titles={"users": "Users of the product"},
    private={"users": frozenset({"email"})},
)  # fmt: skip


def page(quality: Quality = QUALITY) -> str:
    return quality_html(quality, read_brand())


def words(html: str) -> str:
    plain = re.sub(r"<(style|svg)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", plain).split())


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "quality.html"
    path.write_text(page(), encoding="utf-8")
    return path


def test_it_tells_scores_standards_failures_sources_controls_and_every_check() -> None:
    text = words(page())
    for told in (
        "Ltd &amp; Sons", "Monthly report, June 2025, as of June 30, 2025", "Passed with warnings",
        "Overall", "no score", "at least 99 %", "Missed", "not checked",
        "email is as it should be", "Revenue would be wrong.", "finance", "Could not be checked",
        "an identity does not hold: mrr &amp; more", "Users of the product",
        "Business rule compliance", "plans.name", "Skipped",
    ):  # fmt: skip
        assert told in text, told


def test_a_dimension_without_a_check_has_no_score() -> None:
    cards = re.findall(r'class="eyebrow">(\w+)</p><p class="figure">([^<]+)<', page())
    found = dict(cards)
    assert found["Accuracy"] == "99.00 %"
    assert found["Consistency"] == "100 %"
    assert {found[name] for name in ("Completeness", "Timeliness", "Auditability")} == {"no score"}


def test_since_when_it_fails_is_the_first_of_the_days_in_a_row() -> None:
    text = words(page())
    assert "Since May 31, 2025" in text
    assert "passed on 1 of 4 days, last not on June 30, 2025" in text
    # What was found after the as-of of the report was not known by then.
    assert "July" not in text


def test_other_sources_are_not_in_the_trend() -> None:
    rows = re.findall(r"<tr[^>]*><th[^>]*>([A-Z][a-z]+ \d+, 2025)</th>(.*?)</tr>", page())
    days = {day: re.findall(r">([^<]*)</td>", cells) for day, cells in rows}
    assert list(days) == ["June 30, 2025", "May 31, 2025", "April 30, 2025", "March 31, 2025"]
    assert days["June 30, 2025"][:2] == ["50.00 %", "no score"]
    assert days["April 30, 2025"][0] == "100 %"


def test_only_the_last_days_are_shown() -> None:
    many = dict(checked(f"2024-{1 + n // 28:02d}-{1 + n % 28:02d}") for n in range(60))
    assert f"Scores of {SHOWN_DAYS} days" in page(replace(QUALITY, kept=many))


def test_data_is_text_and_nobody_is_named() -> None:
    html = page()
    assert NASTY not in html
    assert html.count("&lt;script&gt;") >= 2
    assert "<script" not in html
    leaking = replace(FAILED, sample=({"user_id": "u1", "email": "ann@example.com"},))
    html = page(replace(QUALITY, results=(leaking,), reasons=()))
    assert re.search(f'data-label="email">{MASK}<', html)
    assert '"email">ann' not in html


def test_it_needs_no_network_and_says_nothing_in_the_console(
    file: Path, visit: Callable[..., Visit]
) -> None:
    seen = visit(file)
    assert seen.console == []
    assert seen.external == []
    assert not re.search(r"(?:src|href)=\"(?!#|data:)", file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_nothing_is_cut_off(file: Path, visit: Callable[..., Visit], width: int) -> None:
    seen = visit(file, width=width)
    seen.page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    cut = seen.page.eval_on_selector_all(
        "td, th, p, dd, h3",
        "all => all.filter(e => e.clientWidth && e.scrollWidth > e.clientWidth + 1"
        " && getComputedStyle(e).display != 'inline').length",
    )
    assert cut == 0


def test_every_table_has_a_caption_and_names_its_rows_and_columns(
    file: Path, visit: Callable[..., Visit]
) -> None:
    seen = visit(file)
    tables = seen.page.locator("table")
    assert tables.count() > 6
    for n in range(tables.count()):
        table = tables.nth(n)
        assert table.locator("caption").count() == 1
        assert table.locator("thead th:not([scope=col])").count() == 0
        assert table.locator("tbody th:not([scope=row])").count() == 0
    assert seen.page.locator("h1").count() == 1
    assert seen.page.locator("section[aria-labelledby]").count() == 6


def test_what_was_not_checked_is_said_in_one_line() -> None:
    assert "Nothing was checked" in page(replace(QUALITY, results=()))


def test_a_held_report_says_who_its_page_is_for() -> None:
    held = replace(QUALITY, verdict="hold", note="Held: readers see neither this nor that.")
    assert "Held: readers see neither" in words(page(held))


def test_the_section_of_a_report_has_value_limit_and_whether_it_is_met() -> None:
    found = section(QUALITY)
    words = re.sub(r"\[([^\]]*)\]\{[^}]*\}", r"\1", found.markdown)
    assert "3 of 4" not in words
    assert "2 of 4 checks" in words
    rows = [row for row in found.markdown.splitlines() if row.startswith("| ")]
    assert len(rows) == 6
    accuracy = next(row for row in rows if row.startswith("| Accuracy"))
    assert "99.00 %" in accuracy.replace("\\", "")
    assert "[met]{.met}" in accuracy
    assert "[not checked]{.muted}" in next(row for row in rows if row.startswith("| Timeliness"))
    assert "(quality.html)" in found.markdown
    assert section(replace(QUALITY, results=())).markdown == ""


def test_the_site_leads_to_the_page(tmp_path: Path) -> None:
    row = EditionRow(
        "monthly", "2025-06", "month", "", 1, None, "r", "2025-06-30", "publish", "final", "draft",
        (), "monthly/2025-06/r1", "2025-07-01T00:00:00+00:00", "h", "builtin",
    )  # fmt: skip
    folder = tmp_path / "monthly" / "2025-06" / "r1"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("", encoding="utf-8")
    assert "quality.html" not in index_html([row], "Ltd", tmp_path, read_brand())
    (folder / "quality.html").write_text("", encoding="utf-8")
    assert "monthly/2025-06/r1/quality.html" in index_html([row], "Ltd", tmp_path, read_brand())


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("quality") / "shop")


def called(workspace: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    done = CliRunner().invoke(main, [*arguments, "--workspace", str(workspace), "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_an_edition_has_its_page_and_a_held_run_keeps_its_own_to_itself(workspace: Path) -> None:
    code, made = called(workspace, "run", "monthly", "--period", "2025-05")
    assert code == 0
    edition = Path(str(made["edition"]))
    assert made["files"]["quality"] == "quality.html"  # type: ignore[index]
    assert made["quality"] == str(edition / "quality.html")
    text = words((edition / "quality.html").read_text(encoding="utf-8"))
    assert "May 2025, as of May 31, 2025" in text
    assert "invoices" in text
    assert "quality.html" in (workspace / "var" / "site" / "index.html").read_text("utf-8")

    mapping = workspace / "sources" / "invoices.yml"
    twice = mapping.read_text(encoding="utf-8").replace(
        "  FROM purchases", "  FROM (FROM purchases UNION ALL FROM purchases LIMIT 3700)"
    )
    mapping.write_text(twice, encoding="utf-8")
    code, held = called(workspace, "run", "monthly", "--period", "2025-06")
    assert (code, held["status"]) == (3, "held")
    own = Path(str(held["quality"]))
    assert own.parent == workspace / "var" / "runs" / str(held["run_id"])
    assert "Held: readers see neither" in words(own.read_text(encoding="utf-8"))
    assert not (workspace / "var" / "editions" / "monthly" / "2025-06").exists()
    assert str(held["run_id"]) not in (workspace / "var/site/index.html").read_text("utf-8")


def test_check_tells_scores_standards_and_controls(workspace: Path) -> None:
    _, found = called(workspace, "check", "invoices", "payments", "--as-of", "2025-05-31")
    controls, scores = found["controls"], found["scores"]
    assert set(controls["sources"]) == {"invoices", "payments"}  # type: ignore[index]
    overall = controls["overall"]  # type: ignore[index]
    assert [len(names) for names in overall.values()] == [3, 3, 3, 3]
    assert overall["completeness"]["no_null_values_in_key_fields"] is True
    assert overall["accuracy"]["business_rule_compliance"] in (True, False)
    assert isinstance(overall["timeliness"]["data_freshness_requirements"], str)
    assert scores["overall"]["overall"] == pytest.approx(100, abs=5)  # type: ignore[index]
    assert [s["dimension"] for s in found["standards"]][:2] == ["accuracy", "completeness"]  # type: ignore[attr-defined]
    ids = [entry["id"] for entry in found["results"]]  # type: ignore[attr-defined]
    assert len(set(ids)) == len(ids)


def test_data_docs_are_written_on_request_and_show_no_markup_of_the_data(
    workspace: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "docs"
    _, found = called(
        workspace, "check", "invoices", "--as-of", "2025-05-31", "--data-docs", str(folder)
    )
    assert found["data_docs"] == str(folder / "index.html")
    pages = list(folder.rglob("*.html"))
    assert {path.name for path in pages} == {"index.html", "invoices.html"}
    assert "servers of others" in CliRunner().invoke(main, ["check", "--help"]).output.replace(
        "\n", " "
    ).replace("                                  ", "")


def test_data_docs_take_data_for_text(tmp_path: Path) -> None:
    from datetime import date

    from boardpack import gate
    from boardpack.gate_suites import load_suites
    from boardpack.source_files import load
    from boardpack.workspace import SUITE, Workspace

    gate.warm()
    from boardpack.gate_docs import write_docs

    declared = load(Workspace.open(SUITE))
    suites = load_suites([SUITE / "expectations"], [declared["invoices"]])
    [e] = [e for e in suites["invoices"].expectations if e.id == "invoices.status.in_set"]
    failed = result(
        "invoices", "status.in_set", "failed", unexpected_count=1, unexpected=1,
        sample=({"invoice_id": NASTY, "status": NASTY},),
    )  # fmt: skip
    assert failed.id == e.id
    write_docs(tmp_path, date(2025, 5, 31), [failed], suites)
    [made] = (tmp_path / "validations").rglob("*.html")
    assert NASTY not in made.read_text(encoding="utf-8")
    assert "alert(" in made.read_text(encoding="utf-8")

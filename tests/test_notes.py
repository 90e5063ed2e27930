"""Notes on figures and signatures: recorded for good, beside the KPI, in revisions of equal values."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pypdf
import pytest
from click.testing import CliRunner, Result

import workspaces
from boardpack import (
    editions,
    manifests,
    orders,
    reconciliation,
    remarks,
    runs,
    signatures,
    written_notes,
)
from boardpack.assemble import assemble
from boardpack.cli import main
from boardpack.errors import StorageError, UserError
from boardpack.executions import NotebookProcess
from boardpack.facts import Note, ReportFacts, Signature
from boardpack.ledger import Ledger
from boardpack.ledger_rows import EditionRow
from boardpack.model import Model
from boardpack.objectives import Target
from boardpack.orders import Force
from boardpack.outcomes import RunResult
from boardpack.qmd import read_report
from processes import PROCESSES
from report_fixture import FACTS, HOSTILE, Desk, chart, text
from values_fixture import small_values
from verdict_fixture import INVOICED_TWICE, planted

SCORECARD = """\
scorecard: own
title: Own
currency: USD
kpis:
  total_revenue: {owner: CFO, comparator: ">=", value: 900000000}
  purchases: {owner: CFO, comparator: ">=", value: 1}
  average_order_value: {owner: CFO, comparator: ">=", value: 900000}
"""
REPORT = """\
---
title: Sales
grains: [month]
needs_notes: txt-headline
sign_off: [Chief Executive Officer, Chair of the Board]
---

{{< embed ../notebooks/purchases.ipynb#txt-headline >}}

{{< embed ../notebooks/purchases.ipynb#fig-revenue >}}

## Restatements

::: {#restatements}
:::

{{< include _end.qmd >}}
"""
END = '## Sign-off\n\n![](logo.svg){fig-alt="our mark"}\n\n::: {#sign-off}\n:::\n'
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'
WRITER = "A. <i>Jonas</i>"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def desk(folder: Path) -> Path:
    """The shop with two KPIs that are off track, one that is not, and two reports about them."""
    shop = workspaces.shop(folder)
    settings = shop / "boardpack.yml"
    more = "scorecard: own\nstart: 2024-01-01\n"
    settings.write_text(settings.read_text(encoding="utf-8") + more, encoding="utf-8")
    (shop / "scorecards").mkdir()
    (shop / "scorecards" / "own.yml").write_text(SCORECARD, encoding="utf-8")
    path = shop / "notebooks" / "purchases.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell = nbformat.v4.new_code_cell('#| label: fig-revenue\nbp.trend(values, "total_revenue")')
    notebook.cells.append(cell)
    nbformat.write(notebook, path)
    reports = shop / "reports"
    (reports / "monthly.qmd").write_text(REPORT, encoding="utf-8")
    (reports / "_end.qmd").write_text(END, encoding="utf-8")
    (reports / "logo.svg").write_text(LOGO, encoding="utf-8")
    other = "---\ntitle: Short\ngrains: [month]\n---\n\n"
    other += "{{< embed ../notebooks/purchases.ipynb#fig-revenue >}}\n"
    (reports / "short.qmd").write_text(other, encoding="utf-8")
    return shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, process: NotebookProcess) -> Path:
    """A desk with a first edition of both reports."""
    found = desk(tmp_path_factory.mktemp("notes") / "shop")
    run(found, process, "2025-05")
    run(found, process, "2025-05", report="short")
    return found


@pytest.fixture
def fresh(shop: Path, tmp_path: Path) -> Path:
    """The desk as it was after its first editions, for one test alone."""
    target = tmp_path / "shop"
    shutil.copytree(shop, target)
    return target


def run(
    shop: Path, process: NotebookProcess, period: str, *, report: str = "monthly",
    as_of: str = "", force: Force | None = None,
) -> RunResult:  # fmt: skip
    model = Model.open(shop)
    wanted = orders.order(model, report, period, as_of)
    done = runs.run(model, wanted, now=lambda: datetime.now(UTC), process=process, force=force)
    assert done.status == "published", done.error or done.reasons
    return done


def rows(shop: Path, report: str = "monthly") -> list[EditionRow]:
    with Ledger(shop / "var" / "ledger.sqlite") as ledger:
        return sorted(ledger.editions(report), key=lambda row: (row.period, row.revision))


def notes(shop: Path) -> list[Note]:
    with Ledger(shop / "var" / "ledger.sqlite") as ledger:
        return ledger.notes()


def edition(shop: Path, revision: int, report: str = "monthly") -> Path:
    return shop / "var" / "editions" / report / "2025-05" / f"r{revision}"


def called(shop: Path, *arguments: str) -> Result:
    given = [*arguments, "--workspace", str(shop)]
    return CliRunner().invoke(main, given, catch_exceptions=False)


def said(shop: Path, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(called(shop, *arguments, "--json").stdout)
    return found


def write(shop: Path, kpi: str, words: str, *more: str, by: str = WRITER) -> dict[str, Any]:
    return said(shop, "note", kpi, words, "--period", "2025-05", "--by", by, *more)


def page(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def pdf(folder: Path) -> list[str]:
    sheets = pypdf.PdfReader(folder / "report.pdf").pages
    return [" ".join(sheet.extract_text().split()) for sheet in sheets]


def facts(folder: Path) -> ReportFacts:
    entry = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    return ReportFacts.from_dict(entry["report"])


def test_a_report_is_a_draft_until_the_headline_figures_off_track_have_notes(
    fresh: Path,
) -> None:
    first = edition(fresh, 1)
    assert facts(first).lacks_notes == {
        "total_revenue": "Total revenue", "average_order_value": "Average order value",
    }  # fmt: skip
    assert rows(fresh)[0].lacks_notes == ("total_revenue", "average_order_value")
    line = "no note says yet why these are off track: Total revenue, Average order value."
    assert f"<strong>DRAFT</strong>, not for distribution: {line}" in page(first)
    assert 'boardpack note KPI --period 2025-05 --by NAME "why' in page(first)
    assert "did not pass its checks" not in page(first)
    sheets = pdf(first)
    assert all(f"DRAFT, not for distribution: {line}" in sheet for sheet in sheets)
    assert any("--period 2025-05 --by NAME" in sheet for sheet in sheets)
    # The other report asks for no notes.
    assert not rows(fresh, "short")[0].is_draft
    assert 'class="draft-' not in page(edition(fresh, 1, "short"))

    one = write(fresh, "total_revenue", f"It rains. {HOSTILE}\nשלום, it stops.")
    assert [(made["report"], made["lacks_notes"]) for made in one["made"]] == [
        ("monthly", ["average_order_value"]), ("short", []),
    ]  # fmt: skip
    assert "these are off track: Average order value." in page(edition(fresh, 2))
    two = write(fresh, "average_order_value", "Small baskets.")
    assert [made["revision"] for made in two["made"]] == [3]
    assert 'class="draft-' not in page(edition(fresh, 3))
    assert "DRAFT" not in "".join(pdf(edition(fresh, 3)))


def test_a_note_stands_below_chart_and_cards_once_each_and_stays_text(fresh: Path) -> None:
    write(fresh, "total_revenue", f"It rains. {HOSTILE}\nשלום, it stops.")
    html = page(edition(fresh, 2))
    for hostile in ("<b>Sons</b>", "<i>Jonas</i>"):
        assert hostile not in html
    assert html.count("It rains. Smith &amp; &lt;b&gt;Sons&lt;/b&gt; #1 $x$ *y* @z") == 2
    assert html.count("<p>שלום, it stops.</p>") == 2
    assert html.count('class="remark"') == 2
    assert "A. &lt;i&gt;Jonas&lt;/i&gt;, " in html
    written = " ".join(pdf(edition(fresh, 2)))
    assert written.count("It rains. Smith & <b>Sons</b> #1 $x$ *y* @z") == 2
    # Beside the chart of the other report once: it has no cards.
    assert page(edition(fresh, 2, "short")).count("It rains.") == 1
    assert [n.text for n in facts(edition(fresh, 2)).notes] == [
        f"It rains. {HOSTILE}\nשלום, it stops."
    ]
    assert facts(edition(fresh, 2)).notes[0].name == "Total revenue"


def test_the_revision_has_the_values_of_its_parent_and_says_why_it_is_there(fresh: Path) -> None:
    write(fresh, "total_revenue", "It rains.")
    before, after = (
        json.loads((edition(fresh, n) / "manifest.json").read_text(encoding="utf-8"))
        for n in (1, 2)
    )
    assert (after["parent"], after["because"], before["because"]) == (1, "note", "")
    for same in ("fingerprints", "definitions", "code", "versions", "as_of", "verdict", "status"):
        assert after[same] == before[same], same
    for file in ("values.parquet", "values.csv", "shown.json", "gate.json", "restatements.json",
                 "quality.html", "sections.json", "reports/monthly.qmd", "reports/_end.qmd",
                 "reports/logo.svg", "notebooks/purchases.ipynb"):  # fmt: skip
        assert after["files"][file] == before["files"][file], file
    assert [row.revision for row in rows(fresh) if manifests.verify(
        fresh / "var" / "editions" / row.folder, row.manifest_hash)] == []  # fmt: skip
    found = said(fresh, "diff", "monthly", "2025-05")
    assert (found["changes"], found["code"], found["sources"]) == ([], False, [])
    assert "revision 2" in page(edition(fresh, 2))
    assert "revision 1" not in page(edition(fresh, 2))
    # What a dead process left is mended from the manifest alone.
    (fresh / "var" / "ledger.sqlite").rename(fresh / "var" / "gone.sqlite")
    with Ledger(fresh / "var" / "ledger.sqlite") as ledger:
        reconciliation.reconcile(fresh / "var" / "editions", ledger)
        mended = ledger.editions("monthly")
    with Ledger(fresh / "var" / "gone.sqlite") as ledger:
        assert mended == ledger.editions("monthly")


def test_a_later_note_is_the_next_version_and_the_old_one_stays(fresh: Path) -> None:
    assert write(fresh, "total_revenue", "It rains.")["note"]["version"] == 1
    again = write(fresh, "total_revenue", "  It   rains. ")
    assert (again["is_new"], again["note"]["version"], again["made"]) == (False, 1, [])
    later = write(fresh, "total_revenue", "It pours.", by="B. Lee")
    assert later["note"]["version"] == 2
    html = page(edition(fresh, 3))
    assert "It pours." in html
    assert "It rains." not in html
    assert "It rains." in page(edition(fresh, 2))
    shown = said(fresh, "note", "total_revenue", "--period", "2025-05")["notes"]
    assert [(n["version"], n["text"], n["by"], n["is_latest"]) for n in shown] == [
        (1, "It rains.", WRITER, False), (2, "It pours.", "B. Lee", True),
    ]  # fmt: skip
    assert said(fresh, "note")["notes"] == shown
    assert said(fresh, "note", "purchases")["notes"] == []
    text = called(fresh, "note", "total_revenue").stdout
    assert "version 1, replaced: A. <i>Jonas</i>" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["totl_revenue", "x", "--period", "2025-05"], "did you mean 'total_revenue'"),
        (["total_revenue", "x", "--period", "2025-13"], "2025-13"),
        (["total_revenue", "x", "--period", "2999-05"], "has not begun"),
        (["total_revenue", " \n ", "--period", "2025-05"], "the note has nothing in it"),
        (["total_revenue", "x" * 1001, "--period", "2025-05"], "1,001 characters"),
        (["total_revenue", "a\x07b", "--period", "2025-05"], "a control character, U+0007"),
        (["total_revenue", "a\u202eb", "--period", "2025-05"], "an invisible character, U+202E"),
        (["total_revenue", "x", "--period", "2025-05", "--by", "y" * 61], "the name has 61"),
        (["total_revenue", "x", "--period", "2025-05", "--by", "\x1b[0m"], "U+001B"),
        (["total_revenue", "x", "--period", "2025-05", "--member", "smb"], "names no member"),
        (["total_revenue", "x", "--period", "2025-05", "--member", "shop=a"], "Unknown dimension"),
        (["totl_revenue", "--period", "2025-05"], "did you mean 'total_revenue'"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_refused_and_nothing_is(
    shop: Path, arguments: list[str], says: str
) -> None:
    by = [] if "--by" in arguments else ["--by", "me"]
    failed = called(shop, "note", *arguments, *by)
    assert failed.exit_code == 1, failed.output
    assert says in failed.stderr
    error = json.loads(called(shop, "note", *arguments, *by, "--json").stdout)["error"]
    assert error["code"]
    assert notes(shop) == []
    assert [row.revision for row in rows(shop)] == [1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["note", "total_revenue", "x", "--by", "me"], "--period"),
        (["note", "total_revenue", "x", "--period", "2025-05"], "--by"),
        (["sign", "monthly", "--period", "2025-05"], "--by"),
    ],
)
def test_what_lacks_a_name_or_a_period_is_wrong_usage(
    shop: Path, arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BOARDPACK_USER", raising=False)
    failed = called(shop, *arguments)
    assert failed.exit_code == 2
    assert says in failed.stderr


@pytest.mark.parametrize(
    "words",
    [
        "مرحبا بالعالم",
        "done 👍",
        "👩‍💻 and 🏳️‍🌈",
        "a – b … “c”",
        "a\u200fb",
        "日本語",
        "2 < 3 & 4 > 3",
    ],
)
def test_letters_of_all_scripts_and_emoji_are_text(words: str) -> None:
    assert remarks.plain_text("the note", words, 1000, lines=True) == words


def test_a_note_that_waits_is_shown_by_the_next_run(fresh: Path, process: NotebookProcess) -> None:
    done = write(fresh, "total_revenue", "It rains.", "--no-render")
    assert (done["made"], done["waiting"]) == (
        [],
        ["monthly 2025-05 revision 1", "short 2025-05 revision 1"],
    )
    assert [row.revision for row in rows(fresh)] == [1]
    other = write(fresh, "average_order_value", "Small baskets.", "--no-render")
    assert other["waiting"] == ["monthly 2025-05 revision 1"]
    # What was written of another month, and on a figure that no report shows, is not theirs.
    for kpi, period in (("total_revenue", "2025-04"), ("nps", "2025-05")):
        said(fresh, "note", kpi, "elsewhere", "--period", period, "--by", "me")
    with pytest.raises(UserError, match="is a draft until notes are written"), \
            Ledger(fresh / "var" / "ledger.sqlite") as ledger:  # fmt: skip
        signatures.sign(Model.open(fresh), ledger, rows(fresh)[0], "me", now=lambda: BEGAN)
    done = run(fresh, process, "2025-05")
    assert done.lacks_notes == ()
    html = page(edition(fresh, 2))
    assert "It rains." in html
    assert "elsewhere" not in html
    assert rows(fresh)[-1].because == ""


def test_a_signature_releases_the_revision_that_was_read(
    fresh: Path, process: NotebookProcess
) -> None:
    write(fresh, "total_revenue", "It rains.")
    write(fresh, "average_order_value", "Small baskets.")
    role = ["--role", "Chair of the Board"]
    done = said(fresh, "sign", "monthly", "--period", "2025-05", "--by", WRITER, *role)
    assert (done["revision"], done["parent"], done["release"]) == (4, 3, "signed")
    row = rows(fresh)[-1]
    assert (row.release, row.because, row.is_draft) == ("signed", "signature", False)
    assert [(s.by, s.role, s.revision) for s in row.signatures] == [(WRITER, role[1], 3)]
    sheet = page(edition(fresh, 4)).split('id="sign-off"')[-1]
    cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", sheet.split("<tbody>")[1], re.DOTALL)
    assert cells[:6] == ["Chief Executive Officer", "", "", "", "Chair of the Board",
                         "A. &lt;i&gt;Jonas&lt;/i&gt;"]  # fmt: skip
    assert cells[7] == "3"
    assert "It rains." in page(edition(fresh, 4))
    both = said(fresh, "sign", "monthly", "--period", "2025-05", "--by", "B. Lee",
                "--role", "Chief Executive Officer", "--revision", "4")  # fmt: skip
    assert [s["by"] for s in both["signatures"]] == [WRITER, "B. Lee"]
    assert said(fresh, "diff", "monthly", "2025-05")["changes"] == []
    index = (fresh / "var" / "site" / "index.html").read_text(encoding="utf-8")
    assert "Signed by A. &lt;i&gt;Jonas&lt;/i&gt;, B. Lee" in index
    # Another note is not what they signed, and neither is another run.
    write(fresh, "total_revenue", "It pours.")
    assert (rows(fresh)[-1].release, rows(fresh)[-1].signatures) == ("draft", ())
    signed = said(fresh, "sign", "monthly", "--period", "2025-05", "--by", "C. Day")
    assert signed["release"] == "signed"
    run(fresh, process, "2025-05")
    assert (rows(fresh)[-1].release, facts(edition(fresh, 8)).signatures) == ("draft", ())


def test_what_may_not_be_signed(fresh: Path, process: NotebookProcess) -> None:
    def refused(report: str, *more: str, period: str = "2025-05") -> str:
        failed = called(fresh, "sign", report, "--period", period, "--by", "me", *more)
        assert failed.exit_code in (1, 4), failed.output
        return failed.stderr

    assert "is a draft until notes are written on total_revenue, average" in refused("monthly")
    run(fresh, process, "2025-06", report="short", as_of="2025-06-20")
    assert "is provisional: its period was not over on 2025-06-20" in refused(
        "short", period="2025-06"
    )
    with planted(fresh, INVOICED_TWICE):
        run(fresh, process, "2025-04", report="short", force=Force("now", "A. Jonas"))
    assert "is a draft for good: A. Jonas published it" in refused("short", period="2025-04")
    assert "did you mean 'short'" in refused("shrt")
    assert "no edition of short 2025-01 was published" in refused("short", period="2025-01")
    assert "has no revision 9" in refused("short", "--revision", "9")
    write(fresh, "total_revenue", "It rains.", "--no-render")
    assert "lacks what was written on total_revenue since" in refused("short")
    write(fresh, "total_revenue", "It rains.")
    assert "revision 1 of short 2025-05 is not the latest" in refused("short", "--revision", "1")
    write(fresh, "average_order_value", "Small baskets.")
    assert "did you mean 'Chair of the Board'" in refused("monthly", "--role", "Chair of Board")
    signed = called(fresh, "sign", "short", "--period", "2025-05", "--by", "me")
    assert signed.exit_code == 0, signed.output
    assert "was signed by me already" in refused("short")
    values = edition(fresh, 3) / "values.csv"
    values.chmod(0o644)
    values.write_text(values.read_text(encoding="utf-8") + " ", encoding="utf-8")
    count = len(rows(fresh))
    assert "is not as it was published: values.csv: changed" in refused("monthly")
    assert len(rows(fresh)) == count


def test_nothing_is_made_of_a_revision_that_was_changed_and_the_note_is_kept(fresh: Path) -> None:
    qmd = edition(fresh, 1) / "report.html"
    qmd.chmod(0o644)
    qmd.write_text("changed", encoding="utf-8")
    arguments = ["note", "total_revenue", "It rains.", "--period", "2025-05", "--by", "me"]
    failed = called(fresh, *arguments)
    assert failed.exit_code == 4
    assert (
        "monthly 2025-05 revision 1 is not as it was published: report.html: changed"
        in failed.stderr
    )
    assert [row.revision for row in rows(fresh)] == [1]
    # The other report is made all the same.
    assert [row.revision for row in rows(fresh, "short")] == [1, 2]
    assert [note.text for note in notes(fresh)] == ["It rains."]


def test_what_was_forced_stays_a_draft(fresh: Path, process: NotebookProcess) -> None:
    with planted(fresh, INVOICED_TWICE):
        run(fresh, process, "2025-05", report="short", force=Force("now", "A. Jonas"))
    write(fresh, "total_revenue", "It rains.")
    row = rows(fresh, "short")[-1]
    assert (row.revision, row.parent, row.forced, row.verdict) == (3, 2, "now", "hold")
    html = page(edition(fresh, 3, "short"))
    assert "not for distribution: the data did not pass its checks. now" in html
    assert "It rains." in html


def test_an_edition_of_before_notes_says_what_to_do(fresh: Path) -> None:
    with Ledger(fresh / "var" / "ledger.sqlite") as ledger:
        row = ledger.latest("monthly", "2025-05")
        assert row is not None
        folder = edition(fresh, 1)
        for path in (folder / "sections.json", folder / "manifest.json"):
            path.chmod(0o644)
        (folder / "sections.json").unlink()
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        del manifest["files"]["sections.json"]
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        ledger.add_note(
            Note("total_revenue", "2025-05", "", "x", "me", "2026-01-01T00:00:00+00:00")
        )
        old = replace(row, revision=2, folder=row.folder, manifest_hash="")
        ledger.add_edition(old)
        with pytest.raises(StorageError, match="before notes were thought of") as caught:
            written_notes.noted(Model.open(fresh), ledger, old, now=lambda: BEGAN)
    assert "run the report again" in str(caught.value.hint)


def note_and_die(shop: Path, step: str) -> None:
    """Make the revision of a note in this process, and die when it comes to ``step``."""

    def die(stage: str) -> None:
        if stage == step:
            os.kill(os.getpid(), signal.SIGKILL)

    publish = editions.publish

    def publish_and_die(*arguments: Any) -> EditionRow:
        return publish(*arguments, die)

    editions.publish = publish_and_die  # type: ignore[assignment]
    model = Model.open(shop)
    with Ledger(shop / "var" / "ledger.sqlite") as ledger:
        wanted = Note(
            "total_revenue", "2025-05", "", "It rains.", "me", "2026-01-01T00:00:00+00:00"
        )
        written_notes.note(model, ledger, wanted, now=lambda: BEGAN, progress=lambda row: die)


@pytest.mark.parametrize(
    ("step", "there"),
    [("verify", [1]), ("render", [1]), ("report.html", [1]), ("synced", [1]), ("renamed", [1, 2])],
)
def test_killed_at_any_step_a_revision_is_whole_or_not_there(
    fresh: Path, step: str, there: list[int]
) -> None:
    shutil.rmtree(fresh / "var" / "editions" / "short")
    child = PROCESSES.Process(target=note_and_die, args=(fresh, step))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    folders = sorted((fresh / "var" / "editions" / "monthly" / "2025-05").iterdir())
    assert [folder.name for folder in folders] == [f"r{n}" for n in there]
    assert all(manifests.verify(folder) == [] for folder in folders)
    assert [note.text for note in notes(fresh)] == ["It rains."]
    # The same words again complete what was begun, and no more.
    write(fresh, "total_revenue", "It rains.", by="me")
    assert [row.revision for row in rows(fresh)] == [1, 2]
    assert "It rains." in page(edition(fresh, 2))
    assert not list((fresh / "var" / "editions").glob(".tmp-*"))


def test_a_kpi_off_track_needs_a_note_and_one_that_is_near_does_not() -> None:
    values = small_values()
    nps = values.kpi("nps")
    far = replace(nps, targets={values.period.label: Target(900, ">=")})
    # Missed, but on track; missed, and at risk; without a target; without a figure.
    assert remarks.lacking(values, ["mrr", "nps", "mau", "runway"]) == {}
    off = replace(values, kpis={**values.kpis, "nps": far})
    assert remarks.lacking(off, ["mrr", "nps"]) == {"nps": nps.name}
    note = replace(MRR, kpi="nps", period=values.period.label)
    for member, needs in (("", {}), ("segment=smb", {"nps": nps.name})):
        report = replace(off.report, notes=(replace(note, member=member),))
        assert remarks.lacking(replace(off, report=report), ["nps"]) == needs


def figure(kpi: str, member: str = "", **more: str) -> dict[str, str]:
    return {"kpi": kpi, "period": "2025-12", "member": member, "text": "1", **more}


def cards(*kpis: str) -> dict[str, Any]:
    return text("::: {.cards}\n:::", numbers=[figure(kpi) for kpi in kpis])


def scored(*kpis: str, member: str = "") -> dict[str, Any]:
    return text("::: {.scorecard}\n:::", numbers=[figure(kpi, member) for kpi in kpis])


def drawn(*kpis: str) -> dict[str, Any]:
    return chart(numbers=[figure(kpi) for kpi in kpis])


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([cards("mrr"), drawn("mrr", "arr"), drawn("mrr"), scored("mrr"), scored("mrr")], [2, 3]),
        ([cards("mrr"), drawn("arr", "mrr"), text("words", numbers=[figure("mrr")])], [0, 1]),
        ([text("words", numbers=[figure("mrr")]), text("more", numbers=[figure("mrr")])], [0]),
        ([drawn("arr"), scored("arr")], []),
        ([drawn("mrr"), drawn("mrr")], [0]),
        ([scored("mrr"), scored("arr", "mrr", "nps"), scored("arr", "mrr", "ltv")], [1]),
        ([scored("mrr", member="segment=smb"), scored("mrr")], [1]),
        ([chart(numbers=[figure("mrr", what="target")]), scored("mrr")], [1]),
        ([chart(numbers=[{**figure("mrr"), "period": "2025-11"}])], []),
    ],
)
def test_where_a_note_stands(blocks: list[dict[str, Any]], expected: list[int]) -> None:
    note = Note("mrr", "2025-12", "", "x", "me", "2026-01-01T00:00:00+00:00")
    found = remarks.places(blocks, replace(FACTS, notes=(note,)))
    assert sorted(found) == expected
    assert all(below == (note,) for below in found.values())


MRR = Note("mrr", "2025-12", "", "It rains.", "A. Jonas", "2026-01-01T23:30:00+00:00", 1, "MRR")


@pytest.fixture
def paper(tmp_path: Path) -> Desk:
    found = Desk(tmp_path)
    found.notebook(
        "revenue",
        fig_mrr=drawn("mrr"),
        tbl_mrr=scored("mrr"),
        txt_own={**text(""), "notes_on": ["mrr"]},
    )
    return found


def test_blocks_side_by_side_keep_their_notes_with_them(paper: Desk) -> None:
    body = "::: {layout-ncol=2}\n{{< embed ../notebooks/revenue.ipynb#fig-mrr >}}\n\n"
    body += "{{< embed ../notebooks/revenue.ipynb#tbl-mrr >}}\n:::\n"
    found = paper.assemble(body, replace(FACTS, notes=(MRR,)))
    written = found.document.read_text(encoding="utf-8")
    assert written.count("It rains.") == 2
    # Each cell of the row is one div: the chart with its note inside, the table in one with its own.
    inside = written.split("{layout-ncol=2}")[1]
    assert re.search(
        r"::: \{#revenue-fig-mrr \.chart\}.*It rains.*\n:::\n.*:::::: \{\.noted\}",
        inside,
        re.DOTALL,
    )
    assert inside.count("::::::") == 2


def test_a_list_of_notes_is_that_of_the_report_and_not_of_the_cell(paper: Desk) -> None:
    body = "{{< embed ../notebooks/revenue.ipynb#txt-own >}}\n\n::: {#notes}\n:::\n"
    elsewhere = replace(MRR, kpi="arr", name="ARR", text="It pours.")
    found = paper.assemble(body, replace(FACTS, notes=(MRR, elsewhere), zone="Europe/Berlin"))
    written = found.document.read_text(encoding="utf-8")
    assert written.count("It rains") == 2
    assert written.count("It pours") == 1
    # The day is that of the company's zone.
    assert "January 2, 2026" in written
    assert "It rains" not in paper.assemble(body).document.read_text(encoding="utf-8")


def test_a_report_about_a_segment_has_what_was_written_on_it(paper: Desk) -> None:
    whole, part, other = (
        replace(MRR, member=m, text=m or "whole") for m in ("", "segment=smb", "segment=eu")
    )
    names = {"arr": "ARR", "mrr": "MRR"}
    arr = replace(MRR, kpi="arr", name="")
    of_all = remarks.for_report(FACTS, [part, whole, other, arr, replace(MRR, kpi="nps")], names)
    assert [(n.kpi, n.member, n.name) for n in of_all.notes] == [
        ("arr", "", "ARR"), ("mrr", "", "MRR"), ("mrr", "segment=eu", "MRR"), ("mrr", "segment=smb", "MRR"),
    ]  # fmt: skip
    of_part = remarks.for_report(replace(FACTS, segment="smb"), [part, whole, other], names)
    assert [(n.text, n.member) for n in of_part.notes] == [("segment=smb", "")]


def test_facts_are_read_back_as_they_were_frozen() -> None:
    from dataclasses import asdict

    signed = Signature("A. Jonas", "", "2026-01-01T00:00:00+00:00", 2)
    facts = replace(FACTS, notes=(MRR,), signatures=(signed,), lacks_notes={"arr": "ARR"})
    assert ReportFacts.from_dict(json.loads(json.dumps(asdict(facts)))) == facts
    assert facts.release == "signed"
    assert FACTS.release == "draft"
    # Those of before notes were thought of have none.
    old = {
        k: v for k, v in asdict(FACTS).items() if k not in ("notes", "signatures", "lacks_notes")
    }
    assert ReportFacts.from_dict(json.loads(json.dumps(old))) == FACTS


@pytest.mark.parametrize(
    ("header", "line", "says", "hint"),
    [
        ("needs_notes: txt-headlin", 3, "places no cell 'txt-headlin'", "txt-headline"),
        ("needs_notes: [txt-headline, txt-headline]", 3, "names one twice", None),
        ("needs_notes: 3", 3, "is no list of texts", "needs_notes: [txt-headline]"),
        ("sign_off: CEO", 3, "is no list of texts", "sign_off: ["),
        ("sign_off: [CEO, 3]", 3, "is no list of texts", None),
        ("needs_note: txt-headline", 3, "is no key of a report", "needs_notes"),
        ("sign_off:\n- CEO\n- CEO", 3, "names one twice", None),
    ],
)
def test_what_a_header_may_not_say(
    tmp_path: Path, header: str, line: int, says: str, hint: str | None
) -> None:
    paper = Desk(tmp_path)
    body = "{{< embed ../notebooks/a.ipynb#txt-headline >}}"
    path = paper.write(body, header=f"title: Monthly\n{header}")
    with pytest.raises(UserError, match=says) as caught:
        read_report(path)
    assert (caught.value.file, caught.value.line) == (str(path), line)
    assert hint is None or hint in str(caught.value.hint)


def test_an_empty_include_and_a_picture_are_among_the_files_of_a_report(tmp_path: Path) -> None:
    paper = Desk(tmp_path)
    path = paper.write('{{< include _a.qmd >}}\n\n![](../logo.svg){fig-alt="mark"}\n')
    (path.parent / "_a.qmd").write_text("", encoding="utf-8")
    (tmp_path / "logo.svg").write_text(LOGO, encoding="utf-8")
    found = [file.name for file in read_report(path).files()]
    assert found == ["_a.qmd", "logo.svg"]
    assert assemble(path, {}, FACTS, paper.target).figures == ("logo.svg",)


def test_in_a_notebook_the_notes_are_those_of_the_workspace(fresh: Path) -> None:
    import boardpack as bp

    write(fresh, "total_revenue", "It <b>rains</b>.", "--no-render")
    values = bp.open(fresh, period="2025-05", kpis=["total_revenue", "purchases"])
    block = bp.notes(values)
    assert "It &lt;b&gt;rains&lt;/b&gt;." in block.html
    assert bp.notes(values, ["purchases"]).html == ""
    with pytest.raises(UserError, match="Unknown KPI 'purchase'"):
        bp.notes(values, ["purchase"])


def test_two_that_write_at_once_both_stand(fresh: Path) -> None:
    with (
        Ledger(fresh / "var" / "ledger.sqlite") as one,
        Ledger(fresh / "var" / "ledger.sqlite") as two,
    ):
        words = Note("total_revenue", "2025-05", "", "a", "A", "2026-01-01T00:00:00+00:00")
        later = (BEGAN + timedelta(days=1)).isoformat()
        found = [one.add_note(words), two.add_note(replace(words, text="b", by="B", at=later))]
        assert [note.version for note in found] == [1, 2]
        assert [note.text for note in one.latest_notes("2025-05")] == ["b"]

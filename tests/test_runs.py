"""Runs, whole: from a text file to an edition, or to a clear reason why there is none."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from click.testing import CliRunner

import workspaces
from boardpack import orders, runs
from boardpack.cli import main
from boardpack.errors import BoardpackError, PeriodError, UnknownNameError
from boardpack.executions import NotebookProcess
from boardpack.ledger import Ledger
from boardpack.manifests import verify
from boardpack.model import Model
from boardpack.outcomes import RunResult
from boardpack.workspace import SUITE

EXAMPLE = SUITE / "examples" / "purchases"


def copied(folder: Path) -> Path:
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("var"))
    return folder


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The workspace over purchases, as it is."""
    return copied(tmp_path / "example")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The same with a short report."""
    return workspaces.shop(tmp_path / "shop")


Make = Callable[..., RunResult]


def made(workspace: Path, process: NotebookProcess, period: str = "", as_of: str = "") -> RunResult:
    model = Model.open(workspace)
    wanted = orders.order(model, "monthly", period, as_of)
    return runs.run(model, wanted, now=lambda: datetime.now(UTC), process=process)


@pytest.fixture
def make(workspace: Path, process: NotebookProcess) -> Make:
    return partial(made, workspace, process)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, process: NotebookProcess) -> RunResult:
    """What a run of the whole report made; only read."""
    return made(copied(tmp_path_factory.mktemp("published") / "shop"), process)


def replace_cell(workspace: Path, label: str, source: str) -> None:
    path = workspace / "notebooks" / "purchases.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell = next(c for c in notebook.cells if f"label: {label}\n" in c.source)
    cell.source = f"#| label: {label}\n{source}"
    nbformat.write(notebook, path)


def test_a_run_publishes_an_edition_that_is_whole(published: RunResult) -> None:
    found = published.as_dict()
    assert (found["status"], found["verdict"], found["revision"]) == ("published", "publish", 1)
    assert (found["period"], found["as_of"]) == ("2025-06", "2025-06-30")
    assert published.exit_code == 0
    edition = Path(found["edition"])
    for name in found["files"].values():
        assert (edition / name).stat().st_size > 0
    assert verify(edition) == []
    assert "mrr" in found["not_available"]
    assert "mrr_movements" in found["not_available"]["mrr"]
    assert set(found["seconds"]) >= {"plan", "gate", "values", "notebooks", "assemble", "render"}


def test_a_workspaces_brand_colours_charts_and_pages(
    example: Path, process: NotebookProcess
) -> None:
    brand = (SUITE / "reports" / "_brand.yml").read_text(encoding="utf-8")
    assert "#1D5FA6" in brand
    own = brand.replace("#1D5FA6", "#7A1F5C")
    (example / "reports" / "_brand.yml").write_text(own, encoding="utf-8")
    edition = made(example, process).edition
    assert edition is not None
    for name in ("report.html", "charts.json", "notebooks/purchases.ipynb"):
        page = (edition / name).read_text(encoding="utf-8").upper()
        assert "#7A1F5C" in page, name
        assert "#1D5FA6" not in page, name


def test_what_is_shown_is_what_was_frozen(published: RunResult) -> None:
    edition = published.edition
    assert edition is not None
    shown = json.loads((edition / "shown.json").read_text(encoding="utf-8"))
    frame = pd.read_parquet(edition / "values.parquet").set_index(["kpi", "period", "dims"])[
        "value"
    ]
    values = [n for n in shown if n.get("what", "value") == "value" and n["text"] != "—"]
    assert len(values) > 20
    for number in values:
        assert (number["kpi"], number["period"], number["member"]) in frame.index
    revenue = frame["total_revenue", "2025-06", ""]
    texts = {n["text"] for n in values if (n["kpi"], n["period"]) == ("total_revenue", "2025-06")}
    assert f"${revenue:,.0f}" in texts or f"${revenue / 1000:.2f}K" in texts
    page = (edition / "report.html").read_text(encoding="utf-8")
    assert all(text in page for text in texts)


def test_a_second_run_is_a_revision_and_uses_the_verdict_again(workspace: Path, make: Make) -> None:
    first, second = make("2025-05"), make("2025-05")
    assert (first.revision, second.revision) == (1, 2)
    assert second.seconds["gate"] < first.seconds["gate"]
    with Ledger(workspace / "var" / "ledger.sqlite") as ledger:
        rows = ledger.editions("monthly", "2025-05")
        assert sorted((row.revision, row.parent) for row in rows) == [(1, None), (2, 1)]
        assert ledger.unfinished() == []
    assert first.edition is not None
    assert verify(first.edition) == []


@pytest.mark.parametrize(
    ("period", "as_of", "expected"),
    [
        ("", "", ("2025-06", "2025-06-30")),
        ("2025-03", "", ("2025-03", "2025-03-31")),
        ("", "2025-04-29", ("2025-03", "2025-04-29")),
        ("", "2025-04-30", ("2025-04", "2025-04-30")),
        ("2025-04", "2025-04-10", ("2025-04", "2025-04-10")),
    ],
)
def test_period_and_as_of(
    workspace: Path, period: str, as_of: str, expected: tuple[str, str]
) -> None:
    wanted = orders.order(Model.open(workspace), "monthly", period, as_of)
    assert (wanted.period.label, wanted.as_of.isoformat()) == expected


def test_an_open_period_is_provisional(make: Make) -> None:
    edition = make("2025-04", "2025-04-10").edition
    assert edition is not None
    facts = json.loads((edition / "facts.json").read_text(encoding="utf-8"))["report"]
    assert facts["status"] == "provisional"
    assert "provisional" in (edition / "report.html").read_text(encoding="utf-8").lower()


@pytest.mark.parametrize(
    ("report", "period", "as_of", "kind", "says"),
    [
        ("montly", "", "", UnknownNameError, "did you mean 'monthly'"),
        ("monthly", "2025-13", "", PeriodError, "not in the calendar"),
        ("monthly", "soon", "", PeriodError, "is not a period"),
        ("monthly", "2025-Q2", "", PeriodError, "made for a month"),
        ("monthly", "2025-06", "June", PeriodError, "is not a day"),
    ],
)
def test_orders_that_cannot_be(
    workspace: Path, report: str, period: str, as_of: str, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says):
        orders.order(Model.open(workspace), report, period, as_of)


@pytest.mark.parametrize(
    ("period", "as_of", "says"),
    [("2025-06", "2025-05-10", "begins after the as-of"), ("2019-01", "", "before the data")],
)
def test_periods_without_data(
    workspace: Path, make: Make, period: str, as_of: str, says: str
) -> None:
    with pytest.raises(PeriodError, match=says):
        make(period, as_of)
    assert not list((workspace / "var" / "editions").glob("monthly/*"))


def test_the_gate_holds_and_the_last_edition_stays(workspace: Path, make: Make) -> None:
    published = make("2025-06")
    mapping = workspace / "sources" / "invoices.yml"
    text = mapping.read_text(encoding="utf-8")
    mapping.write_text(
        text.replace(
            "  FROM purchases", "  FROM (FROM purchases UNION ALL FROM purchases LIMIT 3700)"
        ),
        encoding="utf-8",
    )
    held = make("2025-06")
    assert (held.status, held.verdict, held.exit_code) == ("held", "hold", 3)
    assert held.edition is None
    assert any("invoices" in reason for reason in held.reasons)
    assert published.edition is not None
    assert verify(published.edition) == []
    with Ledger(workspace / "var" / "ledger.sqlite") as ledger:
        assert [row.revision for row in ledger.editions("monthly", "2025-06")] == [1]
        ended = [r.ended.status for r in ledger.runs("monthly", "2025-06") if r.ended]
        assert sorted(ended) == ["held", "published"]


def test_a_broken_identity_holds_and_names_its_rows(workspace: Path, make: Make) -> None:
    (workspace / "kpis").mkdir()
    (workspace / "kpis" / "own.yml").write_text(
        "- identity: purchases_are_customers\n  title: every purchase has a customer of its own\n"
        "  left: purchases\n  right: purchasing_customers\n  rows: account_id\n",
        encoding="utf-8",
    )
    held = make("2025-06")
    assert held.status == "held"
    (first, *_) = held.reasons
    # A day with one of them, and a customer who bought more than once in the month.
    found = re.search(r"in 2025-06, off by .*account_id (\S+) (\d+)\.00 against 1\.00", first)
    assert found is not None, first
    assert first.startswith("an identity does not hold: every purchase has a customer of its own")
    assert int(found[2]) > 1


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ('raise ValueError("no such thing")', "no such thing"),
        ("import time\ntime.sleep(60)", "2 s|2.0 s|seconds"),
        ("import os\nos._exit(3)", "."),
        ('bp.trend(values, "arr")', "Unknown KPI 'arr'"),
    ],
)
def test_a_cell_that_fails_publishes_nothing(
    workspace: Path, make: Make, source: str, says: str
) -> None:
    config = workspace / "boardpack.yml"
    config.write_text(config.read_text(encoding="utf-8") + "policy: {cell_timeout: 2}\n", "utf-8")
    replace_cell(workspace, "txt-headline", source)
    failed = make("2025-06")
    assert (failed.status, failed.exit_code, failed.edition) == ("failed", 4, None)
    error = failed.as_dict()["error"]
    assert error["code"] == "notebook_error"
    told = f"{error['file']} {error['message']}"
    assert "purchases.ipynb" in told
    assert not list((workspace / "var" / "editions").glob("monthly/*/r*"))
    assert re.search(says, error["message"])
    kept = workspace / "var" / "runs" / failed.run_id / "notebooks" / "purchases.ipynb"
    assert kept.is_file()


def test_quarto_that_fails_is_no_silent_fall_back(
    workspace: Path, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "bin" / "quarto"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho 'ERROR: the sky fell' >&2\nexit 1\n", encoding="utf-8")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("QUARTO_PATH", raising=False)
    failed = make("2025-06")
    assert (failed.status, failed.exit_code) == ("failed", 4)
    assert "the sky fell" in str(failed.error)


def test_a_target_that_cannot_be_written(workspace: Path, make: Make) -> None:
    (workspace / "var").write_text("a file in place of the folder", encoding="utf-8")
    with pytest.raises(BoardpackError) as caught:
        make("2025-06")
    assert caught.value.code == "storage_error"


def command(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "boardpack", *arguments],
        cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip


def test_a_mistake_ends_the_command_with_its_code_and_no_trace(workspace: Path) -> None:
    called = command("run", "montly", "--json", cwd=workspace)
    out, told = called.communicate(timeout=120)
    assert called.returncode == 1
    assert "Traceback" not in told
    assert json.loads(out)["error"]["code"] == "unknown_name_error"


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["run", "monthly", "--period", "2025-Q9", "--json"], 1, "period_error"),
        (["kpi", "show", "mmr", "--json"], 1, "unknown_name_error"),
        (["check", "invoicez", "--json"], 1, "unknown_name_error"),
        (["doctor", "--workspace", "nowhere", "--json"], 1, "workspace_error"),
        (["run"], 2, None),
    ],
)
def test_exit_codes_of_the_command_line(
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    error: str | None,
) -> None:
    monkeypatch.chdir(workspace)
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == code
    assert "Traceback" not in done.stderr
    if error is not None:
        assert json.loads(done.stdout)["error"]["code"] == error


@pytest.mark.slow
def test_kill_at_any_stage(example: Path) -> None:
    """Killed at random moments, a run leaves no half edition and no lost or doubled row."""
    chance = random.Random(5)
    whole = command("run", "monthly", "--json", cwd=example)
    began = time.monotonic()
    assert json.loads(whole.communicate(timeout=300)[0])["status"] == "published"
    length = time.monotonic() - began
    for _ in range(12):
        called = command("run", "monthly", "--json", cwd=example)
        time.sleep(chance.uniform(0.05, 1.0) * length)
        if called.poll() is None:
            os.killpg(called.pid, signal.SIGKILL)
        called.communicate(timeout=60)
        for edition in (example / "var" / "editions").glob("monthly/*/r*"):
            assert verify(edition) == []
    last = command("run", "monthly", "--json", cwd=example)
    result = json.loads(last.communicate(timeout=300)[0])
    assert result["status"] == "published"
    on_disk = sorted(int(p.name[1:]) for p in (example / "var/editions/monthly/2025-06").glob("r*"))
    with Ledger(example / "var" / "ledger.sqlite") as ledger:
        rows = sorted(row.revision for row in ledger.editions("monthly", "2025-06"))
    assert rows == on_disk == list(range(1, result["revision"] + 1))
    assert not list((example / "var" / "editions").glob(".tmp-*"))

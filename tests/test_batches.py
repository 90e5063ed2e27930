"""Several reports at once: as good as one by one, and one that fails keeps no other back."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

import workspaces
from boardpack import basis, batches, gate, orders, runs
from boardpack.blocks import MIME
from boardpack.errors import UnknownNameError, UserError
from boardpack.executions import NotebookProcess
from boardpack.ledger import Ledger
from boardpack.model import Model
from boardpack.outcomes import RunResult
from boardpack.workspace import SUITE


def now() -> datetime:
    return datetime.now(UTC)


#: What the reports below place.
PLACED = ("fig-uptime", "fig-errors", "fig-churn", "fig-tickets")


@pytest.fixture
def company(tmp_path: Path, demo_warehouse: Path) -> Path:
    """The demo company with two short reports of the same period, over two notebooks."""
    folder = workspaces.over_demo(tmp_path / "demo", demo_warehouse)
    own_notebook(folder, "platform")
    own_notebook(folder, "customers")
    write_report(folder, "short", "platform.ipynb#fig-uptime", "customers.ipynb#fig-churn")
    write_report(folder, "other", "platform.ipynb#fig-errors")
    return folder


def write_report(folder: Path, name: str, *places: str, grain: str = "month") -> None:
    (folder / "reports").mkdir(exist_ok=True)
    lines = "\n\n".join(f"{{{{< embed ../notebooks/{place} >}}}}" for place in places)
    text = f"---\ntitle: {name.title()}\ngrains: [{grain}]\n---\n\n{lines}\n"
    (folder / "reports" / f"{name}.qmd").write_text(text, encoding="utf-8")


def own_notebook(folder: Path, name: str, edit: tuple[str, str] = ("", "")) -> None:
    """The suite's notebook as the workspace's own, without most of its charts and one text replaced."""
    (folder / "notebooks").mkdir(exist_ok=True)
    notebook = nbformat.read(SUITE / "notebooks" / f"{name}.ipynb", as_version=4)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if not cell.source.startswith("#| label:") or cell.source.split()[2] in PLACED
    ]
    for cell in notebook.cells:
        cell.source = cell.source.replace(*edit) if edit[0] else cell.source
    nbformat.write(notebook, folder / "notebooks" / f"{name}.ipynb")


def made(folder: Path, process: NotebookProcess, *reports: str, **options: Any) -> list[RunResult]:
    model = Model.open(folder)
    wanted = [orders.order(model, report, "2025-12", **options) for report in reports]
    return batches.make(model, wanted, now=now, process=process)


def outputs(result: RunResult, notebook: str) -> list[Any]:
    assert result.edition is not None
    read = nbformat.read(result.edition / "notebooks" / f"{notebook}.ipynb", as_version=4)
    return [cell.get("outputs") for cell in read.cells]


def read(result: RunResult, notebook: str) -> list[Any]:
    """What a reader sees of a notebook: two sums of the same may differ in their last digit."""
    blocks = [
        output["data"][MIME]
        for cell in outputs(result, notebook)
        for output in cell or ()
        if MIME in output.get("data", {})
    ]
    assert blocks
    return [{key: b.get(key) for key in ("title", "alt", "data", "numbers")} for b in blocks]


def frozen(result: RunResult) -> pd.DataFrame:
    assert result.edition is not None
    return pd.read_parquet(result.edition / "values.parquet")


def test_reports_share_checks_values_and_notebooks(
    company: Path, process: NotebookProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[Any]] = {"checked": [], "computed": [], "executed": []}
    check, compute, run = gate.check, basis.compute, NotebookProcess.run
    monkeypatch.setattr(
        gate,
        "check",
        lambda slice_, sources, *a: seen["checked"].extend(sources) or check(slice_, sources, *a),
    )
    monkeypatch.setattr(
        basis, "compute", lambda *a, **o: seen["computed"].append(set(a[2])) or compute(*a, **o)
    )
    monkeypatch.setattr(
        NotebookProcess, "run",
        lambda self, jobs, **o: seen["executed"].extend(j.path.stem for j in jobs) or run(self, jobs, **o),
    )  # fmt: skip
    short, other = made(company, process, "short", "other")
    assert (short.status, other.status) == ("published", "published")
    assert len(seen["checked"]) == len(set(seen["checked"])) > 4
    # Their values, and days that must add up to the month.
    values, days = seen["computed"]
    assert days < values
    assert sorted(seen["executed"]) == ["customers", "platform"]
    assert outputs(short, "platform") == outputs(other, "platform")
    index = (company / "var" / "site" / "index.html").read_text(encoding="utf-8")
    assert "short/2025-12/r1" in index
    assert "other/2025-12/r1" in index


def test_together_or_alone_makes_no_difference(company: Path, process: NotebookProcess) -> None:
    together = made(company, process, "short", "other")[1]
    alone = made(company, process, "other")[0]
    pd.testing.assert_frame_equal(frozen(together), frozen(alone))
    assert read(together, "platform") == read(alone, "platform")
    texts = [(r.edition or Path()) / "shown.json" for r in (together, alone)]
    assert json.loads(texts[0].read_text()) == json.loads(texts[1].read_text())


def test_a_notebook_that_looks_at_the_report_is_executed_for_each(
    company: Path, process: NotebookProcess
) -> None:
    own_notebook(company, "platform", ("kpis=kpis\n)", "kpis=kpis\n)\nprint(values.report.report)"))
    short, other = made(company, process, "short", "other")
    printed = [str(outputs(result, "platform")) for result in (short, other)]
    assert "short" in printed[0]
    assert "other" in printed[1]


@pytest.mark.parametrize("order", [("broken", "other"), ("other", "broken")])
def test_a_report_that_fails_keeps_no_other_back(
    company: Path, process: NotebookProcess, order: tuple[str, str]
) -> None:
    own_notebook(
        company, "customers", ('bp.trend(values, "customer_churn_rate"', "bp.trend(values, 1 / 0")
    )
    write_report(company, "broken", "customers.ipynb#fig-churn")
    results = dict(zip(order, made(company, process, *order), strict=True))
    assert results["other"].status == "published"
    assert results["broken"].status == "failed"
    assert "division by zero" in str(results["broken"].error)
    assert results["broken"].exit_code == 4


def test_a_table_that_cannot_be_read_fails_only_those_that_need_it(
    company: Path, process: NotebookProcess
) -> None:
    (company / "sources").mkdir()
    (company / "sources" / "tickets.yml").write_text("maps: tickets\nsql: SELECT 1 AS one\n")
    write_report(company, "support", "customers.ipynb#fig-tickets")
    support, other = made(company, process, "support", "other")
    assert (support.status, support.exit_code) == ("failed", 1)
    assert "tickets" in str(support.error)
    assert other.status == "published"


def test_a_held_report_keeps_no_other_back(company: Path, process: NotebookProcess) -> None:
    suite = json.loads((SUITE / "expectations" / "tickets.json").read_text(encoding="utf-8"))
    suite["expectations"].append(
        {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 10**9},
         "severity": "critical", "meta": suite["expectations"][0]["meta"]}
    )  # fmt: skip
    suite["meta"] = {"replaces": "tickets"}
    (company / "expectations").mkdir()
    (company / "expectations" / "tickets.json").write_text(json.dumps(suite))
    short, other = made(company, process, "short", "other")
    assert (short.status, short.exit_code) == ("held", 3), short.error
    assert other.status == "published"
    with Ledger(company / "var" / "ledger.sqlite") as ledger:
        assert [row.report for row in ledger.editions()] == ["other"]


def test_all_means_the_workspaces_own_reports_at_the_last_day_of_the_data(
    company: Path, tmp_path: Path
) -> None:
    write_report(company, "weekly", "platform.ipynb#fig-uptime", grain="week")
    wanted = orders.everything(Model.open(company))
    assert [(o.report, o.period.label, str(o.as_of)) for o in wanted] == [
        ("other", "2025-12", "2025-12-31"), ("short", "2025-12", "2025-12-31"),
        ("weekly", "2025-W52", "2025-12-31"),
    ]  # fmt: skip
    earlier = orders.everything(Model.open(company), "2025-11-15")
    assert [o.period.label for o in earlier] == ["2025-10", "2025-10", "2025-W45"]
    shutil.rmtree(company / "reports")
    names = Model.open(company).workspace.own_reports
    assert {"monthly", "board"} <= set(names)


def test_a_report_about_one_segment(company: Path, process: NotebookProcess) -> None:
    whole, smb = (
        made(company, process, "short")[0],
        made(company, process, "short", segment="smb")[0],
    )
    assert smb.status == "published"
    assert smb.edition is not None
    assert smb.edition.parent.name == "smb"
    assert (whole.revision, smb.revision) == (1, 1)
    columns = ["kpi", "period", "value"]
    expected = frozen(whole).query("dims == 'segment=smb'")[columns].reset_index(drop=True)
    found = frozen(smb)[columns]
    pd.testing.assert_frame_equal(found, expected)
    assert "system_uptime" not in smb.not_available
    page = (smb.edition / "report.html").read_text(encoding="utf-8")
    assert "Segment" in page
    assert "smb" in page


def test_an_unknown_segment_is_told_with_near_ones(company: Path, process: NotebookProcess) -> None:
    (result,) = made(company, process, "short", segment="smbs")
    assert isinstance(result.error, UnknownNameError)
    assert "'smb'" in str(result.error)
    assert (result.status, result.exit_code) == ("failed", 1)


def test_a_segment_needs_the_dimension(tmp_path: Path, process: NotebookProcess) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(SUITE / "examples" / "purchases", folder, ignore=shutil.ignore_patterns("var"))
    model = Model.open(folder)
    wanted = orders.order(model, "monthly", "2025-06", segment="smb")
    (result,) = batches.make(model, [wanted], now=now, process=process)
    assert isinstance(result.error, UserError)
    assert "no dimension 'segment'" in str(result.error)


def test_runs_alone_leave_the_index_to_the_batch(company: Path, process: NotebookProcess) -> None:
    model = Model.open(company)
    wanted = orders.order(model, "other", "2025-12")
    assert runs.run(model, wanted, now=now, process=process).status == "published"
    assert not (company / "var" / "site").exists()
    batches.make(model, [], now=now, process=process)
    index = (company / "var" / "site" / "index.html").read_text(encoding="utf-8")
    assert "other/2025-12/r1" in index

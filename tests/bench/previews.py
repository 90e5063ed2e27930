"""A preview that follows one edit, against a whole run; editions cold and warm, and their files."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import naive
import yaml
from costs import Cost, by_stage, of_children, told

from boardpack.executions import NotebookProcess
from boardpack.previews import Asked, Preview
from boardpack.workspace import SUITE, Workspace

AS_OF = date(2025, 12, 31)
#: The KPI whose definition is edited, and a notebook that shows it.
KPI, NOTEBOOK = "nps", "customers"
#: What an edition takes on the disk that a person may be sent.
FILES = ("report.html", "report.pdf", "report.pptx", "quality.html", "values.csv")


def refreshes(workspace: Path, rounds: int, quick: bool) -> list[bool]:
    """A sentence of a report, a cell of a notebook, a KPI: each edited, against a run of the report.

    The run is a fresh process with the verdict known; the preview has been open for a while.
    """
    report = "monthly" if quick else "board"
    for folder in ("reports", "notebooks"):
        shutil.copytree(SUITE / folder, workspace / folder)
    (workspace / "kpis").mkdir()
    own = workspace / "kpis" / "own.yml"
    own.write_text(yaml.safe_dump([{**_entry(KPI), "replaces": KPI}], sort_keys=False))
    edits: dict[str, Callable[[int], None]] = {
        "a sentence of the report": partial(_add_line, workspace / "reports" / f"{report}.qmd"),
        "the title of a chart": partial(
            _edit_notebook, workspace / "notebooks" / f"{NOTEBOOK}.ipynb"
        ),
        f"the definition of {KPI}": partial(_edit_kpi, own),
    }
    run = ("-m", "boardpack", "run", report, "--as-of", str(AS_OF), "--json")
    whole: list[Cost] = []
    spent: dict[str, list[Cost]] = {name: [] for name in edits}
    stages: dict[str, list[dict[str, float]]] = {name: [] for name in edits}
    naive.call(sys.executable, *run, cwd=workspace)
    place = workspace / "var" / "previews" / report
    with (
        NotebookProcess() as process,
        Preview(workspace, Asked(report, "", str(AS_OF)), place, process, _now) as preview,
    ):
        began = time.perf_counter()
        _made(preview)
        print(f"  the first page of a preview: {time.perf_counter() - began:.1f} s", flush=True)
        for number in range(rounds):
            whole.append(of_children(lambda: naive.call(sys.executable, *run, cwd=workspace)))
            for name, edit in edits.items():
                edit(number)
                began = time.perf_counter()
                stages[name].append(_made(preview))
                spent[name].append(Cost(time.perf_counter() - began, 0.0))
    met = []
    for name, costs in spent.items():
        met.append(told(f"A preview after {name} was edited, against a run of {report}", 0.1,
                        costs, whole, "clock"))  # fmt: skip
        by_stage("seconds by step", stages[name])
    return met


def editions(workspace: Path, rounds: int, quick: bool) -> list[bool]:
    """Each report and all of them, from nothing and with verdict and tables known: no goal."""
    names = ["daily"] if quick else [*Workspace.open(workspace).own_reports, "all"]
    for name in names:
        run = ("-m", "boardpack", "run", name, "--as-of", str(AS_OF), "--json")
        cold, warm = [], []
        for _ in range(rounds):
            shutil.rmtree(workspace / "var" / "editions", ignore_errors=True)
            for entry in (workspace / "var").glob("ledger.sqlite*"):
                entry.unlink()
            cold.append(of_children(lambda run=run: _said(workspace, *run)))  # type: ignore[misc]
            warm.append(of_children(lambda run=run: _said(workspace, *run)))  # type: ignore[misc]
        ratio = _median(warm) / _median(cold)
        print(
            f"  {name}: {_median(cold):.1f} s cold, {_median(warm):.1f} s warm ({ratio:.2f} of it);"
            f" {max(cost.peak for cost in cold):.0f} MB at most",
            flush=True,
        )
        if name != "all":
            print(f"    {_sizes(workspace / 'var' / 'editions' / name)}", flush=True)
    return []


def _now() -> datetime:
    return datetime.now(UTC)


def _made(preview: Preview) -> dict[str, float]:
    found = preview.refresh()
    if found.error:
        raise SystemExit(f"the preview shows an error: {found.error}")
    if found.page is None:
        raise SystemExit("an edit did not change the preview")
    steps = ("definitions", "data", "gate", "values", "notebooks", "assemble", "page")
    return {step: found.seconds.get(step, 0.0) for step in steps}


def _entry(kpi: str) -> dict[str, object]:
    for path in sorted((SUITE / "lib" / "kpis").glob("*.yml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
            if entry.get("kpi") == kpi:
                return dict(entry)
    raise SystemExit(f"the suite has no KPI {kpi!r}")


def _add_line(path: Path, number: int) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}\nA sentence that was not there before, the {number}th.\n")


def _edit_notebook(path: Path, number: int) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    changed = 0
    for cell in cells:
        source = "".join(cell["source"])
        if f'"{KPI}"' in source and "#| label: fig-" in source:
            # As many periods as before and one less in turn: another drawing, the same verb.
            kept = re.sub(r",\s*last=\d+\)", ")", source)
            cell["source"] = re.sub(r"\)\s*$", f", last={12 + number})", kept)
            changed += 1
    if not changed:
        raise SystemExit(f"no chart of {path.stem} shows {KPI}")
    path.write_text(json.dumps(notebook), encoding="utf-8")


def _edit_kpi(path: Path, number: int) -> None:
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    entry = entries[0]
    entry["definition"] = f"{entry['definition'].partition(' (')[0]} (changed {number} times)"
    promoters = entry["measures"]["promoters"]
    promoters["where"] = re.sub(r"score >= [\d.]+", f"score >= 8.{number + 1}", promoters["where"])
    path.write_text(yaml.safe_dump(entries, sort_keys=False), encoding="utf-8")


def _said(workspace: Path, *command: str) -> None:
    naive.call(sys.executable, *command, cwd=workspace)


def _median(costs: list[Cost]) -> float:
    return sorted(cost.clock for cost in costs)[len(costs) // 2]


def _sizes(report: Path) -> str:
    newest = max(report.glob("*/r*"), key=lambda path: path.stat().st_mtime)
    sizes = {name: newest / name for name in FILES if (newest / name).is_file()}
    return ", ".join(f"{name} {path.stat().st_size / 1e6:.2f} MB" for name, path in sizes.items())

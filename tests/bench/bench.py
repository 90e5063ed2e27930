"""`make bench`: how long the suite takes, against the ordinary way, as ratios measured in one run.

Machines are shared and noisy: both sides are measured in turn, and only their ratio is worth
quoting. ``--quick`` measures once and on little data, to try the program itself.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import handwritten
import pandas as pd
import psutil

from boardpack import demo, orders
from boardpack.engine.compute import compute
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.warehouse import Slice, open_slice
from boardpack.workspace import SUITE

UNGATED = """
import sys
from datetime import UTC, datetime
from boardpack import orders, runs
from boardpack.executions import NotebookProcess
from boardpack.model import Model
with NotebookProcess() as process:
    model = Model.open(sys.argv[1])
    wanted = orders.order(model, "monthly")
    result = runs.run(model, wanted, now=lambda: datetime.now(UTC), check=False, process=process)
assert result.status == "published", result.error
"""


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock, and the peak of resident memory of all processes together, in MB."""

    seconds: float
    peak: float


def measured(command: Callable[[], None]) -> Cost:
    """Run something that starts processes, and watch the memory of all of them."""
    peak, done = 0.0, threading.Event()
    own = psutil.Process()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.1):
            total = 0
            for child in own.children(recursive=True):
                try:
                    total += child.memory_info().rss
                except psutil.Error:
                    continue
            peak = max(peak, total / 1e6)

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    try:
        command()
    finally:
        spent = time.perf_counter() - began
        done.set()
        watcher.join()
    return Cost(spent, peak)


def call(*arguments: str | Path, cwd: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "BOARDPACK_RUN"}
    subprocess.run(
        [str(a) for a in arguments], cwd=cwd, env=environment, check=True, capture_output=True
    )


def ours(workspace: Path, gated: bool) -> None:
    """The monthly report from nothing: no ledger, no verdict, a fresh process."""
    for name in ("ledger.sqlite", "runs", "editions", "site"):
        target = workspace / "var" / name
        shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
    for leftover in (workspace / "var").glob("ledger.sqlite*"):
        leftover.unlink()
    if gated:
        call(sys.executable, "-m", "boardpack", "run", "monthly", "--json", cwd=workspace)
    else:
        call(sys.executable, "-c", UNGATED, workspace, cwd=workspace)


def ordinary(workspace: Path, gated: bool, chromium: str) -> None:
    """The same notebooks through plain Papermill, nbconvert and Chromium's print to PDF."""
    model = Model.open(workspace)
    wanted = orders.order(model, "monthly", "2025-12")
    if gated:
        tables = model.catalogue.tables(wanted.kpis)
        call(sys.executable, "-m", "boardpack", "check", *tables, cwd=workspace)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        for notebook in wanted.notebooks:
            made = out / notebook.path.name
            call(
                sys.executable, "-m", "papermill", notebook.path, made, "--no-progress-bar",
                "-r", "workspace", workspace, "-r", "period", "2025-12", cwd=out,
            )  # fmt: skip
            call(sys.executable, "-m", "nbconvert", "--to", "html", "--no-input", made, cwd=out)
            page = made.with_suffix(".html")
            call(
                chromium, "--headless", "--no-sandbox", "--disable-gpu",
                "--disable-background-networking", f"--user-data-dir={out / 'profile'}",
                f"--print-to-pdf={made.with_suffix('.pdf')}", page.as_uri(), cwd=out,
            )  # fmt: skip


def told(name: str, mine: list[float], other: list[float], goal: float) -> None:
    """One line: the ratio of medians, both spreads, and whether the goal is met."""
    ratio = statistics.median(mine) / statistics.median(other)
    met = "met" if ratio <= goal else "MISSED"
    print(
        f"{name:58} ratio {ratio:5.2f}  goal {goal:4.2f} {met:6}"
        f"  {statistics.median(mine):7.2f} s ({min(mine):.2f}-{max(mine):.2f})"
        f" against {statistics.median(other):7.2f} s ({min(other):.2f}-{max(other):.2f})"
        f"  (of the quickest: {min(mine) / min(other):.2f})",
        flush=True,
    )


def reports(folder: Path, rounds: int) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("the ordinary way needs Chromium to print with: not measured")
        return
    for gated, goal in ((False, 0.25), (True, 0.5)):
        mine, other = [], []
        for _ in range(rounds):
            mine.append(measured(lambda gated=gated: ours(folder, gated)))
            other.append(measured(lambda gated=gated: ordinary(folder, gated, chromium)))
        what = "with Great Expectations on both sides" if gated else "without the gate"
        told(
            f"monthly report, cold, {what}",
            [cost.seconds for cost in mine],
            [cost.seconds for cost in other],
            goal,
        )
        print(
            f"{'':58} peak memory {max(c.peak for c in mine):.0f} MB"
            f" against {max(c.peak for c in other):.0f} MB"
        )


def engine(folder: Path, rounds: int) -> None:
    """All KPIs at once, against each alone, and against statements written by hand."""
    model = Model.open(folder)
    kpis = list(model.catalogue.kpis)
    periods = Period.parse("2025-12").last(13)
    slice_ = open_slice(model.workspace, model.sources, date(2025, 12, 31))
    found = compute(model.catalogue, slice_, kpis, periods, ["segment"])
    compared = agree(slice_, found)
    together, alone, by_hand = [], [], []
    for _ in range(rounds):
        began = time.perf_counter()
        compute(model.catalogue, slice_, kpis, periods, ["segment"])
        together.append(time.perf_counter() - began)
        began = time.perf_counter()
        for source in handwritten.STATEMENTS:
            slice_.con.execute(handwritten.statement(source)).df()
        by_hand.append(time.perf_counter() - began)
        began = time.perf_counter()
        for kpi in kpis:
            compute(model.catalogue, slice_, [kpi], periods, ["segment"])
        alone.append(time.perf_counter() - began)
    slice_.close()
    what = f"{len(kpis)} KPIs x 13 months x segments"
    told(f"{what}, against a query a KPI", together, alone, 0.2)
    told(f"{what}, against SQL by hand", together, by_hand, 1.3)
    peak = psutil.Process().memory_info().rss / 1e6
    print(f"{'':58} {compared} cells equal to those by hand; memory after it {peak:.0f} MB")


def agree(slice_: Slice, found: pd.DataFrame) -> int:
    """How many cells the statements by hand and the engine share; stops at the first that differs."""
    values = found.set_index(["kpi", "period", "dims"])
    compared = 0
    for (source, column), (kpi, which) in handwritten.CHECKS.items():
        rows = slice_.con.execute(handwritten.statement(source)).df()
        for month, segment, value in rows[["m", "segment", column]].itertuples(index=False):
            dims = f"segment={segment}" if isinstance(segment, str) else ""
            cell = (kpi, f"{month:%Y-%m}", dims)
            if cell not in values.index:
                continue
            expected = values.loc[cell, which]
            if not math.isclose(float(value), expected, rel_tol=1e-9, abs_tol=1e-6):
                raise SystemExit(
                    f"{source}.{column} is {value} in {cell}, the engine has {expected}"
                )
            compared += 1
    return compared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once, on little data")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="boardpack-bench-") as name:
        for scale, measure, rounds in ((0.1, reports, 3), (1.0, engine, 5)):
            folder = Path(name) / f"scale-{scale:g}"
            (folder / "var").mkdir(parents=True)
            shutil.copy(SUITE / "boardpack.yml", folder)
            size = 0.01 if quick else scale
            began = time.perf_counter()
            demo.generate(folder / "var" / "warehouse.duckdb", scale=size, seed=7)
            print(f"demo company at scale {size:g}: {time.perf_counter() - began:.1f} s")
            measure(folder, 1 if quick else rounds)


if __name__ == "__main__":
    main()

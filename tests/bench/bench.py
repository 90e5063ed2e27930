"""`make bench`: how long the suite takes, against the ordinary way, as ratios measured in one run.

Machines are shared and noisy: the sides are measured in turn, and only their ratio is worth
quoting. A report is judged by the clock, since that is what its reader waits for; computing by the
processor time of all threads, which neighbours disturb least. ``--quick`` measures once and on
little data, to try the program itself; ``--only`` measures one part.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import resource
import shutil
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import engines
import gates
import handwritten
import marts
import naive
import previews
import scales
from costs import Cost, by_stage, of_children, of_this_process, told

from boardpack import demo, orders
from boardpack.engine.compute import compute
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.warehouse import Slice, open_slice
from boardpack.workspace import SUITE

PERIOD = "2025-12"
AS_OF = date(2025, 12, 31)
BY = ["segment"]

UNGATED = """
import json, sys
from datetime import UTC, datetime
from boardpack import batches, orders
from boardpack.executions import NotebookProcess
with NotebookProcess() as process:
    from boardpack.model import Model
    model = Model.open(sys.argv[1])
    report, as_of = sys.argv[2:]
    if report == "all":
        wanted = orders.everything(model, as_of)
    else:
        wanted = [orders.order(model, report, "", as_of)]
    made = batches.make(
        model, wanted, now=lambda: datetime.now(UTC), check=False, process=process
    )
for result in made:
    assert result.status == "published", result.error
print(json.dumps({"runs": [result.as_dict() for result in made]}))
"""


def reports(workspace: Path, rounds: int, quick: bool) -> list[bool]:
    """The monthly report from nothing: a fresh process, no ledger, no verdict known."""
    wanted = [orders.order(Model.open(workspace), "monthly", "", str(AS_OF))]
    return _against_the_ordinary_way(
        "The monthly report", workspace, "monthly", wanted, (0.25, 0.5), rounds
    )


def batch(workspace: Path, rounds: int, quick: bool) -> list[bool]:
    """Five reports of one as-of in one call, against five runs of their own."""
    if quick:
        # Two of one notebook each say whether it works; the ordinary way takes minutes for all.
        (workspace / "reports").mkdir()
        shutil.copy(SUITE / "reports" / "daily.qmd", workspace / "reports")
        place = "{{< embed ../notebooks/platform.ipynb#fig-uptime >}}"
        short = f"---\ntitle: Short\ngrains: [month]\n---\n\n{place}\n"
        (workspace / "reports" / "short.qmd").write_text(short, encoding="utf-8")
    wanted = orders.everything(Model.open(workspace), str(AS_OF))
    return _against_the_ordinary_way(
        f"{len(wanted)} reports", workspace, "all", wanted, (0.125, 0.25), rounds
    )


def _against_the_ordinary_way(
    name: str,
    workspace: Path,
    report: str,
    wanted: Sequence[orders.Order],
    goals: tuple[float, float],
    rounds: int,
) -> list[bool]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("the ordinary way prints with Chromium, which is not installed: not measured")
        return []
    met = []
    for gated, goal in zip((False, True), goals, strict=True):
        mine: list[Cost] = []
        other: list[Cost] = []
        stages: list[dict[str, float]] = []
        tools: list[dict[str, float]] = []

        def ours(gated: bool = gated, stages: list[dict[str, float]] = stages) -> None:
            command = ["-m", "boardpack", "run", report, "--as-of", str(AS_OF), "--json"]
            ungated = ["-c", UNGATED, str(workspace), report, str(AS_OF)]
            said = json.loads(
                naive.call(sys.executable, *(command if gated else ungated), cwd=workspace)
            )
            stages.append(_summed(run["seconds"] for run in said.get("runs", [said])))

        def ordinary(gated: bool = gated, tools: list[dict[str, float]] = tools) -> None:
            tools.append(
                _summed(naive.report(workspace, order, chromium, gated=gated) for order in wanted)
            )

        for _ in range(rounds):
            _forget_runs(workspace / "var")
            mine.append(of_children(ours))
            other.append(of_children(ordinary))
        what = "with Great Expectations" if gated else "without the gate"
        met.append(
            told(
                f"{name}, cold, {what}, against Papermill, nbconvert and Chromium",
                goal, mine, other, "clock",
            )
        )  # fmt: skip
        by_stage("seconds by stage", stages)
        by_stage("against, by tool", tools)
    return met


def _summed(parts: Iterable[dict[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in parts:
        for name, spent in part.items():
            total[name] = total.get(name, 0.0) + spent
    return total


def backfill(workspace: Path, rounds: int, quick: bool) -> list[bool]:
    """The monthly report of many months, each as known then: no goal, but what an edition costs."""
    # A quarter says whether it works; how long it takes is told by all that the company has.
    first = "2025-10" if quick else "2023-01"
    command = ["backfill", "monthly", "--from", first, "--to", PERIOD, "--json"]
    told_: list[dict[str, Any]] = []

    def call(*more: str) -> None:
        said = naive.call(sys.executable, "-m", "boardpack", *command, *more, cwd=workspace)
        told_.append(json.loads(said))

    for what, more in (("one at a time", ("--jobs", "1")), ("as many at once as fit", ())):
        _forget_runs(workspace / "var")
        cost = of_children(lambda more=more: call(*more))  # type: ignore[misc]
        made, jobs = told_[-1]["published"], told_[-1]["jobs"]
        print(
            f"{made} editions of the monthly report, {what} (--jobs {jobs}):"
            f" {cost.clock / made:.2f} s an edition ({cost.processor / made:.2f} s of processor),"
            f" {cost.clock:.0f} s in all, {cost.peak:.0f} MB at most",
            flush=True,
        )
    again = of_children(call)
    print(
        f"the same once more, all published: {again.clock / made:.2f} s an edition,"
        f" {again.peak:.0f} MB at most",
        flush=True,
    )
    return []


def gated(workspace: Path, rounds: int, quick: bool) -> list[bool]:
    """What the gate adds to the monthly report, and against Great Expectations on pandas."""

    def ungated() -> None:
        _forget_runs(workspace / "var")
        arguments = ["-c", UNGATED, str(workspace), "monthly", str(AS_OF)]
        naive.call(sys.executable, *arguments, cwd=workspace)

    return gates.measure(workspace, rounds, ungated)


def _forget_runs(var: Path) -> None:
    """All but the tables: the next run finds nothing to take over."""
    for entry in var.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != "warehouse.duckdb":
            entry.unlink()


@dataclass(frozen=True)
class Ways:
    """The three ways to the same values, each to be called again and again."""

    model: Model
    slice_: Slice
    periods: list[Period]

    @property
    def kpis(self) -> list[str]:
        return [kpi for kpi in self.model.catalogue.kpis if kpi not in handwritten.LEFT_OUT]

    def together(self) -> None:
        compute(self.model.catalogue, self.slice_, self.kpis, self.periods, BY)

    def one_by_one(self) -> None:
        for kpi in self.kpis:
            compute(self.model.catalogue, self.slice_, [kpi], self.periods, BY)

    def by_hand(self) -> None:
        handwritten.measures(self.slice_.con)

    def by_hand_to_the_end(self) -> None:
        handwritten.values(handwritten.measures(self.slice_.con))


@contextmanager
def _ways(workspace: Path) -> Iterator[Ways]:
    model = Model.open(workspace)
    slice_ = open_slice(model.workspace, model.sources, AS_OF)
    try:
        yield Ways(model, slice_, Period.parse(PERIOD).last(13))
    finally:
        slice_.close()


def engine(workspace: Path, rounds: int, quick: bool) -> list[bool]:
    """All KPIs at once, against each alone, and against statements written by hand."""
    names = ("together", "by_hand", "by_hand_to_the_end", "one_by_one")
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    with _ways(workspace) as ways:
        found = compute(ways.model.catalogue, ways.slice_, ways.kpis, ways.periods, BY)
        own = handwritten.values(handwritten.measures(ways.slice_.con))
        wrong = handwritten.differences(own, found)
        if wrong:
            raise SystemExit("the SQL by hand and the engine differ:\n" + "\n".join(wrong[:20]))
        print(f"{len(found)} cells equal to those of the SQL by hand")
        peaks = {name: _peak(workspace, name) for name in names}
        for _ in range(rounds):
            for name in names:
                cost = of_this_process(getattr(ways, name))
                costs[name].append(Cost(cost.clock, cost.processor, peaks[name]))
        what = f"{len(ways.kpis)} KPIs x 13 months x (total + segments)"
        hand = f"{len(handwritten.STATEMENTS)} statements by hand"
    mine = costs["together"]
    return [
        told(f"{what}, against one query a KPI", 0.2, mine, costs["one_by_one"], "processor"),
        told(f"{what}, against {hand}, no formulas", 1.3, mine, costs["by_hand"], "processor"),
        told(f"{what}, against {hand}, and formulas in pandas", 1.3, mine,
             costs["by_hand_to_the_end"], "processor"),
    ]  # fmt: skip


def other_engines(workspace: Path, rounds: int, quick: bool) -> list[bool]:
    """The same values from PostgreSQL and Spark, where they are installed: no goal."""
    engines.measure(workspace, rounds)
    return []


def _peak(workspace: Path, way: str) -> float:
    """MB at most, of a process of its own that does it once."""
    said = naive.call(sys.executable, __file__, "--peak", way, workspace, cwd=workspace)
    return float(said)


def _print_peak(way: str, workspace: Path) -> None:
    with _ways(workspace) as ways:
        getattr(ways, way)()
    try:
        status = Path("/proc/self/status").read_text()
        print(int(status.split("VmHWM:")[1].split()[0]) / 1e3)
    except OSError:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


def company(folder: Path, scale: float) -> Path:
    """A workspace of its own with a demo company."""
    workspace = folder / f"scale-{scale:g}"
    (workspace / "var").mkdir(parents=True)
    shutil.copy(SUITE / "boardpack.yml", workspace)
    began = time.perf_counter()
    rows = demo.generate(workspace / "var" / "warehouse.duckdb", scale=scale, seed=7)
    spent = time.perf_counter() - began
    print(
        f"Demo company at scale {scale:g}: {sum(rows.values()):,} rows in {spent:.1f} s", flush=True
    )
    return workspace


#: What is measured: how, on a company of which size, how often.
PARTS = {
    "reports": (reports, 0.1, 3),
    "batch": (batch, 0.1, 2),
    "editions": (previews.editions, 0.1, 1),
    "preview": (previews.refreshes, 0.1, 3),
    "engine": (engine, 1.0, 7),
    "marts": (marts.against_rows, 1.0, 5),
    "gate": (gated, 1.0, 3),
    "planning": (scales.planning, 0.1, 5),
    "pandas": (scales.against_pandas, 1.0, 3),
    "backfill": (backfill, 0.1, 2),
    "engines": (other_engines, 0.1, 1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once, on little data")
    parser.add_argument("--only", choices=list(PARTS), help="a part of it")
    parser.add_argument("--scale", type=float, help="the size of the demo company")
    parser.add_argument(
        "--growth", nargs="+", type=float, metavar="SCALE", help="only: all KPIs at these sizes"
    )
    parser.add_argument("--rounds", type=int, help="how often each is measured")
    parser.add_argument("--peak", nargs=2, metavar=("WAY", "WORKSPACE"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.peak:
        _print_peak(chosen.peak[0], Path(chosen.peak[1]))
        return
    # Whoever starts many processes must not pay for it by compiling every module in each.
    for folder in (sysconfig.get_path("purelib"), SUITE / "lib"):
        compileall.compile_dir(folder, quiet=2, workers=0)
    met: list[bool] = []
    with tempfile.TemporaryDirectory(prefix="boardpack-bench-") as name:
        if chosen.growth:
            rounds = chosen.rounds or 3
            scales.growth(lambda scale: company(Path(name), scale), chosen.growth, rounds)
            return
        for part, (measure, scale, usual) in PARTS.items():
            scale = chosen.scale or (min(scale, 0.1) if chosen.quick else scale)
            if chosen.only in (None, part):
                load, cores = os.getloadavg()[0], os.cpu_count()
                print(f"\n{part}, on {cores} cores with a load of {load:.1f} beforehand")
                rounds = 1 if chosen.quick else chosen.rounds or usual
                met += measure(company(Path(name) / part, scale), rounds, chosen.quick)
    if met:
        print(f"\n{sum(met)} of {len(met)} goals met")


if __name__ == "__main__":
    main()

"""Costs: what something took, and how two ways compare."""

from __future__ import annotations

import resource
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock and of processor time, and the peak of memory in MB (0: not watched)."""

    clock: float
    processor: float
    peak: float = 0.0


def of_children(command: Callable[[], None]) -> Cost:
    """Run something that starts processes, and watch the memory of all of them together."""
    peak, done, own = 0.0, threading.Event(), psutil.Process()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.2):
            peak = max(peak, sum(_memory(child) for child in own.children(recursive=True)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    began, used = time.perf_counter(), _children_seconds()
    try:
        command()
    finally:
        clock = time.perf_counter() - began
        done.set()
        watcher.join()
    return Cost(clock, _children_seconds() - used, peak)


def of_this_process(command: Callable[[], object]) -> Cost:
    began, used = time.perf_counter(), time.process_time()
    command()
    return Cost(time.perf_counter() - began, time.process_time() - used)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory(process: psutil.Process) -> float:
    """MB, with a page that several processes share counted once, where the system tells."""
    try:
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1e3
    except OSError:
        pass
    try:
        return float(process.memory_info().rss) / 1e6
    except psutil.Error:
        return 0.0


def told(name: str, goal: float, mine: list[Cost], other: list[Cost], judged: str) -> bool:
    """A line with the ratio of medians that is judged, and the other ratios and spreads below."""
    costs = {
        key: ([getattr(c, key) for c in mine], [getattr(c, key) for c in other])
        for key in ("clock", "processor", "peak")
    }
    costs = {key: pair for key, pair in costs.items() if all(map(all, pair))}
    ratios = {key: statistics.median(a) / statistics.median(b) for key, (a, b) in costs.items()}
    met = ratios[judged] <= goal
    print(f"{name}\n  ratio {ratios[judged]:.3f} of {judged}, goal {goal:.2f}: "
          f"{'met' if met else 'MISSED'}")  # fmt: skip
    for key, (a, b) in costs.items():
        unit = "MB" if key == "peak" else "s"
        least = f", of the least {min(a) / min(b):.3f}" if len(a) > 1 else ""
        print(
            f"    {key:10} {_spread(a, unit)} against {_spread(b, unit)}: {ratios[key]:.3f}{least}"
        )
    return met


def _spread(values: list[float], unit: str) -> str:
    digits = 0 if unit == "MB" else 2
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} {unit} ({low:.{digits}f}-{high:.{digits}f}, n={len(values)})"


def by_stage(name: str, rounds: Sequence[dict[str, float]]) -> None:
    medians = {stage: statistics.median(r[stage] for r in rounds) for stage in rounds[0]}
    told_ = ", ".join(f"{stage} {spent:.2f}" for stage, spent in medians.items() if spent)
    print(f"    {name}: {told_}", flush=True)

"""How computing grows with the data, and against pandas, on ever larger demo companies."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import handwritten
import in_pandas
import pandas as pd
from costs import of_this_process, told

from boardpack.engine.compute import compute
from boardpack.engine.plans import make_plan
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.warehouse import Slice, open_slice

PERIOD = Period.parse("2025-12")
BY = ["segment"]


def against_pandas(workspace: Path, rounds: int, quick: bool) -> list[bool]:
    """The KPIs that `in_pandas` has, here and there, from the tables to the figures."""
    periods = PERIOD.last(13)
    months = [period.start.isoformat() for period in periods]
    with opened(workspace) as (model, slice_):

        def ours() -> pd.DataFrame:
            return compute(model.catalogue, slice_, in_pandas.KPIS, periods, BY)

        def theirs() -> pd.DataFrame:
            return in_pandas.values(in_pandas.tables(slice_.con), months)

        wrong = handwritten.differences(theirs(), ours())
        if wrong:
            raise SystemExit("pandas and the engine differ:\n" + "\n".join(wrong[:20]))
        mine, other = [], []
        for _ in range(rounds):
            mine.append(of_this_process(ours))
            other.append(of_this_process(theirs))
    what = f"{len(in_pandas.KPIS)} KPIs x 13 months x (total + segments), against pandas"
    return [told(what, 1.0, mine, other, "processor")]


def planning(workspace: Path, rounds: int, quick: bool) -> list[bool]:
    """Writing all statements without sending any, and reading all definitions before it."""
    reading, writing = [], []
    for _ in range(rounds):
        with opened(workspace) as (model, slice_):
            reading.append(of_this_process(lambda: Model.open(workspace)).processor)
            kpis = list(model.catalogue.kpis)
            plan = partial(make_plan, model.catalogue, slice_, kpis, PERIOD.last(13), BY)
            writing.append(of_this_process(plan).processor)
    spent = statistics.median(writing)
    print(
        f"Planning {len(kpis)} KPIs x 13 months x (total + segments): {spent:.2f} s of processor"
        f" time, goal 1.00: {'met' if spent < 1 else 'MISSED'}; reading their definitions"
        f" {statistics.median(reading):.2f} s",
        flush=True,
    )
    return [spent < 1]


def growth(make: Callable[[float], Path], scales: Sequence[float], rounds: int) -> None:
    """How much longer all KPIs take on more data, as ratios to the smallest company."""
    first: dict[str, float] = {}
    for scale in scales:
        lines = []
        with opened(make(scale)) as (model, slice_):
            kpis = list(model.catalogue.kpis)
            ways = {
                "all KPIs": partial(compute, model.catalogue, slice_, kpis, PERIOD.last(13), BY),
                "SQL by hand": partial(handwritten.measures, slice_.con),
            }
            for name, way in ways.items():
                spent = statistics.median(of_this_process(way).processor for _ in range(rounds))
                ratio = spent / first.setdefault(name, spent)
                lines.append(f"{name} {spent:.2f} s of processor time, {ratio:.1f} x")
        print(f"Scale {scale:g} (against {scales[0]:g}): {'; '.join(lines)}", flush=True)


@contextmanager
def opened(workspace: Path) -> Iterator[tuple[Model, Slice]]:
    """A workspace's definitions and its tables as of the end of the last period."""
    model = Model.open(workspace)
    slice_ = open_slice(model.workspace, model.sources, PERIOD.last_day)
    try:
        yield model, slice_
    finally:
        slice_.close()

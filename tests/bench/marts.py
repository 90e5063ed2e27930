"""Marts against rows: all KPIs, the increment of one more day, size on the disk.

Marts are built as `boardpack run` builds them: with the hashes of all tables known from the gate.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from costs import Cost, of_this_process, told

from boardpack import mart_builds, mart_files, mart_grounds
from boardpack.engine.compute import compute
from boardpack.engine.marts import NONE, Marts
from boardpack.mart_builds import Built
from boardpack.mart_grounds import Ground
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.warehouse import open_slice

AS_OF = date(2025, 12, 31)
PERIODS = Period.parse("2025-12").last(13)
BY = ["segment"]
#: Tables of which marts are built; what a run takes by itself is `marts_from` of the policy.
LEAST = 1_000_000


def against_rows(workspace: Path, rounds: int, quick: bool) -> list[bool]:
    """All KPIs from marts, against from rows; and one more day, against building the marts."""
    least = 10_000 if quick else LEAST
    whole = _built(workspace, AS_OF - timedelta(days=1), least, "whole")
    day = _built(workspace, AS_OF, least, "days")
    size = (workspace / "var" / "warehouse.duckdb").stat().st_size / 1e6
    files = (workspace / "var" / "marts").rglob("*.parquet")
    own = sum(path.stat().st_size for path in files) / 1e6
    print(f"  {own:.1f} MB of marts beside {size:.0f} MB of tables")
    with _opened(workspace, AS_OF, least) as ground:
        marts = mart_grounds.ready(ground)
        cells = _compared(ground, marts)
        print(f"  {cells} cells equal with and without {len(marts.ready)} marts", flush=True)
        stored, rows = [], []
        for _ in range(rounds):
            stored.append(of_this_process(partial(_values, ground, marts)))
            rows.append(of_this_process(partial(_values, ground)))
        what = f"{len(ground.catalogue.kpis)} KPIs x 13 months x (total + segments)"
    return [
        told(f"{what}, from marts against from rows", 1 / 3, stored, rows, "processor"),
        told("One more day, against building the marts", 0.2, [day], [whole], "processor"),
    ]


@contextmanager
def _opened(workspace: Path, as_of: date, least: int) -> Iterator[Ground]:
    model = Model.open(workspace)
    policy = model.workspace.settings.policy.model_copy(update={"marts_from": least})
    settings = model.workspace.settings.model_copy(update={"policy": policy})
    own = type(model.workspace)(model.workspace.root, settings)
    stamp = mart_files.stamp(own)
    slice_ = open_slice(own, model.sources, as_of)
    try:
        hashes = mart_grounds.remembered(slice_)
        hashes(slice_.sources)
        yield Ground(own, model.catalogue, slice_, stamp, hashes)
    finally:
        slice_.close()


def _built(workspace: Path, as_of: date, least: int, how: str) -> Cost:
    built: list[Built] = []
    with _opened(workspace, as_of, least) as ground:
        cost = of_this_process(lambda: built.extend(mart_builds.refresh(ground)))
    for one in built:
        days = f" {one.days}" if one.days else ""
        print(f"  as of {as_of}: {one.mart}, {one.how}{days}, {one.seconds:.2f} s", flush=True)
    wrong = [one for one in built if one.how not in (how, "not kept")]
    if wrong or not built:
        raise SystemExit(f"not built as expected: {wrong}")
    return cost


def _values(ground: Ground, marts: Marts = NONE) -> pd.DataFrame:
    return compute(ground.catalogue, ground.slice_, ground.catalogue.kpis, PERIODS, BY, marts=marts)


def _compared(ground: Ground, marts: Marts) -> int:
    """The number of cells, all of them equal; SystemExit names the first that differ."""
    raw, stored = _values(ground), _values(ground, marts)
    same = np.isclose(raw["value"], stored["value"], rtol=1e-12, atol=1e-12, equal_nan=True)
    keys = ["kpi", "period", "dims", "status", "reason"]
    if not same.all() or not raw[keys].equals(stored[keys]):
        raise SystemExit(f"marts change figures:\n{raw[~same].head(20)}")
    return len(raw)

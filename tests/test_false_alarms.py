from __future__ import annotations

from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

import workspaces
from boardpack import demo, gate, judging
from boardpack.model import Model
from boardpack.warehouse import open_slice

pytestmark = pytest.mark.slow

SEEDS = (7, 11, 12)


def month_ends(count: int) -> list[date]:
    ends = [date(2025, 12, 31)]
    while len(ends) < count:
        ends.append(ends[-1].replace(day=1) - timedelta(days=1))
    return ends


@pytest.mark.parametrize("seed", SEEDS)
def test_a_clean_company_is_published_at_the_end_of_every_month(seed: int, tmp_path: Path) -> None:
    warehouse = tmp_path / "clean.duckdb"
    demo.generate(warehouse, scale=0.02, seed=seed)
    model = Model.open(workspaces.over_demo(tmp_path / "demo", warehouse))
    alarms = []
    for as_of in month_ends(24):
        with closing(open_slice(model.workspace, model.sources, as_of)) as slice_:
            tables = [name for name in slice_.sources if name not in slice_.own]
            found = gate.check(slice_, tables, judging.load_suites(model, tables))
        assert len(tables) > 40
        if found.verdict != "publish":
            alarms.append((str(as_of), found.verdict, found.reasons))
        assert not [r.reason for r in found.results if r.outcome == "errored"]
    assert alarms == []

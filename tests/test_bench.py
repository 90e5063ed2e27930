"""The benchmark runs, its ratios are numbers, and the SQL by hand gives the same cells."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from boardpack.workspace import SUITE


@pytest.mark.slow
def test_the_benchmark_runs(chromium: str) -> None:
    called = subprocess.run(
        [sys.executable, str(SUITE / "tests" / "bench" / "bench.py"), "--quick"],
        capture_output=True, text=True, timeout=2400, check=False,
    )  # fmt: skip
    assert called.returncode == 0, called.stderr
    judged = [float(found) for found in re.findall(r"ratio ([\d.]+)", called.stdout)]
    assert len(judged) == 16
    # Of most: by the clock and of processor time; of the first seven and two more of memory, too.
    ratios = [float(found) for found in re.findall(r"n=1\): ([\d.]+)", called.stdout)]
    assert len(ratios) == 37
    assert all(ratio > 0 for ratio in judged + ratios)
    assert re.search(r"\d+ of 17 goals met", called.stdout)
    cells = re.search(r"(\d+) cells equal", called.stdout)
    assert cells is not None
    assert int(cells[1]) > 2500


def test_a_cell_that_differs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SUITE / "tests" / "bench"))
    import handwritten
    import pandas as pd

    own = pd.DataFrame(
        {"mrr": [100.0, 60.0]},
        index=pd.MultiIndex.from_tuples(
            [("2025-01-01", ""), ("2025-01-01", "segment=smb")], names=["month", "dims"]
        ),
    )
    columns = ["kpi", "period_start", "dims", "value"]
    rows = [("mrr", "2025-01-01", "", 100.0), ("mrr", "2025-01-01", "segment=smb", 60.0)]
    assert handwritten.differences(own, pd.DataFrame(rows, columns=columns)) == []
    rows[1] = ("mrr", "2025-01-01", "segment=smb", 60.0001)
    (wrong,) = handwritten.differences(own, pd.DataFrame(rows, columns=columns))
    assert "by hand 60.0, engine 60.0001" in wrong
    (wrong,) = handwritten.differences(own, pd.DataFrame(rows[:1], columns=columns))
    assert "the engine has no such cell" in wrong

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
        capture_output=True, text=True, timeout=1200, check=False,
    )  # fmt: skip
    assert called.returncode == 0, called.stderr
    ratios = [float(found) for found in re.findall(r"ratio +([\d.]+)", called.stdout)]
    assert len(ratios) == 4
    assert all(ratio > 0 for ratio in ratios)
    cells = re.search(r"(\d+) cells equal", called.stdout)
    assert cells is not None
    assert int(cells[1]) > 1000

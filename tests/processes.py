"""Processes of their own, to be killed or to meet each other, that are there in a moment."""

from __future__ import annotations

import multiprocessing

#: One server a test process, whatever its files set: they all take this.
PROCESSES = multiprocessing.get_context("forkserver")
# What they import takes seconds. The server does it once, and without being told where the tests
# are (up to Python 3.12): a module of theirs would be left out without a word.
PROCESSES.set_forkserver_preload(
    ["pytest", "nbformat", "pandas", "pyarrow.parquet", "boardpack.schedule_runs", "boardpack.standings"]
)  # fmt: skip

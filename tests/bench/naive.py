"""The ordinary way to a report: each tool in a process of its own, one notebook after the other."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from boardpack.orders import Order

#: What a script would do before it runs the notebooks: open the tables, validate every suite.
CHECK = """
import sys
from datetime import date
from boardpack import gate, gate_suites, judging, orders
from boardpack.model import Model
from boardpack.warehouse import open_slice
model = Model.open(sys.argv[1])
wanted = orders.order(model, sys.argv[2], "", sys.argv[3])
tables = model.catalogue.tables(wanted.kpis)
suites = judging.load_suites(model, tables)
slice_ = open_slice(model.workspace, model.sources, wanted.as_of, gate_suites.reads(suites, tables))
found = gate.check(slice_, [t for t in slice_.sources if t in tables], suites)
slice_.close()
sys.exit(found.verdict == "hold")
"""


def call(*arguments: str | Path, cwd: Path) -> str:
    """What a command writes to standard output; RuntimeError says what went wrong."""
    environment = {k: v for k, v in os.environ.items() if k != "BOARDPACK_RUN"}
    done = subprocess.run(
        [str(a) for a in arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        said = f"{done.stdout}\n{done.stderr}"[-2000:]
        raise RuntimeError(f"{' '.join(map(str, arguments[:4]))} ... ended with an error: {said}")
    return done.stdout


def report(workspace: Path, order: Order, chromium: str, *, gated: bool) -> dict[str, float]:
    """Papermill, nbconvert, Chromium's print to PDF; the seconds that each took in all."""
    spent = dict.fromkeys(("gate", "papermill", "nbconvert", "chromium"), 0.0)

    def timed(tool: str, *arguments: str | Path) -> None:
        began = time.perf_counter()
        call(*arguments, cwd=out)
        spent[tool] += time.perf_counter() - began

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        if gated:
            timed("gate", sys.executable, "-c", CHECK, workspace, order.report, str(order.as_of))
        for notebook in (notebook.path for notebook in order.notebooks):
            made = out / notebook.name
            timed(
                "papermill", sys.executable, "-m", "papermill", notebook, made,
                "--no-progress-bar", "-r", "workspace", workspace,
                "-r", "period", order.period.label, "-r", "as_of", str(order.as_of),
                "-r", "grain", order.period.grain,
            )  # fmt: skip
            timed(
                "nbconvert", sys.executable, "-m", "nbconvert", "--to", "html", "--no-input", made
            )
            timed(
                "chromium", chromium, "--headless", "--no-sandbox", "--disable-gpu",
                "--disable-dev-shm-usage", "--disable-background-networking",
                # The page asks for scripts from elsewhere; it shall not wait for them.
                "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={out / 'profile'}",
                f"--print-to-pdf={made.with_suffix('.pdf')}", made.with_suffix(".html").as_uri(),
            )  # fmt: skip
            if not made.with_suffix(".pdf").is_file():
                raise RuntimeError(f"Chromium printed nothing of {notebook.name}")
    return spent

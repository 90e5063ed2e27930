"""The same catalogue on DuckDB, PostgreSQL and Spark: how many times as long each takes."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

from boardpack.engine.compute import compute
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.warehouse import Slice, open_slice

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

AS_OF = date(2025, 12, 31)


@contextmanager
def _opened(model: Model) -> Iterator[Slice]:
    tables = model.catalogue.tables(model.catalogue.kpis)
    slice_ = open_slice(model.workspace, model.sources, AS_OF, tables)
    try:
        yield slice_
    finally:
        slice_.close()


def measure(workspace: Path, rounds: int) -> None:
    """Print seconds by the clock for all KPIs x 13 months x (total + segments), and the ratios.

    An engine that is not installed is left out. The first round of Spark is not counted: its Java
    machine compiles while it runs.
    """
    from engines_fixture import (
        cluster,
        load_postgres,
        postgres_programs,
        workspace_over,
        write_parquet,
    )

    data = workspace / "var" / "warehouse.duckdb"
    with ExitStack() as stack:
        models = {"DuckDB": Model.open(workspace)}
        programs = postgres_programs()
        if programs is not None and importlib.util.find_spec("psycopg") is not None:
            where = stack.enter_context(cluster(programs))
            load_postgres(data, where)
            line = f'{{postgres: "{where}"}}'
            models["PostgreSQL"] = Model.open(workspace_over(workspace / "postgres", line))
        if importlib.util.find_spec("pyspark") is not None and shutil.which("java"):
            folder = workspace_over(workspace / "spark", "{spark: lake}")
            write_parquet(data, folder / "lake")
            models["Spark"] = Model.open(folder)
        least: dict[str, float] = {}
        for name, model in models.items():
            with _opened(model) as slice_:
                kpis, periods = list(model.catalogue.kpis), Period.parse("2025-12").last(13)
                spent = []
                for _ in range(rounds + (name == "Spark")):
                    began = time.perf_counter()
                    found = compute(model.catalogue, slice_, kpis, periods, ["segment"])
                    spent.append(time.perf_counter() - began)
            least[name] = min(spent[1:] if name == "Spark" else spent)
            print(
                f"{name}: {found['kpi'].nunique()} KPIs, {len(found)} cells in {least[name]:.2f} s"
                f" at least (n={rounds}), {least[name] / least['DuckDB']:.1f} times DuckDB",
                flush=True,
            )

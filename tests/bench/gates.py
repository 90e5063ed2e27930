"""The gate: its share of a run, and against the same suites run plainly on pandas.

Plainly is as Great Expectations' own pages do it: tables read into pandas, an ephemeral context, a
batch of each frame, a validation definition of each suite. SQL and our own types cannot run there;
they are left out on that side, and on ours in the comparison of like with like.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import naive
from costs import Cost, of_children, told

from boardpack import gate, gate_lent, gate_suites
from boardpack.gate_suites import Suite
from boardpack.gate_types import AS_OF as PARAMETER
from boardpack.gate_types import OWN, ROWS
from boardpack.judging import load_suites
from boardpack.model import Model
from boardpack.warehouse import Slice, open_slice

AS_OF = date(2025, 12, 31)
NATIVE = "native types alone"

#: A run without the gate, as `bench.UNGATED`.
Run = Callable[[], object]


def measure(workspace: Path, rounds: int, ungated: Run) -> list[bool]:
    """The gate of all sources, against the same on pandas, and against a run without it."""
    ways: dict[str, list[dict[str, float]]] = {"ours": [], "native": [], "plain": []}
    runs: list[Cost] = []
    for _ in range(rounds):
        for way, found in ways.items():
            said = naive.call(sys.executable, __file__, way, workspace, cwd=workspace)
            found.append(json.loads(said.splitlines()[-1]))
        runs.append(of_children(ungated))
    first = {way: found[0] for way, found in ways.items()}
    print(
        f"  {first['ours']['checks']:.0f} checks of {first['ours']['sources']:.0f} sources in"
        f" {first['ours']['statements']:.0f} statements; {first['plain']['checks']:.0f} of them"
        f" can run on pandas ({first['native']['statements']:.0f} statements)"
    )
    own = [(f["processor"] - f["sql"], f["sql"], f["import"]) for f in ways["ours"]]
    for machinery, sql, imported in own:
        print(
            f"  gate of all sources: {sql:.2f} s of processor in SQL, {machinery:.2f} s beside it,"
            f" {imported:.2f} s for the import"
        )
    beyond = [Cost(0, sum(parts) - parts[1]) for parts in own]
    costs = {
        way: [Cost(f["clock"], f["processor"], f["peak"]) for f in found]
        for way, found in ways.items()
    }
    return [
        told("The gate of all sources beside its SQL, with the import, against a monthly run",
             0.1, beyond, [replace(c, clock=0, peak=0) for c in runs], "processor"),
        told(f"The gate, {NATIVE}, against the same on pandas", 0.2, costs["native"],
             costs["plain"], "processor"),
        told("The gate, every check, against those that can run on pandas", 0.2, costs["ours"],
             costs["plain"], "processor"),
    ]  # fmt: skip


def _opened(workspace: Path) -> tuple[Slice, dict[str, Suite], list[str]]:
    model = Model.open(workspace)
    tables = [s.id for s in model.sources.declared.values() if not s.derived_from]
    suites = load_suites(model, tables)
    slice_ = open_slice(model.workspace, model.sources, AS_OF, gate_suites.reads(suites, tables))
    return slice_, suites, [n for n in slice_.sources if n in tables and n in suites]


def _natives(suites: dict[str, Suite]) -> dict[str, Suite]:
    return {
        name: replace(
            suite,
            expectations=tuple(e for e in suite.expectations if e.type not in (*OWN, ROWS)),
        )
        for name, suite in suites.items()
    }


def _ours(workspace: Path, native: bool) -> dict[str, float]:
    spent: Counter[str] = Counter()
    _timed(gate_lent.LentConnection, "read", spent)
    _timed(Slice, "rows", spent)
    began = time.process_time()
    gate.warm()
    imported = time.process_time() - began
    slice_, suites, sources = _opened(workspace)
    suites = _natives(suites) if native else suites
    spent.clear()
    clock, used = time.perf_counter(), time.process_time()
    found = gate.check(slice_, sources, suites)
    clock, used = time.perf_counter() - clock, time.process_time() - used
    results = [r for r in found.results if r.outcome != "skipped"]
    assert not [r for r in results if r.outcome == "errored"]
    return {
        "clock": clock, "processor": used, "peak": _peak(), "checks": len(results),
        "sources": len(sources), "sql": spent["sql"],
        "statements": spent["statements"], "import": imported,
    }  # fmt: skip


def _timed(owner: Any, name: str, spent: Counter[str]) -> None:
    plain = getattr(owner, name)

    def timed(*arguments: Any, **named: Any) -> Any:
        began = time.process_time()
        try:
            return plain(*arguments, **named)
        finally:
            spent["sql"] += time.process_time() - began  # type: ignore[assignment]
            spent["statements"] += 1

    setattr(owner, name, timed)


def _plain(workspace: Path) -> dict[str, float]:
    import great_expectations as gx
    from great_expectations.expectations.registry import get_expectation_impl

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    slice_, suites, sources = _opened(workspace)
    source = context.data_sources.add_pandas("tables")
    checks = 0
    clock, used = time.perf_counter(), time.process_time()
    for name, suite in ((name, _natives(suites)[name]) for name in sources):
        frame = slice_.con.execute(f"SELECT * FROM {slice_.relation(name)}").df()
        if not suite.expectations or not len(frame):
            continue
        expectations = []
        for each in suite.expectations:
            implementation: Any = get_expectation_impl(each.type)
            kwargs = {key: _parameter(value) for key, value in each.kwargs.items()}
            expectations.append(implementation(severity=each.severity, **kwargs))
        own = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
        batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)
        definition = gx.ValidationDefinition(name=name, data=batch, suite=own)
        result = definition.run(
            batch_parameters={"dataframe": frame}, result_format={"result_format": "SUMMARY"}
        )
        checks += len(result.results)
    clock, used = time.perf_counter() - clock, time.process_time() - used
    return {"clock": clock, "processor": used, "peak": _peak(), "checks": checks}


def _parameter(value: Any) -> Any:
    """What a suite's parameter stands for: here, some days before the as-of."""
    match = PARAMETER.fullmatch(value["$PARAMETER"]) if isinstance(value, dict) else None
    if match is None:
        return value
    return datetime.combine(AS_OF, datetime.min.time()) - timedelta(days=int(match[1] or 0))


def _peak() -> float:
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1e3
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    way, place = sys.argv[1], Path(sys.argv[2])
    print(json.dumps(_plain(place) if way == "plain" else _ours(place, way == "native")))

"""Judging: what the gate says of sources by the policy of a workspace, and what is kept of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from boardpack import gate, gate_suites, own_sources, vanished, verdicts
from boardpack.errors import SourceError, UserError
from boardpack.gate_results import CheckResult, GateResult, by_source, together, verdict_key
from boardpack.gate_suites import Suite, reads
from boardpack.gatefile import GateEntry
from boardpack.kept_checks import body_of
from boardpack.ledger import Ledger, stamp
from boardpack.ledger_rows import KeptChecks
from boardpack.model import Model
from boardpack.periods import parse_day
from boardpack.warehouse import Slice, data_span, open_slice
from boardpack.yamlfile import read

Suites = dict[str, Suite]
#: What is told of sources that vanished or have other columns.
Changed = Mapping[str, Sequence[CheckResult]]


def load_suites(model: Model, tables: Sequence[str]) -> Suites:
    """The suites of these tables, the workspace's own before the suite's."""
    return gate_suites.load_suites(
        model.workspace.folders("expectations"),
        [model.sources[table] for table in tables],
        declared=model.sources.declared,
    )


def examine(
    model: Model, named: Sequence[str], as_of: str, ledger: Ledger, now: Callable[[], datetime]
) -> GateResult:
    """The gate on these sources, all by default, as a report over them would be judged.

    An empty ``as_of`` is the last day of the data. What is found is kept as that of a run is.
    Raises `UserError` for a source that was never connected, or is derived from another.
    """
    for name in named:
        if base := model.sources[name].derived_from:
            raise UserError(
                f"{name!r} is derived from {base!r} and has no suite.", hint=f"check {base!r}"
            )
    tables = list(named) or [s.id for s in model.sources.declared.values() if not s.derived_from]
    known, rules = ledger.columns(), policy(model)
    if as_of:
        day = parse_day(as_of)
    else:
        failed: dict[str, SourceError] = {}
        spans = data_span(model.workspace, model.sources, tables, broken=failed)
        if not spans:
            raise next(iter(failed.values()), _no_data())
        day = max(span.last for span in spans.values())
    suites = load_suites(model, tables)
    slice_, broken = open_known(model, day, reads(suites, tables), known)
    try:
        changed = vanished.changes(tables, slice_, broken, known, rules.retired, suites)
        for name in named:
            lacking = [
                table
                for table in slice_.missing(name)
                if not vanished.is_gone(table, slice_, known, rules.retired)
            ]
            if lacking:
                raise UserError(
                    f"source {name!r} is not connected: {', '.join(lacking)}.",
                    hint="map a table onto it in sources/",
                )
        wanted = [name for name in tables if name in slice_.sources or name in changed]
        found = checked(model, slice_, wanted, suites, ledger, now, changed)
        ledger.remember_columns(vanished.remembered(slice_, known, wanted), stamp(now()))
    finally:
        slice_.close()
    return verdicts.ruled(found, rules, day, verdicts.since(ledger, day))


def _no_data() -> UserError:
    return UserError("no source with data is connected.", hint="see `boardpack doctor`")


def open_known(
    model: Model,
    as_of: date,
    wanted: Sequence[str],
    known: vanished.Known,
    needed: Sequence[str] | None = None,
) -> tuple[Slice, dict[str, SourceError]]:
    """The slice, and why sources that were seen before are not in it; another's error is raised.

    One that is not ``needed`` (all are by default) is left out when it cannot be read.
    """
    broken: dict[str, SourceError] = {}
    found = open_slice(model.workspace, model.sources, as_of, wanted, broken=broken)
    must = [name for name in broken if name not in known]
    if needed is not None:
        reach = {table for name in needed for table in model.sources.tables(name)}
        must = [name for name in must if name in reach]
    if must:
        found.close()
        found = open_slice(model.workspace, model.sources, as_of, wanted)
    return found, broken


def policy(model: Model) -> GateEntry:
    """The policy of the gate; `UnknownNameError` where it names what is not there."""
    found = model.workspace.settings.policy.gate
    if any(True for _ in found.names()):
        tables = [source for source in model.sources.declared.values() if not source.derived_from]
        suites = load_suites(model, [source.id for source in tables])
        config = read(model.workspace.root / "boardpack.yml")
        verdicts.check_names(found, tables, suites, config)
    return found


def known_columns(model: Model) -> dict[str, dict[str, str]]:
    """The columns that each table had at its last gate; none before the first."""
    path = model.workspace.var / "ledger.sqlite"
    if not path.is_file():
        return {}
    with Ledger(path) as ledger:
        return ledger.columns()


def judge(
    slice_: Slice,
    sources: Sequence[str],
    suites: Suites,
    ledger: Ledger,
    fingerprints: Callable[[Iterable[str]], Mapping[str, str]],
    now: Callable[[], datetime],
    changed: Changed,
) -> GateResult:
    """The gate's verdict on these sources together.

    What was found in a source is remembered in the ledger by all that it rests on, so that reports
    that share a source check it once; and it is kept by the as-of, as the history of each check.
    ``changed`` is what `vanished.changes` has of them, of those too that are not in the slice.
    """
    keys = {}
    known: dict[str, GateResult] = {}
    for name in sources:
        if name not in slice_.sources:
            known[name] = together([], slice_.as_of)
        suite = {name: suites[name]} if name in suites else {}
        keys[name] = verdict_key(fingerprints(sorted(reads(suite, [name]))), suite, slice_.as_of)
        body = None if name in known else ledger.verdict(keys[name])
        if body is not None:
            known[name] = GateResult.from_dict(json.loads(body))
    rest = [name for name in sources if name not in known]
    if rest:
        for name, found in by_source(gate.check(slice_, rest, suites)).items():
            known[name] = found
            if not any(entry.outcome == "errored" for entry in found.results):
                body = json.dumps(found.to_dict())
                ledger.remember_verdict(keys[name], body, stamp(now()))
    day = slice_.as_of.isoformat()
    for name in sources:
        results = (*changed.get(name, ()), *known[name].results)
        known[name] = replace(known[name], sources=(name,), results=results)
    kept = [KeptChecks(day, name, keys[name], body_of(known[name].results)) for name in sources]
    ledger.keep_checks(kept, stamp(now()))
    return together([known[name] for name in sources], slice_.as_of)


def complete(
    model: Model,
    slice_: Slice,
    suites: Suites,
    ledger: Ledger,
    fingerprints: Callable[[Iterable[str]], Mapping[str, str]],
    now: Callable[[], datetime],
    changed: Changed,
) -> tuple[str, ...]:
    """Fill the sources of Boardpack's own in a slice with all that can be known as of its day.

    Every other source of the slice is checked before the results are filled in. Returns the names
    of those filled.
    """
    own_sources.record(model.workspace, model.catalogue, ledger, slice_.as_of, stamp(now()))
    if own_sources.REGISTRY in slice_.own:
        slice_.refill(own_sources.REGISTRY)
    if own_sources.RESULTS in slice_.own:
        there = dict.fromkeys((*slice_.sources, *changed))
        others = [name for name in there if name != own_sources.RESULTS]
        judge(slice_, others, suites, ledger, fingerprints, now, changed)
        slice_.refill(own_sources.RESULTS)
    return slice_.own


def checked(
    model: Model, slice_: Slice, sources: Sequence[str], suites: Suites, ledger: Ledger,
    now: Callable[[], datetime], changed: Changed,
) -> GateResult:  # fmt: skip
    """What the gate says of these sources of a slice, kept and remembered as that of a run is.

    The results themselves, where they are asked for, hold what was found in the others.
    """
    known: dict[str, str] = {}

    def hashes(tables: Iterable[str]) -> dict[str, str]:
        wanted = [table for table in tables if table in slice_.sources]
        known.update(slice_.fingerprints([table for table in wanted if table not in known]))
        return {table: known[table] for table in wanted}

    own_sources.record(model.workspace, model.catalogue, ledger, slice_.as_of, stamp(now()))
    last = [name for name in sources if name == own_sources.RESULTS and name in slice_.own]
    if own_sources.REGISTRY in slice_.own:
        slice_.refill(own_sources.REGISTRY)
    others = [name for name in sources if name not in last]
    found = [judge(slice_, others, suites, ledger, hashes, now, changed)] if others else []
    for name in last:
        slice_.refill(name)
        found.append(judge(slice_, [name], suites, ledger, hashes, now, changed))
    return together(found, slice_.as_of)

"""Verdicts: what follows from the results of the gate, by the policy of a workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache

from boardpack.engine.identities import Break
from boardpack.errors import UnknownNameError
from boardpack.facts import Finding, verdict_of
from boardpack.gate_results import CheckResult, GateResult
from boardpack.gate_suites import Suite
from boardpack.gatefile import USUAL, GateEntry, OverrideEntry, Response, WaiverEntry
from boardpack.kept_checks import checks_of
from boardpack.ledger import Ledger
from boardpack.ledger_rows import Run
from boardpack.model import Model
from boardpack.sources import Source
from boardpack.yamlfile import Document

#: Checks that no suite names: whether a source is there, has its columns, rows and a suite.
BUILT_IN = ("connected", "columns", "drift", "rows", "suite")

#: How many breaks of identities a held report names.
TOLD = 5

_NOT_PASSED = ("failed", "errored")
_IDENTITY = "an identity does not hold"
_GRAVITY = {"hold": 0, "banner": 1, "record": 2}

#: Since which as-of a check of a source has not passed.
Since = Callable[[str, str], str]


def findings(
    results: Iterable[CheckResult],
    policy: GateEntry,
    as_of: date,
    since: Since = lambda source, check: "",
) -> tuple[Finding, ...]:
    """What follows from every check that did not pass, the gravest first.

    What errored holds whatever its severity, unless it is waived. A waived failure holds nothing
    and is told. Overrides and waivers are judged by the as-of; one that has ended counts for
    nothing, and the finding says so.
    """
    found = [
        _finding(result, policy, as_of, since(result.source, result.id))
        for result in results
        if result.outcome in _NOT_PASSED
    ]
    return tuple(sorted(found, key=lambda entry: _GRAVITY[entry.leads_to]))


def reasons(found: Iterable[Finding]) -> tuple[str, ...]:
    """The findings as lines of plain text."""
    return tuple(
        f"For information: {entry}" if entry.leads_to == "record" else str(entry) for entry in found
    )


def ruled(found: GateResult, policy: GateEntry, as_of: date, since: Since) -> GateResult:
    """What the gate found, with the verdict that a policy makes of it."""
    told = findings(found.results, policy, as_of, since)
    return replace(found, verdict=verdict_of(told), reasons=reasons(told), findings=told)


def since(ledger: Ledger, as_of: date) -> Since:
    """Since which as-of checks have not passed, as far as the ledger remembers.

    What was found as of ``as_of`` itself is not looked up: it is known to whoever asks.
    """
    day = as_of.isoformat()

    @cache
    def before(source: str) -> list[tuple[str, set[str]]]:
        return [
            (kept.as_of, {check.id for check in checks_of(kept) if check.outcome in _NOT_PASSED})
            for kept in ledger.kept_of(source, day)
        ]

    def first(source: str, check: str) -> str:
        found = day
        for earlier, not_passed in before(source):
            if check not in not_passed:
                break
            found = earlier
        return found

    return first


def broken_since(runs: Sequence[Run], sentence: str, as_of: date) -> str:
    """Since which as-of an identity has not held, by what earlier runs of a report were held for.

    A run that did not come to compute its figures says nothing of them.
    """
    found = as_of.isoformat()
    latest = {
        run.started.as_of: run.ended
        for run in runs
        if run.ended is not None and run.ended.status != "failed" and run.started.as_of < found
    }
    for earlier in sorted(latest, reverse=True):
        told = [reason for reason in latest[earlier].reasons if reason.startswith(_IDENTITY)]
        if latest[earlier].status == "held" and not told:
            continue
        if not any(reason.startswith(sentence) for reason in told):
            break
        found = earlier
    return found


def of_breaks(broken: Sequence[Break], model: Model) -> list[Finding]:
    """Identities that do not hold, as findings; all but the first few in one."""
    goals, catalogue = model.scorecard, model.catalogue
    kpis = {identity.id: identity.kpis for identity in catalogue.identities}
    found = []
    for cell in broken[:TOLD]:
        names = tuple(kpis.get(cell.identity) or [cell.identity.partition("_")[2]])
        owners = [(goals.owner(kpi) if goals else "") or catalogue[kpi].owner for kpi in names]
        found.append(
            Finding(
                "", f"identity.{cell.identity}", f"{_IDENTITY}: {cell.title}",
                str(cell).removeprefix(f"{cell.title}: "), "Its figures contradict each other.",
                "hold", next(filter(None, owners), ""), kpis=names,
            )
        )  # fmt: skip
    if len(broken) > TOLD:
        more = f"and {len(broken) - TOLD} more cells"
        found.append(replace(found[-1], sentence=_IDENTITY, found=more))
    return found


def check_names(
    policy: GateEntry, sources: Sequence[Source], suites: Mapping[str, Suite], document: Document
) -> None:
    """Refuse a policy that names a source or a check that is not there, with its line.

    ``suites`` are those of all sources that have one.
    """
    known = [source.id for source in sources]
    columns = [f"{source.id}.{column}" for source in sources for column in source.columns]
    checks = [f"{source}.{name}" for source in known for name in BUILT_IN]
    checks += [e.id for suite in suites.values() for e in suite.expectations]
    names = {"source": known, "check": checks, "source or column": [*known, *columns]}
    for kind, name, key in policy.names():
        if name not in names[kind]:
            where = document.line(("policy", "gate", *key))
            raise UnknownNameError.near(kind, name, names[kind], file=document.path, line=where)


def _finding(result: CheckResult, policy: GateEntry, as_of: date, since: str) -> Finding:
    override, waiver, ended = _exceptions(result, policy, as_of)
    leads_to: Response = "hold"
    notes = list(ended)
    if result.outcome != "errored":
        leads_to = policy.response(result.severity)
        usual, why = USUAL[result.severity], policy.reason
        if override is not None:
            leads_to = override.response(result.severity) or leads_to
            why = f"until {override.until}, {override.reason}"
        if leads_to != usual and why:
            notes.append(_sentence(f"By the policy it leads to {leads_to}, usually {usual}: {why}"))
    if waiver is not None:
        if leads_to == "hold":
            leads_to = "banner"
        notes.insert(0, _sentence(f"Waived until {waiver.until}: {waiver.reason}"))
    return Finding(
        result.source,
        result.id,
        result.sentence,
        result.found,
        result.at_stake,
        leads_to,
        result.owner,
        since,
        " ".join(notes),
        waiver is not None,
    )


def _exceptions(
    result: CheckResult, policy: GateEntry, as_of: date
) -> tuple[OverrideEntry | None, WaiverEntry | None, list[str]]:
    """The override and the waiver that count for a result, and what is told of those that ended."""
    overrides = [
        entry
        for entry in policy.overrides
        if (entry.check == result.id or entry.source == result.source)
        and entry.response(result.severity)
    ]
    waivers = [entry for entry in policy.waive if entry.check == result.id]
    told = []
    for kind, entries in (("override", overrides), ("waiver", waivers)):
        last = max((entry.until for entry in entries), default=None)
        if last is not None and as_of > last:
            told.append(f"Its {kind} ended on {last}.")
    valid = [entry for entry in overrides if not entry.ended_by(as_of)]
    # Said of one check, it stands before what is said of its source.
    override = max(valid, key=lambda entry: (bool(entry.check), entry.until), default=None)
    still = (entry for entry in waivers if not entry.ended_by(as_of))
    return override, max(still, key=lambda entry: entry.until, default=None), told


def _sentence(text: str) -> str:
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if flat.endswith((".", "!", "?")) else flat + "."

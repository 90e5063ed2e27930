"""Sources that Boardpack fills itself: what checks found, and what KPIs mean.

They stand in where the warehouse has no such tables, and are read from the ledger and
from the catalogue as it is loaded, for the as-of of a slice: nothing depends on the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from boardpack import kept_checks
from boardpack.engine.catalogue import Catalogue
from boardpack.engine.definitions import Kpi
from boardpack.ledger import Ledger
from boardpack.ledger_rows import KeptChecks, KpiVersion
from boardpack.periods import instant
from boardpack.workspace import Workspace

#: What the gate found; filled anew after all other sources were checked.
RESULTS = "dq_results"
#: What each KPI means, by version.
REGISTRY = "kpi_registry"

#: A result says how things are until the source's next check, and for so many days at most: the
#: longest month of a calendar of weeks.
STANDS_DAYS = 35
#: Since when the first known version of a definition holds, where the workspace names no start.
_ALWAYS = date(2000, 1, 1)

_RESULTS = (
    "run_at", "dataset", "expectation_id", "dimension", "weight", "evaluated", "unexpected",
    "success", "control", "severity", "superseded_at",
)  # fmt: skip
_REGISTRY = (
    "kpi_id", "version", "owner_role", "method_hash", "definition_fields_filled",
    "definition_fields_total", "lineage_documented", "valid_from", "valid_to",
)  # fmt: skip


def own_sources(
    workspace: Workspace, catalogue: Catalogue, weights: Mapping[str, float]
) -> dict[str, Callable[[date], pd.DataFrame]]:
    """What fills each of these sources as of a day; ``weights`` are those of the dimensions."""
    path = workspace.var / "ledger.sqlite"
    start = workspace.settings.start or _ALWAYS

    def results(as_of: date) -> pd.DataFrame:
        kept = kept_checks.read(path, as_of.isoformat())
        return results_frame(kept, as_of, workspace.zone, weights)

    def registry(as_of: date) -> pd.DataFrame:
        known: list[KpiVersion] = []
        if path.is_file():
            with Ledger(path) as ledger:
                known = ledger.kpi_versions()
        return registry_frame(catalogue, known, start, as_of)

    return {RESULTS: results, REGISTRY: registry}


def results_frame(
    kept: Iterable[KeptChecks], as_of: date, zone: ZoneInfo, weights: Mapping[str, float]
) -> pd.DataFrame:
    """A row for each check and day of what was found, and until when it says how things are.

    ``run_at`` is the last second of the day that was checked as of. What was found in the results
    themselves is left out, and so is a check that was skipped; one that errored evaluated nothing
    and did not succeed.
    """
    days: dict[str, list[date]] = {}
    found = [entry for entry in kept if entry.source != RESULTS]
    for entry in found:
        days.setdefault(entry.source, []).append(date.fromisoformat(entry.as_of))
    ends: dict[tuple[str, date], datetime | None] = {}
    for source, known in days.items():
        known.sort()
        for day, after in zip(known, [*known[1:], None], strict=True):
            last = min(day + timedelta(days=STANDS_DAYS), after or date.max)
            ends[source, day] = _end_of(last, zone) if last <= as_of else None
    rows = []
    for entry in found:
        day = date.fromisoformat(entry.as_of)
        run_at, end = _end_of(day, zone), ends[entry.source, day]
        rows += [
            (
                run_at, entry.source, check.id, check.dimension,
                float(weights.get(check.dimension, 0)), check.evaluated, check.unexpected,
                check.outcome == "passed", check.control or None, check.severity, end,
            )
            for check in kept_checks.checks_of(entry)
            # That a table changed its columns is said once, when it is seen, whatever the as-of.
            if check.outcome != "skipped" and check.id != f"{entry.source}.drift"
        ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(_RESULTS))


def registry_frame(
    catalogue: Catalogue, known: Iterable[KpiVersion], start: date, as_of: date
) -> pd.DataFrame:
    """A row for each version of each loaded KPI by the as-of; the newest is the loaded one.

    A method that no version has yet is the next version, from the as-of on; the first one known has
    held since ``start``.
    """
    of: dict[str, list[KpiVersion]] = {}
    for version in known:
        of.setdefault(version.kpi, []).append(version)
    for version in unrecorded(catalogue, [v for versions in of.values() for v in versions], start,
                              as_of):  # fmt: skip
        of.setdefault(version.kpi, []).append(version)
    rows = []
    for kpi in catalogue.kpis.values():
        versions = of[kpi.id]
        filled = [bool(field) for field in definition_fields(kpi)]
        lineage = lineage_documented(catalogue, kpi.id)
        for version, after in zip(versions, [*versions[1:], None], strict=True):
            rows.append(
                (
                    kpi.id, version.version, kpi.owner or None, version.method_hash, sum(filled),
                    len(filled), lineage, date.fromisoformat(version.valid_from),
                    date.fromisoformat(after.valid_from) if after else None,
                )
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(_REGISTRY))


def unrecorded(
    catalogue: Catalogue, known: Iterable[KpiVersion], start: date, as_of: date
) -> list[KpiVersion]:
    """The versions that the loaded definitions are and the ledger does not know yet."""
    latest = {version.kpi: version for version in known}
    found = []
    for kpi in catalogue.kpis:
        last, method = latest.get(kpi), catalogue.definition_hash(kpi)
        if last is None:
            found.append(KpiVersion(kpi, 1, method, min(start, as_of).isoformat()))
        elif last.method_hash != method:
            since = max(as_of.isoformat(), last.valid_from)
            found.append(KpiVersion(kpi, last.version + 1, method, since))
    return found


def record(workspace: Workspace, catalogue: Catalogue, ledger: Ledger, as_of: date, at: str) -> int:
    """Record the versions of the loaded definitions that are new, and say how many these are."""
    start = workspace.settings.start or _ALWAYS
    found = unrecorded(catalogue, ledger.kpi_versions(), start, as_of)
    if found:
        ledger.add_versions(found, at)
    return len(found)


def definition_fields(kpi: Kpi) -> tuple[object, ...]:
    """What a full definition says: what it is, how it is computed, from what, whose, why, what to
    do, what can be misread, and rows that show it.
    """
    from_what = kpi.measures or kpi.inputs or kpi.formula.goals
    return (
        kpi.definition, kpi.formula_text, from_what, kpi.owner, kpi.why, kpi.actions, kpi.risks,
        kpi.tests,
    )  # fmt: skip


def lineage_documented(catalogue: Catalogue, kpi: str) -> bool:
    """Whether every table below a KPI says what it is and what a row of it is."""
    tables = [catalogue.sources[table] for table in catalogue.tables([kpi])]
    return all(table.title and table.grain for table in tables)


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    """The last second of a day of the company, UTC."""
    return instant(day + timedelta(days=1), zone) - timedelta(seconds=1)

"""Plans: which statements would be sent for some KPIs, and what their columns mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from boardpack.engine import exactness
from boardpack.engine.catalogue import Catalogue
from boardpack.engine.definitions import BUILT_IN, Kpi, Measure
from boardpack.engine.functions import COUNTING
from boardpack.engine.marts import NONE, Marts
from boardpack.engine.statements import Statement, plan
from boardpack.periods import Period
from boardpack.warehouse import Slice


@dataclass(frozen=True)
class Plan:
    """What would run: the statements, and what their columns mean."""

    kpis: tuple[Kpi, ...]
    not_available: Mapping[str, str]
    measures: Mapping[Measure, str]
    periods: tuple[Period, ...]
    requested: int
    by: tuple[str, ...]
    statements: tuple[Statement, ...]


def make_plan(
    catalogue: Catalogue,
    slice_: Slice,
    kpis: Iterable[str],
    periods: Sequence[Period],
    by: Sequence[str] = (),
    marts: Marts = NONE,
) -> Plan:
    """Plan the KPIs and what they depend on, for all periods and members of ``by``.

    ``marts`` stand in for rows where that changes no figure.
    """
    names = list(dict.fromkeys(kpis))
    missing = {
        kpi: reason
        for kpi in (part.id for part in catalogue.order(names))
        if (reason := unavailable(catalogue, slice_, kpi))
    }
    ordered = [
        kpi
        for kpi in catalogue.order(k for k in names if k not in missing)
        if kpi.id not in missing
    ]
    if slice_.dialect is not None:
        exactness.check(catalogue.sources, ordered, slice_.dialect)
    measures: dict[Measure, str] = {}
    for kpi in ordered:
        for measure in kpi.measures.values():
            measures.setdefault(measure, f"m{len(measures)}")
    inner = [
        month
        for kpi in ordered
        if kpi.each is not None
        for period in periods
        if rolls_up(kpi, period)
        for month in period.within(kpi.each)
    ]
    common = tuple(dict.fromkeys([*periods, *inner]))
    earlier = _earlier(ordered, names, common)
    statements = plan(slice_, measures, common, by, earlier, marts) if measures else []
    all_periods = tuple(dict.fromkeys([*common, *sorted(set().union(*earlier.values()))]))
    return Plan(
        tuple(ordered), missing, measures, all_periods, len(periods), tuple(by), tuple(statements)
    )


def _earlier(
    ordered: Sequence[Kpi], wanted: Iterable[str], common: Sequence[Period]
) -> dict[Measure, set[Period]]:
    """The periods before ``common`` that measures are needed in: for growth, for change."""
    needed: dict[str, set[Period]] = {kpi: set(common) for kpi in wanted}
    if any(goal.what in COUNTING for kpi in ordered for goal in kpi.formula.goals):
        needed = {kpi.id: set(common) for kpi in ordered}
    found: dict[Measure, set[Period]] = {}
    for kpi in reversed(ordered):
        own = needed.setdefault(kpi.id, set())
        if kpi.each is not None:
            for period in [period for period in own if rolls_up(kpi, period)]:
                own.update(period.within(kpi.each))
        uses = [(name, own) for name in (*kpi.measures, *kpi.inputs)]
        for name, shift in kpi.formula.shifts:
            uses.append((name, {then for p in own if (then := shift.before(p)) is not None}))
        for name, periods in uses:
            if name in kpi.measures:
                found.setdefault(kpi.measures[name], set()).update(periods.difference(common))
            elif name not in BUILT_IN:
                needed.setdefault(name, set()).update(periods)
    return found


def unavailable(catalogue: Catalogue, slice_: Slice, kpi: str) -> str:
    """Why a KPI has no values here; "" when it has.

    A table or a column is not connected, or the scorecard lacks what its formula names.
    """
    sources = catalogue.source_ids(kpi, counted=False)
    lacking = sorted({t for source in sources for t in slice_.missing(source)})
    if not lacking:
        lacking = sorted(f"{t}.{c}" for t, c in catalogue.needs(kpi) if c in slice_.lacks(t))
    if lacking:
        return f"not connected: {', '.join(lacking)}"
    return catalogue.lacks_goal(kpi)


def rolls_up(kpi: Kpi, period: Period) -> bool:
    """Whether this period's value is made of the finer periods inside it."""
    order = ("day", "week", "month", "quarter", "year")
    return kpi.each is not None and order.index(period.grain) > order.index(kpi.each)

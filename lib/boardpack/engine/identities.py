"""Identities: sums that must agree on every run, in every period and for every member."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb
import pandas as pd

from boardpack.engine.catalogue import Catalogue
from boardpack.engine.definitions import Identity
from boardpack.engine.formulas import named
from boardpack.periods import Period

#: A sum of members may differ from the total by the rounding of doubles, not by a cent.
CENT = 0.005


@dataclass(frozen=True)
class Break:
    """One cell in which an identity does not hold."""

    identity: str
    title: str
    period: str
    dims: str
    left: float
    right: float
    #: where it comes from, once traced: days, and rows by their key
    rows: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f" ({self.dims})" if self.dims else ""
        traced = f"; {'; '.join(self.rows)}" if self.rows else ""
        return (
            f"{self.title}: {self.left:,.2f} against {self.right:,.2f}"
            f" in {self.period}{where}, off by {self.left - self.right:,.2f}{traced}"
        )


def inputs(catalogue: Catalogue, kpis: Iterable[str]) -> list[str]:
    """The KPIs that the identities touching ``kpis`` need beside them."""
    wanted = set(kpis)
    found: list[str] = []
    for identity in catalogue.identities:
        names = identity.kpis
        if wanted.intersection(names):
            found += [name for name in sorted(names) if name not in wanted]
    return list(dict.fromkeys(found))


def check(catalogue: Catalogue, frame: pd.DataFrame) -> list[Break]:
    """Every break of an identity, and of "members add up to the total", in computed values.

    Identities that lack one of their KPIs are left out, as are cells without a value.
    """
    values = _cells(frame)
    found: list[Break] = []
    for identity in catalogue.identities:
        found += _broken(identity, values)
    return found + _members(catalogue, values)


def parts(catalogue: Catalogue, kpis: Iterable[str]) -> list[str]:
    """Those of ``kpis`` whose days add up to their month: sums and counts of the period's own rows.

    A number of distinct customers does not add up over days, nor does a balance.
    """
    return [
        kpi.id
        for kpi in map(catalogue.__getitem__, kpis)
        if kpi.additive and kpi.measures and not kpi.inputs
        and all(
            measure.window.kind == "period"
            and measure.aggregate.kind in ("sum", "count")
            and not catalogue.sources[measure.source].panel_of
            for measure in kpi.measures.values()
        )
    ]  # fmt: skip


def check_parts(
    catalogue: Catalogue, whole: pd.DataFrame, period: Period, finer: pd.DataFrame
) -> list[Break]:
    """Every KPI of ``finer`` whose figures there do not add up to that of ``period`` in ``whole``.

    ``finer`` holds the totals of all days (or months) of the period.
    """
    totals = _cells(whole)
    found = []
    for kpi, cells in finer.groupby("kpi", sort=False):
        total = totals.get((str(kpi), period.label, ""), math.nan)
        added = float(cells["value"].sum(skipna=True))
        if not math.isnan(total) and abs(added - total) > max(CENT, 1e-12 * abs(total)):
            grain = str(cells["grain"].iloc[0])
            title = f"{catalogue[str(kpi)].name}: {grain}s add up to the {period.grain}"
            found.append(Break(f"{grain}s_{kpi}", title, period.label, "", added, total))
    return found


def _cells(frame: pd.DataFrame) -> dict[tuple[str, str, str], float]:
    wanted = frame[["kpi", "period", "dims", "value"]].itertuples(index=False, name=None)
    # What an open period is set against is a part of another one, whose own sums are checked.
    return {(k, period, dims): value for k, period, dims, value in wanted if "/" not in period}


def _broken(identity: Identity, values: Mapping[tuple[str, str, str], float]) -> list[Break]:
    names = identity.kpis
    cells = sorted({(period, dims) for kpi, period, dims in values if kpi == names[0]})
    rows = [
        (period, dims, *(values.get((name, period, dims), math.nan) for name in names))
        for period, dims in cells
    ]
    rows = [row for row in rows if not any(value != value for value in row[2:])]
    if not rows:
        return []
    table = pd.DataFrame(rows, columns=["period", "dims", *names])
    local = {name: name for name in names}
    with duckdb.connect() as con:
        con.register("cells", table)
        pairs = con.execute(
            f"SELECT period, dims, {named(identity.left.value, local)} AS l,"
            f" {named(identity.right.value, local)} AS r FROM cells ORDER BY period, dims"
        ).fetchall()
    return [
        Break(identity.id, identity.title, period, dims, left, right)
        for period, dims, left, right in pairs
        if identity.is_broken(left, right)
    ]


def _members(catalogue: Catalogue, values: Mapping[tuple[str, str, str], float]) -> list[Break]:
    sums: dict[tuple[str, str, str], float] = {}
    for (kpi, period, dims), value in values.items():
        if dims and kpi in catalogue.kpis and catalogue[kpi].additive and not math.isnan(value):
            key = (kpi, period, dims.partition("=")[0])
            sums[key] = sums.get(key, 0.0) + value
    found = []
    for (kpi, period, dimension), total in sorted(sums.items()):
        expected = values.get((kpi, period, ""), math.nan)
        if not math.isnan(expected) and abs(total - expected) > CENT:
            title = f"{catalogue[kpi].name}: members of {dimension} add up to the total"
            found.append(Break(f"members_{kpi}", title, period, "", total, expected))
    return found

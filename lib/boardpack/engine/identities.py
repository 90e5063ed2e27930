"""Identities: sums that must agree on every run, in every period and for every member."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb
import pandas as pd

from boardpack.engine.catalogue import Catalogue, Identity
from boardpack.engine.compute import named

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

    def __str__(self) -> str:
        where = f" ({self.dims})" if self.dims else ""
        return (
            f"{self.title}: {self.left:,.2f} against {self.right:,.2f}"
            f" in {self.period}{where}, off by {self.left - self.right:,.2f}"
        )


def inputs(catalogue: Catalogue, kpis: Iterable[str]) -> list[str]:
    """The KPIs that the identities touching ``kpis`` need beside them."""
    wanted = set(kpis)
    found: list[str] = []
    for identity in catalogue.identities:
        names = {*identity.left.names, *identity.right.names}
        if names & wanted:
            found += [name for name in sorted(names) if name not in wanted]
    return list(dict.fromkeys(found))


def check(catalogue: Catalogue, frame: pd.DataFrame) -> list[Break]:
    """Every break of an identity, and of "members add up to the total", in computed values.

    Identities that lack one of their KPIs are left out, as are cells without a value.
    """
    values = {
        (kpi, period, dims): value
        for kpi, period, dims, value in frame[["kpi", "period", "dims", "value"]].itertuples(
            index=False, name=None
        )
    }
    found: list[Break] = []
    for identity in catalogue.identities:
        found += _broken(identity, values)
    return found + _members(catalogue, values)


def _broken(identity: Identity, values: Mapping[tuple[str, str, str], float]) -> list[Break]:
    names = list(dict.fromkeys((*identity.left.names, *identity.right.names)))
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
        if abs(left - right) > identity.tolerance
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

"""Traces: the days and the rows that break an identity, so that somebody can go and look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from boardpack.engine.catalogue import Catalogue
from boardpack.engine.compute import compute
from boardpack.engine.definitions import Identity
from boardpack.engine.identities import Break, check
from boardpack.periods import Period
from boardpack.sources import Sources
from boardpack.warehouse import Slice

#: How many days or rows a message names.
_NAMED = 5


def traced(catalogue: Catalogue, slice_: Slice, found: Break) -> Break:
    """The break with the days on which it comes about and, where it says by what, the rows.

    A break that is no declared identity's (members, days) comes back as it is.
    """
    identity = next((i for i in catalogue.identities if i.id == found.identity), None)
    if identity is None:
        return found
    period = Period.parse(found.period, catalogue.calendar)
    only = replace(catalogue, identities=(identity,))
    told = _days(only, slice_, identity, period, found.dims)
    if identity.rows:
        told += _rows(only, slice_, identity, period)
    return replace(found, rows=tuple(told))


def _days(
    catalogue: Catalogue, slice_: Slice, identity: Identity, period: Period, dims: str
) -> list[str]:
    days = period.within("day")
    if len(days) < 2 or any("day" not in catalogue[kpi].grains for kpi in identity.kpis):
        return []
    by = [dims.partition("=")[0]] if dims else []
    frame = compute(catalogue, slice_, identity.kpis, days, by)
    breaks = [b for b in check(catalogue, frame) if b.identity == identity.id and b.dims == dims]
    return _listed("on", [(b.period, b) for b in breaks])


def _rows(catalogue: Catalogue, slice_: Slice, identity: Identity, period: Period) -> list[str]:
    """The same identity for every value of the key, as if that were a dimension."""
    key = str(identity.rows)
    sources = catalogue.sources
    declared = {
        name: replace(source, dimensions={key: key}) if key in source.columns else source
        for name, source in sources.declared.items()
    }
    split = Sources(declared, sources.mappings)
    kpis = {
        name: replace(kpi, dimensions=(key,), additive=False)
        for name, kpi in catalogue.kpis.items()
    }
    by_key = replace(catalogue, kpis=kpis, sources=split)
    frame = compute(by_key, replace(slice_, declared=split), identity.kpis, [period], [key])
    breaks = [b for b in check(by_key, _only_members(frame)) if b.identity == identity.id]
    return _listed(key, [(b.dims.partition("=")[2], b) for b in breaks])


def _only_members(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["dims"] != ""]


def _listed(what: str, breaks: Sequence[tuple[str, Break]]) -> list[str]:
    """The largest first; the rest is counted."""
    largest = sorted(breaks, key=lambda pair: -abs(pair[1].left - pair[1].right))
    told = [f"{what} {name} {b.left:,.2f} against {b.right:,.2f}" for name, b in largest[:_NAMED]]
    return [*told, f"and {len(largest) - _NAMED} more"] if len(largest) > _NAMED else told

"""Restatements: which values differ from those that an earlier edition published, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

Cause = Literal["late data", "definition", "code", "unexplained"]
Kind = Literal["changed", "appeared", "vanished", "status"]

#: Values closer than this, relative to their size, differ by the order of a sum and no more.
TOLERANCE = 1e-9

_CELL = ["kpi", "period", "dims"]


@dataclass(frozen=True)
class Restatement:
    """A value that differs from the one that an earlier edition published, and why.

    ``before`` or ``after`` is None where there was no value or is none now; ``kind`` ``status``
    stands for an equal value that is, say, final now and was provisional. ``causes`` are all that
    can have changed it. The texts are both figures and their distance as a page writes them.
    """

    kpi: str
    period: str
    dims: str
    before: float | None
    after: float | None
    before_status: str
    after_status: str
    kind: Kind
    causes: tuple[Cause, ...] = ()
    name: str = ""
    before_text: str = ""
    after_text: str = ""
    change_text: str = ""

    @property
    def is_seen(self) -> bool:
        """Whether a reader who holds both editions sees two different figures."""
        return self.kind != "status" and self.before_text != self.after_text


@dataclass(frozen=True)
class Restated:
    """The restatements against one earlier edition, the newest period and totals first.

    ``problem`` says why the edition could not be compared with.
    """

    period: str
    revision: int
    as_of: str
    rows: tuple[Restatement, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Grounds:
    """What the values of an edition rest on.

    ``fingerprints`` are hashes of the data slice by source, ``definitions`` by KPI, ``code`` of the
    package; ``versions`` are those of Python and the packages beneath.
    """

    as_of: str
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


def causes(kpi: str, sources: Sequence[str], before: Grounds, after: Grounds) -> tuple[Cause, ...]:
    """Everything that can have changed a value of ``kpi``, which rests on ``sources``.

    Late data: the as-of or the rows of one of its sources differ. With one cause it is certain;
    with several each may have a part in it.

    >>> old = Grounds("2025-11-30", {"invoices": "a"}, {"mrr": "d1"}, "c")
    >>> new = Grounds("2025-11-30", {"invoices": "b"}, {"mrr": "d1"}, "c")
    >>> causes("mrr", ["invoices"], old, new), causes("mrr", ["tickets"], old, old)
    (('late data',), ('unexplained',))
    """
    found: list[Cause] = []
    if before.as_of != after.as_of or sources_that_differ(before, after, sources):
        found.append("late data")
    if before.definitions.get(kpi) != after.definitions.get(kpi):
        found.append("definition")
    if before.code != after.code or before.versions != after.versions:
        found.append("code")
    return tuple(found) or ("unexplained",)


def sources_that_differ(before: Grounds, after: Grounds, sources: Sequence[str]) -> list[str]:
    """The sources whose rows are not those of before."""
    return [s for s in sources if before.fingerprints.get(s) != after.fingerprints.get(s)]


def compare(
    before: pd.DataFrame,
    after: pd.DataFrame,
    kpis: Sequence[str],
    additive: Collection[str] = (),
) -> list[Restatement]:
    """The cells of ``kpis`` that differ, without their causes and texts.

    Both frames have the columns of `boardpack.values.COLUMNS`. Only what both could show is
    compared: periods, dimensions and KPIs that only one of them has are no restatement. A row that
    is not there is a zero of an ``additive`` KPI. The newest period comes first, in it the totals,
    in the order of ``kpis``.
    """
    old, new = _comparable(before, after, kpis), _comparable(after, before, kpis)
    cells = old.merge(new, on=_CELL, how="outer", suffixes=("_before", "_after"))
    # No row at all is no value, unless the KPI adds up: then nothing was there to be added.
    adds_up = cells["kpi"].isin(list(additive))
    for side in ("_before", "_after"):
        no_row = cells[f"status{side}"].isna()
        cells.loc[no_row & adds_up, f"value{side}"] = 0.0
        cells[f"status{side}"] = cells[f"status{side}"].where(~no_row, "no_value")
    one, two = cells["value_before"].astype(float), cells["value_after"].astype(float)
    had, has = one.notna(), two.notna()
    equal = np.isclose(one, two, rtol=TOLERANCE, atol=TOLERANCE)
    # A zero that stands for no row has no status that could change.
    known = (cells["status_before"] != "no_value") & (cells["status_after"] != "no_value")
    cells["kind"] = np.select(
        [had & has & ~equal, ~had & has, had & ~has,
         had & has & known & (cells["status_before"] != cells["status_after"])],
        ["changed", "appeared", "vanished", "status"],
        default="",
    )  # fmt: skip
    return _in_order(cells[cells["kind"] != ""], kpis, before, after)


def _comparable(frame: pd.DataFrame, other: pd.DataFrame, kpis: Sequence[str]) -> pd.DataFrame:
    """The cells that the other frame could have as well."""
    dimensions = {dims.partition("=")[0] for dims in other["dims"].unique()}
    kept = (
        frame["kpi"].isin(list(kpis))
        & frame["kpi"].isin(other["kpi"].unique())
        & frame["period"].isin(other["period"].unique())
        # What an open period is set against is shown beside it, and is no figure of its own.
        & ~frame["period"].str.contains("/", regex=False)
        & frame["dims"].str.partition("=")[0].isin(dimensions)
    )
    return frame.loc[kept, [*_CELL, "value", "status"]]


def _in_order(
    cells: pd.DataFrame, kpis: Sequence[str], before: pd.DataFrame, after: pd.DataFrame
) -> list[Restatement]:
    starts = pd.concat([before, after]).drop_duplicates("period").set_index("period")
    begins = {label: str(start) for label, start in starts["period_start"].items()}
    place = {kpi: n for n, kpi in enumerate(kpis)}
    found = [
        Restatement(
            kpi, period, dims, _number(old), _number(new), str(was), str(is_), kind
        )
        for kpi, period, dims, old, new, was, is_, kind in cells[
            [*_CELL, "value_before", "value_after", "status_before", "status_after", "kind"]
        ].itertuples(index=False, name=None)
    ]  # fmt: skip
    found.sort(key=lambda row: (bool(row.dims), place[row.kpi], row.dims))
    return sorted(found, key=lambda row: begins[row.period], reverse=True)


def _number(value: float) -> float | None:
    return None if pd.isna(value) else float(value)

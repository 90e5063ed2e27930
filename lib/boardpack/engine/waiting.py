"""Waits in SQL: how many arrived after how long, and for how long the others have been waiting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from boardpack.engine.definitions import Measure
from boardpack.engine.estimates import HOURS
from boardpack.engine.selects import Part, labels
from boardpack.periods import instant


def waits(
    head: tuple[tuple[str, str], ...],
    index: int,
    measure: Measure,
    name: str,
    joined: Callable[[str], str],
    by: Sequence[str],
    split: Sequence[str],
    as_of: date,
    zone: ZoneInfo,
) -> Part:
    """The SELECT for one measure; ``joined`` writes the FROM that gives a table its periods.

    A wait is counted in whole units, begun ones as whole: within 24 hours is 24 at most. Of those
    who still wait only whole units are known to be over.
    """
    found = measure.aggregate
    start, end = str(found.argument), str(found.until)
    unit = HOURS[found.per] * 3_600_000_000
    known = f"TIMESTAMP '{instant(as_of + timedelta(days=1), zone)}'"
    dims = "".join(f', "{d}"' for d in split)
    conditions = [f"{start} IS NOT NULL", *([f"({measure.where})"] if measure.where else [])]
    body = (
        f"SELECT bucket{dims}, CASE WHEN {end} IS NULL"
        f" THEN FLOOR((EPOCH_US({known}) - EPOCH_US({start})) / {unit}.0)"
        f" ELSE GREATEST(CEIL((EPOCH_US({end}) - EPOCH_US({start})) / {unit}.0), 0) END AS waited,"
        f" CASE WHEN {end} IS NULL THEN 0 ELSE 1 END AS arrived"
        f" FROM rows WHERE {' AND '.join(conditions)}"
    )
    table = f"waits{index}"
    sets = ["(s.p, b.waited)", *(f'(s.p, b.waited, b."{d}")' for d in split)]
    return Part(
        (*head, (table, body)),
        labels("b", by, split),
        {
            f"{name}__waited": "CAST(b.waited AS DOUBLE)",
            f"{name}__arrived": "CAST(SUM(b.arrived) AS DOUBLE)",
            f"{name}__waiting": "CAST(SUM(1 - b.arrived) AS DOUBLE)",
        },
        f"{joined(table)}\nGROUP BY GROUPING SETS ({', '.join(sets)})",
    )

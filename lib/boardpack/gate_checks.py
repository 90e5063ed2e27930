"""The checks that Great Expectations does not bring: history, clean text, control totals.

Each has a type of its own, which `gate_own` makes Great Expectations know, and runs where the data
are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np

from boardpack import gate_history, gate_series
from boardpack.gate_history import Looked
from boardpack.gate_series import Past, Wanted
from boardpack.gate_types import (
    AFTER,
    CONTROL,
    COUNTS,
    FILLED,
    HOURS,
    LATE,
    MEANS,
    MIN_CHANGE,
    REPEATED,
    SHARES,
    TEXT,
)
from boardpack.sources import Source
from boardpack.warehouse import Slice
from boardpack.zones import literal, local_day

#: Rows kept to show.
SAMPLE = 5
#: How long a control total is compared with what was counted, and rows are with each other.
_CONTROLS = timedelta(days=100)
#: Words that stand for nothing and are not null.
_NOTHING = "('', '-', 'null', 'none', 'nan', 'nil', 'n/a', 'na', 'undefined', '#n/a')"
#: What a text that was read in the wrong encoding holds.
_DAMAGE = ("Ã", "â€", "Â", "\ufffd")


@dataclass(frozen=True)
class Found:
    """What a check found; ``skipped`` says why nothing could be said."""

    unexpected: int = 0
    evaluated: int = 0
    counts: str = ""
    sample: tuple[dict[str, Any], ...] = ()
    skipped: str = ""


class Checks:
    """The checks of one source of a slice; its past is read once for all of them."""

    def __init__(
        self, slice_: Slice, source: Source, wanted: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> None:
        self.slice, self.source = slice_, source
        self._wanted = [want for type_, kwargs in wanted for want in _past_of(type_, kwargs)]
        self._pasts: dict[str, dict[Wanted, Past]] = {}
        self._rows: dict[str, list[tuple[Any, ...]]] = {}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a statement, sent once for a check and its twin of another severity."""
        if sql not in self._rows:
            self._rows[sql] = self.slice.rows(sql)
        return self._rows[sql]

    def find(self, type_: str, kwargs: Mapping[str, Any]) -> Found:
        """What the check of this type finds."""
        return _FINDERS[type_](self, kwargs)

    def past(self, want: Wanted) -> Past | None:
        """The past by day, None where there is none."""
        if want.over not in self._pasts:
            wanted = [w for w in self._wanted if w.over == want.over]
            self._pasts[want.over] = gate_series.read(self.slice, self.source, want.over, wanted)
        return self._pasts[want.over].get(want)


def _past_of(type_: str, kwargs: Mapping[str, Any]) -> list[Wanted]:
    column, over = kwargs.get("column", ""), kwargs.get("over", "")
    if type_ == COUNTS:
        by = kwargs.get("by")
        return [Wanted(column, "share", by) if by else Wanted(column, "rows")]
    if type_ == MEANS:
        return [Wanted(over, "mean", column)]
    if type_ == SHARES:
        return [Wanted(over, "share", column)]
    if type_ == HOURS:
        return [Wanted(column, "mean", f"hour of {column}")]
    if type_ == FILLED:
        return [Wanted(over, "share", f"filled {column}")]
    if type_ == LATE:
        return [Wanted(column, "share", f"late {column}")]
    return []


def _history(
    judge: Callable[[Past, float, int], Sequence[Looked]],
) -> Callable[[Checks, Mapping[str, Any]], Found]:
    """A check that has its past judged."""

    def find(checks: Checks, kwargs: Mapping[str, Any]) -> Found:
        type_ = kwargs["type"]
        (want,) = _past_of(type_, kwargs)
        past = checks.past(want)
        settled = int(kwargs.get("settled", 0))
        least = float(kwargs.get("min_change", MIN_CHANGE[type_]))
        looked = () if past is None else judge(past, least, settled)
        blocks = sum(each.blocks for each in looked)
        if not blocks:
            return Found(skipped="its own past is too short to say what is usual")
        unusual = [u for each in looked for u in each.unusual]
        grain = next((each.grain for each in looked if each.unusual), looked[0].grain)
        sample = tuple(
            {
                grain: str(u.start)[:7] if grain == "month" else str(u.start),
                **({"member": u.member} if u.member else {}),
                "found": _number(u.found),
                "usual": f"{_number(max(u.low, 0) if u.expected >= 0 else u.low)} to"
                f" {_number(u.high)}",
            }
            for u in sorted(unusual, key=lambda u: u.start, reverse=True)[:SAMPLE]
        )
        return Found(len(unusual), blocks, f"{grain}s", sample)

    return find


def _counts(past: Past, least: float, settled: int) -> list[Looked]:
    if not past.members:
        return [gate_history.count(_settled(past.days, settled), past.first, least)]
    found = []
    for member, days in past.members.items():
        # One that has more than it had is growing; one that is missing has fewer.
        looked = gate_history.count(_settled(days, settled), past.first, least, fewer_only=True)
        found.append(looked.of(member))
    return found


def _means(past: Past, least: float, settled: int) -> list[Looked]:
    sums, days = _settled(past.sums, settled), _settled(past.days, settled)
    return [gate_history.mean(sums, days, past.first, least)]


def _shares(
    past: Past, least: float, settled: int, shortest: gate_history.Grain = "day"
) -> list[Looked]:
    members = {name: _settled(days, settled) for name, days in past.members.items()}
    return [gate_history.shares(members, past.first, least, shortest)] if members else []


def _late(past: Past, least: float, settled: int) -> list[Looked]:
    return _shares(past, least, settled, "week")


def _settled(days: gate_history.Numbers, settled: int) -> gate_history.Numbers:
    return days[: len(days) - settled] if settled else days


def _number(value: float) -> str:
    if not np.isfinite(value):
        return "any"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _text(checks: Checks, kwargs: Mapping[str, Any]) -> Found:
    source = checks.source
    names = kwargs.get("column_list") or plain_texts(source)
    lacks = checks.slice.lacks(source.id)
    names = [name for name in names if name not in lacks]
    if not names:
        return Found(skipped="it has no such column")
    damaged = " OR ".join(f"position('{part}' IN v) > 0" for part in _DAMAGE)
    parts = [
        f"SELECT '{name}' AS column_name, CASE WHEN v <> trim(v) THEN 'space around it'"
        f" WHEN lower(v) IN {_NOTHING} THEN 'a word for nothing'"
        f" WHEN {damaged} THEN 'damaged letters' END AS what, sum(n) AS found"
        f' FROM (SELECT "{name}" AS v, count(*) AS n FROM {checks.slice.relation(source.id)} AS t'
        f' WHERE "{name}" IS NOT NULL GROUP BY 1) AS d GROUP BY 1, 2'
        for name in names
    ]
    rows = checks.slice.rows(" UNION ALL ".join(parts))
    bad = [(name, what, int(n)) for name, what, n in rows if what is not None]
    sample = tuple(
        {"column": name, "what": what, "rows": n}
        for name, what, n in sorted(bad, key=lambda row: -row[2])[:SAMPLE]
    )
    evaluated = sum(int(n) for *_, n in rows)
    return Found(sum(n for *_, n in bad), evaluated, "values", sample)


def plain_texts(source: Source) -> list[str]:
    """The columns of text that are no key and refer to none."""
    ids = {*source.key, *source.references}
    return [c.name for c in source.columns.values() if c.type == "string" and c.name not in ids]


def _after(checks: Checks, kwargs: Mapping[str, Any]) -> Found:
    ahead = checks.slice.ahead(checks.source.id)
    if ahead is None:
        return Found(skipped="nothing says when its rows were recorded")
    column, key = kwargs["column"], ", ".join(f'"{name}"' for name in checks.source.key)
    (total,) = checks.rows(f"SELECT count(*) FROM {ahead} AS t")[0]
    if total <= (1 - kwargs.get("mostly", 1)) * (_recent(checks, column) if total else 0):
        return Found(0, int(total))
    rows = checks.rows(
        f'SELECT {key}, "{column}" FROM {ahead} AS t ORDER BY "{column}" DESC LIMIT {SAMPLE}'
    )
    names = (*checks.source.key, column)
    sample = tuple(dict(zip(names, map(str, row), strict=True)) for row in rows)
    return Found(int(total), int(total), "", sample)


def _recent(checks: Checks, column: str) -> int:
    """How many rows the days have in which rows are looked at one by one."""
    (rows,) = checks.rows(
        f"SELECT count(*) FROM {checks.slice.relation(checks.source.id)} AS t"
        f" WHERE {_since(checks, column)}"
    )[0]
    return int(rows)


def _since(checks: Checks, column: str) -> str:
    slice_ = checks.slice
    begin = literal(checks.source.columns[column], slice_.as_of - _CONTROLS, slice_.zone)
    return f't."{column}" >= {begin}'


def _repeated(checks: Checks, kwargs: Mapping[str, Any]) -> Found:
    source = checks.source
    apart = {*source.key, source.recorded_at, *checks.slice.lacks(source.id)}
    columns = ", ".join(f't."{name}"' for name in source.columns if name not in apart)
    key = source.key[0]
    groups = (
        f'SELECT min(t."{key}") AS one, count(*) AS n FROM {checks.slice.relation(source.id)} AS t'
        f" WHERE {_since(checks, kwargs['column'])} GROUP BY {columns}"
    )
    rows, again = checks.rows(f"SELECT sum(n), sum(n - 1) FROM ({groups}) AS g")[0]
    rows, again = int(rows or 0), int(again or 0)
    if again <= (1 - kwargs.get("mostly", 1)) * rows:
        return Found(0, rows)
    found = checks.rows(
        f"SELECT one, n FROM ({groups}) AS g WHERE n > 1 ORDER BY one LIMIT {SAMPLE}"
    )
    return Found(again, rows, "", tuple({key: str(one), "times": int(n)} for one, n in found))


def _total(checks: Checks, kwargs: Mapping[str, Any]) -> Found:
    source, slice_ = checks.source, checks.slice
    column, measure = kwargs["column"], kwargs["measure"].replace("'", "''")
    adds = kwargs.get("adds")
    total = f'sum(t."{adds}")' if adds else f'count(t."{source.key[0]}")'
    tolerance = float(kwargs.get("tolerance", 0))
    recorded = (
        f' AND (t."{source.recorded_at}" <= c.drawn_at OR t."{source.recorded_at}" IS NULL)'
        if source.recorded_at
        else ""
    )
    loaded = kwargs.get("against") == "warehouse"
    month = f"date_trunc('month', {local_day(replace(source, time=column), slice_.zone)})"
    newest = f"DATE '{slice_.as_of - _CONTROLS}' + INTERVAL '31' DAY"
    both = checks.rows(
        f"SELECT c.period_start, max(c.source_value), max(c.warehouse_value),"
        f" CAST(coalesce({total}, 0) AS DOUBLE)"
        f" FROM {slice_.relation('source_reconciliations')} AS c LEFT JOIN"
        f" {slice_.relation(source.id)} AS t ON {month} = c.period_start"
        f" AND {_since(checks, column)}{recorded}"
        f" WHERE c.measure = '{measure}' AND c.period_start >= {newest} GROUP BY 1 ORDER BY 1"
    )
    rows = [
        (month, at_load if loaded else reported, found) for month, reported, at_load, found in both
    ]
    if not loaded:
        # Months of which there was something, and that are gone from the beginning of the table.
        rows += checks.rows(
            f"SELECT c.period_start, max(c.source_value), 0 FROM"
            f" {slice_.relation('source_reconciliations')} AS c WHERE c.measure = '{measure}'"
            f" AND c.source_value > 0 AND c.period_start < {newest} AND c.period_start <"
            f" (SELECT min({month}) FROM {slice_.relation(source.id)} AS t) GROUP BY 1 ORDER BY 1"
        )
    if not rows:
        return Found(skipped=f"no control total of {kwargs['measure']} is known")
    off = [
        (month, float(control), found)
        for month, control, found in rows
        if abs(found - float(control)) > max(tolerance * abs(float(control)), 0.005)
    ]
    sample = tuple(
        {"month": str(month)[:7], "control": _exact(control), "found": _exact(found)}
        for month, control, found in off[-SAMPLE:]
    )
    return Found(len(off), len(rows), "months", sample)


def _exact(value: float) -> str:
    return f"{value:,.2f}".removesuffix(".00")


_FINDERS: Mapping[str, Callable[[Checks, Mapping[str, Any]], Found]] = {
    COUNTS: _history(_counts),
    MEANS: _history(_means),
    SHARES: _history(_shares),
    HOURS: _history(_means),
    LATE: _history(_late),
    TEXT: _text,
    FILLED: _history(_shares),
    AFTER: _after,
    REPEATED: _repeated,
    CONTROL: _total,
}

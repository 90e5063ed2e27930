"""Sources that vanished: what the last gate knew of a table, against what is there now.

A table that was dropped, or lost a column, would otherwise turn KPIs into "not available", as if it
had never been connected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from boardpack.asof import readable
from boardpack.errors import SourceError
from boardpack.gate_results import CheckResult
from boardpack.gate_suites import Dimension, Severity, Suite
from boardpack.sources import Source
from boardpack.warehouse import Slice

#: What the table of each source was last seen with: columns and their types.
Known = Mapping[str, Mapping[str, str]]

_AT_STAKE = "KPIs that rest on it would silently be missing."


def is_gone(source: str, slice_: Slice, known: Known, retired: Iterable[str]) -> bool:
    """Whether a source was connected when it was last checked, and is not now."""
    return source in known and source not in slice_.sources and source not in set(retired)


def changes(
    sources: Iterable[str],
    slice_: Slice,
    broken: Mapping[str, SourceError],
    known: Known,
    retired: Sequence[str],
    suites: Mapping[str, Suite],
) -> dict[str, tuple[CheckResult, ...]]:
    """What is to be told of each of these sources; nothing of one that was never seen before.

    ``broken`` holds why a table that is there cannot be read. ``retired`` names sources, and
    columns as ``source.column``, that are gone for good.
    """
    found: dict[str, tuple[CheckResult, ...]] = {}
    for name in sources:
        source, owner = slice_.declared[name], _owner(suites.get(name))
        if is_gone(name, slice_, known, retired):
            found[name] = (_gone(source, broken.get(name), known[name], owner),)
        elif name in known and name in slice_.columns:
            told = _drift(source, slice_.columns[name], known[name], set(retired), owner)
            found |= {name: tuple(told)} if told else {}
    return found


def remembered(slice_: Slice, known: Known, sources: Iterable[str]) -> dict[str, Mapping[str, str]]:
    """What is to be kept of the tables of these sources for the next gate.

    A declared column that was lost stays known until it is back or retired: else it would be missed
    only once.
    """
    return {
        name: {**_lost(slice_.declared[name], slice_.columns[name], known.get(name, {})),
               **slice_.columns[name]}
        for name in sources
        if name in slice_.columns and name not in slice_.own
    }  # fmt: skip


def _gone(
    source: Source, error: SourceError | None, known: Mapping[str, str], owner: str
) -> CheckResult:
    if error is None:
        return _result(
            source, "connected", "critical", "completeness", "its table is connected, as it was",
            "its table is no longer there", owner,
        )  # fmt: skip
    if error.wrong == "columns":
        return _result(
            source, "columns", "critical", "consistency", "its table has the columns declared",
            "; ".join(_mismatches(source, error.columns, known)), owner,
        )  # fmt: skip
    check = "rows" if error.wrong == "rows" else "connected"
    return _result(
        source, check, "critical", "completeness", "its table can be read, as it could",
        error.message.rstrip("."), owner,
    )  # fmt: skip


def _drift(
    source: Source,
    found: Mapping[str, str],
    known: Mapping[str, str],
    retired: set[str],
    owner: str,
) -> list[CheckResult]:
    """Of a table that can be read: optional columns that it lost, and what else is new about it."""
    lost = [c for c in _lost(source, found, known) if f"{source.id}.{c}" not in retired]
    other = [f"{c} is new ({found[c]})" for c in found if c not in known]
    other += [f"{c} is gone" for c in known if c not in found and c not in source.columns]
    other += [
        f"{c} is {found[c]}, was {known[c]}" for c in found if known.get(c, found[c]) != found[c]
    ]
    told = []
    if lost:
        told.append(
            _result(
                source, "columns", "critical", "consistency", "its table has the columns it had",
                "; ".join(f"{c} ({source.columns[c].type}) is gone, was {known[c]}" for c in lost),
                owner,
            )
        )  # fmt: skip
    if other:
        told.append(
            _result(
                source, "drift", "info", "consistency", "its table has the columns it had",
                "; ".join(other), owner, at_stake="Nothing that the KPIs read.",
            )
        )  # fmt: skip
    return told


def _lost(source: Source, found: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """The declared columns that a table had and no longer has."""
    return {c: known[c] for c in known if c in source.columns and c not in found}


def _mismatches(
    source: Source, found: Mapping[str, str], known: Mapping[str, str]
) -> Iterable[str]:
    for name, column in source.columns.items():
        was = f", was {known[name]}" if name in known else ""
        if name in found and not readable(column, found[name]):
            yield f"{name} is {found[name]}, expected {column.type}{was}"
        elif name not in found and (not column.optional or name in known):
            yield f"{name} ({column.type}) is missing{was}"


def _owner(suite: Suite | None) -> str:
    """Who answers for most of what is expected of a source."""
    owners = [e.owner for e in suite.expectations] if suite else []
    return max(owners, key=owners.count, default="")


def _result(
    source: Source,
    check: str,
    severity: Severity,
    dimension: Dimension,
    sentence: str,
    observed: str,
    owner: str,
    at_stake: str = _AT_STAKE,
) -> CheckResult:
    return CheckResult(
        source.id, check, (), severity, dimension, "failed", sentence, at_stake, owner, observed,
        id=f"{source.id}.{check}", evaluated=1, unexpected=1,
    )  # fmt: skip

"""What checks found, kept for good by the day that it was known by: the history of each check."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boardpack.ledger import Ledger
from boardpack.ledger_rows import KeptChecks


@dataclass(frozen=True)
class KeptCheck:
    """One check as of one day, without what a newer suite may say of it otherwise.

    ``evaluated`` and ``unexpected`` are rows, of what has none 1 and 0 or 1; 0 and 0 of a check
    that could not be made.
    """

    id: str
    source: str
    dimension: str
    control: str
    severity: str
    outcome: str
    evaluated: int
    unexpected: int
    observed: str | int | float | None = None


_KEPT = tuple(name for name in KeptCheck.__dataclass_fields__ if name != "source")


def body_of(results: Iterable[Any]) -> str:
    """The results of one source as the ledger keeps them, a list a check, by id.

    Any order of the suite gives the same text.
    """
    rows = [[getattr(result, name) for name in _KEPT] for result in results]
    return json.dumps(sorted(rows, key=lambda row: row[0]), ensure_ascii=False)


def checks_of(kept: KeptChecks) -> list[KeptCheck]:
    """Read what `body_of` wrote; what a newer Boardpack writes beside is left."""
    return [
        KeptCheck(source=kept.source, **dict(zip(_KEPT, row, strict=False)))
        for row in json.loads(kept.body)
    ]


def by_day(kept: Iterable[KeptChecks]) -> dict[str, tuple[KeptCheck, ...]]:
    """All checks as of each day, oldest day first."""
    found: dict[str, list[KeptCheck]] = {}
    for entry in kept:
        found.setdefault(entry.as_of, []).extend(checks_of(entry))
    return {day: tuple(found[day]) for day in sorted(found)}


def outcomes(days: Mapping[str, Sequence[KeptCheck]]) -> dict[str, list[tuple[str, KeptCheck]]]:
    """The history of each check: the days that it was made as of, oldest first."""
    found: dict[str, list[tuple[str, KeptCheck]]] = {}
    for day, checks in days.items():
        for check in checks:
            found.setdefault(check.id, []).append((day, check))
    return found


def read(path: Path, until: str) -> list[KeptChecks]:
    """What a workspace's ledger has kept up to a day; nothing where there is no ledger yet.

    >>> read(Path("nowhere.sqlite"), "2025-12-31")
    []
    """
    if not path.is_file():
        return []
    with Ledger(path) as ledger:
        return ledger.kept_checks(until)

"""Revisions: an edition beside the one before it, and beside those of earlier periods."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from boardpack.editions import RESTATEMENTS
from boardpack.errors import StorageError, UserError
from boardpack.formats import DASH, MINUS, Formatter
from boardpack.ledger import Ledger
from boardpack.ledger_rows import EditionRow
from boardpack.manifests import file_fact, read_manifest
from boardpack.model import history
from boardpack.periods import Period
from boardpack.restatements import (
    Grounds,
    Restated,
    Restatement,
    causes,
    compare,
    sources_that_differ,
)
from boardpack.values import Values

_READ = ("values.parquet", "facts.json")


@dataclass(frozen=True)
class Edition:
    """A published edition: its row, what it rests on, and its values."""

    row: EditionRow
    grounds: Grounds
    values: Values


@dataclass(frozen=True)
class Revision:
    """What changed from one revision of an edition to another.

    ``sources`` and ``definitions`` name the tables whose rows and the KPIs whose definitions
    differ; ``added`` and ``removed`` the KPIs that only one of the two shows.
    """

    before: EditionRow
    after: EditionRow
    rows: tuple[Restatement, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    sources: tuple[str, ...]
    definitions: tuple[str, ...]
    code: bool

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        sides = {
            side: {
                name: getattr(row, name)
                for name in ("revision", "as_of", "status", "verdict", "published_at", "folder")
            }
            for side, row in (("before", self.before), ("after", self.after))
        }
        return {
            "report": self.after.report,
            "period": self.after.period,
            "segment": self.after.segment,
            **sides,
            "sources": list(self.sources),
            "definitions": list(self.definitions),
            "code": self.code,
            "added": list(self.added),
            "removed": list(self.removed),
            "changes": [asdict(row) for row in self.rows],
        }


def read_edition(root: Path, row: EditionRow) -> Edition:
    """An edition below ``root``; `StorageError` when it is not as it was published."""
    folder = root / row.folder
    manifest = read_manifest(folder)
    try:
        for name in _READ:
            if file_fact(folder / name).sha256 != manifest["files"][name]["sha256"]:
                raise StorageError(
                    f"{name} of {row.report} {row.period} revision {row.revision} is not as it was"
                    " published.",
                    file=folder / name,
                    hint=f"`boardpack verify {folder}` lists what was changed",
                )
        values = Values.load(folder)
        return Edition(row, grounds(manifest), values)
    except OSError as error:
        raise StorageError(
            f"an edition cannot be read: {error.strerror or error}.", file=error.filename or folder
        ) from None
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(f"an edition cannot be read: {error!r}.", file=folder) from None


def grounds(manifest: dict[str, Any]) -> Grounds:
    """What an edition rests on, from its manifest; what an older one does not name is empty."""
    return Grounds(
        str(manifest["as_of"]),
        manifest.get("fingerprints", {}),
        manifest.get("definitions", {}),
        manifest.get("code", ""),
        manifest.get("versions", {}),
    )


def difference(root: Path, before: EditionRow, after: EditionRow) -> Revision:
    """Every value that changed between two revisions, and why."""
    old, new = read_edition(root, before), read_edition(root, after)
    had, has = _shown(old), _shown(new)
    every = sorted({*old.grounds.fingerprints, *new.grounds.fingerprints})
    return Revision(
        before,
        after,
        _between(old, new.values, new.grounds),
        tuple(kpi for kpi in has if kpi not in had),
        tuple(kpi for kpi in had if kpi not in has),
        tuple(sources_that_differ(old.grounds, new.grounds, every)),
        tuple(
            kpi
            for kpi in has
            if kpi in had and old.grounds.definitions[kpi] != new.grounds.definitions[kpi]
        ),
        (old.grounds.code, old.grounds.versions) != (new.grounds.code, new.grounds.versions),
    )


def restated(root: Path, ledger: Ledger, values: Values, own: Grounds) -> tuple[Restated, ...]:
    """What the values of a run restate, against the editions that a reader may hold.

    These are the revision before this one and, of the periods before it, the last that has an
    edition: it shows all the earlier ones too. An edition that knew more than this run is none that
    this run could restate, and neither is a draft that was forced. One that cannot be read is
    named, and stops nothing.
    """
    found = []
    told: set[tuple[str, str, str]] = set()
    for row in _held(ledger, values):
        try:
            old = read_edition(root, row)
            if old.values.calendar != values.calendar:
                raise StorageError("it was made in another calendar.")
            rows = _between(old, values, own)
        except StorageError as error:
            found.append(Restated(row.period, row.revision, row.as_of, problem=error.message))
            continue
        new = tuple(r for r in rows if (r.kpi, r.period, r.dims) not in told)
        told.update((r.kpi, r.period, r.dims) for r in new if r.kind != "status")
        found.append(Restated(row.period, row.revision, row.as_of, new))
    return tuple(found)


def save(folder: Path, found: Sequence[Restated]) -> None:
    """Freeze what a run restates, as `RESTATEMENTS` of its folder and later of its edition."""
    text = json.dumps([asdict(against) for against in found], indent=1, ensure_ascii=False)
    (folder / RESTATEMENTS).write_text(text + "\n", encoding="utf-8")


def two_revisions(
    rows: Sequence[EditionRow], name: str, chosen: tuple[int, int] | None = None
) -> tuple[EditionRow, EditionRow]:
    """The two to compare, by default the last; `UserError` for one that is not there.

    ``rows`` are the revisions of one report, period and segment, which ``name`` names.
    """
    known = {row.revision: row for row in sorted(rows, key=lambda row: row.revision)}
    numbers = ", ".join(map(str, known))
    if chosen is None:
        if len(known) < 2:
            raise UserError(
                f"{name} has one revision, and no other to compare it with.",
                hint="another run makes the next revision",
            )
        before, after = list(known)[-2:]
    else:
        before, after = chosen
        for number in chosen:
            if number not in known:
                raise UserError(
                    f"{name} has no revision {number}.", hint=f"its revisions are {numbers}"
                )
        if before == after:
            raise UserError(
                f"revision {before} of {name} is the same as itself.",
                hint=f"name two of its revisions: {numbers}",
            )
    return known[before], known[after]


def _shown(edition: Edition) -> list[str]:
    """The KPIs of a report that had values in it."""
    known = set(edition.values.frame["kpi"])
    return [kpi for kpi in edition.grounds.definitions if kpi in known]


def _held(ledger: Ledger, values: Values) -> list[EditionRow]:
    facts, period = values.report, values.period
    window = {earlier.label for earlier in history(period) if earlier < period}
    known = [
        row
        for row in ledger.editions(facts.report)
        if row.segment == facts.segment and row.grain == facts.grain and not row.forced
    ]
    parents = [row for row in known if row.period == facts.period]
    earlier = [row for row in known if row.period in window and row.as_of <= facts.as_of]
    last = max(parents, key=lambda row: row.revision, default=None)
    previous = max(
        earlier,
        key=lambda row: (Period.parse(row.period, values.calendar).start, row.revision),
        default=None,
    )
    return [row for row in (last, previous) if row is not None]


def _between(old: Edition, values: Values, own: Grounds) -> tuple[Restatement, ...]:
    """The restatements of ``values`` against an edition, with their causes and texts."""
    shared = [kpi for kpi in own.definitions if kpi in old.grounds.definitions]
    additive = [kpi for kpi in shared if values.kpi(kpi).additive]
    before, after = Formatter(old.values), Formatter(values)
    found = []
    for row in compare(old.values.frame, values.frame, shared, additive):
        facts = values.kpi(row.kpi)
        sources = tuple(dict.fromkeys((*old.values.kpi(row.kpi).sources, *facts.sources)))
        one, two = _text(before, row.kpi, row.before), _text(after, row.kpi, row.after)
        found.append(
            replace(
                row,
                causes=causes(row.kpi, sources, old.grounds, own),
                name=facts.name,
                before_text=one,
                after_text=two,
                change_text=_change(before, after, row, one, two),
            )
        )
    return tuple(found)


def _text(formatter: Formatter, kpi: str, value: float | None) -> str:
    return DASH if value is None else formatter.full(kpi, value)


def _change(before: Formatter, after: Formatter, row: Restatement, one: str, two: str) -> str:
    if row.before is None or row.after is None or row.kind == "status":
        return "" if row.kind == "status" else row.kind
    units = {side.values.kpi(row.kpi).unit for side in (before, after)}
    # Of two units, or of two figures that read the same, there is no distance to write.
    if len(units) > 1 or one == two:
        return ""
    sign = "+" if row.after > row.before else MINUS
    return sign + after.distance(row.kpi, row.after, row.before)

"""What the ledger keeps: runs, editions, checks and definitions, and how a row holds each."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from boardpack.facts import Signature, Verdict

RunStatus = Literal["published", "held", "failed"]
Because = Literal["", "note", "signature"]


@dataclass(frozen=True)
class MadeFor:
    """What a run was made for: an attempt, from 1, at one slot of a schedule (UTC, ISO)."""

    schedule: str
    slot: str
    attempt: int


@dataclass(frozen=True)
class RunStarted:
    """A run that began. ``started_at`` is UTC, ISO; ``version`` that of Boardpack.

    ``made_for`` is None for a run that a person asked for.
    """

    run_id: str
    report: str
    period: str
    grain: str
    as_of: str
    started_at: str
    segment: str = ""
    version: str = ""
    made_for: MadeFor | None = None

    def as_row(self) -> dict[str, str]:
        """What its table holds; the slot that it was made for is a row of another one."""
        return {
            name: getattr(self, name) for name in self.__dataclass_fields__ if name != "made_for"
        }

    @classmethod
    def from_row(cls, row: sqlite3.Row, slot: sqlite3.Row | None) -> RunStarted:
        """Read what `as_row` wrote, and the row of its slot if it was made for one."""
        made_for = None
        if slot is not None:
            made_for = MadeFor(slot["schedule"], slot["slot"], slot["attempt"])
        return cls(
            **{name: row[name] for name in cls.__dataclass_fields__ if name != "made_for"},
            made_for=made_for,
        )


@dataclass(frozen=True)
class RunEnded:
    """How a run ended. ``seconds`` are by stage; ``error`` is empty unless it failed.

    ``gate_key`` stands for the data and suites that its verdict rests on, "" without a verdict.
    """

    run_id: str
    status: RunStatus
    ended_at: str
    verdict: Verdict = "not checked"
    reasons: tuple[str, ...] = ()
    error: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    gate_key: str = ""

    def as_row(self) -> dict[str, str]:
        """What its table holds: reasons and seconds as JSON."""
        lists = {"reasons": _dump(list(self.reasons)), "seconds": _dump(dict(self.seconds))}
        return {name: lists.get(name, getattr(self, name)) for name in self.__dataclass_fields__}

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> RunEnded:
        """Read what `as_row` wrote."""
        values = {name: row[name] for name in cls.__dataclass_fields__}
        reasons, seconds = json.loads(row["reasons"]), json.loads(row["seconds"])
        return cls(**{**values, "reasons": tuple(reasons), "seconds": seconds})


@dataclass(frozen=True)
class Run:
    """A run as the ledger knows it; ``ended`` stays None for one that was killed."""

    started: RunStarted
    ended: RunEnded | None = None


@dataclass(frozen=True)
class EditionRow:
    """One published edition.

    ``folder`` is relative to ``var/editions``, with ``/``; ``published_at`` is UTC, ISO;
    ``parent`` is the revision that this one follows, None for the first.
    """

    report: str
    period: str
    grain: str
    segment: str
    revision: int
    parent: int | None
    run_id: str
    as_of: str
    verdict: Verdict
    status: Literal["final", "provisional"]
    release: Literal["draft", "signed"]
    reasons: tuple[str, ...]
    folder: str
    published_at: str
    manifest_hash: str
    renderer: str
    #: why it was published although the data did not pass, and by whom; a draft then
    forced: str = ""
    forced_by: str = ""
    #: what made it: ``""`` a run, else a ``note`` or a ``signature`` on the values of its parent
    because: Because = ""
    #: KPIs that need a note before it is more than a draft
    lacks_notes: tuple[str, ...] = ()
    #: who released it
    signatures: tuple[Signature, ...] = ()

    @property
    def is_draft(self) -> bool:
        """Whether it is not for distribution, whoever released it."""
        return bool(self.forced or self.lacks_notes)

    def as_row(self) -> dict[str, str | int | None]:
        """What its table holds: lists as JSON."""
        lists = {
            "reasons": _dump(list(self.reasons)),
            "lacks_notes": _dump(list(self.lacks_notes)),
            "signatures": _dump([asdict(signature) for signature in self.signatures]),
        }
        return {name: lists.get(name, getattr(self, name)) for name in self.__dataclass_fields__}

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> EditionRow:
        """Read what `as_row` wrote."""
        values = {name: row[name] for name in cls.__dataclass_fields__}
        lists = {
            "reasons": tuple(json.loads(row["reasons"])),
            "lacks_notes": tuple(json.loads(row["lacks_notes"])),
            "signatures": tuple(Signature(**entry) for entry in json.loads(row["signatures"])),
        }
        return cls(**{**values, **lists})


@dataclass(frozen=True)
class KeptChecks:
    """What the checks of a source found as of a day; ``body`` is JSON, see `kept_checks`.

    ``key`` names all that it rests on: data, suite and as-of.
    """

    as_of: str
    source: str
    key: str
    body: str


@dataclass(frozen=True)
class KpiVersion:
    """A definition of a KPI, from 1, by the hash of its method; ``valid_from`` is ISO."""

    kpi: str
    version: int
    method_hash: str
    valid_from: str


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

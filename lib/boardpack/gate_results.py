"""What the gate found, source by source, and the verdict that follows from all of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from typing import Any, Literal

from boardpack.facts import Finding
from boardpack.gate_suites import Dimension, Severity, Suite

Verdict = Literal["publish", "banner", "hold"]


Result = Literal["passed", "failed", "errored", "skipped"]


#: Raised whenever the same data and suites may lead to another verdict than before.
RULES = 2


@dataclass(frozen=True)
class CheckResult:
    """What one expectation found in one source."""

    source: str
    expectation: str
    columns: tuple[str, ...]
    severity: Severity
    dimension: Dimension
    outcome: Result
    sentence: str
    at_stake: str
    owner: str = ""
    #: what was found: a value for an aggregate, the message for what errored or was skipped
    observed: str | int | float | None = None
    unexpected_count: int | None = None
    element_count: int | None = None
    #: what an unexpected row is, when it is not a row of the source
    counts: str = ""
    #: a few unexpected rows, without columns marked ``pii``
    sample: tuple[Mapping[str, Any], ...] = ()
    #: what the check is known by for good
    id: str = ""
    #: which of the twelve controls it belongs to, "" for none
    control: str = ""
    #: what it holds time to, such as ``< 3 days``
    limit: str = ""
    #: how many rows it looked at and how many were not as expected; of what has no rows, 1 and 0
    #: or 1; 0 and 0 of what could not be evaluated
    evaluated: int = 0
    unexpected: int = 0
    #: where its suite says so: ``expectations/invoices.json:12``
    place: str = ""

    @property
    def share(self) -> float | None:
        """The unexpected share of the rows, in percent."""
        if self.counts or self.unexpected_count is None or not self.element_count:
            return None
        return 100 * self.unexpected_count / self.element_count

    @property
    def reason(self) -> str:
        """Source, check, rows and share, and what is at stake, as one line of plain text."""
        return _line(f"{self.source}: {self.sentence}: {self.found}. {self.at_stake}")

    @property
    def found(self) -> str:
        """What was found instead: rows, their share and a few of them, or the error."""
        if self.outcome == "errored":
            of = f", {self.place}" if self.place else ""
            return _line(f"could not be checked ({self.observed}{of})")
        if self.unexpected_count:
            return _line(f"not so for {self._rows}{self._examples}")
        return _line(f"not so, found {'nothing' if self.observed is None else self.observed}")

    @property
    def _rows(self) -> str:
        if self.counts:
            counted = self.counts.removesuffix("s") if self.unexpected_count == 1 else self.counts
            return f"{self.unexpected_count:,} {counted}"
        if not self.element_count:
            return f"{self.unexpected_count:,} rows"
        return f"{self.unexpected_count:,} of {self.element_count:,} rows ({_percent(self.share)})"

    @property
    def _examples(self) -> str:
        shown = [
            " ".join(f"{name}={_short(value)}" for name, value in list(row.items())[:3])
            for row in self.sample[:3]
        ]
        return f", e.g. {'; '.join(shown)}" if any(shown) else ""


@dataclass(frozen=True)
class GateResult:
    """The verdict on the sources of a report, why, and everything that was checked."""

    verdict: Verdict
    reasons: tuple[str, ...]
    results: tuple[CheckResult, ...]
    seconds: float
    sources: tuple[str, ...]
    as_of: str
    #: what follows from each check that did not pass, by the policy of a workspace
    findings: tuple[Finding, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON holds it (``gate.json`` of a run)."""
        return {**asdict(self), "sources": list(self.sources), "reasons": list(self.reasons)}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> GateResult:
        """Read what `to_dict` wrote."""
        results = tuple(
            CheckResult(
                **{**result, "columns": tuple(result["columns"]), "sample": tuple(result["sample"])}
            )
            for result in entry["results"]
        )
        return cls(
            entry["verdict"],
            tuple(entry["reasons"]),
            results,
            entry["seconds"],
            tuple(entry["sources"]),
            entry["as_of"],
        )


def decide(results: Iterable[CheckResult]) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict on a set of results, and its reasons, the gravest first.

    A critical failure holds, and so does anything that errored; a warning that failed puts a
    banner up.
    """
    told = list(results)
    held = [r for r in told if r.outcome == "errored" or _failed(r, "critical")]
    warned = [r for r in told if _failed(r, "warning")]
    noted = [r for r in told if _failed(r, "info")]
    reasons = tuple(r.reason for r in held + warned) + tuple(
        f"For information: {r.reason}" for r in noted
    )
    return ("hold" if held else "banner" if warned else "publish"), reasons


def by_source(found: GateResult) -> dict[str, GateResult]:
    """What was found, apart for each source; the time is shared out evenly."""
    spent = found.seconds / max(len(found.sources), 1)
    split = {}
    for source in found.sources:
        results = tuple(result for result in found.results if result.source == source)
        split[source] = GateResult(*decide(results), results, spent, (source,), found.as_of)
    return split


def together(found: Sequence[GateResult], as_of: date) -> GateResult:
    """The verdict on several sources, each checked before."""
    results = tuple(result for part in found for result in part.results)
    sources = tuple(source for part in found for source in part.sources)
    spent = round(sum(part.seconds for part in found), 3)
    return GateResult(*decide(results), results, spent, sources, as_of.isoformat())


def verdict_key(fingerprints: Mapping[str, str], suites: Mapping[str, Suite], as_of: date) -> str:
    """What a verdict depends on, as a hash: equal keys, equal verdicts.

    ``fingerprints`` are those of all sources that the check looks at, see `reads`.
    """
    parts = {
        "rules": RULES,
        "great_expectations": version("great_expectations"),
        "as_of": as_of.isoformat(),
        "slices": dict(fingerprints),
        "suites": {name: suites[name].digest for name in fingerprints if name in suites},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _failed(result: CheckResult, severity: Severity) -> bool:
    return result.outcome == "failed" and result.severity == severity


def _percent(share: float | None) -> str:
    if share is None:
        return ""
    if 0 < share < 0.01:
        return "under 0.01 %"
    return f"{share:.2g} %" if share < 1 else f"{share:.1f} %"


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _line(text: str) -> str:
    """On one line, whatever the data holds."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())

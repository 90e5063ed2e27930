"""What became of a run: for a program, and for a person in as few lines as will do."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from boardpack.errors import BoardpackError
from boardpack.facts import Finding
from boardpack.orders import Order


@dataclass(frozen=True)
class RunResult:
    """What became of a run; `as_dict` is the object that ``boardpack run --json`` prints."""

    report: str
    period: str
    as_of: str
    run_id: str
    status: Literal["published", "held", "failed"]
    verdict: str
    reasons: tuple[str, ...]
    revision: int | None = None
    edition: Path | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    kpis: tuple[str, ...] = ()
    not_available: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    renderer: str = ""
    error: BoardpackError | None = None
    segment: str = ""
    findings: tuple[Finding, ...] = ()
    #: the gate's verdict on the sources of each KPI of the report
    kpi_verdicts: Mapping[str, str] = field(default_factory=dict)
    #: why and by whom it was published although the data did not pass; "" for any other
    forced: str = ""
    forced_by: str = ""
    #: KPIs that need a note before it is more than a draft
    lacks_notes: tuple[str, ...] = ()
    #: the page about the quality of the data, "" where nothing was checked
    quality: str = ""

    @classmethod
    def refused(cls, wanted: Order, error: BoardpackError) -> RunResult:
        """The result of an order that could not even begin."""
        return cls(
            wanted.report, wanted.period.label, wanted.as_of.isoformat(), "", "failed",
            "not checked", (), segment=wanted.segment, error=error,
        )  # fmt: skip

    @property
    def exit_code(self) -> int:
        """0 published, 1 the user's mistake, 3 held by the gate, 4 the run failed."""
        if self.error is not None:
            return self.error.exit_code
        return 3 if self.status == "held" else 0

    def held_lines(self, workspace: str = ".") -> tuple[str, str]:
        """What is wrong, then since when and whom to ask; further reasons are counted.

        Of a report that was held; both are plain text on one line. ``workspace`` is the folder as
        whoever reads this would name it.
        """
        holding = [found for found in self.findings if found.leads_to == "hold"]
        first, others = holding[0], holding[1:]
        told = [first.whom.removesuffix(".")] if first.whom else []
        if others:
            told.append(f"and {len(others)} more: {self._more(holding, workspace)}")
        of = f" of {self.segment}" if self.segment else ""
        wrong = f"{self.report} {self.period}{of} is held: {first.what} {first.at_stake}"
        return wrong, "; ".join(told) + "."

    def _more(self, holding: Sequence[Finding], workspace: str) -> str:
        if not all(found.source for found in holding):
            return str(Path(workspace) / "var" / "runs" / self.run_id / "gate.json")
        sources = list(dict.fromkeys(found.source for found in holding))
        at = "" if workspace == "." else f" --workspace {shlex.quote(workspace)}"
        return f"`boardpack check {' '.join(sources)} --as-of {self.as_of}{at}`"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        found: dict[str, Any] = {
            "report": self.report,
            "period": self.period,
            "as_of": self.as_of,
            "segment": self.segment,
            "run_id": self.run_id,
            "revision": self.revision,
            "status": self.status,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "findings": [asdict(found) for found in self.findings],
            "kpi_verdicts": dict(self.kpi_verdicts),
            "forced": self.forced,
            "forced_by": self.forced_by,
            "lacks_notes": list(self.lacks_notes),
            "edition": str(self.edition) if self.edition else None,
            "files": dict(self.files),
            "quality": self.quality,
            "kpis": list(self.kpis),
            "not_available": dict(self.not_available),
            "seconds": {stage: round(spent, 3) for stage, spent in self.seconds.items()},
            "renderer": self.renderer,
        }
        if self.error is not None:
            found["error"] = self.error.as_dict()
        return found

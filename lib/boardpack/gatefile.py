"""The ``policy: gate:`` section of ``boardpack.yml``: what a failed check leads to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Literal

from pydantic import Field, field_validator, model_validator

from boardpack.yamlfile import Misread, Strict

#: What a failed check leads to: the report is held, it says so on its first page, or neither.
Response = Literal["hold", "banner", "record"]

#: What the severities lead to unless a workspace says otherwise.
USUAL: Mapping[str, Response] = {"critical": "hold", "warning": "banner", "info": "record"}
_STRICTNESS = {"record": 0, "banner": 1, "hold": 2}


class _WithReason(Strict):
    """What is let through by somebody's decision, why, and to which day."""

    until: date
    reason: str

    @field_validator("reason")
    @classmethod
    def _is_given(cls, reason: str) -> str:
        if not reason.strip():
            raise Misread("says nothing", "write why, in a sentence")
        return reason

    def ended_by(self, as_of: date) -> bool:
        """Whether it no longer counts; its last day is the last as-of that it counts for."""
        return as_of > self.until


class WaiverEntry(_WithReason):
    """``{check: ID, until: 2026-01-31, reason: ...}``: the failure is shown and holds nothing."""

    check: str


class OverrideEntry(_WithReason):
    """What the severities of one source, or of one check, lead to until a day."""

    source: str = ""
    check: str = ""
    critical: Response | None = None
    warning: Response | None = None
    info: Response | None = None

    @model_validator(mode="after")
    def _says_of_what(self) -> OverrideEntry:
        if bool(self.source) == bool(self.check):
            raise Misread("is for one source or for one check", "write source: ID or check: ID")
        if not (self.critical or self.warning or self.info):
            raise Misread(
                "says for no severity what it leads to", "write critical: banner, for example"
            )
        return self

    def response(self, severity: str) -> Response | None:
        """What it makes of a severity; None where it says nothing of it."""
        found: Response | None = getattr(self, severity)
        return found


class WeightsEntry(Strict):
    """What each quality dimension counts for in the overall score, in percent."""

    accuracy: float = Field(ge=0)
    completeness: float = Field(ge=0)
    timeliness: float = Field(ge=0)
    consistency: float = Field(ge=0)
    auditability: float = Field(ge=0)

    @model_validator(mode="after")
    def _add_up(self) -> WeightsEntry:
        total = sum(self.as_dict().values())
        if abs(total - 100) > 1e-9:
            raise Misread(f"the weights add up to {total:g}", "let the five add up to 100")
        return self

    def as_dict(self) -> dict[str, float]:
        """Weight by quality dimension.

        >>> sum(WEIGHTS.as_dict().values())
        100.0
        """
        return {name: getattr(self, name) for name in type(self).model_fields}


WEIGHTS = WeightsEntry(accuracy=30, completeness=25, timeliness=20, consistency=15, auditability=10)


class GateEntry(Strict):
    """What the severities lead to, and for which sources and checks it is otherwise.

    ``weights`` are those of the quality dimensions. ``retired`` names sources, and columns as
    ``source.column``, that are gone for good: that they are missing holds nothing.
    """

    critical: Response = "hold"
    warning: Response = "banner"
    info: Response = "record"
    reason: str = ""
    overrides: list[OverrideEntry] = Field(default_factory=list)
    waive: list[WaiverEntry] = Field(default_factory=list)
    retired: list[str] = Field(default_factory=list)
    weights: WeightsEntry = WEIGHTS

    @model_validator(mode="after")
    def _less_has_a_reason(self) -> GateEntry:
        for severity, usual in USUAL.items():
            found = self.response(severity)
            if _STRICTNESS[found] < _STRICTNESS[usual] and not self.reason.strip():
                raise Misread(
                    f"{severity}: {found} lets more through than {usual}",
                    "write beside it why, as reason: ...",
                )
        return self

    def response(self, severity: str) -> Response:
        """What a severity leads to where no override says otherwise."""
        found: Response = getattr(self, severity)
        return found

    def names(self) -> Iterator[tuple[str, str, tuple[str | int, ...]]]:
        """Every source and check that is named: what it is, its id, and the key of the line."""
        for i, override in enumerate(self.overrides):
            kind = "source" if override.source else "check"
            yield kind, override.source or override.check, ("overrides", i, kind)
        for i, waiver in enumerate(self.waive):
            yield "check", waiver.check, ("waive", i, "check")
        for i, source in enumerate(self.retired):
            yield "source or column", source, ("retired", i)

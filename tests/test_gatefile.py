from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import workspaces
from boardpack.errors import DefinitionError
from boardpack.gatefile import GateEntry
from boardpack.workspace import Workspace

SETTINGS = "company: X\ncurrency: USD\npolicy:\n  gate:\n"


def policy(folder: Path, text: str) -> GateEntry:
    return Workspace.open(workspaces.small(folder / "w", SETTINGS + text)).settings.policy.gate


def test_what_is_left_out_is_the_usual(tmp_path: Path) -> None:
    root = workspaces.small(tmp_path / "w", "company: X\ncurrency: USD\n")
    found = Workspace.open(root).settings.policy.gate
    said = [found.response(severity) for severity in ("critical", "warning", "info")]
    assert said == ["hold", "banner", "record"]
    assert found.weights.as_dict() == {
        "accuracy": 30, "completeness": 25, "timeliness": 20, "consistency": 15,
        "auditability": 10,
    }  # fmt: skip


def test_a_workspace_may_be_stricter_without_a_reason(tmp_path: Path) -> None:
    found = policy(tmp_path, "    warning: hold\n    info: banner\n")
    assert (found.response("warning"), found.response("info")) == ("hold", "banner")


def test_less_takes_a_reason(tmp_path: Path) -> None:
    found = policy(tmp_path, "    critical: banner\n    reason: A pilot, read by its authors.\n")
    assert found.response("critical") == "banner"


def test_the_last_day_still_counts(tmp_path: Path) -> None:
    found = policy(
        tmp_path, "    waive:\n      - {check: a.rows, until: 2026-01-31, reason: Known.}\n"
    )
    (waiver,) = found.waive
    days = (date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 1))
    assert [waiver.ended_by(day) for day in days] == [False, False, True]


@pytest.mark.parametrize(
    ("text", "line", "says", "hint"),
    [
        ("    critical: banner\n", 4, "critical: banner lets more through than hold", "reason:"),
        ("    warning: record\n    reason: ' '\n", 4, "warning: record lets more", "reason:"),
        ("    critical: perhaps\n", 5, "policy.gate.critical", ""),
        ("    critcal: hold\n", 5, "unknown key 'policy.gate.critcal'", "'critical'"),
        (
            "    weights: {accuracy: 30, completeness: 25, timeliness: 20, consistency: 15,"
            " auditability: 9}\n",
            5, "add up to 99", "100",
        ),
        (
            "    weights: {accuracy: 130, completeness: -30, timeliness: 0, consistency: 0,"
            " auditability: 0}\n",
            5, "policy.gate.weights.completeness", "",
        ),
        ("    weights:\n      accuracy: 100\n", 5, "'policy.gate.weights.completeness' is miss", ""),
        ("    waive: [{check: a, until: 2026-01-31}]\n", 5, "policy.gate.waive.0.reason", ""),
        ("    waive: [{check: a, reason: why}]\n", 5, "policy.gate.waive.0.until", ""),
        ("    waive: [{check: a, until: soon, reason: why}]\n", 5, "waive.0.until", ""),
        ("    waive: [{check: a, until: 2026-01-31, reason: ' '}]\n", 5, "says nothing", "why"),
        (
            "    overrides:\n      - {until: 2026-01-31, reason: a, critical: hold}\n",
            6, "one source or for one check", "source: ID",
        ),
        (
            "    overrides:\n      - {source: a, check: b, until: 2026-01-31, reason: a}\n",
            6, "one source or for one check", "source: ID",
        ),
        (
            "    overrides:\n      - {source: a, until: 2026-01-31, reason: a}\n",
            6, "for no severity", "critical: banner",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_policy(
    tmp_path: Path, text: str, line: int, says: str, hint: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        policy(tmp_path, text)
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.line == line

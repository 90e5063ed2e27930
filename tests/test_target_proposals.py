from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import yaml

import boardpack as bp
from boardpack import proposal_files
from boardpack.errors import StorageError
from boardpack.objectives import Benchmark, Target
from boardpack.periods import Period
from boardpack.scorecard_entries import GoalEntry
from boardpack.scorecards import Scorecard
from boardpack.target_proposals import Proposal, propose
from boardpack.target_rules import flags
from boardpack.values import Values
from goals_fixture import made


def one(
    figures: list[float | None], target: Target | None, *, ahead: Target | None = None,
    period: str = "2025-12", state: str = "final", **facts: object,
) -> Proposal:  # fmt: skip
    (found,) = propose(about(figures, target, ahead=ahead, period=period, state=state, **facts))
    return found


def about(
    figures: list[float | None], target: Target | None, *, ahead: Target | None = None,
    period: str = "2025-12", state: str = "final", **facts: object,
) -> Values:  # fmt: skip
    at = Period.parse(period)
    targets = {p.label: target for p in at.last(6)} if target else {}
    if ahead:
        targets[at.shift(1).label] = ahead
    return made({"mau": figures}, period=period, status=state,
                facts={"mau": {"targets": targets, **facts}})  # fmt: skip


@pytest.mark.parametrize(
    ("figures", "target", "more", "action", "proposed"),
    [
        # 10 to 20 % beyond the mean of three months it stands; below it is raised, above eased.
        ([90, 100, 110], Target(110, ">="), {}, "keep", 110),
        ([90, 100, 110], Target(120, ">="), {}, "keep", 120),
        ([90, 100, 110], Target(109, ">="), {}, "raise", 110),
        ([90, 100, 110], Target(80, ">="), {}, "raise", 110),
        ([90, 100, 110], Target(121, ">="), {}, "ease", 120),
        # Where lower is better, so it is lower.
        ([10, 10, 10], Target(9, "<"), {"direction": "lower"}, "keep", 9),
        ([10, 10, 10], Target(12, "<"), {"direction": "lower"}, "raise", 9),
        ([10, 10, 10], Target(5, "<"), {"direction": "lower"}, "ease", 8),
        # A percentage has a ceiling: what lacks is closed by a tenth to a fifth.
        ([99, 99, 99], Target(99.1, ">="), {"unit": "percent"}, "keep", 99.1),
        ([99, 99, 99], Target(98, ">="), {"unit": "percent"}, "raise", 99.1),
        ([99, 99, 99], Target(99.9, ">="), {"unit": "percent"}, "ease", 99.2),
        # What others reach is taken where it lies in that band, and the stretch goal is a cap.
        ([100, 100, 100], Target(80, ">="), {"benchmark": Benchmark(115, "x")}, "raise", 115),
        ([100, 100, 100], Target(80, ">="), {"benchmark": Benchmark(150, "x")}, "raise", 110),
        ([100, 100, 100], Target(80, ">="), {"stretch": 105.0}, "raise", 105),
        ([2, 2, 2], Target(2, ">="), {"stretch": 2.0}, "keep", 2),
        ([100, 100, 100], None, {"benchmark": Benchmark((70, 85), "x")}, "set", 70),
        # The plan has a target for the period ahead already.
        ([100, 100, 100], Target(80, ">="), {"ahead": Target(115, ">=")}, "keep", 115),
        ([100, 100, None], Target(80, ">="), {}, "keep", 80),
        ([100, 100, 100], Target((90, 120), "between"), {}, "keep", (90, 120)),
        ([100, 100, 100], Target(80, ">="), {"state": "provisional"}, "keep", 80),
        # Of a quarter its own figure is the trailing one.
        ([10, 50, 100], Target(80, ">="), {"period": "2025-Q4"}, "raise", 110),
    ],
)  # fmt: skip
def test_what_is_proposed_lies_a_tenth_to_a_fifth_beyond_the_trailing_value(
    figures: list[float | None], target: Target | None, more: dict[str, object], action: str,
    proposed: float,
) -> None:  # fmt: skip
    found = one(figures, target, **more)  # type: ignore[arg-type]
    assert (found.action, found.proposed and found.proposed.value) == (action, proposed)
    assert found.rationale
    assert found.period == ("2026-Q1" if "period" in more else "2026-01")


def test_a_kpi_without_target_and_benchmark_has_no_proposal() -> None:
    assert propose(made({"mau": [1, 2, 3]})) == []
    assert bp.proposals(made({"mau": [1, 2, 3]})).markdown == ""


def test_the_page_lists_actual_target_benchmark_proposal_and_why() -> None:
    values = about([100.0, 100, 100], Target(80, ">="), benchmark=Benchmark(115, "survey"))
    block = bp.proposals(values)
    said = {shown.what: shown.text for shown in block.numbers if shown.kpi}
    assert said == {"value": "100", "target": "80", "benchmark": "115", "proposed": "115"}
    assert "the benchmark lies a tenth to a fifth beyond it" in block.markdown
    assert "[raise]{.muted}" in block.markdown
    assert "approved" in block.markdown
    assert "| Benchmark |" in block.markdown
    assert "Benchmark" not in bp.proposals(about([100.0, 100, 100], Target(80, ">="))).markdown
    (row,) = [line for line in block.markdown.splitlines() if line.startswith("| Mau")]
    bare = re.sub(r"\[[^\]]*\]\{[^}]*\}", "", row)
    assert not re.search(r"\d", bare)


CARD = Scorecard(
    "own", "Own", "USD",
    {
        "mau": GoalEntry(comparator=">=", value=80, owner="Product"),
        "arr": GoalEntry(comparator=">=", path={"month 6": 10, "month 12": 20}),
        "nps": GoalEntry(comparator=">", steps={"month 1": 50}),
    },
    date(2025, 1, 1),
)  # fmt: skip


@pytest.mark.parametrize(
    ("kpi", "said"),
    [
        ("mau", {"comparator": ">=", "steps": {"month 1": 80, "month 13": 110}}),
        ("arr", {"comparator": ">=", "path": {"month 6": 10, "month 12": 20, "month 13": 110}}),
        ("nps", {"comparator": ">=", "steps": {"month 1": 50, "month 13": 110}}),
    ],
)
def test_the_change_keeps_what_was_wanted_before(kpi: str, said: dict[str, object]) -> None:
    found = replace(one([100, 100, 100], Target(80, ">=")), kpi=kpi)
    changed = proposal_files.change(CARD, found, Period.parse("2026-Q1"))
    assert changed == said
    # Approved, the scorecard has the old target for old periods and the new one from then on.
    goal = GoalEntry.model_validate({**CARD.goals[kpi].model_dump(exclude={"value", "path", "steps"}),
                                     **changed})  # fmt: skip
    card = replace(CARD, goals={kpi: goal})
    before, after = Period.parse("2025-12"), Period.parse("2026-01")
    assert card.targets(kpi, [before]) == {
        label: Target(target.value, ">=") for label, target in CARD.targets(kpi, [before]).items()
    }
    assert card.targets(kpi, [after])["2026-01"].value == 110


def test_a_file_is_never_overwritten_and_the_same_is_written_once(tmp_path: Path) -> None:
    values = about([100.0, 100, 100], Target(80, ">="))
    ahead = values.period.shift(1)
    text = proposal_files.text_of(values, CARD, propose(values))
    first, is_new = proposal_files.write(tmp_path, ahead, text)
    assert (first.name, is_new) == ("2026-01.yml", True)
    assert proposal_files.write(tmp_path, ahead, text) == (first, False)
    other = proposal_files.text_of(
        values, CARD, propose(about([100.0, 100, 130], Target(80, ">=")))
    )
    second, is_new = proposal_files.write(tmp_path, ahead, other)
    assert (second.name, is_new) == ("2026-01-2.yml", True)
    assert first.read_text() == text
    said = yaml.safe_load(text)
    assert (said["scorecard"], said["for"], said["approved_by"]) == ("own", "2026-01", "")
    (entry,) = said["proposals"]
    assert (entry["action"], entry["actual"], entry["target"]["value"]) == ("raise", 100, 80)
    assert entry["change"]["steps"] == {"month 1": 80, "month 13": 110}


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "proposals").write_text("a file")
    with pytest.raises(StorageError):
        proposal_files.write(tmp_path / "proposals", Period.parse("2026-01"), "text")


DIMENSIONS = {"mau": ("segment",)}


@pytest.mark.parametrize(
    ("goal", "target", "owner", "rules"),
    [
        ({"value": 115, "due": "2026-12-31", "baseline": 90}, 115, "CFO", []),
        ({"value": 115, "due": "2026-12-31", "baseline": 90}, 115, "", ["owner"]),
        ({"value": 115, "baseline": 90}, 115, "CFO", ["date"]),
        ({"value": 115, "due": "2026-12-31"}, 115, "CFO", ["baseline"]),
        ({"steps": {"month 1": 115}, "baseline": 90}, 115, "CFO", []),
        ({"steps": {"month 1": 110}, "baseline": 90}, 110, "CFO", []),
        ({"steps": {"month 1": 120}, "baseline": 90}, 120, "CFO", []),
        ({"steps": {"month 1": 109}, "baseline": 90}, 109, "CFO", ["stretch"]),
        ({"steps": {"month 1": 121}, "baseline": 90}, 121, "CFO", ["stretch"]),
        ({"steps": {"month 1": 80}, "baseline": 90}, 80, "CFO", ["stretch"]),
        ({"steps": {"month 1": 115}, "baseline": 90, "members": {"segment=smb": {"value": 1},
          "channel=web": {"value": 2}}}, 115, "CFO", ["member"]),
        ({"value": 500}, 500, "", ["owner", "date", "baseline", "stretch"]),
        ({}, None, "", []),
    ],
)  # fmt: skip
def test_the_rules_for_targets(
    goal: dict[str, object], target: float | None, owner: str, rules: list[str]
) -> None:
    wanted = Target(target, ">=") if target is not None else None
    values = about([100.0, 100, 100], wanted, owner=owner)
    entry = GoalEntry.model_validate({"comparator": ">=" if goal else None, **goal})
    found = flags(values, replace(CARD, goals={"mau": entry}), DIMENSIONS)
    assert [flag.rule for flag in found] == rules
    assert all(flag.kpi == "mau" and flag.says for flag in found)


def test_what_a_flag_says() -> None:
    def said(target: float) -> str:
        values = about([100.0, 100, 100], Target(target, ">="))
        entry = GoalEntry(comparator=">=", steps={"month 1": target}, baseline=1)
        (flag,) = flags(values, replace(CARD, goals={"mau": entry}), DIMENSIONS)
        return flag.says

    assert said(105) == "105 is 5.0% beyond the trailing value of 100, less than 10 to 20%"
    assert said(150) == "150 is 50.0% beyond the trailing value of 100, more than 10 to 20%"
    assert said(100) == "100 is reached by the trailing value of 100"

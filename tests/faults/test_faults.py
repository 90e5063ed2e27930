from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import library
import pytest
from planting import Caught, Company, Fault

import workspaces

FAULTS = tuple(library.faults())
#: Every third is planted in every run of the tests, weak and strong ones in turn.
QUICK = FAULTS[::3]
README = Path(__file__).with_name("README.md")
UNCAUGHT = re.findall(r"^- \*\*(.+?)\*\*:", README.read_text(encoding="utf-8"), re.MULTILINE)

pytestmark = pytest.mark.usefixtures("told")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Path) -> Company:
    return Company(workspaces.over_demo(tmp_path_factory.mktemp("faults") / "demo", demo_warehouse))


@pytest.fixture(scope="module")
def told() -> Iterator[list[tuple[Fault, Caught]]]:
    """What was found of each fault; printed at the end, where `-s` lets it through."""
    found: list[tuple[Fault, Caught]] = []
    yield found
    for fault, caught in found:
        mark = "caught" if caught.right else "NOT caught"
        wanted = f"{fault.severity} {fault.dimension}, {fault.source}"
        by = caught.checks[0] if caught.checks else "nothing"
        print(f"{mark:10} {fault.id:58} {wanted:48} {caught.verdict:8} {by[:110]}")  # noqa: T201
    if found:
        right = sum(caught.right for _, caught in found)
        print(f"{right} of {len(found)} faults caught, {100 * right / len(found):.1f} %")  # noqa: T201


CASES = [
    pytest.param(fault, id=fault.id, marks=() if fault in QUICK else pytest.mark.slow)
    for fault in FAULTS
]


def test_there_are_two_strengths_of_many_kinds() -> None:
    kinds = Counter(fault.kind for fault in FAULTS)
    assert len(kinds) >= 40
    assert set(kinds.values()) == {2}
    assert {fault.dimension for fault in FAULTS} == {
        "accuracy", "completeness", "timeliness", "consistency", "auditability",
    }  # fmt: skip


def test_the_clean_company_fails_no_check_that_a_fault_is_caught_by(company: Company) -> None:
    results = company.check(sorted({fault.source for fault in FAULTS}), {})
    assert [r.reason for r in results if r.outcome not in ("passed", "skipped")] == []


@pytest.mark.parametrize("fault", CASES)
def test_a_planted_fault_is_caught(
    fault: Fault, company: Company, told: list[tuple[Fault, Caught]]
) -> None:
    caught = company.catch(fault)
    told.append((fault, caught))
    if fault.id in UNCAUGHT:
        assert not caught.right, "it is caught, and the README says that it is not"
    else:
        assert caught.right, caught.checks


def test_what_is_not_caught_is_little_and_known() -> None:
    known = {fault.id for fault in FAULTS}
    assert set(UNCAUGHT) <= known
    assert len(UNCAUGHT) <= 0.05 * len(FAULTS)

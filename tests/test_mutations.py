"""A definition that is made wrong makes a test fail: its own, or the golden SQL."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from boardpack.engine import definition_tests, panels
from boardpack.engine.compute import compute
from boardpack.errors import BoardpackError
from boardpack.periods import Period
from boardpack.warehouse import Slice, open_slice
from golden_fixture import LAST_DAY, Company, company, differences
from mutants import Mutant, mutants, point_of_panel, window_of_panel

__all__ = ["company"]

UTC = ZoneInfo("UTC")
SAMPLED = 30
#: Before the last day of the data: a window that reaches too far finds rows.
MONTHS = Period.parse("2025-10").last(3)
#: Wrong as they read, these give the same numbers whatever the rows are.
EQUIVALENT = {
    'feature_adoption_rate: uses: without "active" > 0': "who uses a feature is active",
    'pipeline_progression: value: without "moved" > 0': "a deal that has not moved has no amount",
    "pipeline_progression: deal_moves: moved without stage_order > stage_order_before and"
    " (stage <> 'closed' or opportunity.outcome = 'won')": "again, it has no amount",
    "first_time_buyers: account_purchases: bought over period moved by -1, 0": (
        "what was bought on the day before was bought before"
    ),
    "switching_success_rate: account_switches: began at period_end - 90 days moved by 1": (
        "who came 90 days ago had come on the day after"
    ),
    "roadmap_on_time_rate: roadmap_items: released_before without is_roadmap": (
        "what is not of the roadmap is not expected, whenever it was released"
    ),
}


@pytest.fixture(autouse=True)
def panels_may_be_moved_by_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels, "parse_window", window_of_panel)
    monkeypatch.setattr(panels, "parse_point", point_of_panel)


@pytest.fixture(scope="module")
def slice_(company: Company) -> Slice:
    catalogue = company.model.catalogue
    found = open_slice(
        company.model.workspace, company.model.sources, LAST_DAY, catalogue.tables(catalogue.kpis)
    )
    yield found
    found.close()


def fails_its_own_test(mutant: Mutant) -> bool:
    results = definition_tests.run(mutant.catalogue, [mutant.kpi], UTC)
    return not all(result.passed for result in results)


def fails_golden_sql(company: Company, slice_: Slice, mutant: Mutant) -> bool:
    # A panel is read off the slice: it has to know the wrong one.
    wrong = replace(slice_, declared=mutant.catalogue.sources)
    try:
        frame = compute(mutant.catalogue, wrong, [mutant.kpi], MONTHS, ["segment"])
    except BoardpackError:
        return True
    return differences(company, frame) != []


def survivors(company: Company, slice_: Slice, kpis: Iterable[str]) -> list[str]:
    """The mutants of these definitions that no test notices."""
    return [
        f"{mutant.kpi}: {mutant.what}"
        for kpi in kpis
        for mutant in mutants(company.model.catalogue, kpi)
        if not fails_its_own_test(mutant) and not fails_golden_sql(company, slice_, mutant)
    ]


def test_sampled_definitions_made_wrong_are_noticed(company: Company, slice_: Slice) -> None:
    """Comparisons turned, conditions left out, window edges moved, denominators changed."""
    catalogue = company.model.catalogue
    able = [kpi for kpi in catalogue.kpis if any(mutants(catalogue, kpi))]
    sampled = random.Random(2026).sample(able, SAMPLED)
    kinds = {mutant.kind for kpi in sampled for mutant in mutants(catalogue, kpi)}
    assert kinds == {"comparison", "condition", "window", "denominator"}
    assert set(survivors(company, slice_, sampled)) <= set(EQUIVALENT)


@pytest.mark.slow
def test_every_definition_made_wrong_is_noticed(company: Company, slice_: Slice) -> None:
    """And what is said to be equivalent is there and is: none of it is noticed."""
    assert sorted(survivors(company, slice_, company.model.catalogue.kpis)) == sorted(EQUIVALENT)

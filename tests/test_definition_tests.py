"""The tests beside each KPI: all hold, every KPI has one, and a wrong formula makes one fail."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from boardpack.engine import definition_tests
from boardpack.engine.catalogue import Catalogue
from boardpack.model import Model
from boardpack.workspace import SUITE

UTC = ZoneInfo("UTC")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Model.open(SUITE).catalogue


def test_all_hold(catalogue: Catalogue) -> None:
    results = list(definition_tests.run(catalogue, catalogue.kpis, UTC))
    assert len(results) >= len(catalogue.kpis)
    assert [r for r in results if not r.passed] == []


def test_every_kpi_has_one(catalogue: Catalogue) -> None:
    assert [kpi.id for kpi in catalogue.kpis.values() if not kpi.tests] == []


def test_a_wrong_formula_fails_every_kpi(catalogue: Catalogue) -> None:
    """A formula that is one too high shows in at least one test of each KPI."""
    for name, kpi in catalogue.kpis.items():
        wrong = replace(
            kpi.formula, value=f"({kpi.formula.value}) + 1", numerator=None, denominator=None
        )
        changed = replace(kpi, formula=wrong, each=None)
        mutated = replace(catalogue, kpis={**catalogue.kpis, name: changed})
        # One that fails is enough: those after it are not run.
        results = definition_tests.run(mutated, [name], UTC)
        assert not all(result.passed for result in results), name


def test_half_open_windows_are_noticed(catalogue: Catalogue) -> None:
    """Looking at the opening instead of the period makes the tests of movements fail."""
    from boardpack.engine.windows import Window

    for name in ("new_mrr", "trial_signups", "support_ticket_volume", "purchases"):
        kpi = catalogue[name]
        measures = {k: replace(m, window=Window("opening")) for k, m in kpi.measures.items()}
        mutated = replace(catalogue, kpis={**catalogue.kpis, name: replace(kpi, measures=measures)})
        results = list(definition_tests.run(mutated, [name], UTC))
        assert not all(result.passed for result in results), name

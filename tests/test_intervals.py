"""Between which figures the answer of all would lie: against scipy, and where it is said."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import workspaces
from boardpack.cards import headline
from boardpack.engine.compute import compute
from boardpack.engine.intervals import limits, parse_interval
from boardpack.errors import BoardpackError
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.values import COLUMNS, INTERVAL, Values
from boardpack.warehouse import slice_of_rows
from boardpack.workspace import SUITE
from test_compute import UTC
from values_fixture import small_values


@pytest.mark.parametrize(("satisfied", "answers"), [(45, 60), (0, 9), (9, 9), (1, 2), (300, 1000)])
def test_a_share_has_the_interval_of_wilson(satisfied: int, answers: int) -> None:
    low, high = limits(
        parse_interval("share"), np.array([float(satisfied)]), np.array([float(answers)]), 100, {}
    )
    known = stats.binomtest(satisfied, answers).proportion_ci(method="wilson")
    assert low[0] == pytest.approx(100 * known.low, abs=1e-9)
    assert high[0] == pytest.approx(100 * known.high, abs=1e-9)


@pytest.mark.parametrize("scores", [[9, 10, 3, 8, 7, 10, 9, 6], [9, 9, 9], [0, 10]])
def test_a_net_score_has_the_variance_of_its_answers(scores: list[int]) -> None:
    said = np.array([1.0 if s >= 9 else -1.0 if s <= 6 else 0.0 for s in scores])
    plus, minus, n = (said > 0).sum(), (said < 0).sum(), len(said)
    low, high = limits(
        parse_interval("net_share(up, down)"), np.array([said.sum()]), np.array([float(n)]), 100,
        {"up": np.array([float(plus)]), "down": np.array([float(minus)])},
    )  # fmt: skip
    reach = stats.norm.ppf(0.975) * said.std() / math.sqrt(n)
    assert low[0] == pytest.approx(100 * max(said.mean() - reach, -1))
    assert high[0] == pytest.approx(100 * min(said.mean() + reach, 1))


def test_a_mean_has_that_of_its_squares_and_one_answer_has_none() -> None:
    scores = np.array([5.0, 4, 4, 2, 5])
    low, high = limits(
        parse_interval("mean(squares)"), np.array([scores.sum(), 4]), np.array([5.0, 1]), 1,
        {"squares": np.array([(scores**2).sum(), 16])},
    )  # fmt: skip
    reach = stats.norm.ppf(0.975) * stats.sem(scores)
    assert low[0] == pytest.approx(scores.mean() - reach)
    assert high[0] == pytest.approx(scores.mean() + reach)
    assert np.isnan(low[1])
    assert np.isnan(high[1])


def answered(*scores: int) -> Values:
    model = Model.open(SUITE)
    rows = [
        {"response_id": f"r{i}", "account_id": "a", "survey_type": "nps", "score": score,
         "touchpoint": "relationship", "responded_at": date(2025, 3, 3)}
        for i, score in enumerate(scores)
    ]  # fmt: skip
    given = {"survey_responses": rows, "accounts": [{"account_id": "a"}], "users": ()}
    slice_ = slice_of_rows(model.sources, given, date(2025, 3, 31), UTC)
    try:
        period = Period.parse("2025-03")
        frame = compute(model.catalogue, slice_, ["nps", "csat"], [period], covered=True)
        report = model.report_facts(period, "2025-03-31")
        return Values(frame, report, {"nps": model.facts("nps", [period])})
    finally:
        slice_.close()


def test_a_figure_of_few_says_how_far_it_may_be_off(tmp_path: Path) -> None:
    values = answered(10, 9, 9, 2, 7)
    found = values.value("nps")
    assert (found.value, found.denominator) == (40, 5)
    assert (found.low, found.high) == (pytest.approx(-30.12, abs=0.01), 100)
    card = headline(values, ["nps"]).markdown
    assert '[5]{.n data-kpi="nps" data-period="2025-03" data-member="" data-what="answers"}' in card
    assert " answers, 95% between " in card
    assert (
        '[100.0]{.n data-kpi="nps" data-period="2025-03" data-member="" data-what="high"}' in card
    )
    values.save(tmp_path)
    assert Values.load(tmp_path).value("nps") == found
    nobody = answered().value("nps")
    assert (nobody.value, nobody.low, nobody.high) == (None, None, None)


def test_values_frozen_before_there_were_intervals_are_read(tmp_path: Path) -> None:
    values = small_values()
    assert list(values.frame.columns) == list(COLUMNS)
    assert not set(INTERVAL) & set(values.frame.columns)
    values.save(tmp_path)
    found = Values.load(tmp_path).value("nps")
    assert found.value is not None
    assert (found.low, found.high) == (None, None)


KPI = """\
- kpi: own
  name: Own
  definition: Of this workspace.
  category: revenue
  unit: percent
  direction: higher
  measures:
    some: {source: survey_responses, value: count(score), where: score > 3}
    all_of_them: {source: survey_responses, value: count(score)}
  formula: 100 * some / all_of_them
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (KPI + "  interval: shares\n", "did you mean share"),
        (KPI + "  interval: net_share(some)\n", "write the interval as net_share(promoters"),
        (KPI + "  interval: mean(square)\n", "Unknown measure 'square'"),
        (KPI.replace(" / all_of_them", " - all_of_them") + "  interval: share\n", "for a ratio"),
        (KPI + "  each: month\n  interval: share\n", "without each:"),
    ],
)
def test_an_interval_that_says_nothing_stops_the_load(tmp_path: Path, text: str, says: str) -> None:
    root = workspaces.small(tmp_path / "w", **{"kpis/own.yml": text})
    with pytest.raises(BoardpackError) as caught:
        Model.open(root)
    assert says in caught.value.message
    assert caught.value.line == text.count("\n")

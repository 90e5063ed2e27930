"""Kinds: what no engine could add, compare or sum up is refused, and nothing else."""

from __future__ import annotations

import pytest

from boardpack.engine.expressions import ExpressionError
from boardpack.engine.kinds import Kind, kind

COLUMNS: dict[str, Kind] = {
    "amount": "number", "stage": "text", "is_paid": "truth", "began": "moment", "ended": "moment",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("sum(amount * 2 - 1)", "number"),
        ("sum(is_paid)", "number"),
        ("2 * of_a_panel", None),
        ("count(distinct stage)", None),
        ("max(hours_between(began, ended) / 24)", "number"),
        ("percentile(hours_between(coalesce(began, ended), ended), 0.5)", "number"),
        ("sum(cast(stage as int))", "number"),
        ("began + interval 30 day", "moment"),
        ("ended > began + interval 30 day and stage <> 'lost'", "truth"),
        ("began >= '2025-01-01'", "truth"),
        ("cast(began as date) between '2025-01-01' and '2025-02-01'", "truth"),
        ("hours_between(began, ended) <= 48", "truth"),
        ("case when stage = 'won' then amount else 0 end", "number"),
        ("km_median(began, ended, hours)", "number"),
        ("sum(attributed(amount, linear))", "number"),
    ],
)
def test_sense(text: str, found: Kind | None) -> None:
    assert kind(text, COLUMNS.get) == found


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("sum(ended - began)", "moments cannot be subtracted", "hours_between(began, ended)"),
        ("ended - began > 3", "moments cannot be subtracted", "hours_between(began, ended)"),
        ("sum(of_a_panel - began)", "began is a moment, which cannot be subtracted", ""),
        ("sum(began)", "began is a moment, and sum() takes numbers", "hours_between"),
        ("max(began + interval 1 day)", "and max() takes numbers", ""),
        ("percentile(stage, 0.5)", "stage is a text, and percentile() takes numbers", ""),
        ("sum(prorated(stage))", "stage is a text, and prorated() takes numbers", ""),
        ("sum(2 * stage)", "stage is a text, which cannot be multiplied", ""),
        ("began + 3", "began is a moment, which cannot be added", "began + interval 30 day"),
        ("sum(-began)", "began is a moment, which cannot be negated", ""),
        ("began > 3", "is not compared with a number", "hours_between"),
        ("sum(hours_between(began, amount))", "amount is no moment", ""),
        (
            "sum(case when hours_between(stage, ended) > 1 then 1 else 0 end)",
            "stage is no moment",
            "",
        ),
        ("km_median(began, is_paid, days)", "is_paid is no moment", ""),
    ],
)
def test_nonsense(text: str, says: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        kind(text, COLUMNS.get)
    assert says in str(caught.value)
    assert hint in (caught.value.hint or "")

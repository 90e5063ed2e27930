"""Every KPI says why it matters, what improves it and what can be misread, and has a whole page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import workspaces
from boardpack.engine.compute import compute
from boardpack.engine.definitions import Kpi
from boardpack.explanations import explain, headings
from boardpack.model import Model, values
from boardpack.periods import Period
from boardpack.warehouse import Slice, slice_of_rows
from boardpack.workspace import SUITE

UTC = ZoneInfo("UTC")
PERIOD = Period.parse("2025-12")
#: The headings that a definition page has to fill: what it is, how and of what it is computed,
#: what is wanted, how it is read.
HEADINGS = ("Definition", "Formula", "Components", "Target", "Usage")
OWN = """\
- kpi: own
  name: Own
  definition: Of this workspace.
  category: revenue
  unit: currency
  direction: higher
  measures:
    value: {source: mrr_movements, value: sum(amount)}
"""


@pytest.fixture(scope="module")
def suite() -> Model:
    return Model.open(SUITE)


@contextmanager
def without_rows(model: Model, *kpis: str) -> Iterator[Slice]:
    """Tables without rows: what is said of a KPI needs none."""
    empty: Mapping[str, tuple[()]] = {table: () for table in model.catalogue.tables(kpis)}
    slice_ = slice_of_rows(model.sources, empty, date(2025, 12, 31), UTC)
    try:
        yield slice_
    finally:
        slice_.close()


def texts(kpi: Kpi) -> list[str]:
    return [kpi.why, *kpi.actions, *kpi.risks]


def test_every_kpi_says_why_how_to_improve_it_and_what_can_be_misread(suite: Model) -> None:
    for kpi in suite.catalogue.kpis.values():
        assert 2 <= len(kpi.actions) <= 3, kpi.id
        assert 1 <= len(kpi.risks) <= 2, kpi.id
        for text, longest in [
            (kpi.why, 140), *((action, 80) for action in kpi.actions),
            *((risk, 110) for risk in kpi.risks),
        ]:  # fmt: skip
            assert 15 <= len(text) <= longest, (kpi.id, text)
            assert text[0].isupper(), (kpi.id, text)
        assert all(text.endswith(".") for text in (kpi.why, *kpi.risks)), kpi.id
        assert not any(action.endswith(".") for action in kpi.actions), kpi.id


def test_no_two_kpis_say_the_same(suite: Model) -> None:
    said: dict[str, str] = {}
    for kpi in suite.catalogue.kpis.values():
        for text in texts(kpi):
            plain = " ".join(text.casefold().rstrip(".").split())
            assert plain not in said, (said.get(plain), kpi.id, text)
            assert plain not in kpi.definition.casefold(), (kpi.id, text)
            said[plain] = kpi.id


def test_the_catalogue_names_no_company(suite: Model) -> None:
    company = suite.workspace.settings.company.casefold()
    for kpi in suite.catalogue.kpis.values():
        assert company not in " ".join(texts(kpi)).casefold(), kpi.id


def test_the_page_of_every_kpi_is_whole(suite: Model) -> None:
    """Without a row of data nothing but a cadence, which the scorecard gives, may be missing."""
    kpis = list(suite.catalogue.kpis)
    report = suite.report_facts(PERIOD, "2025-12-31")
    with without_rows(suite, *kpis) as slice_:
        frame = compute(suite.catalogue, slice_, kpis, [PERIOD])
        seen = values(suite, slice_, kpis, report, frame=frame)
    for kpi in suite.catalogue.kpis.values():
        page = headings(suite, seen, kpi.id)
        for heading in HEADINGS:
            assert "".join(page[heading]).strip(), (kpi.id, heading)
        assert page["Why it matters"] == kpi.why, kpi.id
        assert page["Risks"] == list(kpi.risks), kpi.id
        missing = {name for name, text in page.items() if not text}
        assert missing <= {"Frequency", "Timeline", "Notes"}, kpi.id


SCORECARD = """\
scorecard: own
title: Own
currency: USD
kpis:
  own: {comparator: ">=", GOAL}
"""


@pytest.mark.parametrize(
    ("goal", "target", "timeline", "missing"),
    [
        ("value: 50", "$50", ["30 days: $50", "90 days: $50", "1 year: $50"], []),
        ("steps: {month 20: 50}", "none set yet", ["1 year: $50"], []),
        ("", "none set", None, []),
        (None, None, None, ["Target"]),
    ],
)
def test_a_page_says_that_no_target_is_set(
    tmp_path: Path,
    goal: str | None,
    target: str | None,
    timeline: list[str] | None,
    missing: list[str],
) -> None:
    """Where there is no scorecard nobody decided that there is none, so it is not given."""
    settings = workspaces.SETTINGS
    files = {"kpis/own.yml": OWN}
    if goal is not None:
        settings += "scorecard: own\nstart: 2024-12-01\n"
        entry = '{comparator: ">=", GOAL}'
        files["scorecards/own.yml"] = SCORECARD.replace(
            entry, entry.replace("GOAL", goal) if goal else "{owner: CFO}"
        )
    model = Model.open(workspaces.small(tmp_path / "w", settings, **files))
    with without_rows(model, "own") as slice_:
        (page,) = explain(model, slice_, ["own"], PERIOD)
    assert page.fields.get("Target") == target
    assert page.fields.get("Timeline") == timeline
    assert [name for name in page.missing if name in ("Target", "Timeline")] == missing

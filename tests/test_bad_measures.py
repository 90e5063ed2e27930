"""What the newer kinds of measure and source refuse at load, with line and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

import workspaces
from boardpack.errors import BoardpackError
from boardpack.model import Model

KPI = """\
- kpi: own
  name: Own
  definition: Of this workspace.
  category: revenue
  unit: count
  direction: higher
  measures:
    value: {source: SOURCE, value: "VALUE"}
"""

MEASURES = [
    ("contract_touches", "sum(acv)", "would count several times", "sum(attributed(acv, linear))"),
    ("contract_touches", "count(*)", "would count several times", "first, last or linear"),
    ("contract_touches", "sum(attributed(acv, liner))", "did you mean linear", ""),
    ("contract_touches", "sum(attributed(acv))", "write it as sum(attributed", ""),
    ("contract_touches", "sum(attributed(avc, linear))", "Unknown column", "'acv'"),
    ("contracts", "sum(attributed(acv, linear))", "Unknown column", ""),
    ("sessions", "sum(trailing_distinct(user_id, 7 days))", "needs a source with a row a day", ""),
    ("user_days", "sum(trailing_distinct(user_id, 1 day))", "of one day it is count(*)", ""),
    ("user_days", "sum(trailing_distinct(user_id, 7 moons))", "write it as sum(trailing", ""),
    ("user_days", "sum(trailing_distinct(usr_id, 7 days))", "Unknown column", "'user_id'"),
    ("user_days", "sum(trailing_distinct(user_id, 7 days)), window: to_date", "", ""),
    ("user_milestones", "km_medain(created_at, first_value, hours)", "did you mean km_median", ""),
    ("user_milestones", "km_median(created_at, first_value)", "write it as km_median(", ""),
    ("user_milestones", "km_median(created_at, first_value, years)", "is no unit of a wait", ""),
    ("user_milestones", "km_median(created_at, first_vlue, hours)", "Unknown", "'first_value'"),
    ("account_mrr", "km_median(opening, closing, days)", "takes the moments of rows", ""),
    ("tickets", "km_median(created_at, agent_replies, hours)", "agent_replies is no moment", ""),
    (
        "tickets",
        "sum(resolved_at - created_at)",
        "moments cannot be subtracted",
        "write hours_between(created_at, resolved_at), which is in hours; divide by 24 for days",
    ),
    (
        "tickets",
        "median(agent_replies)",
        "one aggregate",
        'value: "percentile(agent_replies, 0.5)"',
    ),
    ("tickets", "sum(median(agent_replies))", 'make it a measure: a median is value: "perc', ""),
    ("tickets", "avg(agent_replies)", "one aggregate", "sum(agent_replies) in one, count(agent_"),
]


@pytest.mark.parametrize(("source", "value", "says", "hint"), MEASURES)
def test_measures(tmp_path: Path, source: str, value: str, says: str, hint: str) -> None:
    text = KPI.replace("SOURCE", source).replace("VALUE", value)
    if ", window: " in value:
        value, _, window = value.partition(", window: ")
        text = KPI.replace("SOURCE", source).replace('"VALUE"', f'"{value}", window: {window}')
        says = "over the days of a window that begins"
    root = workspaces.small(tmp_path / "w", **{"kpis/own.yml": text})
    with pytest.raises(BoardpackError) as caught:
        Model.open(root)
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.line == 8


def test_a_median_of_waits_does_not_add_up(tmp_path: Path) -> None:
    value = "km_median(created_at, first_value, hours)"
    text = KPI.replace("SOURCE", "user_milestones").replace("VALUE", value) + "  additive: true\n"
    root = workspaces.small(tmp_path / "w", **{"kpis/own.yml": text})
    with pytest.raises(BoardpackError, match="does not follow from those of its parts"):
        Model.open(root)


PLACED = "source: own\ntitle: Own\nplaced_of: users\ntime: created_at\n"
FIRST = "milestones:\n  first: "
SOURCES = [
    (PLACED + FIRST + "{of: evnts, by: user_id}\n", 6, "Unknown source", "'events'"),
    (PLACED + FIRST + "{of: events, by: usr_id}\n", 6, "Unknown column", "'user_id'"),
    (PLACED + FIRST + "{of: events, by: user_id, where: event = 1}\n", None, "Unknown column", ""),
    (PLACED + FIRST + "{of: events, by: user_id, nth: 0}\n", 6, "greater than or equal to 1", ""),
    (PLACED + FIRST + "{of: events, by: user_id, within: 30 days}\n", 6, "for nth: 2 or more", ""),
    (PLACED + FIRST + "{of: events, by: user_id, nth: 3, within: a month}\n", 6, "30 days", ""),
    (PLACED + FIRST + "{of: events, by: user_id, nth: 3, counted: days}\n", 6, "needs within:", ""),
    (
        PLACED + FIRST + "{of: events, by: user_id, nth: 3, within: 9 days, counted: days,"
        " kinds: {a: event_name = 'a'}, at_least: 2}\n",
        6, "at_least: 1 to 1", "",
    ),
    (PLACED + FIRST.replace("first", "role") + "{of: events, by: user_id}\n", 6, "no name for", ""),
    (PLACED + FIRST + "{of: accounts, by: account_id}\n", 6, "a moment in time", ""),
    (
        PLACED.replace("users", "contracts").replace("created_at", "signed_on")
        + "touches: {of: touchpoints, by: lead.oportunity_id, to: opportunity_id, columns: {}}\n",
        5, "Unknown column", "'opportunity_id'",
    ),
    (
        PLACED.replace("users", "contracts").replace("created_at", "signed_on")
        + "touches: {of: touchpoints, by: lead_id, to: contract_id, columns: {acv: channel}}\n",
        5, "no name for a column", "",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "says", "hint"), SOURCES)
def test_sources(tmp_path: Path, text: str, line: int | None, says: str, hint: str) -> None:
    root = workspaces.small(tmp_path / "w", **{"sources/own.yml": text})
    with pytest.raises(BoardpackError) as caught:
        Model.open(root)
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")
    assert (caught.value.file or "").endswith("own.yml")
    assert caught.value.line == line

"""The North Star of the demo by hand: a few users and their actions, its factors and the product."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

import workspaces
from boardpack.engine.catalogue import Catalogue
from boardpack.engine.compute import compute
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.warehouse import slice_of_rows
from boardpack.workspace import SUITE

KPIS = ["mau", "dashboards_per_user", "business_value_score", "mabv"]


def at(day: int, month: int = 3) -> datetime:
    return datetime(2025, month, day, 10)


#: User, what was done and when. Each kind counts once a user and month.
ACTIONS = [
    ("u1", "dashboard_created", at(1)), ("u1", "dashboard_created", at(2)),
    ("u1", "report_generated", at(3)),
    ("u2", "data_source_connected", at(4)), ("u2", "collaboration_action", at(5)),
    ("u2", "api_used", at(6)),
    ("u3", "session_start", at(7)),
    ("u4", "advanced_analytics_used", at(20, 2)),
]  # fmt: skip

#: Creator, and whether it was archived before the end of March.
DASHBOARDS = [
    ("u1", False),
    ("u1", False),
    ("u1", True),
    ("u2", False),
    ("u2", False),
    ("u4", False),
]


def rows() -> dict[str, list[dict[str, Any]]]:
    users = ("u1", "u2", "u3", "u4")
    return {
        "accounts": [{"account_id": "a1"}],
        "users": [{"user_id": user, "account_id": "a1"} for user in users],
        "sessions": [
            {"session_id": f"s{i}", "user_id": user, "account_id": "a1", "started_at": when}
            for i, (user, _, when) in enumerate(ACTIONS)
        ],
        "events": [
            {"event_id": f"e{i}", "session_id": f"s{i}", "user_id": user, "account_id": "a1",
             "event_name": name, "occurred_at": when}
            for i, (user, name, when) in enumerate(ACTIONS)
        ],
        "product_objects": [
            {"object_id": f"o{i}", "object_type": "dashboard", "created_by_user_id": user,
             "account_id": "a1", "created_at": at(10, 1), "archived_at": at(9) if gone else None}
            for i, (user, gone) in enumerate(DASHBOARDS)
        ],
    }  # fmt: skip


def found(catalogue: Catalogue) -> dict[str, float]:
    given = {table: rows().get(table, []) for table in catalogue.tables(KPIS)}
    slice_ = slice_of_rows(catalogue.sources, given, date(2025, 3, 31), ZoneInfo("UTC"))
    try:
        frame = compute(catalogue, slice_, KPIS, [Period.parse("2025-03")], (), covered=True)
    finally:
        slice_.close()
    return dict(zip(frame["kpi"], frame["value"], strict=True))


def test_the_factors_and_the_product_match_a_hand_calculation() -> None:
    # Three are active in March. In place are two dashboards of u1 and two of u2; u4 is away.
    # u1 earns 10 for dashboards and 8 for reports, u2 15, 12 and 5, u3 nothing.
    assert found(Model.open(SUITE).catalogue) == {
        "mau": 3,
        "dashboards_per_user": pytest.approx(4 / 3),
        "business_value_score": pytest.approx(50 / 3),
        "mabv": pytest.approx(3 * (4 / 3) * (50 / 3)),
    }


def test_the_points_are_those_that_the_definition_says(tmp_path: Path) -> None:
    entries = yaml.safe_load((SUITE / "lib" / "kpis" / "engagement.yml").read_text("utf-8"))
    (entry,) = [e for e in entries if e["kpi"] == "business_value_score"]
    points = entry["measures"]["points"]
    assert points["value"].count("then 10 else 0") == 1
    points["value"] = points["value"].replace("then 10 else 0", "then 100 else 0")
    own = {**entry, "replaces": "business_value_score", "tests": []}
    text = yaml.safe_dump([own], sort_keys=False)
    folder = workspaces.small(tmp_path / "w", **{"kpis/own.yml": text})
    values = found(Model.open(folder).catalogue)
    # A dashboard earns u1 a hundred: 108 and 32 points of three users.
    assert values["business_value_score"] == pytest.approx(140 / 3)
    assert values["mabv"] == pytest.approx(4 * 140 / 3)

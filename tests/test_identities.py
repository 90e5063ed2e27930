"""Sums that must agree: they do in the demo company, and one that does not is named."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

import workspaces
from boardpack.engine.compute import compute
from boardpack.engine.identities import check, inputs
from boardpack.errors import BoardpackError
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.warehouse import open_slice, slice_of_rows

LAST_DAY = date(2025, 12, 31)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Path) -> Model:
    folder = tmp_path_factory.mktemp("identities") / "demo"
    return Model.open(workspaces.over_demo(folder, demo_warehouse))


@pytest.fixture(scope="module")
def frame(model: Model) -> pd.DataFrame:
    """All KPIs of identities in every month and quarter, by both dimensions."""
    kpis = [*(k.id for k in model.catalogue.kpis.values() if k.additive), "cash_balance"]
    kpis += inputs(model.catalogue, kpis)
    slice_ = open_slice(model.workspace, model.sources, LAST_DAY, model.catalogue.tables(kpis))
    periods = [*Period.parse("2025-12").last(36), *Period.parse("2025-Q4").last(12)]
    found = compute(model.catalogue, slice_, kpis, periods, ["segment", "region"])
    slice_.close()
    return found


def test_all_identities_hold_in_the_demo(model: Model, frame: pd.DataFrame) -> None:
    assert check(model.catalogue, frame) == []
    names = {n for i in model.catalogue.identities for n in (*i.left.names, *i.right.names)}
    values = frame[frame["kpi"].isin(names) & frame["value"].notna()]
    assert set(values["kpi"]) == names
    # All but the first month, whose opening lies before the data, for the total and each member.
    assert len(values[values["kpi"] == "opening_mrr"]) >= 35 * (1 + 3 + 5)


@pytest.mark.parametrize(
    ("kpi", "period", "dims", "off", "says"),
    [
        ("mrr", "2025-11", "segment=smb", 1.0, [
            "MRR opening + new + expansion + reactivation − contraction − churn = closing",
            "ARR = 12 × MRR", "members of segment add up to the total",
        ]),
        ("new_mrr", "2025-Q3", "region=mea", -0.02, [
            "MRR opening + new", "members of region add up to the total"]),
        ("cash_balance", "2024-06", "", 0.5, ["Cash opening"]),
        ("total_revenue", "2025-02", "", 3.0, [
            "Total revenue: members of region", "Total revenue: members of segment"]),
    ],
)  # fmt: skip
def test_a_planted_break_is_named_with_period_member_and_sums(
    model: Model, frame: pd.DataFrame, kpi: str, period: str, dims: str, off: float, says: list[str]
) -> None:
    planted = frame.copy()
    cell = (planted["kpi"] == kpi) & (planted["period"] == period) & (planted["dims"] == dims)
    assert cell.sum() == 1
    planted.loc[cell, "value"] += off
    breaks = check(model.catalogue, planted)
    assert len(breaks) == len(says)
    for found, said in zip(breaks, says, strict=True):
        assert said in str(found)
        assert f"in {period}" in str(found)
        assert found.period == period
        assert abs(found.left - found.right) == pytest.approx(
            abs(off) * (12 if "ARR" in said else 1)
        )
        if "members" not in found.identity:
            assert found.dims == dims
            assert dims in str(found)


def test_what_lies_within_the_tolerance_is_no_break(model: Model, frame: pd.DataFrame) -> None:
    planted = frame.copy()
    planted.loc[planted["kpi"] == "churned_mrr", "value"] += 0.001
    assert check(model.catalogue, planted) == []


def test_a_movement_of_no_kind_breaks_the_bridge(model: Model) -> None:
    """As it would come from a table: in the balance, and in none of the movements."""
    book = [
        {"account_id": "a", "effective_on": date(2025, 1, 5), "amount": 100, "movement_type": "new"},
        {"account_id": "a", "effective_on": date(2025, 2, 5), "amount": -30, "movement_type": "pause"},
    ]  # fmt: skip
    rows = {"accounts": [{"account_id": "a", "segment": "smb"}], "mrr_movements": book}
    slice_ = slice_of_rows(model.sources, rows, LAST_DAY, ZoneInfo("UTC"))
    kpis = ["mrr", *inputs(model.catalogue, ["mrr"])]
    periods = [Period.parse(f"2025-0{n}") for n in (2, 3)]
    found = compute(model.catalogue, slice_, kpis, periods, ["segment"])
    slice_.close()
    assert [str(b) for b in check(model.catalogue, found)] == [
        "MRR opening + new + expansion + reactivation − contraction − churn = closing:"
        f" 100.00 against 70.00 in 2025-02{where}, off by 30.00"
        for where in ("", " (segment=smb)")
    ]


def test_a_kpi_brings_what_its_identities_need(model: Model, frame: pd.DataFrame) -> None:
    assert set(inputs(model.catalogue, ["new_mrr"])) == {
        "opening_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr", "reactivation_mrr", "mrr",
    }  # fmt: skip
    assert inputs(model.catalogue, ["nps"]) == []
    some = frame[frame["kpi"].isin(["mrr", "new_mrr"])].copy()
    some.loc[some["dims"] == "", "value"] += 5
    assert all("members" in b.identity for b in check(model.catalogue, some))


OWN = "- identity: own\n  title: Own\n  left: {left}\n  right: mrr\n"


@pytest.mark.parametrize(
    ("left", "says"),
    [("mmr", "Unknown KPI 'mmr'"), ("mrr +", "cannot be read"), ("sum(mrr)", "cannot stand")],
)
def test_a_broken_identity_stops_the_load(tmp_path: Path, left: str, says: str) -> None:
    root = workspaces.small(tmp_path / "w", **{"kpis/own.yml": OWN.format(left=left)})
    with pytest.raises(BoardpackError, match=says) as caught:
        Model.open(root)
    assert (caught.value.file or "").endswith("own.yml")

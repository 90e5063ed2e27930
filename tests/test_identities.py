"""Sums that must agree: they do in the demo company, and one that does not is named."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

import workspaces
from boardpack.engine.compute import compute
from boardpack.engine.identities import check, check_parts, inputs, parts
from boardpack.engine.traces import traced
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
    """All KPIs of identities in every month and quarter and some weeks, by both dimensions."""
    kpis = [k.id for k in model.catalogue.kpis.values() if k.additive]
    kpis += [kpi for identity in model.catalogue.identities for kpi in identity.kpis]
    slice_ = open_slice(model.workspace, model.sources, LAST_DAY, model.catalogue.tables(kpis))
    weeks = [*Period.parse("2025-W52").last(6), *Period.parse("2025-12-31").last(9)]
    periods = [*Period.parse("2025-12").last(36), *Period.parse("2025-Q4").last(12), *weeks]
    found = compute(model.catalogue, slice_, kpis, periods, ["segment", "region"])
    slice_.close()
    return found


def test_all_identities_hold_in_the_demo(model: Model, frame: pd.DataFrame) -> None:
    assert check(model.catalogue, frame) == []
    names = {n for i in model.catalogue.identities for n in i.kpis}
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
        ("lost_customers", "2025-W51", "segment=smb", 1.0, [
            "Customers opening + new + reactivated − lost = closing",
            "Lost customers: members of segment"]),
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


@pytest.mark.parametrize(
    ("kpi", "plus", "says"),
    [
        ("funnel_conversion_rate", 100.0, "Of the visitors, more start a trial than buy after it"),
        ("signup_conversion_rate", 100.0, ""),
        ("trial_to_paid_conversion", 100.0, "No more trials convert than were started"),
        ("mql_to_sql_conversion", 100.0, "Sales accepts no more leads than marketing qualified"),
        ("gross_revenue_retention", 100.0, "Net revenue retention is at least gross"),
        ("net_revenue_retention", 100.0, ""),
        ("dau_mau_ratio", 100.0, "On a mean day there are no more active users"),
    ],
)
def test_a_funnel_may_fall_and_never_rise(
    model: Model, frame: pd.DataFrame, kpi: str, plus: float, says: str
) -> None:
    planted = frame.copy()
    cell = (planted["kpi"] == kpi) & (planted["period"] == "2025-06") & (planted["dims"] == "")
    assert cell.sum() == 1
    planted.loc[cell, "value"] += plus
    breaks = [found.title for found in check(model.catalogue, planted)]
    assert len(breaks) == bool(says)
    assert all(says in title for title in breaks)


def traces(model: Model, book: list[dict[str, object]], kpi: str, month: str) -> list[str]:
    """What is said of the breaks that these movements cause in a month."""
    rows = {"accounts": [{"account_id": a} for a in "abcdefgh"], "mrr_movements": book}
    slice_ = slice_of_rows(model.sources, rows, LAST_DAY, ZoneInfo("UTC"))
    kpis = [kpi, *inputs(model.catalogue, [kpi])]
    found = compute(model.catalogue, slice_, kpis, [Period.parse(month)])
    told = [str(traced(model.catalogue, slice_, b)) for b in check(model.catalogue, found)]
    slice_.close()
    return told


def moved(account: str, day: str, amount: int, kind: str) -> dict[str, object]:
    on = date.fromisoformat(day)
    return {"account_id": account, "effective_on": on, "amount": amount, "movement_type": kind}


def test_a_break_is_traced_to_its_days_and_rows(model: Model) -> None:
    book = [moved(a, "2025-01-05", 100, "new") for a in "abcdefgh"]
    book += [moved("b", "2025-02-05", -30, "pause"), moved("c", "2025-02-05", 40, "pause")]
    (one,) = traces(model, book, "new_mrr", "2025-02")
    assert one == (
        "MRR opening + new + expansion + reactivation − contraction − churn = closing: 800.00"
        " against 810.00 in 2025-02, off by -10.00; on 2025-02-05 800.00 against 810.00;"
        " account_id c 100.00 against 140.00; account_id b 100.00 against 70.00"
    )
    book += [moved(a, f"2025-02-0{n}", n, "pause") for n, a in enumerate("adefgh", 1)]
    (many,) = traces(model, book, "new_mrr", "2025-02")
    assert many.count("account_id") == 5
    assert many.endswith("; account_id f 100.00 against 104.00; and 3 more")


def test_a_customer_who_is_new_twice_is_named(model: Model) -> None:
    book = [moved(a, "2025-01-05", 100, "new") for a in "ab"]
    book.append(moved("b", "2025-02-07", 50, "new"))
    (one,) = traces(model, book, "new_customers", "2025-02")
    assert one.startswith("Customers opening + new + reactivated − lost = closing: 3.00 against 2")
    assert one.endswith("on 2025-02-07 3.00 against 2.00; account_id b 2.00 against 1.00")


def test_days_add_up_to_the_month(model: Model) -> None:
    kpis = parts(model.catalogue, [*model.catalogue.kpis])
    assert {"new_mrr", "purchases", "api_calls"} <= set(kpis)
    # A balance, distinct customers and a mean do not add up over days.
    assert not {"mrr", "new_customers", "total_customers", "dau"} & set(kpis)
    slice_ = open_slice(model.workspace, model.sources, LAST_DAY, model.catalogue.tables(kpis))
    month, quarter = Period.parse("2025-12"), Period.parse("2025-Q4")
    whole = compute(model.catalogue, slice_, kpis, [month, quarter])
    days = compute(model.catalogue, slice_, kpis, month.within("day"))
    months = compute(model.catalogue, slice_, kpis, quarter.within("month"))
    slice_.close()
    assert check_parts(model.catalogue, whole, month, days) == []
    assert check_parts(model.catalogue, whole, quarter, months) == []
    assert whole["value"].notna().sum() >= 36
    lost = days.drop(days[(days["kpi"] == "new_mrr") & (days["value"] > 0)].index[:1])
    (found,) = check_parts(model.catalogue, whole, month, lost)
    assert str(found).startswith("New MRR: days add up to the month: ")


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
    [
        ("mmr", "Unknown KPI 'mmr'"),
        ("mrr +", "cannot be read"),
        ("sum(mrr)", "cannot stand"),
        ("arr\n  holds: roughly", "holds: Input should be 'equal' or 'at_least'"),
        ("arr\n  rows: acount_id", "Unknown column of mrr_movements 'acount_id'"),
    ],
)
def test_a_broken_identity_stops_the_load(tmp_path: Path, left: str, says: str) -> None:
    root = workspaces.small(tmp_path / "w", **{"kpis/own.yml": OWN.format(left=left)})
    with pytest.raises(BoardpackError, match=says) as caught:
        Model.open(root)
    assert (caught.value.file or "").endswith("own.yml")

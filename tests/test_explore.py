"""What a notebook opens: computed on demand in JupyterLab, frozen in a run."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import workspaces
from boardpack import explore
from boardpack.errors import BoardpackError, PeriodError, UnknownNameError, UserError
from boardpack.model import check_period, closed_by, history, last_closed
from boardpack.periods import Period
from boardpack.warehouse import Span
from boardpack.workspace import SUITE

EXAMPLE = SUITE / "examples" / "purchases"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Path) -> Path:
    return workspaces.over_demo(tmp_path_factory.mktemp("explore") / "demo", demo_warehouse)


@pytest.mark.parametrize(
    ("asked", "period", "as_of", "status"),
    [
        ({}, "2025-12", "2025-12-31", "final"),
        ({"grain": "quarter"}, "2025-Q4", "2025-12-31", "final"),
        ({"period": "2025-06"}, "2025-06", "2025-06-30", "final"),
        ({"as_of": "2025-06-29"}, "2025-05", "2025-06-29", "final"),
        ({"as_of": "2025-06-30"}, "2025-06", "2025-06-30", "final"),
        ({"period": "2025-06", "as_of": "2025-06-10"}, "2025-06", "2025-06-10", "provisional"),
    ],
)
def test_period_and_as_of(
    demo: Path, asked: dict[str, str], period: str, as_of: str, status: str
) -> None:
    values = explore.open(demo, kpis=["mrr"], **asked)
    assert (values.report.period, values.report.as_of, values.report.status) == (
        period,
        as_of,
        status,
    )
    assert values.value("mrr").status == status
    assert values.value("mrr").value is not None


def test_the_history_of_a_page_is_there(demo: Path) -> None:
    values = explore.open(demo, period="2025-12", kpis=["mrr", "arr"])
    series = values.series("mrr", 13)
    assert [v.period.label for v in series][::12] == ["2024-12", "2025-12"]
    assert all(v.value for v in series)
    assert values.value("mrr", Period.parse("2025-01").year_ago()).value
    assert values.members("mrr", "segment") == ["enterprise", "mid_market", "smb"]
    assert values.target("mrr") is not None
    assert values.kpi("arr").sources == ("mrr_movements", "accounts")


def test_one_segment(demo: Path) -> None:
    kpis = ["mrr", "website_visitors"]
    whole = explore.open(demo, period="2025-12", kpis=kpis)
    part = explore.open(demo, period="2025-12", kpis=kpis, segment="smb")
    assert part.value("mrr").value == whole.value("mrr", dims="segment=smb").value
    assert part.report.not_available == {}
    assert part.report.not_defined == {"website_visitors": "cannot be split by segment"}
    with pytest.raises(UnknownNameError, match="Unknown segment 'smbb'"):
        explore.open(demo, period="2025-12", kpis=kpis, segment="smbb")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"period": "2025-13"}, "not in the calendar"),
        ({"grain": "fortnight"}, "'fortnight' is not a grain"),
        ({"as_of": "June"}, "is not a day"),
        ({"period": "2026-01", "as_of": "2025-12-31"}, "begins after the as-of"),
        ({"period": "2020-01"}, "before the data"),
        ({"kpis": ["mmr"]}, "Unknown KPI 'mmr'"),
    ],
)
def test_what_cannot_be_opened(demo: Path, asked: dict, says: str) -> None:
    with pytest.raises(BoardpackError, match=says) as caught:
        explore.open(demo, **{"kpis": ["mrr"], **asked})
    assert caught.value.exit_code == 1


def test_a_workspace_without_data_has_no_last_period(tmp_path: Path) -> None:
    with pytest.raises(PeriodError, match="no data to find the last closed period in"):
        explore.open(workspaces.small(tmp_path / "w"), kpis=["mrr"])


def test_what_is_not_connected_is_named_beside_what_is() -> None:
    values = explore.open(EXAMPLE, kpis=["purchases", "mrr"])
    assert values.report.period == "2025-06"
    assert values.value("purchases").value
    found = values.value("mrr")
    assert (found.value, found.status, found.reason) == (
        None, "not_available", "not connected: mrr_movements",
    )  # fmt: skip


def test_a_run_reads_what_was_frozen(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = explore.open(demo, period="2025-12", kpis=["mrr", "arr", "nps"])
    frozen.save(tmp_path)
    monkeypatch.setenv(explore.RUN, str(tmp_path))
    # The folder of the workspace is not even looked at.
    values = explore.open("/nowhere", period="2025-12", kpis=["mrr", "nps"])
    for kpi in ("mrr", "nps"):
        assert values.series(kpi) == frozen.series(kpi)
        assert values.kpi(kpi) == frozen.kpi(kpi)
    assert values.report == frozen.report
    with pytest.raises(UnknownNameError, match="Unknown KPI 'arr'"):
        values.value("arr")
    with pytest.raises(UnknownNameError, match="Unknown KPI 'churned_mrr'"):
        explore.open("/nowhere", kpis=["churned_mrr"])
    for asked in ({"period": "2025-11"}, {"as_of": "2025-12-30"}, {"segment": "smb"}):
        with pytest.raises(UserError, match="the run is about"):
            explore.open("/nowhere", kpis=["mrr"], **asked)


@pytest.mark.parametrize(
    ("day", "grain", "label"),
    [
        ("2025-12-31", "month", "2025-12"),
        ("2025-12-30", "month", "2025-11"),
        ("2025-12-28", "week", "2025-W52"),
        ("2025-12-30", "quarter", "2025-Q3"),
        ("2025-12-31", "year", "2025"),
        ("2024-02-29", "month", "2024-02"),
    ],
)
def test_the_last_period_closed_by_a_day(day: str, grain: str, label: str) -> None:
    assert closed_by(date.fromisoformat(day), grain).label == label  # type: ignore[arg-type]


def test_the_last_period_closed_in_the_data() -> None:
    """The source that reaches furthest decides: one that lags is for the gate to find."""
    spans = {
        "a": Span(date(2025, 1, 1), date(2025, 6, 30)),
        "b": Span(date(2024, 1, 1), date(2025, 4, 2)),
    }
    assert last_closed(spans, "month").label == "2025-06"
    with pytest.raises(PeriodError, match="no data"):
        last_closed({}, "month")


def test_a_period_must_touch_the_data() -> None:
    spans = {"a": Span(date(2025, 1, 15), date(2025, 6, 30))}
    check_period(Period.parse("2025-01"), "2025-01-31", spans)
    for period, as_of, says in (
        ("2024-12", "2025-06-30", "lies before the data, which begin on 2025-01-15"),
        ("2025-07", "2025-06-30", "begins after the as-of"),
    ):
        with pytest.raises(PeriodError, match=says):
            check_period(Period.parse(period), as_of, spans)
    with pytest.raises(PeriodError, match="nothing was known by"):
        check_period(Period.parse("2025-01"), "2025-01-31", {})


def test_history_has_each_period_and_the_same_a_year_before() -> None:
    labels = [p.label for p in history(Period.parse("2025-12"))]
    assert (labels[0], labels[-1], len(labels)) == ("2023-12", "2025-12", 25)
    weeks = history(Period.parse("2025-W52"), last=2)
    assert [w.label for w in weeks] == ["2024-W51", "2024-W52", "2025-W51", "2025-W52"]

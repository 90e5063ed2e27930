"""Three engines, one meaning: the whole catalogue on PostgreSQL and Spark equals that on DuckDB."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from boardpack.engine import definition_tests
from boardpack.engine.compute import compute
from boardpack.listed import Listed
from boardpack.model import Model, listed
from boardpack.periods import Period
from boardpack.warehouse import Slice, open_slice
from engines_fixture import (
    given_rows,
    lacking,
    load_postgres,
    workspace_over,
    write_parquet,
)
from workspaces import over_demo

pytestmark = pytest.mark.engines

#: Engines add in different orders; beyond this the value is another one.
TOLERANCE = 1e-9
PERIODS = {
    "closed": (
        date(2025, 12, 31),
        [*Period.parse("2025-12").last(13), *Period.parse("2025-W52").last(3),
         *Period.parse("2025-Q4").last(4), Period.parse("2025"), Period.parse("2025-12-17")],
    ),
    # Half of the month is to come, late rows are not known yet, and what ends later has not ended.
    "open": (date(2025, 11, 19), [*Period.parse("2025-11").last(2), Period.parse("2025-Q4")]),
}  # fmt: skip
NEW_YORK = (date(2025, 11, 30), [*Period.parse("2025-11").last(2), Period.parse("2025-11-02")])


@dataclass(frozen=True)
class Engine:
    """The demo company in one engine, in its own zone and in another."""

    model: Model
    in_new_york: Model


def _in_new_york(folder: Path, workspace: Path) -> Model:
    shutil.copytree(workspace, folder, symlinks=True)
    settings = folder / "boardpack.yml"
    text = settings.read_text(encoding="utf-8").replace("zone: UTC", "zone: America/New_York")
    settings.write_text(text, encoding="utf-8")
    return Model.open(folder)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Path) -> Engine:
    folder = tmp_path_factory.mktemp("duckdb")
    own = over_demo(folder / "utc", demo_warehouse)
    return Engine(Model.open(own), _in_new_york(folder / "new_york", own))


@pytest.fixture(scope="module")
def postgres(
    tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Path, postgres_server: str
) -> Engine:
    folder = tmp_path_factory.mktemp("postgres")
    load_postgres(demo_warehouse, postgres_server)
    own = workspace_over(folder / "utc", f'{{postgres: "{postgres_server}"}}')
    return Engine(Model.open(own), _in_new_york(folder / "new_york", own))


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Path) -> Engine:
    if importlib.util.find_spec("pyspark") is None:
        lacking("pyspark is not installed (pip install 'boardpack[spark]')")
    if shutil.which("java") is None:
        lacking("Java is not installed (Debian package default-jre-headless)")
    folder = tmp_path_factory.mktemp("spark")
    own = workspace_over(folder / "utc", "{spark: lake}")
    write_parquet(demo_warehouse, own / "lake")
    return Engine(Model.open(own), _in_new_york(folder / "new_york", own))


@pytest.fixture(params=["postgres", "spark"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found


def _values(
    model: Model, as_of: date, periods: list[Period], kpis: list[str] | None = None
) -> pd.DataFrame:
    kpis = kpis or list(model.catalogue.kpis)
    slice_ = open_slice(model.workspace, model.sources, as_of, model.catalogue.tables(kpis))
    try:
        return compute(model.catalogue, slice_, kpis, periods, ["segment"])
    finally:
        slice_.close()


def _differences(mine: pd.DataFrame, other: pd.DataFrame) -> tuple[list[str], float]:
    """The cells that differ, as sentences, and the worst relative difference of the others."""
    key = ["kpi", "period", "dims"]
    both = mine.merge(other, on=key, how="outer", suffixes=("", "_other"), indicator=True)
    alone = both[both["_merge"] != "both"]
    wrong = [f"{' '.join(cell)}: only in one" for cell in alone[key].itertuples(index=False)]
    worst = 0.0
    for column in ("value", "numerator", "denominator"):
        a, b = both[column].to_numpy(float), both[f"{column}_other"].to_numpy(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            apart = np.where(a == b, 0.0, np.abs(a - b) / np.maximum(np.abs(a), np.abs(b)))
        apart = np.where(np.isnan(a) & np.isnan(b), 0.0, np.where(np.isnan(apart), np.inf, apart))
        bad = np.flatnonzero(apart > TOLERANCE)
        wrong += [f"{both.loc[i, key].tolist()} {column}: {a[i]} and {b[i]}" for i in bad]
        worst = max(worst, float(apart[apart <= TOLERANCE].max(initial=0.0)))
    for column in ("status", "reason"):
        bad = np.flatnonzero(both[column].fillna("") != both[f"{column}_other"].fillna(""))
        wrong += [
            f"{both.loc[i, key].tolist()} {column}: {both.loc[i, column]!r} and"
            f" {both.loc[i, f'{column}_other']!r}"
            for i in bad
        ]
    return wrong, worst


@pytest.mark.parametrize("when", PERIODS)
def test_the_whole_catalogue_is_the_same(
    engine: Engine, reference: Engine, when: str, capsys: pytest.CaptureFixture[str]
) -> None:
    as_of, periods = PERIODS[when]
    expected = _values(reference.model, as_of, periods)
    found = _values(engine.model, as_of, periods)
    wrong, worst = _differences(expected, found)
    named = engine.model.workspace.settings.warehouse
    with capsys.disabled():
        print(  # noqa: T201 - whoever runs it wants to see how much was compared
            f"\n{'PostgreSQL' if named.postgres else 'Spark'}, {when} periods:"
            f" {found['kpi'].nunique()} KPIs, {len(found)} cells, {len(wrong)} differ,"
            f" worst relative difference of the others {worst:.1e}"
        )
    assert not wrong, "\n".join(wrong[:20])
    assert len(found) > 1000
    assert found["value"].notna().sum() > len(found) / 2


def _listed(model: Model, period: str, as_of: date) -> dict[str, Listed]:
    names = list(model.listings.listings)
    slice_ = open_slice(model.workspace, model.sources, as_of, model.listings.tables(names))
    try:
        return listed(model, slice_, names, Period.parse(period))
    finally:
        slice_.close()


@pytest.mark.parametrize(
    ("period", "as_of"), [("2025-12", date(2025, 12, 31)), ("2025-W46", date(2025, 11, 13))]
)
def test_the_rows_of_every_listing_are_the_same(
    engine: Engine, reference: Engine, period: str, as_of: date
) -> None:
    expected = _listed(reference.model, period, as_of)
    found = _listed(engine.model, period, as_of)
    assert expected.keys() == found.keys()
    for name, one in found.items():
        pd.testing.assert_frame_equal(one.frame, expected[name].frame, obj=name, rtol=TOLERANCE)
        assert one.reason == expected[name].reason
    assert sum(len(one.frame) for one in found.values()) > 100


def test_days_are_those_of_the_company_s_zone(engine: Engine, reference: Engine) -> None:
    kpis = ["dau", "mau", "session_duration", "tickets_per_100_customers"]
    expected = _values(reference.in_new_york, *NEW_YORK, kpis)
    wrong, _ = _differences(expected, _values(engine.in_new_york, *NEW_YORK, kpis))
    assert not wrong, "\n".join(wrong[:20])
    # Else the zone would make no difference that a test could see.
    assert _differences(expected, _values(reference.model, *NEW_YORK, kpis))[0]


def _connected(model: Model) -> Slice:
    return open_slice(model.workspace, model.sources, date(2025, 12, 31), ["accounts"])


@pytest.mark.slow
def test_every_definition_test_holds_on_postgres(
    postgres: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _definition_tests(postgres, monkeypatch, list(postgres.model.catalogue.kpis), least=100)


def test_definition_tests_of_every_shape_hold_on_spark(
    spark: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shares of time, panels, distinct users, hours, percentiles: all takes a second a statement."""
    kpis = [
        "total_revenue", "net_revenue_retention", "mau", "session_duration", "resolution_time",
        "api_response_time_p95", "new_mrr",
    ]  # fmt: skip
    _definition_tests(spark, monkeypatch, kpis, least=len(kpis))


def _definition_tests(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, kpis: list[str], least: int
) -> None:
    slice_ = _connected(engine.model)
    connection = slice_.elsewhere
    assert connection is not None
    try:
        with monkeypatch.context() as patched:
            patched.setattr(connection, "close", lambda: None)
            patched.setattr(definition_tests, "slice_of_rows", given_rows(connection))
            results = list(
                definition_tests.run(engine.model.catalogue, kpis, engine.model.workspace.zone)
            )
    finally:
        slice_.close()
    failed = [f"{r.kpi}: {r.name}: {r.message}" for r in results if not r.passed]
    assert not failed, "\n".join(failed[:20])
    assert len(results) >= least


def test_texts_arrive_as_they_are(engine: Engine, reference: Engine) -> None:
    """A member with quotes, a percent sign, a backslash and letters of any script."""
    from boardpack.warehouse import slice_of_rows

    odd = """O'Neil \\ 50% "é" ñ 日本 ;--"""
    model = reference.model
    rows = {
        "accounts": [{"account_id": "a'1", "segment": odd}],
        "mrr_movements": [
            {"movement_id": "m1", "account_id": "a'1", "movement_type": "new", "amount": 100,
             "effective_on": date(2025, 3, 1)},
        ],
    }  # fmt: skip
    slice_ = _connected(engine.model)
    assert slice_.elsewhere is not None
    arguments = (model.sources, rows, date(2025, 3, 31), model.workspace.zone)
    try:
        found = []
        for made in (slice_of_rows(*arguments), given_rows(slice_.elsewhere)(*arguments)):
            periods = [Period.parse("2025-03")]
            found.append(
                compute(model.catalogue, made, ["new_mrr"], periods, ["segment"], covered=True)
            )
        assert f"segment={odd}" in set(found[1]["dims"])
        assert not _differences(*found)[0]
    finally:
        slice_.close()


def test_the_hash_of_a_slice_is_that_of_its_rows(engine: Engine) -> None:
    model = engine.model

    def hashes(as_of: date) -> dict[str, str]:
        slice_ = open_slice(model.workspace, model.sources, as_of, ["accounts", "tickets"])
        try:
            return slice_.fingerprints(["accounts", "tickets"])
        finally:
            slice_.close()

    known = hashes(date(2025, 12, 31))
    assert hashes(date(2025, 12, 31)) == known
    assert hashes(date(2025, 6, 30))["tickets"] != known["tickets"]

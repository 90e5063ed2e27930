"""Marts: dropping them changes no number, and what is added to them is what a new build would hold."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import workspaces
from boardpack import mart_builds, mart_files, mart_grounds, orders, runs
from boardpack.cli import main
from boardpack.engine.compute import compute
from boardpack.engine.marts import NONE, Marts, Need, designs, flow_need
from boardpack.engine.plans import make_plan
from boardpack.executions import NotebookProcess
from boardpack.manifests import read_manifest
from boardpack.mart_builds import Built
from boardpack.mart_grounds import Ground
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.warehouse import Slice, open_slice, slice_of_rows
from boardpack.workspace import SUITE

#: Of the demo company's three years the first and a quarter: so fewer files are written.
LAST = date(2024, 3, 28)
BY = ("segment", "region")
#: Of each kind one: events, ledgers, panels, entities' days, histograms, moments that happen later.
TABLES = (
    "sessions", "invoices", "tickets", "mrr_movements", "request_metrics", "survey_responses",
)  # fmt: skip


@contextmanager
def opened(folder: Path, as_of: date = LAST, **changed: Any) -> Iterator[Ground]:
    model = Model.open(folder)
    stamp = mart_files.stamp(model.workspace)
    slice_ = open_slice(model.workspace, model.sources, as_of)
    try:
        ground = Ground(
            model.workspace, model.catalogue, slice_, stamp, mart_grounds.remembered(slice_)
        )
        yield Ground(**{**ground.__dict__, **changed})
    finally:
        slice_.close()


def hows(built: Iterable[Built]) -> dict[str, str]:
    return {one.mart: one.how for one in built}


def values(
    ground: Ground, periods: Sequence[Period], marts: Marts = NONE, of: Sequence[str] = ()
) -> pd.DataFrame:
    """All KPIs, or those over these sources alone."""
    known = ground.catalogue.kpis.values()
    kpis = [
        kpi.id
        for kpi in known
        if not of or (kpi.measures and all(m.source in of for m in kpi.measures.values()))
    ]
    return compute(ground.catalogue, ground.slice_, kpis, periods, BY, marts=marts)


def assert_same(raw: pd.DataFrame, stored: pd.DataFrame) -> None:
    """Cell by cell: texts as they are, figures to 1e-12 of their size."""
    assert len(raw) == len(stored)
    for column in raw.columns:
        if raw[column].dtype == float:
            a, b = raw[column].to_numpy(), stored[column].to_numpy()
            np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-9, equal_nan=True)
        else:
            assert raw[column].astype(str).tolist() == stored[column].astype(str).tolist()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Path) -> Path:
    """A workspace over the demo company with all its marts."""
    folder = workspaces.over_demo(tmp_path_factory.mktemp("marts") / "demo", demo_warehouse)
    with opened(folder) as ground:
        built = mart_builds.refresh(ground, always=True)
        assert len(built) > 25
        assert {one.how for one in built} == {"whole"}, built
    return folder


FEW = ("sessions", "user_days", "invoices", "account_purchases", "budgets", "cash_balances")


@pytest.fixture
def copied(tmp_path: Path, demo: Path, demo_warehouse: Path) -> Path:
    """The same with a few of them, to be changed."""
    folder = workspaces.over_demo(tmp_path / "copied", demo_warehouse)
    for name in ("sessions-account_id-user_id", "invoices-account_id", "budgets"):
        shutil.copytree(demo / "var" / "marts" / name, folder / "var" / "marts" / name)
    return folder


def same(ground: Ground, marts: Marts, periods: Sequence[Period] = ()) -> None:
    """The figures of those few are the same with and without marts."""
    wanted = periods or MONTHS[-3:]
    assert_same(values(ground, wanted, of=FEW), values(ground, wanted, marts, of=FEW))


MONTHS = Period.parse("2024-03").last(13)


MIXED = [
    Period.parse("2023"), *Period.parse("2024-Q1").last(2), *Period.parse("2024-W12").last(3),
    *Period.parse("2024-03-28").last(4), Period.parse("2024-02"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("periods", "grain"),
    [(MONTHS, "month"), pytest.param(MIXED, "day", marks=pytest.mark.slow)],
    ids=["months", "mixed"],
)
def test_the_whole_catalogue_is_the_same_with_and_without(
    demo: Path, periods: list[Period], grain: str
) -> None:
    with opened(demo) as ground:
        marts = mart_grounds.ready(ground)
        raw, stored = values(ground, periods), values(ground, periods, marts)
        planned = make_plan(
            ground.catalogue, ground.slice_, ground.catalogue.kpis, periods, BY, marts
        )
    assert_same(raw, stored)
    reads = [text for s in planned.statements for text in s.reads if text.startswith("mart ")]
    assert len(reads) > 20
    assert sum(f" by {grain}" in text for text in reads) > 10


def test_an_open_month_and_a_mart_of_another_day(demo: Path) -> None:
    periods = Period.parse("2024-04").last(3)
    with opened(demo) as ground:
        same(ground, mart_grounds.ready(ground), periods)
    with opened(demo, LAST - timedelta(days=1)) as ground:
        marts = mart_grounds.ready(ground)
        assert marts.lacking["sessions"] == "the mart is as of 2024-03-28"
        built = hows(mart_builds.refresh(ground, ["sessions"]))
        # Too few rows to be built by itself; and a mart of a later day stays as it is.
        assert built == {}
        (one,) = mart_builds.refresh(ground_with(ground, marts_from=0), ["sessions"])
        assert (one.how, one.reason) == ("older", "the mart is as of 2024-03-28")
        same(ground, marts)


def ground_with(ground: Ground, **policy: Any) -> Ground:
    """The same under another policy."""
    settings_ = ground.workspace.settings
    changed = settings_.model_copy(update={"policy": settings_.policy.model_copy(update=policy)})
    workspace = type(ground.workspace)(ground.workspace.root, changed)
    return Ground(**{**ground.__dict__, "workspace": workspace})


def content(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every mart, by grain."""
    found = {}
    with duckdb.connect() as con:
        for path in sorted((folder / "var" / "marts").glob("*/mart.json")):
            state = mart_files.read(path.parent)
            assert state is not None
            for grain, files in mart_files.paths(path.parent, state).items():
                rows = con.execute(
                    "SELECT * FROM read_parquet(?) ORDER BY ALL", [[*files.values()]]
                )
                found[f"{path.parent.name} {grain}"] = rows.fetchall()
    return found


def test_what_is_added_day_by_day_is_what_a_new_build_holds(
    tmp_path: Path, demo_warehouse: Path
) -> None:
    added = workspaces.over_demo(tmp_path / "added", demo_warehouse)
    anew = workspaces.over_demo(tmp_path / "anew", demo_warehouse)
    days = [date(2024, 2, 29), date(2024, 3, 1), LAST]
    for number, day in enumerate(days):
        with opened(added, day) as ground:
            built = mart_builds.refresh(ground, TABLES, always=True)
        kinds = set(hows(built).values())
        assert kinds == ({"days"} if number else {"whole"}), built
    reopened = {one.mart: one.days for one in built}
    # The 27 days since and those of before that late rows touch; nothing else is computed again.
    assert 27 < reopened["sessions-account_id-user_id"] < 60
    with opened(anew) as ground:
        mart_builds.refresh(ground, TABLES, always=True)
    assert content(added) == content(anew)
    with opened(added) as ground:
        again = mart_builds.refresh(ground, TABLES, always=True)
    assert set(hows(again).values()) == {"fresh"}


MOMENT = st.integers(0, 55).map(lambda hours: datetime(2025, 1, 30) + timedelta(hours=3 * hours))
TICKET = st.fixed_dictionaries(
    {
        "account_id": st.sampled_from(["a", "b", "internal", "unknown"]),
        "user_id": st.sampled_from(["u", "v", None]),
        "created_at": MOMENT,
        "first_response_at": st.none() | MOMENT,
        "resolved_at": st.none() | MOMENT,
        "reopened_at": st.none() | MOMENT,
        "priority": st.sampled_from(["critical", "low", None]),
        "agent_replies": st.sampled_from([None, 1, 4]),
        "recorded_at": MOMENT,
    }
)
ACCOUNTS = [
    {"account_id": "a", "segment": "smb"},
    {"account_id": "b", "segment": "enterprise"},
    {"account_id": "internal", "segment": "smb", "is_internal": True},
]


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.open(SUITE)


def few(model: Model, tickets: Sequence[dict[str, Any]], as_of: date, zone: ZoneInfo) -> Slice:
    rows = {
        "tickets": [{**ticket, "ticket_id": str(i)} for i, ticket in enumerate(tickets)],
        "accounts": ACCOUNTS,
        "users": [{"user_id": "u", "account_id": "a"}, {"user_id": "v", "is_internal": True}],
    }
    return slice_of_rows(model.sources, rows, as_of, zone)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    tickets=st.lists(TICKET, min_size=1, max_size=14),
    days=st.lists(st.integers(30, 36), min_size=2, max_size=4, unique=True).map(sorted),
    zone=st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"]),
)
def test_any_sequence_of_days_with_late_rows(
    model: Model,
    tmp_path_factory: pytest.TempPathFactory,
    tickets: list[dict[str, Any]],
    days: list[int],
    zone: str,
) -> None:
    folder = workspaces.small(tmp_path_factory.mktemp("few") / "few")
    (folder / "boardpack.yml").write_text(
        f"company: Few\ncurrency: USD\nzone: {zone}\ndimensions: [segment]\nmarts: always\n"
    )
    workspace = Model.open(folder).workspace
    for number in days:
        as_of = date(2025, 1, 1) + timedelta(days=number - 1)
        slice_ = few(model, tickets, as_of, ZoneInfo(zone))
        ground = Ground(workspace, model.catalogue, slice_, "", mart_grounds.remembered(slice_))
        built = mart_builds.refresh(ground, ["tickets"])
        assert {one.how for one in built} <= {"whole", "days", "fresh", "failed"}
        assert all(one.reason == "its source has no rows" for one in built if one.how == "failed")
        marts = mart_grounds.ready(ground)
        periods = [*Period.parse("2025-02").last(2), *Period.parse("2025-02-05").last(7)]
        of = {"tickets", "ticket_answers", "ticket_resolutions"}
        wanted = [k.id for k in model.catalogue.kpis.values()
                  if k.measures and of.issuperset(m.source for m in k.measures.values())]  # fmt: skip
        kpis = [k for k in wanted if not any(map(slice_.missing, model.catalogue.source_ids(k)))]
        assert kpis
        raw, stored = (
            compute(model.catalogue, slice_, kpis, periods, ["segment"], covered=True, **more)
            for more in ({}, {"marts": marts})
        )
        slice_.close()
        assert_same(raw, stored)


def change(folder: Path, sql: str) -> None:
    """Change the workspace's warehouse, which is then its own."""
    path = folder / "var" / "warehouse.duckdb"
    own = path.with_suffix(".own")
    shutil.copyfile(path, own)
    os.replace(own, path)
    with duckdb.connect(str(path)) as con:
        con.execute(sql)


@pytest.mark.parametrize(
    ("sql", "later", "how"),
    [
        # A row of before comes to be known late: only its day is computed again.
        ("INSERT INTO invoices SELECT 'late', account_id, DATE '2023-06-03', due_on, 777.77, 'paid',"
         " DATE '2023-06-09', TIMESTAMP '2024-03-29 08:00' FROM invoices LIMIT 1", 1, "days"),
        # Rows that change in place, or go, do not say so: all is built again.
        ("UPDATE invoices SET status = 'void' WHERE issued_on < DATE '2023-06-01'", 1, "whole"),
        ("UPDATE invoices SET status = 'void' WHERE issued_on < DATE '2023-06-01'", 0, "whole"),
        ("DELETE FROM invoices WHERE issued_on = (SELECT min(issued_on) FROM invoices)", 1, "whole"),
        ("INSERT INTO invoices SELECT 'back-dated', account_id, DATE '2023-06-03', due_on, 7, 'paid',"
         " NULL, TIMESTAMP '2023-06-03' FROM invoices LIMIT 1", 1, "whole"),
    ],
    ids=["late", "changed", "changed-same-day", "gone", "back-dated"],
)  # fmt: skip
def test_rows_that_change(copied: Path, sql: str, later: int, how: str) -> None:
    columns = "invoice_id, account_id, issued_on, due_on, amount, status, paid_on, recorded_at"
    change(copied, sql.replace("INSERT INTO invoices", f"INSERT INTO invoices ({columns})"))
    day = LAST + timedelta(days=later)
    with opened(copied, day) as ground:
        # What is stored is not what there is: it is not read.
        assert "invoices" in mart_grounds.ready(ground).lacking
        built = {b.mart: b for b in mart_builds.refresh(ground, ["invoices"], always=True)}
        assert built["invoices-account_id"].how == how
        if how == "days":
            assert 1 < built["invoices-account_id"].days < 60
        marts = mart_grounds.ready(ground)
        assert "invoices" not in marts.lacking
        same(ground, marts)


def test_a_mart_is_read_for_another_day_that_has_the_same_rows(copied: Path) -> None:
    with opened(copied, LAST - timedelta(days=1)) as ground:
        # Of budgets nothing became known on the last day; of sessions, much.
        assert set(mart_grounds.ready(ground).lacking) >= {"sessions"}
        assert "budgets" not in mart_grounds.ready(ground).lacking
        # Without hashes nobody can tell.
        unhashed = Ground(**{**ground.__dict__, "hashes": None})
        assert mart_grounds.ready(unhashed).lacking["budgets"] == "the mart is as of 2024-03-28"
        assert hows(mart_builds.refresh(ground, ["budgets"], always=True)) == {"budgets": "fresh"}
        # One may go back on purpose, and forward again.
        one = "invoices-account_id"
        assert hows(mart_builds.refresh(ground, ["invoices"], always=True))[one] == "older"
        again = mart_builds.refresh(ground, ["invoices"], always=True, back=True)
        assert hows(again)[one] == "whole"
    with opened(copied) as ground:
        assert hows(mart_builds.refresh(ground, ["invoices"], always=True))[one] == "days"
        same(ground, mart_grounds.ready(ground))


def test_files_tell_where_no_hash_is_known(copied: Path) -> None:
    with opened(copied, hashes=None) as ground:
        found = {mart.design.source for mart in mart_grounds.ready(ground).ready}
        assert found == {"budgets", "sessions", "invoices"}
    # Whatever is written to the file: that other tables alone changed cannot be told.
    change(copied, "UPDATE sessions SET platform = 'web'")
    with opened(copied, hashes=None) as ground:
        assert mart_grounds.ready(ground).ready == ()


def spoil_state(folder: Path) -> None:
    (folder / "mart.json").write_text('{"format": "of somebody else"}')


def cut_state(folder: Path) -> None:
    text = (folder / "mart.json").read_bytes()
    (folder / "mart.json").write_bytes(text[: len(text) // 2])


def flip_a_byte(folder: Path) -> None:
    path = sorted(folder.glob("*.parquet"))[5]
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(bytes(body))


def lose_a_file(folder: Path) -> None:
    sorted(folder.glob("*.parquet"))[0].unlink()


def escape(folder: Path) -> None:
    state = json.loads((folder / "mart.json").read_text())
    state["parts"][0]["file"] = "../../warehouse.duckdb"
    (folder / "mart.json").write_text(json.dumps(state))


@pytest.mark.parametrize("spoil", [spoil_state, cut_state, flip_a_byte, lose_a_file, escape])
def test_what_is_damaged_is_not_read_and_built_again(copied: Path, spoil: Any) -> None:
    spoil(copied / "var" / "marts" / "invoices-account_id")
    with opened(copied) as ground:
        marts = mart_grounds.ready(ground)
        assert marts.lacking["invoices"] in (
            "no mart is built",
            "the files of the mart are damaged",
        )
        same(ground, marts)
        built = hows(mart_builds.refresh(ground, ["invoices"], always=True))
        assert built["invoices-account_id"] == "whole"
        assert "invoices" not in mart_grounds.ready(ground).lacking


def test_a_mart_that_goes_while_it_is_read(copied: Path) -> None:
    with opened(copied) as ground:
        marts = mart_grounds.ready(ground)
        shutil.rmtree(copied / "var" / "marts")
        same(ground, marts)


KILLED = """
import sys, time
from boardpack import mart_builds, mart_files, mart_grounds, orders, runs
sys.path.insert(0, {tests!r})
import test_marts as t
write, written = mart_files.write_part, []
def slow(*arguments, **more):
    written.append(write(*arguments, **more))
    if len(written) == 5:
        print("amid", flush=True)
        time.sleep(60)
    return written[-1]
mart_files.write_part = slow
with t.opened(t.Path(sys.argv[1]), t.LAST + t.timedelta(days=20)) as ground:
    mart_builds.refresh(ground, ["sessions"], always=True)
"""


def test_a_build_that_is_killed_leaves_the_old_mart(copied: Path) -> None:
    change(copied, "UPDATE sessions SET platform = 'web' WHERE platform IS NULL")
    with opened(copied) as ground:
        mart_builds.refresh(ground, ["sessions"], always=True)
    before = content(copied)
    change(copied, "UPDATE sessions SET ended_at = started_at WHERE started_at < DATE '2023-09-01'")
    code = KILLED.format(tests=str(Path(__file__).parent))
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(copied)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process, opened(copied) as ground:
        assert process.stdout.readline() == "amid\n"
        # Nobody else builds it meanwhile, and no report waits for it.
        (busy,) = mart_builds.refresh(ground, ["sessions"], always=True)
        assert busy.how == "busy"
        assert busy.seconds < 5
        process.send_signal(signal.SIGKILL)
    folder = copied / "var" / "marts" / "sessions-account_id-user_id"
    state = mart_files.read(folder)
    assert state is not None
    assert mart_files.whole(folder, state)
    assert content(copied) == before
    assert len(list(folder.glob("*.parquet"))) == len(state.parts) + 5
    with opened(copied) as ground:
        assert hows(mart_builds.refresh(ground, ["sessions"], always=True)) == {
            folder.name: "whole"
        }
    state = mart_files.read(folder)
    assert state is not None
    # What was left over is gone; what a reader of before may still read is not.
    assert len(list(folder.glob("*.parquet"))) == 2 * len(state.parts)


def test_marts_are_derived_and_hold_keys_not_members(model: Model) -> None:
    found = {design.name: design for design in designs(model.catalogue, BY)}
    sessions = found["sessions-account_id-user_id"]
    assert all("account__" not in str(part) for unit in sessions.units for part in unit)
    assert ("count", None, None) in found["web_visits"].units
    bounds = {str(argument) for _, argument, _ in found["request_metrics-region"].units}
    assert {'"le_25"', '"le_10000"', '"requests"'} <= bounds
    assert len({design.units for design in designs(model.catalogue, ())}) > 10


@pytest.mark.parametrize(
    ("kpi", "reason"),
    [
        ("resolution_time", "a percentile needs every row"),
        ("total_revenue", "amounts are shared out by the days of each row"),
        ("website_visitors", "visitor_id says who somebody is, and is not kept twice"),
        ("organic_growth_rate", "account.referral_id is a column of another table"),
    ],
)
def test_what_no_mart_can_answer(model: Model, kpi: str, reason: str) -> None:
    measures = [m for k in model.catalogue.order([kpi]) for m in k.measures.values()]
    needs = [
        flow_need(model.sources, m, []) for m in measures if not model.sources[m.source].panel_of
    ]
    assert reason in needs, needs


def test_days_of_users_are_read_by_month_only_where_none_comes_twice(demo: Path) -> None:
    with opened(demo) as ground:
        marts = mart_grounds.ready(ground)
        (measure,) = [
            m for m in ground.catalogue["dau"].measures.values() if m.source == "user_days"
        ]  # fmt: skip
        need = flow_need(ground.catalogue.sources, measure, ["segment"])
        assert isinstance(need, Need)
        month = [date(2024, 3, 1), date(2024, 4, 1)]
        assert getattr(marts.reader(need, month), "grain", "") == "month"
        cut = [date(2024, 3, 2), date(2024, 4, 1)]
        assert getattr(marts.reader(need, cut), "grain", "") == "day"
        twice = [type(m)(m.design, m.files, m.rows) for m in marts.ready]
        assert getattr(Marts(tuple(twice)).reader(need, month), "grain", "") == "day"


def test_other_zones_dimensions_and_definitions(copied: Path, demo_warehouse: Path) -> None:
    config = copied / "boardpack.yml"
    text = config.read_text()
    for old, new, why in (
        ("zone: UTC", "zone: America/New_York", "the mart is of other definitions"),
        ("scorecard:", "marts: never\nscorecard:", "boardpack.yml says marts: never"),
    ):
        assert old in text
        config.write_text(text.replace(old, new))
        with opened(copied) as ground:
            marts = mart_grounds.ready(ground)
            assert marts.ready == ()
            assert why in (marts.otherwise, marts.lacking.get("sessions"))
            same(ground, marts)
    config.write_text(text)
    with opened(copied) as ground:
        marts = mart_grounds.ready(ground)
        kpis = ["session_duration"]
        for by, read in ((["segment"], True), (["role"], True), (["platform"], False)):
            planned = make_plan(ground.catalogue, ground.slice_, kpis, MONTHS, by, marts)
            assert [s.stored for s in planned.statements if s.source == "sessions"] == [read], by


def test_clocks_that_go_back_over_midnight(tmp_path: Path, model: Model) -> None:
    # Until 2011 Newfoundland's clocks changed a minute after midnight.
    zone = ZoneInfo("America/St_Johns")
    folder = workspaces.small(tmp_path / "few", workspaces.SETTINGS + "marts: always\n")
    rows = [{"account_id": "a", "created_at": datetime(2010, 11, 6 + i)} for i in range(3)]
    slice_ = few(
        model, [{**row, "recorded_at": row["created_at"]} for row in rows], date(2010, 12, 31), zone
    )
    ground = Ground(
        Model.open(folder).workspace, model.catalogue, slice_, "", mart_grounds.remembered(slice_)
    )
    built = {b.mart: b for b in mart_builds.refresh(ground, ["tickets"])}
    slice_.close()
    one = built["tickets-account_id-user_id"]
    assert one.how == "failed"
    assert one.reason == "clocks are set over midnight around 2010-11-07."


def invoke(folder: Path, *arguments: str) -> Any:
    done = CliRunner().invoke(main, [*arguments, "--workspace", str(folder)])
    assert done.exit_code == 0, done.output
    return json.loads(done.output) if "--json" in arguments else done.output


DAY = ("--as-of", str(LAST))


def test_the_command_line(copied: Path) -> None:
    assert invoke(copied, "mart", "build", *DAY) == ""  # no table is large
    built = invoke(copied, "mart", "build", "sessions", *DAY, "--json")
    assert [(one["mart"], one["how"]) for one in built] == [
        ("sessions-account_id-user_id", "fresh")
    ]
    listed = {one["mart"]: one for one in invoke(copied, "mart", "list", *DAY, "--json")}
    assert listed["sessions-account_id-user_id"]["used"]
    assert listed["sessions-account_id-user_id"]["bytes"] > 0
    assert listed["gl_entries-segment"]["reason"] == "no mart is built"
    assert "as of 2024-03-28" in invoke(copied, "doctor")
    told = invoke(copied, "kpi", "sql", "dau", *DAY)
    assert "-- reads mart sessions by month, account_id, user_id" in told
    shown = invoke(copied, "kpi", "show", "dau", *DAY, "--json")
    assert invoke(copied, "mart", "drop", "budgets") == "dropped budgets\n"
    invoke(copied, "mart", "drop")
    assert not list((copied / "var" / "marts").glob("*/"))
    assert "-- reads rows of user_days" in invoke(copied, "kpi", "sql", "dau", *DAY)
    again = invoke(copied, "kpi", "show", "dau", *DAY, "--json")
    assert [row["value"] for row in again] == pytest.approx([row["value"] for row in shown], 1e-12)
    done = CliRunner().invoke(main, ["mart", "drop", "budget", "--workspace", str(copied)])
    assert done.exit_code == 1
    assert "Unknown mart 'budget'" in done.output


def test_runs_keep_marts_and_publish_the_same(tmp_path: Path, process: NotebookProcess) -> None:
    published = {}
    for setting in ("always", "never"):
        folder = workspaces.shop(tmp_path / setting)
        with (folder / "boardpack.yml").open("a", encoding="utf-8") as file:
            file.write(f"marts: {setting}\n")
        own = Model.open(folder)
        for period in ("2025-04", "2025-05"):
            wanted = orders.order(own, "monthly", period)
            made = runs.run(own, wanted, now=lambda: datetime.now(UTC), process=process)
            assert made.status == "published", made.error
        assert made.edition is not None
        manifest = read_manifest(made.edition)
        facts = [manifest[name] for name in ("fingerprints", "definitions", "as_of")]
        published[setting] = pd.read_parquet(made.edition / "values.parquet"), facts
    assert_same(published["never"][0], published["always"][0])
    assert published["never"][1] == published["always"][1]
    assert not (tmp_path / "never" / "var" / "marts").exists()
    states = mart_files.present(Model.open(tmp_path / "always").workspace)
    assert {str(state.as_of) for state in states.values() if state} == {"2025-05-31"}
    # A select may read anything: its rows alone tell whether the mart is theirs.
    assert {state.stamp for state in states.values() if state} == {""}

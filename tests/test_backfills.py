"""Backfills: many editions, each as a single run makes it, whatever happens on the way."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

import workspaces
from boardpack import backfill_workers, backfills, edition_folders, reconciliation
from boardpack.backfills import Backfill, Progress
from boardpack.errors import BoardpackError, PeriodError, RunError, UnknownNameError
from boardpack.executions import NotebookProcess
from boardpack.ledger import Ledger
from boardpack.manifests import verify
from boardpack.model import Model


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(autouse=True)
def notebooks_are_loaded_once(monkeypatch: pytest.MonkeyPatch, process: NotebookProcess) -> None:
    """For what this process makes; workers of its own load their own."""
    monkeypatch.setattr(backfill_workers, "NotebookProcess", lambda: nullcontext(process))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return workspaces.shop(tmp_path / "shop")


def fill(
    folder: Path, first: str = "2024-09", last: str = "2024-11", as_of: str = "", **options: Any
) -> Backfill:
    model = Model.open(folder)
    return backfills.make(
        model, backfills.plan(model, "monthly", first, last, as_of), now=now, **options
    )


def outcome(found: Backfill) -> list[tuple[str, str, int | None]]:
    return [(entry.period, entry.status, entry.revision) for entry in found.entries]


def restated(folder: Path, place: str) -> list[dict[str, Any]]:
    path = folder / "var" / "editions" / "monthly" / place / "restatements.json"
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(
    ("report", "first", "last", "as_of", "kind", "says"),
    [
        ("montly", "2024-09", "2024-11", "", UnknownNameError, "did you mean 'monthly'"),
        ("monthly", "2024-11", "2024-09", "", PeriodError, "--from 2024-09 --to 2024-11"),
        ("monthly", "2024-13", "2024-09", "", PeriodError, "not in the calendar"),
        ("monthly", "2024-09", "soon", "", PeriodError, "is not a period"),
        ("monthly", "2024-Q3", "2024-11", "", PeriodError, "is a quarter and 2024-11 a month"),
        ("monthly", "2024-Q3", "2024-Q4", "", PeriodError, "made for a month, not for 2024-Q3"),
        ("monthly", "2019-01", "2019-06", "", PeriodError, "before the data"),
        ("monthly", "2019-01", "2024-11", "", PeriodError, "--from 2024-01 --to 2025-06"),
        ("monthly", "2024-09", "2026-01", "", PeriodError, "lies after the data"),
        ("monthly", "2024-09", "2024-11", "2024-10-31", PeriodError, "begins after the as-of"),
        ("monthly", "2024-09", "2024-11", "then", PeriodError, "is not a day"),
    ],
)
def test_ranges_that_cannot_be_make_nothing(
    shop: Path, report: str, first: str, last: str, as_of: str, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says):
        backfills.plan(Model.open(shop), report, first, last, as_of)
    assert not (shop / "var").exists()


@pytest.mark.parametrize(
    ("as_of", "days"),
    [
        ("", ["2024-09-30", "2024-10-31", "2024-11-30"]),
        ("2025-01-15", ["2025-01-15"] * 3),
        ("2024-11-10", ["2024-11-10"] * 3),
    ],
)
def test_known_then_or_by_one_day(shop: Path, as_of: str, days: list[str]) -> None:
    orders = backfills.plan(Model.open(shop), "monthly", "2024-09", "2024-11", as_of)
    assert [order.period.label for order in orders] == ["2024-09", "2024-10", "2024-11"]
    assert [order.as_of.isoformat() for order in orders] == days


def test_what_is_published_is_skipped_until_something_differs(shop: Path) -> None:
    told: list[Progress] = []
    first = fill(shop, progress=told.append)
    assert outcome(first) == [(p, "published", 1) for p in ("2024-09", "2024-10", "2024-11")]
    assert first.exit_code == 0
    assert [(step.done, step.total) for step in told] == [(1, 3), (2, 3), (3, 3)]
    assert told[0].left is not None
    assert told[0].left > 0
    assert told[-1].left == 0
    index = (shop / "var" / "site" / "index.html").read_text(encoding="utf-8")
    assert all(f"monthly/{entry.period}/r1/report.html" in index for entry in first.entries)

    again = fill(shop, last="2024-12")
    assert outcome(again) == [
        *((p, "skipped", 1) for p in ("2024-09", "2024-10", "2024-11")),
        ("2024-12", "published", 1),
    ]
    # Another as-of is another edition, and both are then known.
    assert outcome(fill(shop, last="2024-09", as_of="2025-01-15")) == [("2024-09", "published", 2)]
    assert outcome(fill(shop, last="2024-09")) == [("2024-09", "skipped", 1)]
    assert outcome(fill(shop, last="2024-09", as_of="2025-01-15")) == [("2024-09", "skipped", 2)]

    workspaces.buy(shop, "20241015 1 20.00")
    late = fill(shop, last="2024-10")
    assert outcome(late) == [("2024-09", "skipped", 1), ("2024-10", "published", 2)]
    (against, _) = restated(shop, "2024-10/r2")
    revenue = next(row for row in against["rows"] if row["kpi"] == "total_revenue")
    assert revenue["after"] - revenue["before"] == pytest.approx(20)
    assert revenue["causes"] == ["late data"]
    page = (shop / "var/editions/monthly/2024-10/r2/report.html").read_text(encoding="utf-8")
    assert "otherwise than revision 1 published, as of October 31, 2024." in page
    assert revenue["before_text"] in page
    shown = json.loads((shop / "var/editions/monthly/2024-10/r2/shown.json").read_text())
    assert {"kpi": "total_revenue", "period": "2024-10", "member": "",
            "text": revenue["before_text"], "what": "published"} in shown  # fmt: skip

    (shop / "kpis").mkdir()
    definition = (
        "- kpi: purchases\n  replaces: purchases\n  name: Purchases\n  definition: Those above 15.\n"
        "  category: revenue\n  unit: count\n  direction: higher\n  owner: Sales\n  additive: true\n"
        "  dimensions: [segment, region]\n"
        "  measures:\n    value: {source: invoices, value: count(*), where: amount > 15}\n"
    )
    (shop / "kpis" / "own.yml").write_text(definition, encoding="utf-8")
    assert outcome(fill(shop, last="2024-09")) == [("2024-09", "published", 3)]
    (against,) = restated(shop, "2024-09/r3")
    causes = {row["kpi"]: row["causes"] for row in against["rows"] if row["period"] == "2024-09"}
    assert "definition" in causes["purchases"]


def test_again_makes_a_new_revision(shop: Path) -> None:
    fill(shop, last="2024-09")
    assert outcome(fill(shop, last="2024-09", again=True)) == [("2024-09", "published", 2)]


def test_one_that_fails_or_is_held_does_not_stop_the_others(shop: Path) -> None:
    path = shop / "sources" / "invoices.yml"
    good = path.read_text(encoding="utf-8")
    # By its own as-of the October of this table has a purchase twice.
    path.write_text(
        good.rstrip().removesuffix("FROM purchases")
        + "FROM (FROM purchases UNION ALL SELECT * FROM purchases"
        " WHERE line = (SELECT max(line) FROM purchases WHERE bought_on = '2024-10-12'))\n",
        encoding="utf-8",
    )
    found = fill(shop, "2024-08", "2024-10")
    assert [entry.status for entry in found.entries] == ["published", "published", "held"]
    assert (found.exit_code, found.count("held")) == (3, 1)
    assert any("invoices" in reason for reason in found.entries[-1].reasons)
    path.write_text(good, encoding="utf-8")
    # A lock that another run holds costs this period and no other.
    root = shop / "var" / "editions"
    with edition_folders.running(root, "monthly", "2024-11"):
        found = fill(shop, "2024-11", "2024-12")
    assert [entry.status for entry in found.entries] == ["failed", "published"]
    assert found.exit_code == 4
    assert "at work already" in (found.entries[0].error or {})["message"]
    assert found.as_dict()["failed"] == 1
    assert outcome(fill(shop, "2024-11", "2024-11")) == [("2024-11", "published", 1)]


def test_several_at_once_give_what_one_after_another_gives(shop: Path, tmp_path: Path) -> None:
    other = workspaces.shop(tmp_path / "other")
    one, two = fill(shop), fill(other, jobs=2)
    assert outcome(one) == outcome(two)
    for entry in one.entries:
        place = f"{entry.period}/r1"
        assert restated(shop, place) == restated(other, place)
        pd.testing.assert_frame_equal(
            *(
                pd.read_parquet(folder / "var/editions/monthly" / place / "values.parquet")
                for folder in (shop, other)
            )
        )
    assert [against["period"] for against in restated(other, "2024-11/r1")] == ["2024-10"]


def test_two_backfills_of_a_report_do_not_meet(shop: Path) -> None:
    from boardpack.locks import lock

    held = lock(shop / "var" / "editions" / ".locks" / "backfill-monthly.lock", "x")
    with held, pytest.raises(RunError, match="A backfill of monthly is at work already"):
        fill(shop)
    assert not list((shop / "var" / "editions").glob("monthly/*"))


@pytest.mark.parametrize(
    ("cores", "free", "periods", "jobs"),
    [(8, 32e9, 36, 8), (8, 32e9, 3, 3), (8, 3e9, 36, 2), (8, 0.2e9, 36, 1), (1, 32e9, 36, 1)],
)
def test_as_many_at_once_as_cores_and_memory_allow(
    monkeypatch: pytest.MonkeyPatch, cores: int, free: float, periods: int, jobs: int
) -> None:
    class Memory:
        available = free

    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cores)), raising=False)
    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    monkeypatch.setattr(backfills, "_left_in_group", lambda: float("inf"))
    assert backfills.default_jobs(periods) == jobs


def command(folder: Path, *more: str, last: str = "2024-11") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "boardpack", "backfill", "monthly", "--from", "2024-09",
         "--to", last, "--json", *more],
        cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip


def kill_all(started: subprocess.Popen[str]) -> None:
    os.killpg(started.pid, signal.SIGKILL)


def kill_the_caller(started: subprocess.Popen[str]) -> None:
    """Its workers see that it is gone, and end by themselves."""
    workers = psutil.Process(started.pid).children(recursive=True)
    os.kill(started.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []


def kill_a_worker(started: subprocess.Popen[str]) -> None:
    """The backfill goes on, and says which period it cost."""
    workers = [
        child
        for child in psutil.Process(started.pid).children()
        if "spawn_main" in " ".join(child.cmdline())
    ]
    if workers:
        workers[0].kill()
    out, told = started.communicate(timeout=300)
    found = json.loads(out)
    assert found["published"] + found["skipped"] + found["failed"] == 3, told
    assert started.returncode == (4 if found["failed"] else 0)


def whole_and_recorded_once(folder: Path) -> None:
    """No edition is half there, no row lost or doubled, once what was left is mended."""
    root = folder / "var" / "editions"
    for edition in root.glob("monthly/*/r*"):
        assert verify(edition) == []
    if not (folder / "var" / "ledger.sqlite").exists():
        return
    with Ledger(folder / "var" / "ledger.sqlite") as ledger:
        assert reconciliation.reconcile(root, ledger).strange == ()
        rows = ledger.editions()
    on_disk = sorted(path.relative_to(root).as_posix() for path in root.glob("monthly/*/r*"))
    assert sorted(row.folder for row in rows) == on_disk
    # What is published is skipped, so that no period is ever made twice.
    assert all(row.revision == 1 for row in rows)


def killed_again_and_again(
    folder: Path, kills: list[Callable[[subprocess.Popen[str]], None]], seed: int, span: float
) -> None:
    chance = random.Random(seed)
    for kill in kills:
        # One that ended before its kill is left with its pipes open: the context closes them.
        with command(folder, "--jobs", "2") as started:
            time.sleep(chance.uniform(0.2, 1.0) * span)
            if started.poll() is None:
                kill(started)
        whole_and_recorded_once(folder)
    last = command(folder, "--jobs", "2")
    found = json.loads(last.communicate(timeout=300)[0])
    assert last.returncode == 0
    assert found["published"] + found["skipped"] == 3
    whole_and_recorded_once(folder)
    assert len(list((folder / "var/editions").glob("monthly/*/r1"))) == 3
    assert list((folder / "var/editions").glob(".tmp-*")) == []


def test_killed_at_random_moments_the_next_call_completes_the_work(shop: Path) -> None:
    killed_again_and_again(shop, [kill_the_caller, kill_a_worker], 3, 9.0)


@pytest.mark.slow
def test_killed_many_times(tmp_path: Path) -> None:
    for seed in range(4):
        folder = workspaces.shop(tmp_path / f"shop-{seed}")
        kills = [kill_all, kill_the_caller, kill_a_worker, kill_all, kill_the_caller]
        killed_again_and_again(folder, kills, seed, 7.0)


def test_an_index_that_cannot_be_written_is_told(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise BoardpackError("the disk is full.")

    monkeypatch.setattr("boardpack.site.refresh", refuse)
    found = fill(shop, last="2024-09")
    assert (found.exit_code, found.problem) == (0, "the index was not written: the disk is full.")

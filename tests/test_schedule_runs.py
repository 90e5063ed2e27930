"""What is due and what `run` makes of it: once each, caught up, tried again, one scheduler at a time."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from boardpack import manifests, reconciliation, schedule_runs
from boardpack.errors import DefinitionError, StorageError
from boardpack.ledger import Ledger
from boardpack.ledger_rows import MadeFor, RunStarted
from boardpack.workspace import Workspace
from processes import PROCESSES
from schedule_fixture import Maker, desk, run, status, told, utc

DAILY = "report: day\ncron: '0 6 * * *'\n"
MONTHLY = "report: month\ncron: '0 7 2 * *'\n"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule_runs, "_Maker", Maker)


def ledger(folder: Path) -> Ledger:
    return Ledger(folder / "var" / "ledger.sqlite")


def attempts(folder: Path) -> list[tuple[str, str, int, str]]:
    """Schedule, slot, attempt and end of every run in the ledger."""
    with ledger(folder) as opened:
        return [
            (r.started.made_for.schedule, r.started.made_for.slot[:10], r.started.made_for.attempt,
             r.ended.status if r.ended else "begun")
            for r in opened.runs() if r.started.made_for
        ]  # fmt: skip


def plan(folder: Path, **reports: Any) -> None:
    (folder / "plan.json").write_text(json.dumps(reports))


def test_what_is_due_is_made_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", daily=DAILY, monthly=MONTHLY)
    assert run(folder, "2026-01-05 05:59", ["daily"]) != []
    first = run(folder, "2026-01-05 08:00")
    assert told(first) == [
        ("month 2025-12 as of 2025-12-31", "published"),
        ("day 2026-01-04 as of 2026-01-04", "published"),
    ]
    for now in ("2026-01-05 08:00", "2026-01-05 23:00", "2026-01-06 05:59"):
        assert run(folder, now) == []
    assert told(run(folder, "2026-01-06 06:00")) == [
        ("day 2026-01-05 as of 2026-01-05", "published")
    ]
    with ledger(folder) as opened:
        made = Counter((row.report, row.period) for row in opened.editions())
    assert set(made.values()) == {1}


def test_what_a_run_was_made_for_is_on_record(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", monthly=MONTHLY)
    run(folder, "2026-01-05 08:00")
    with ledger(folder) as opened:
        (made,) = opened.runs()
    assert made.started.made_for == MadeFor("monthly", "2026-01-02T07:00:00+00:00", 1)


def test_an_edition_that_a_person_made_counts(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", monthly=MONTHLY, other="report: month\ncron: '0 8 3 * *'\n",
                  later=MONTHLY + "as_of: 2 days after period end\n".replace("0 7 2", "0 7 4"))  # fmt: skip
    # Two schedules want the same; a third wants the same period as known later.
    assert told(run(folder, "2026-01-05 08:00")) == [
        ("month 2025-11 as of 2025-12-02", "published"),
        ("month 2025-12 as of 2025-12-31", "published"),
    ]
    assert run(folder, "2026-01-05 08:00") == []


@pytest.mark.parametrize(
    ("catch_up", "made"),
    [
        ("latest", ["2026-01-15"]),
        ("all", [f"2026-01-{day:02d}" for day in range(6, 16)]),
        ("none", []),
    ],
)
def test_a_machine_that_was_off_for_ten_days(
    tmp_path: Path, catch_up: str, made: list[str]
) -> None:
    folder = desk(tmp_path / "w", daily=f"{DAILY}catch_up: {catch_up}\ngrace: 1 hour\n")
    run(folder, "2026-01-06 06:30")
    again = run(folder, "2026-01-16 09:00")
    assert [outcome.slot.period.label for outcome in again] == made
    assert run(folder, "2026-01-16 09:00") == []
    states = Counter(state for _, state, _ in status(folder, "2026-01-16 09:00"))
    lacking = {"latest": {"skipped": 9}, "all": {}, "none": {"skipped": 9, "missed": 1}}[catch_up]
    assert states == {"made": 1 + len(made), **lacking}
    # The next morning is an ordinary one again.
    assert [o.slot.period.label for o in run(folder, "2026-01-17 06:10")] == ["2026-01-16"]


def test_a_start_lies_before_what_is_caught_up(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", monthly=f"{MONTHLY}catch_up: all\nstart: 2025-11-01\n")
    made = [outcome.slot.period.label for outcome in run(folder, "2026-01-05 08:00")]
    assert made == ["2025-10", "2025-11", "2025-12"]


def test_what_failed_is_tried_again_after_ever_longer_waits(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", daily=f"{DAILY}retries: 2\nback_off: 10 minutes\n")
    plan(folder, day=["failed"])
    tried = []
    for minute in range(0, 120, 5):
        at = utc("2026-01-05 06:00") + timedelta(minutes=minute)
        (outcome,) = run(folder, f"{at:%Y-%m-%d %H:%M}")
        assert schedule_runs.exit_code([outcome]) == 4
        if outcome.tried:
            tried.append(minute)
    # 10 minutes, then 20; after the second retry it is given up until a person looks at it.
    assert tried == [0, 10, 30]
    assert [attempt for _, _, attempt, _ in attempts(folder)] == [1, 2, 3]
    ((_, state, late),) = status(folder, "2026-01-05 08:30")
    assert (state, late) == ("given up", True)
    # A new day is a new slot, with attempts of its own.
    plan(folder, day=["failed", "published"])
    assert told(run(folder, "2026-01-06 06:00"))[0][1] == "failed"
    assert told(run(folder, "2026-01-06 06:10"))[0][1] == "published"


def test_no_wait_is_longer_than_a_day(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", monthly=f"{MONTHLY}retries: 100\nback_off: 20 hours\n")
    plan(folder, month=["failed"])
    for day in range(2, 20):
        assert [o.tried for o in run(folder, f"2026-01-{day:02d} 07:00")] == [True]
    assert len(attempts(folder)) == 18


def test_what_is_held_waits_for_other_data_or_its_back_off(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", daily=f"{DAILY}retries: 1\nback_off: 1 hour\n")
    plan(folder, day=["held"])
    (outcome,) = run(folder, "2026-01-05 06:00")
    assert (outcome.status, outcome.tried, outcome.told) == ("held", True, "held: too few rows")
    (outcome,) = run(folder, "2026-01-05 06:30")
    assert (outcome.status, outcome.tried) == ("held", False)
    assert "again from 2026-01-05T07:00:00+00:00: too few rows" in outcome.told
    assert schedule_runs.exit_code([outcome]) == 3
    (folder / "data.txt").write_text("more rows")
    assert [o.tried for o in run(folder, "2026-01-05 06:35")] == [True]
    # Its retries are used up, so only data are a reason to try again; and they are at any time.
    assert [o.tried for o in run(folder, "2026-01-05 12:00")] == [False]
    (folder / "data.txt").write_text("all rows")
    plan(folder, day=["published"])
    assert told(run(folder, "2026-01-05 12:05"))[0][1] == "published"


def test_one_that_fails_stops_no_other_and_the_worst_is_the_exit_code(tmp_path: Path) -> None:
    folder = desk(
        tmp_path / "w", daily=DAILY, monthly=MONTHLY,
        quarterly="report: quarter\ncron: '0 7 4 1,4,7,10 *'\n",
        weekly="report: week\ncron: '0 6 * * 1'\n",
    )  # fmt: skip
    plan(folder, month=["failed"], quarter=["bug"], week=["held"])
    outcomes = run(folder, "2026-01-05 08:00")
    assert {(o.slot.report, o.status) for o in outcomes} == {
        ("month", "failed"), ("quarter", "failed"), ("week", "held"), ("day", "published"),
    }  # fmt: skip
    assert schedule_runs.exit_code(outcomes) == 4
    # A mistake of ours counts as a failed run too, and has its back-off.
    ends = {schedule: end for schedule, _, _, end in attempts(folder)}
    assert ends == {
        "monthly": "failed",
        "quarterly": "failed",
        "weekly": "held",
        "daily": "published",
    }
    assert {o.tried for o in run(folder, "2026-01-05 08:01")} == {False}


def test_a_bug_in_one_of_several_that_are_made_together(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", a=DAILY, b="report: other\ncron: '0 6 * * *'\nas_of: yesterday\nperiod: current\n",
                  reports=("day", "other"))  # fmt: skip
    plan(folder, day=["bug"])
    outcomes = {o.slot.report: o.status for o in run(folder, "2026-01-05 08:00")}
    assert outcomes == {"day": "failed", "other": "published"}
    assert sorted(end for *_, end in attempts(folder)) == ["failed", "failed", "published"]


def test_a_report_that_cannot_be_ordered_is_told_and_leaves_no_attempt(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", daily=DAILY, monthly=MONTHLY)
    plan(folder, day=["refused"])
    outcomes = run(folder, "2026-01-05 08:00")
    assert {(o.slot.report, o.status) for o in outcomes} == {
        ("month", "published"), ("day", "failed"),
    }  # fmt: skip
    assert any("a cell that is not there" in o.told for o in outcomes)
    assert [schedule for schedule, *_ in attempts(folder)] == ["monthly"]


def test_every_member_is_made_once(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", daily=f"{DAILY}members: {{segment: [smb, enterprise]}}\n")
    assert told(run(folder, "2026-01-05 08:00")) == [
        ("day 2026-01-04 (smb) as of 2026-01-04", "published"),
        ("day 2026-01-04 (enterprise) as of 2026-01-04", "published"),
    ]
    assert run(folder, "2026-01-05 09:00") == []
    with ledger(folder) as opened:
        assert sorted(e.segment for e in opened.editions()) == ["enterprise", "smb"]


def test_a_schedule_that_is_switched_off_runs_only_when_it_is_named(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", daily=f"{DAILY}enabled: false\n", monthly=MONTHLY)
    assert [o.slot.report for o in run(folder, "2026-01-05 08:00")] == ["month"]
    assert [o.slot.report for o in run(folder, "2026-01-05 08:00", ["daily"])] == ["day"]


def test_nothing_is_made_in_a_workspace_whose_schedules_never_fired(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", daily=f"{DAILY}start: 2026-02-01\n")
    assert run(folder, "2026-01-05 08:00") == []
    assert not (folder / "var").exists()


def test_status_says_what_exists_and_what_is_late_and_changes_nothing(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", daily=f"{DAILY}grace: 1 hour\n", monthly=MONTHLY)
    before = sorted(folder.rglob("*"))
    assert status(folder, "2026-01-02 06:30") == [
        ("01-02 06:00 day 2026-01-01 as of 2026-01-01", "due", False),
        ("12-02 07:00 month 2025-11 as of 2025-11-30", "due", True),
    ]
    assert sorted(folder.rglob("*")) == before
    run(folder, "2026-01-02 07:30")
    assert status(folder, "2026-01-02 08:00") == [
        ("01-02 06:00 day 2026-01-01 as of 2026-01-01", "made", True),
        ("01-02 07:00 month 2025-12 as of 2025-12-31", "made", False),
    ]


def test_the_second_scheduler_skips_what_the_first_is_making_and_says_so(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", daily=DAILY, monthly=MONTHLY)
    root = folder / "var" / "editions"
    with schedule_runs._claim(root, "month", "2025-12", ""):
        outcomes = run(folder, "2026-01-05 08:00")
    assert told(outcomes) == [
        ("month 2025-12 as of 2025-12-31", "busy"),
        ("day 2026-01-04 as of 2026-01-04", "published"),
    ]
    assert f"at work already (process {os.getpid()})" in outcomes[0].told
    assert schedule_runs.exit_code(outcomes) == 0
    assert told(run(folder, "2026-01-05 08:00")) == [
        ("month 2025-12 as of 2025-12-31", "published")
    ]


def call(folder: Path, now: str, ready: Any) -> None:
    """What a process of its own does: one call of the scheduler."""
    schedule_runs._Maker = Maker  # type: ignore[misc, assignment]
    ready.wait() if hasattr(ready, "wait") else ready.send("at work")
    run(folder, now)


def test_schedulers_at_once_make_each_slot_once(tmp_path: Path) -> None:
    folder = desk(
        tmp_path / "w", daily=f"{DAILY}catch_up: all\nstart: 2026-01-01\n", monthly=MONTHLY
    )
    ready = PROCESSES.Barrier(3)
    callers = [
        PROCESSES.Process(target=call, args=(folder, "2026-01-15 08:00", ready)) for _ in range(3)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(120)
    assert [caller.exitcode for caller in callers] == [0, 0, 0]
    run(folder, "2026-01-15 08:00")
    whole_and_once(folder, 16)


def whole_and_once(folder: Path, count: int) -> None:
    """Every slot has one edition that is whole, in the ledger and on the disk."""
    root = folder / "var" / "editions"
    with ledger(folder) as opened:
        assert reconciliation.reconcile(root, opened) == reconciliation.Reconciled()
        rows = opened.editions()
        numbers = [made.attempt for r in opened.runs() if (made := r.started.made_for)]
    assert Counter(row.revision for row in rows) == {1: count}
    assert sorted(root / row.folder for row in rows) == sorted(root.glob("[!.]*/*/r*"))
    assert all(manifests.verify(root / row.folder, row.manifest_hash) == [] for row in rows)
    assert len(numbers) >= count


def catching_up(folder: Path, start: str) -> Path:
    """A workspace with a day to make for each morning since ``start``, and a month.

    There are no retries: a kill must not count as a failure of the report.
    """
    daily = f"{DAILY}catch_up: all\nstart: {start}\nretries: 0\n"
    return desk(folder, daily=daily, monthly=f"{MONTHLY}retries: 0\n")


def at_work(folder: Path, now: str) -> Any:
    """A process that has begun to call the scheduler."""
    ours, theirs = PROCESSES.Pipe()
    process = PROCESSES.Process(target=call, args=(folder, now, theirs))
    process.start()
    assert ours.poll(60)
    return process


def kill_at_random(folder: Path, now: str, times: int, dice: random.Random) -> int:
    """Call the scheduler so often, and kill it at a random moment each time; how many were hit."""
    # As long as a few editions take on this machine now.
    measured = at_work(
        catching_up(folder.with_name("measured"), f"{now[:8]}{int(now[8:10]) - 2}"), now
    )
    began = time.monotonic()
    measured.join(60)
    longest = time.monotonic() - began
    shutil.rmtree(folder.with_name("measured"))
    hit = 0
    seen: set[Path] = set()
    for _ in range(times):
        process = at_work(folder, now)
        process.join(dice.uniform(0.0, longest))
        process.kill()
        process.join(60)
        hit += process.exitcode == -signal.SIGKILL
        for edition in {*(folder / "var" / "editions").glob("[!.]*/*/r*")} - seen:
            assert manifests.verify(edition) == []
            seen.add(edition)
    return hit


def test_killed_at_random_points_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    folder = catching_up(tmp_path / "w", "2026-01-10")
    assert kill_at_random(folder, "2026-01-30 08:00", 12, random.Random(11)) >= 5
    assert all(outcome.status == "published" for outcome in run(folder, "2026-01-30 08:00"))
    whole_and_once(folder, 22)
    assert run(folder, "2026-01-30 08:00") == []
    assert {end for *_, end in attempts(folder)} == {"published", "begun"}


@pytest.mark.slow
def test_killed_at_random_points_fifty_times(tmp_path: Path) -> None:
    dice = random.Random(23)
    for round_ in range(2):
        folder = catching_up(tmp_path / f"w{round_}", "2026-01-01")
        kill_at_random(folder, "2026-01-30 08:00", 25, dice)
        run(folder, "2026-01-30 08:00")
        whole_and_once(folder, 31)
        shutil.rmtree(folder)


@pytest.mark.parametrize("moment", ["attempt", "edition"])
def test_killed_between_two_steps(tmp_path: Path, moment: str) -> None:
    folder = desk(tmp_path / "w", monthly=f"{MONTHLY}retries: 0\n")
    workspace = Workspace.open(folder)
    root = workspace.var / "editions"
    root.mkdir(parents=True)
    if moment == "attempt":
        with ledger(folder) as opened:
            opened.start(
                RunStarted("dead", "month", "2025-12", "month", "2025-12-31", "2026-01-02T07:00:01+00:00",
                           made_for=MadeFor("monthly", "2026-01-02T07:00:00+00:00", 1))
            )  # fmt: skip
        (found,) = status(folder, "2026-01-02 07:05")
        assert found[1] == "running"
    else:
        run(folder, "2026-01-02 07:00")
        # The edition was renamed to its place, and its row was not written any more.
        (folder / "var" / "ledger.sqlite").unlink()
    outcomes = run(folder, "2026-01-02 07:05")
    expected = ["published"] if moment == "attempt" else []
    assert [outcome.status for outcome in outcomes] == expected
    with ledger(folder) as opened:
        assert [row.revision for row in opened.editions()] == [1]


def test_a_ledger_of_a_newer_boardpack_stops_everything(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", daily=DAILY)
    (folder / "var").mkdir()
    con = sqlite3.connect(folder / "var" / "ledger.sqlite")
    con.execute("PRAGMA user_version = 99")
    con.close()
    with pytest.raises(StorageError, match="schema version 99"):
        run(folder, "2026-01-05 08:00")
    with pytest.raises(StorageError, match="schema version 99"):
        status(folder, "2026-01-05 08:00")
    assert not list((folder / "var" / "editions").glob("*"))


def test_one_bad_schedule_and_nothing_is_run(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", daily=DAILY, monthly=MONTHLY.replace("0 7 2", "0 7 31 2 *"))
    with pytest.raises(DefinitionError):
        run(folder, "2026-01-05 08:00")
    assert not (folder / "var").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", daily=DAILY)
    (folder / "var").write_text("a file in place of the folder")
    with pytest.raises(StorageError, match="a file stands where"):
        run(folder, "2026-01-05 08:00")


def test_work_is_shared_by_those_who_come_late(tmp_path: Path) -> None:
    """A slot that someone else makes between the look and the lock is not made again."""
    folder = desk(tmp_path / "w", daily=DAILY, monthly=MONTHLY)
    seen: list[str] = []

    def other(outcome: Any) -> None:
        if not seen:
            seen.append(outcome.slot.report)
            run(folder, "2026-01-05 08:00")

    outcomes = run(folder, "2026-01-05 08:00", told=other)
    assert [(o.slot.report, o.status) for o in outcomes] == [
        ("month", "published"),
        ("day", "busy"),
    ]
    assert "someone else has just made it" in outcomes[1].told
    whole_and_once(folder, 2)

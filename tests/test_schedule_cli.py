"""``boardpack schedule`` as people and schedulers call it: words, exit codes, real runs, kill -9."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import workspaces
from boardpack import schedule_runs
from boardpack.cli import main
from boardpack.errors import DefinitionError
from boardpack.executions import NotebookProcess
from boardpack.ledger import Ledger
from boardpack.manifests import verify
from boardpack.workspace import SUITE
from schedule_fixture import Maker, desk, run

EXAMPLE = SUITE / "examples" / "purchases"
NOW = "2026-01-05T08:00+00:00"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A workspace with a daily and a monthly schedule, of which nothing takes long."""
    monkeypatch.setattr(schedule_runs, "_Maker", Maker)
    return desk(
        tmp_path / "w", day="report: day\ncron: '0 6 * * *'\n", month="report: month\ncron: '0 7 2 * *'\n"
    )  # fmt: skip


def scheduled(folder: Path) -> Path:
    """The workspace with a schedule of its own."""
    (folder / "schedules").mkdir()
    (folder / "schedules" / "monthly.yml").write_text(
        "schedule: monthly\nreplaces: monthly\nreport: monthly\ncron: '0 7 2 * *'\n"
        "retries: 2\nback_off: 1 hour\n"
    )
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The workspace over purchases with a short report; its data end with June 2025."""
    return scheduled(workspaces.shop(tmp_path / "shop"))


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The same with the whole report."""
    target = tmp_path / "example"
    shutil.copytree(EXAMPLE, target, ignore=shutil.ignore_patterns("var"))
    return scheduled(target)


def called(folder: Path, *arguments: str, now: str = NOW) -> Result:
    given = ["schedule", *arguments, "--workspace", str(folder), "--now", now]
    return CliRunner().invoke(main, given, catch_exceptions=False)


def test_run_and_status_in_words(quick: Path) -> None:
    due = called(quick, "due")
    assert due.exit_code == 0
    assert [line.split()[0] for line in due.stdout.splitlines()] == ["day", "month"]
    before = called(quick, "status")
    assert before.exit_code == 1
    assert "1 missing or late" in before.stdout
    made = called(quick, "run")
    assert made.exit_code == 0
    assert (
        "2026-01-05T06:00:00+00:00 day 2026-01-04 as of 2026-01-04: revision 1, publish"
        in made.stdout
    )
    again = called(quick, "run")
    assert (again.exit_code, again.stdout) == (0, "2026-01-05T08:00:00+00:00: nothing is due\n")
    assert called(quick, "due").stdout == "nothing is due\n"
    after = called(quick, "status")
    assert after.exit_code == 0
    assert "nothing is missing or late" in after.stdout
    assert called(quick, "status", now="2026-01-06T12:00+00:00").exit_code == 1


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        ({}, 0),
        ({"day": ["held"]}, 3),
        ({"day": ["failed"]}, 4),
        ({"day": ["failed"], "month": ["held"]}, 4),
    ],
)
def test_the_exit_code_is_the_worst(quick: Path, plan: dict[str, Any], code: int) -> None:
    (quick / "plan.json").write_text(json.dumps(plan))
    found = called(quick, "run", "--json")
    assert found.exit_code == json.loads(found.stdout)["exit_code"] == code
    # What stands held or failed and waits is still wrong.
    assert called(quick, "run", "--json").exit_code == code


def test_json_of_every_command(quick: Path) -> None:
    listed = json.loads(called(quick, "list", "--json").stdout)
    assert [one["schedule"] for one in listed["schedules"]] == ["day", "month"]
    assert listed["schedules"][1]["next"] == {
        "schedule": "month", "slot": "2026-02-02T07:00:00+00:00", "report": "month",
        "period": "2026-01", "as_of": "2026-01-31", "segment": "",
    }  # fmt: skip
    (due, _) = json.loads(called(quick, "due", "--json").stdout)["due"]
    assert due == {
        "schedule": "day", "slot": "2026-01-05T06:00:00+00:00", "report": "day",
        "period": "2026-01-04", "as_of": "2026-01-04", "segment": "", "state": "due",
        "late": False, "attempts": 0, "last_status": None, "next_try": None, "revision": None,
        "published_at": None, "told": "",
    }  # fmt: skip
    made = json.loads(called(quick, "run", "--json").stdout)
    assert {one["status"] for one in made["outcomes"]} == {"published"}
    assert {one["run"]["revision"] for one in made["outcomes"]} == {1}
    found = json.loads(called(quick, "status", "--json").stdout)
    assert found["ok"] is True
    assert {one["state"] for one in found["slots"]} == {"made"}


def test_what_goes_wrong_is_told_with_its_hint_and_no_trace(quick: Path) -> None:
    (quick / "plan.json").write_text(json.dumps({"day": ["failed"], "month": ["bug"]}))
    found = called(quick, "run")
    assert "day 2026-01-04 as of 2026-01-04: failed: cell 3 raised." in found.stderr
    assert "KeyError: 'a mistake of ours'" in found.stderr
    assert "Traceback" not in found.output
    waiting = called(quick, "due")
    assert "failed, tried 1 time, again from 2026-01-05T08:10:00+00:00" in waiting.stdout


def test_without_now_the_clock_is_read(quick: Path) -> None:
    found = CliRunner().invoke(
        main, ["schedule", "run", "day", "--workspace", str(quick), "--json"]
    )
    (outcome,) = json.loads(found.stdout)["outcomes"]
    assert abs(time.time() - os.stat(quick / "var" / "ledger.sqlite").st_mtime) < 600
    assert outcome["slot"][:4] == time.strftime("%Y", time.gmtime())


def test_a_real_run_is_made_once_and_is_on_record(shop: Path, process: NotebookProcess) -> None:
    (outcome,) = run(shop, "2025-07-02 07:00", process=process)
    assert (str(outcome.slot), outcome.status) == ("monthly 2025-06 as of 2025-06-30", "published")
    assert outcome.result is not None
    assert outcome.result.edition is not None
    assert verify(outcome.result.edition) == []
    assert run(shop, "2025-07-03 07:00", process=process) == []
    with Ledger(shop / "var" / "ledger.sqlite") as ledger:
        (made,) = ledger.runs()
    assert made.started.made_for is not None
    assert made.started.made_for.slot == "2025-07-02T07:00:00+00:00"
    assert made.ended is not None
    assert made.ended.ended_at == "2025-07-02T07:00:00+00:00"


def test_a_definition_that_is_wrong_stops_everything_before_anything_is_recorded(
    shop: Path, process: NotebookProcess
) -> None:
    (shop / "kpis").mkdir()
    (shop / "kpis" / "own.yml").write_text("- kpi: own\n  nmae: Own\n")
    with pytest.raises(DefinitionError, match="unknown key"):
        run(shop, "2025-07-02 07:00", process=process)
    with Ledger(shop / "var" / "ledger.sqlite") as ledger:
        assert ledger.runs() == []


def test_held_data_that_were_mended_are_tried_at_once(shop: Path, process: NotebookProcess) -> None:
    mapping = shop / "sources" / "invoices.yml"
    sound = mapping.read_text(encoding="utf-8")
    mapping.write_text(
        sound.replace(
            "  FROM purchases", "  FROM (FROM purchases UNION ALL FROM purchases LIMIT 3700)"
        ),
        encoding="utf-8",
    )
    (held,) = run(shop, "2025-07-02 07:00", process=process)
    assert (held.status, held.tried) == ("held", True)
    (held,) = run(shop, "2025-07-02 07:10", process=process)
    assert (held.status, held.tried) == ("held", False)
    mapping.write_text(sound, encoding="utf-8")
    (made,) = run(shop, "2025-07-02 07:20", process=process)
    assert (made.status, made.tried) == ("published", True)


def test_members_are_real_segments(
    tmp_path: Path, demo_warehouse: Path, process: NotebookProcess
) -> None:
    folder = workspaces.over_demo(tmp_path / "demo", demo_warehouse)
    for path, text in {
        "reports/short.qmd": "---\ntitle: Short\ngrains: [month]\n---\n\n"
        "{{< embed ../notebooks/customers.ipynb#fig-churn >}}\n",
        "schedules/short.yml": "schedule: short\nreport: short\ncron: '0 7 2 * *'\n"
        "members: {segment: [smb, smbb]}\n",
    }.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    outcomes = {o.slot.segment: o for o in run(folder, "2026-01-02 07:00", process=process)}
    assert outcomes["smb"].status == "published"
    assert outcomes["smbb"].status == "failed"
    assert "smbb" in outcomes["smbb"].told


def schedule_run(folder: Path, now: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "boardpack", "schedule", "run", "--now", now, "--json"],
        cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip


@pytest.mark.slow
def test_kill_9_at_any_stage_of_real_runs(example: Path) -> None:
    """Three months to catch up, killed again and again: each month has one edition in the end."""
    chance = random.Random(3)
    path = example / "schedules" / "monthly.yml"
    path.write_text(path.read_text() + "catch_up: all\nstart: 2025-05-01\n")
    now = "2025-07-02T09:00+00:00"
    for _ in range(14):
        process = schedule_run(example, now)
        time.sleep(chance.uniform(0.5, 9.0))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        for edition in (example / "var" / "editions").glob("monthly/*/r*"):
            assert verify(edition) == []
    last = schedule_run(example, now)
    said = json.loads(last.communicate(timeout=300)[0])
    assert last.returncode == said["exit_code"] == 0
    with Ledger(example / "var" / "ledger.sqlite") as ledger:
        rows = Counter((row.period, row.revision) for row in ledger.editions())
    assert rows == {("2025-04", 1): 1, ("2025-05", 1): 1, ("2025-06", 1): 1}
    on_disk = sorted(
        str(p.relative_to(example)) for p in (example / "var/editions").glob("monthly/*/r*")
    )
    assert on_disk == [f"var/editions/monthly/2025-{month}/r1" for month in ("04", "05", "06")]
    assert not list((example / "var" / "editions").glob(".tmp-*"))


@pytest.mark.slow
def test_two_real_schedulers_at_once(example: Path) -> None:
    both = [schedule_run(example, "2025-07-02T09:00+00:00") for _ in range(2)]
    said = [json.loads(process.communicate(timeout=300)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    statuses = sorted(outcome["status"] for one in said for outcome in one["outcomes"])
    assert statuses in (["busy", "published"], ["published"])
    with Ledger(example / "var" / "ledger.sqlite") as ledger:
        assert [row.revision for row in ledger.editions()] == [1]

"""Schedules for cron, systemd, GitHub Actions and Airflow: complete, and right by their own tools."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import types
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from click.testing import CliRunner
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from boardpack import schedule_exports, slots
from boardpack.cli import main
from boardpack.cron_lines import in_utc, on_calendar
from boardpack.errors import UserError
from boardpack.schedule_exports import TARGETS, Call, export
from boardpack.schedules import Schedule
from schedule_fixture import desk, utc

UTC_ZONE = ZoneInfo("UTC")
DAY = date(2026, 1, 5)
CALL = Call(("/srv/boardpack/bin/boardpack",), "/srv/reports", DAY)
AWKWARD = Call(("/srv/50% off/boardpack",), '/srv/the {{ $HOME }} "board\'s" folder', DAY)


def schedule(cron: str, zone: str = "UTC", **changes: Any) -> Schedule:
    own = Schedule("daily", "daily", cron, ZoneInfo(zone), UTC_ZONE, "day")
    return replace(own, **changes)


MANY = [
    schedule("0 6 * * *"),
    schedule("30 6 * * 1", "Europe/Berlin", id="weekly", report="weekly", catch_up="all"),
    schedule("0 7 L * *", "America/New_York", id="monthly", report="monthly", retries=0),
    schedule("0 0 1 1,4,7,10 *", "Asia/Tokyo", id="board", report="board", members=("smb", "a\nb"),
             back_off=timedelta(minutes=30), start=date(2026, 4, 1)),
    schedule("0 8 * * 5#2", id="never", enabled=False),
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_written(target: Any, snapshot: SnapshotAssertion) -> None:
    assert export(MANY, target, CALL) == snapshot


@pytest.mark.parametrize("target", TARGETS)
def test_every_call_is_of_schedule_run_and_a_schedule_that_is_off_has_none(target: Any) -> None:
    text = "\n".join(export(MANY, target, CALL).values())
    assert "/srv/boardpack/bin/boardpack schedule run" in text
    assert "--workspace /srv/reports" in text
    assert "never" not in text
    assert "5#2" not in text


@pytest.mark.parametrize("target", TARGETS)
def test_a_folder_with_a_line_break_is_refused(target: Any) -> None:
    with pytest.raises(UserError, match="cannot be named"):
        export(MANY, target, replace(CALL, folder="/srv/a\n* * * * * root reboot"))


def crontab(text: str) -> list[tuple[str, str, str]]:
    """Zone, time and command of each line of a crontab."""
    zone, found = "", []
    for line in text.splitlines():
        if line.startswith("CRON_TZ="):
            zone = line.partition("=")[2]
        elif line and not line.startswith("#"):
            *fields, command = line.split(maxsplit=5)
            found.append((zone, " ".join(fields), command))
    return found


def test_cron_lines_are_lines_of_cron_in_the_zone_of_the_schedule() -> None:
    found = crontab(export(MANY, "cron", CALL)["crontab"])
    assert [(zone, time) for zone, time, _ in found] == [
        ("America/New_York", "0 7 28-31 * *"),
        ("Asia/Tokyo", "0 0 1 1,4,7,10 *"),
        ("Europe/Berlin", "30 6 * * 1"),
        ("UTC", "0 6 * * *"),
        ("UTC", "3-59/10 * * * *"),
    ]
    for _, time, _ in found:
        CronSim(time, utc("2026-01-01"))


def test_the_command_of_a_cron_line_is_read_by_a_shell_as_it_was_meant(tmp_path: Path) -> None:
    program = tmp_path / "50% off" / "boardpack"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv[1:])\n")
    program.chmod(0o755)
    folder = str(tmp_path / 'the $HOME "board\'s" 100% folder')
    call = Call((str(program),), folder, DAY)
    (*_, command) = crontab(export(MANY[:1], "cron", call)["crontab"])[0]
    assert "%" not in command.replace(r"\%", "")
    subprocess.run(["sh", "-c", command.replace(r"\%", "%")], check=True)
    log = (Path(folder) / "var" / "schedule.log").read_text()
    assert log == f"{['schedule', 'run', '--workspace', folder]}\n"


@pytest.fixture
def systemd_analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("systemd-analyze is not here: only machines with systemd have it")
    return found


CALENDARS = [
    ("0 6 * * *", "UTC"),
    ("30 6 * * 1", "Europe/Berlin"),
    ("*/15 9-17 * * MON-FRI", "America/New_York"),
    ("0 7 2 * *", "UTC"),
    ("0 7 5 1,4,7,10 *", "Asia/Tokyo"),
    ("0 7 L * *", "Europe/Berlin"),
    ("0 7 13 * 5", "UTC"),
    ("0 7 */2 * 5", "UTC"),
    ("0 7 * * 5#2", "UTC"),
    ("0 7 * * 0L", "UTC"),
    ("0 7 * * 7", "Pacific/Auckland"),
    ("0 7 29 2 *", "UTC"),
]


@pytest.mark.parametrize(("cron", "zone"), CALENDARS)
def test_systemd_reads_the_same_instants(systemd_analyze: str, cron: str, zone: str) -> None:
    own = schedule(cron, zone)
    found = set()
    for calendar in on_calendar(own):
        told = subprocess.run(
            [systemd_analyze, "calendar", "--iterations=40", "--base-time=2026-01-01 00:00:00 UTC",
             calendar],
            check=True, capture_output=True, text=True, env={"TZ": "UTC", "PATH": ""},
        ).stdout  # fmt: skip
        found |= set(re.findall(r"(\d{4}-\d\d-\d\d \d\d:\d\d):00 UTC", told))
    start = utc("2026-01-01 00:00") + timedelta(minutes=1)
    expected = [f"{at:%Y-%m-%d %H:%M}" for at in slots.firings(own, start, utc("2030-01-01"))][:30]
    assert sorted(found)[: len(expected)] == expected


@pytest.mark.parametrize("call", [CALL, AWKWARD], ids=["plain", "awkward"])
def test_systemd_takes_the_units(systemd_analyze: str, tmp_path: Path, call: Call) -> None:
    # verify wants the program to be there.
    words = (sys.executable, *call.command[1:])
    for name, text in export(MANY, "systemd", replace(call, command=words)).items():
        (tmp_path / name).write_text(text)
    verified = subprocess.run(
        [systemd_analyze, "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True, text=True,
    )  # fmt: skip
    complaints = [line for line in verified.stderr.splitlines() if "boardpack-schedule" in line]
    assert complaints == []
    assert "Persistent=true" in (tmp_path / "boardpack-schedule.timer").read_text()


def workflow(schedules: list[Schedule], call: Call = CALL) -> Any:
    text = export(schedules, "github-actions", call)[".github/workflows/boardpack.yml"]
    # YAML 1.1 reads `on` as true; GitHub does not.
    return {("on" if key is True else key): value for key, value in yaml.safe_load(text).items()}


def test_the_workflow_is_whole() -> None:
    found = workflow(MANY)
    assert set(found["on"]) == {"schedule", "workflow_dispatch"}
    assert found["concurrency"] == {"group": "boardpack-schedule", "cancel-in-progress": False}
    for entry in found["on"]["schedule"]:
        CronSim(entry["cron"], utc("2026-01-01"))
    steps = found["jobs"]["reports"]["steps"]
    runs = [step["run"] for step in steps if "run" in step]
    assert any("schedule run" in run for run in runs)
    # What a person types must not become a part of the program that a shell reads.
    assert not any("${{" in run for run in runs)


@pytest.mark.parametrize("given_now", ["", "2026-01-05T08:00+00:00", "$(reboot) ; x"])
def test_the_step_of_the_workflow_passes_on_what_a_person_gave(
    tmp_path: Path, given_now: str
) -> None:
    (tmp_path / "boardpack").write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv[1:])\n")
    (tmp_path / "boardpack").chmod(0o755)
    call = Call((str(tmp_path / "boardpack"),), 'a {{ b }} "c" $d', DAY)
    (step,) = [
        step for step in workflow(MANY[:1], call)["jobs"]["reports"]["steps"]
        if step.get("name") == "Make what is due"
    ]  # fmt: skip
    said = subprocess.run(
        ["bash", "-e", "-c", step["run"]], env={"NOW": given_now}, capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
    more = ["--now", given_now] if given_now else []
    assert said == f"{['schedule', 'run', '--workspace', call.folder, *more]}\n"


@pytest.mark.parametrize(
    ("cron", "zone", "expected"),
    [
        ("0 6 * * *", "UTC", ["0 6 * * *"]),
        ("0 6 * * *", "Europe/Berlin", ["0 4,5 * * *"]),
        ("30 6 * * 1", "Asia/Kolkata", ["0 1 * * 1"]),
        ("30 3 * * 1", "Asia/Kolkata", ["0 22 * * 0"]),
        ("0 0 1 1 *", "Asia/Tokyo", ["0 15 28-31 1,12 *"]),
        ("0 20 L * *", "America/New_York", ["0 0,1 1,29-31 * *"]),
        ("0 20 * * 6", "America/New_York", ["0 0,1 * * 0"]),
        ("0 7 * * 5#2", "UTC", ["0 7 * * 5"]),
        ("0 7 LW * *", "UTC", ["0 7 26-31 * *"]),
        ("0 21 15 2 *", "America/New_York", ["0 1,2 16 2 *"]),
        ("0 20 * 6 *", "America/New_York", ["0 0,1 * 6,7 *"]),
        ("0 20 13 * 0-6", "America/New_York", ["0 0,1 14 * 0-6"]),
    ],
)
def test_lines_in_utc(cron: str, zone: str, expected: list[str]) -> None:
    assert in_utc(schedule(cron, zone), DAY) == expected


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["0 6 * * *", "30 2 * * *", "45 23 1 * *", "5 0 31 * *", "10 1 L 2 *", "0 0 * * 0",
                     "15 22 1-7 * MON", "0 12 */3 1,12 *", "20 3 LW * *", "0,30 1 * * 3#1", "0 1 13 * 0-6", "0 23 1-31 * 1"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Tokyo",
                     "Pacific/Kiritimati", "Pacific/Pago_Pago", "Australia/Lord_Howe"]),
)  # fmt: skip
def test_utc_comes_at_every_firing(cron: str, zone: str) -> None:
    own = schedule(cron, zone)
    start, end = utc("2026-01-05"), utc("2027-06-01")
    called = set()
    for line in in_utc(own, DAY):
        called |= set(slots.firings(schedule(line), start, end + timedelta(hours=2)))
    for at in slots.firings(own, start, end):
        # On the night when clocks go forward it may be an hour late, and is caught up.
        late = at.astimezone(own.zone).date() in (date(2026, 3, 29), date(2027, 3, 28), date(2026, 3, 8),
                                                  date(2027, 3, 14), date(2026, 10, 4))  # fmt: skip
        allowed = [timedelta(minutes=m) for m in range(61 if late else 1)]
        assert any(at + more in called for more in allowed), at


def load_dags(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Run a DAG file with stand-ins for Airflow, and return what each DAG and its task were given."""
    found: list[tuple[dict[str, Any], dict[str, Any]]] = []

    class Dag:
        def __init__(self, **given: Any) -> None:
            self.given = given

        def __enter__(self) -> None:
            found.append((self.given, {}))

        def __exit__(self, *error: object) -> None:
            return None

    def operator(**given: Any) -> None:
        found[-1][1].update(given)

    modules: dict[str, dict[str, Any]] = {
        "pendulum": {"datetime": lambda *day, tz: (day, tz)},
        "airflow": {},
        "airflow.timetables": {},
        "airflow.timetables.trigger": {"CronTriggerTimetable": lambda cron, *, timezone: (cron, timezone)},
        "airflow.sdk": {"DAG": Dag},
        "airflow.providers": {},
        "airflow.providers.standard": {},
        "airflow.providers.standard.operators": {},
        "airflow.providers.standard.operators.bash": {"BashOperator": operator},
    }  # fmt: skip
    for name, members in modules.items():
        module = types.ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    exec(compile(text, "boardpack_schedules.py", "exec"), {})
    return found


def test_the_dags_say_what_the_schedules_say(monkeypatch: pytest.MonkeyPatch) -> None:
    text = export(MANY, "airflow", CALL)["boardpack_schedules.py"]
    dags = load_dags(text, monkeypatch)
    assert [(dag["dag_id"], dag["schedule"], dag["start_date"], dag["catchup"], task["retries"])
            for dag, task in dags] == [
        ("boardpack_daily", ("0 6 * * *", "UTC"), ((2026, 1, 5), "UTC"), False, 3),
        ("boardpack_weekly", ("30 6 * * 1", "Europe/Berlin"), ((2026, 1, 5), "Europe/Berlin"), True, 3),
        ("boardpack_monthly", ("0 7 28-31 * *", "America/New_York"), ((2026, 1, 5), "America/New_York"), False, 0),
        ("boardpack_board", ("0 0 1 1,4,7,10 *", "Asia/Tokyo"), ((2026, 4, 1), "Asia/Tokyo"), False, 3),
    ]  # fmt: skip
    assert all(dag["max_active_runs"] == 1 for dag, _ in dags)
    assert dags[3][1]["retry_delay"] == timedelta(minutes=30)
    assert dags[0][1]["bash_command"] == (
        "/srv/boardpack/bin/boardpack schedule run daily --workspace /srv/reports"
    )


def test_jinja_leaves_a_folder_of_a_dag_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    jinja2 = pytest.importorskip("jinja2")  # JupyterLab brings it
    text = export(MANY[:1], "airflow", AWKWARD)["boardpack_schedules.py"]
    ((_, task),) = load_dags(text, monkeypatch)
    said = subprocess.run(
        ["bash", "-c", "printf '%s\\n' " + jinja2.Template(task["bash_command"]).render()],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert said == AWKWARD.words("daily")


def test_the_command_prints_or_writes_and_overwrites_nothing(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", month="report: month\ncron: '0 7 2 * *'\n")
    own = ["schedule", "export", "--workspace", str(folder), "--now", "2026-01-05T08:00+00:00"]
    said = CliRunner().invoke(main, [*own, "--to", "cron"])
    assert said.exit_code == 0
    assert "0 7 2 * * mkdir -p" in said.stdout
    units = tmp_path / "units"
    written = CliRunner().invoke(main, [*own, "--to", "systemd", "--out", str(units)])
    assert written.stdout.split() == [
        str(units / f"boardpack-schedule.{kind}") for kind in ("timer", "service")
    ]
    timer = units / "boardpack-schedule.timer"
    # The same again is no change; a file that a person has changed is left to them.
    assert CliRunner().invoke(main, [*own, "--to", "systemd", "--out", str(units)]).exit_code == 0
    timer.write_text("mine")
    refused = CliRunner().invoke(main, [*own, "--to", "systemd", "--out", str(units), "--json"])
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["error"]["file"] == str(timer)
    assert timer.read_text() == "mine"
    given = CliRunner().invoke(main, [*own, "--to", "airflow", "--json"])
    assert list(json.loads(given.stdout)["files"]) == ["boardpack_schedules.py"]
    assert CliRunner().invoke(main, [*own, "--to", "at"]).exit_code == 2


def test_how_often_what_failed_is_looked_at() -> None:
    for minutes, step in ((1, 5), (7, 5), (12, 10), (30, 30), (45, 30), (600, 60)):
        own = [schedule("0 6 * * *", back_off=timedelta(minutes=minutes))]
        assert schedule_exports._step(own) == step
    assert schedule_exports._step([schedule("0 6 * * *", retries=0)]) == 60

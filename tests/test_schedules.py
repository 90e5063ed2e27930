"""The files of ``schedules/``: what they mean, and what is wrong with the others."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from click.testing import CliRunner

import workspaces
from boardpack import doctors, schedules
from boardpack.cli import main
from boardpack.errors import BoardpackError, WorkspaceError
from boardpack.schedules import Schedule
from boardpack.workspace import SUITE, Workspace
from schedule_fixture import REPORT, desk

LEAST = "report: month\ncron: '0 7 2 * *'\n"


def load(folder: Path) -> schedules.Schedules:
    return schedules.load(Workspace.open(folder))


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    found = load(desk(tmp_path / "w", "zone: Europe/Berlin\n", own=LEAST))["own"]
    berlin = ZoneInfo("Europe/Berlin")
    assert found == Schedule(
        "own", "month", "0 7 2 * *", berlin, berlin, "month", "previous", 0, "", (), "latest", 3,
        timedelta(minutes=10), timedelta(hours=2), None, True, tmp_path / "w/schedules/own.yml",
    )  # fmt: skip


def test_every_key_is_read(tmp_path: Path) -> None:
    text = """\
report: pack
cron: "30  6 * * MON-FRI"
zone: America/New_York
period: previous quarter
as_of: 3 days after period end
members: {segment: [smb, enterprise]}
catch_up: all
retries: 0
back_off: 1 hour
grace: 2 days
start: 2026-01-01
enabled: false
"""
    folder = desk(tmp_path / "w", own=text)
    (folder / "reports/pack.qmd").write_text("---\ntitle: B\ngrains: [month, quarter]\n---\n")
    (found,) = load(folder).values()
    assert (found.cron, found.zone.key, found.home.key) == (
        "30 6 * * MON-FRI", "America/New_York", "UTC",
    )  # fmt: skip
    assert (found.which, found.grain, found.days_after) == ("previous", "quarter", 3)
    assert (found.dimension, found.members) == ("segment", ("smb", "enterprise"))
    assert (found.catch_up, found.retries, found.start) == ("all", 0, date(2026, 1, 1))
    assert (found.back_off, found.grace) == (timedelta(hours=1), timedelta(days=2))
    assert load(folder).named() == []
    assert load(folder).named(["own"]) == [found]


@pytest.mark.parametrize(
    ("text", "line", "says", "hint"),
    [
        ("report: mnth\ncron: '0 7 2 * *'\n", 2, "Unknown report 'mnth'", "'month'"),
        ("report: month\ncorn: '0 7 2 * *'\n", 3, "unknown key 'corn'", "'cron'"),
        ("report: month\n", 1, "key 'cron' is missing", ""),
        ("report: month\ncron: '0 0 31 2 *'\n", 3, "never fires", ""),
        ("report: month\ncron: '0 0 31 4,6,9,11 *'\n", 3, "never fires", ""),
        ("report: month\ncron: '0 24 * * *'\n", 3, "'24' is no hour", ""),
        ("report: month\ncron: '0 6 * * MONDAY'\n", 3, "'MONDAY' is no day of week", ""),
        ("report: month\ncron: '*/0 6 * * *'\n", 3, "'*/0' is no minute", ""),
        ("report: month\ncron: '@daily'\n", 3, "has five fields", ""),
        ("report: month\ncron: '0 0 6 * * *'\n", 3, "not 6", ""),
        ("report: month\ncron: 6\n", 3, "cron", ""),
        ("report: month\ncron: * 6 * * *\n", 3, "is not YAML", ""),
        (LEAST + "zone: Europe/Belrin\n", 4, "did you mean Europe/Berlin?", ""),
        (LEAST + "zone: ../../etc/passwd\n", 4, "is not a time zone", ""),
        (LEAST + "zone: ''\n", 4, "is not a time zone", ""),
        (LEAST + "catch_up: lates\n", 4, "'latest', 'all' or 'none'", ""),
        (LEAST + "catch_up: true\n", 4, "catch_up", ""),
        (LEAST + "period: last\n", 4, "previous or current", ""),
        (LEAST + "period: previous quarter\n", 4, "not made for a quarter", "month"),
        (LEAST + "period: current\n", 4, "has not ended", "yesterday"),
        (LEAST + "period: current\nas_of: period_end\n", 5, "has not ended", "previous"),
        (LEAST + "as_of: two days later\n", 4, "3 days after period end", ""),
        (LEAST + "as_of: 2026-01-01\n", 4, "as_of", ""),
        (LEAST + "members: {segmnt: [smb]}\n", 4, "Unknown dimension 'segmnt'", "'segment'"),
        (LEAST + "members: {region: [emea]}\n", 4, "not of 'region'", ""),
        (LEAST + "members: {segment: []}\n", 4, "name each member once", ""),
        (LEAST + "members: {segment: [smb, smb]}\n", 4, "name each member once", ""),
        (LEAST + "members: [smb]\n", 4, "members", ""),
        (LEAST + "retries: -1\n", 4, "retries", ""),
        (LEAST + "retries: often\n", 4, "retries", ""),
        (LEAST + "back_off: soon\n", 4, "30 minutes, 2 hours or 1 day", ""),
        (LEAST + "grace: 2\n", 4, "grace", ""),
        (LEAST + "start: tomorrow\n", 4, "start", ""),
        (LEAST + "replaces: wekly\n", 4, "Unknown schedule 'wekly'", ""),
        (LEAST + "report: month\n", 4, "stands here twice", "line 2"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line_and_nothing_is_run(
    tmp_path: Path, text: str, line: int, says: str, hint: str
) -> None:
    folder = desk(tmp_path / "w", own=text, good=LEAST)
    with pytest.raises(BoardpackError) as caught:
        load(folder)
    error = caught.value
    assert (error.exit_code, error.file, error.line) == (1, str(folder / "schedules/own.yml"), line)
    assert says in error.message
    assert hint in (error.hint or "")
    for command in ("run", "due", "status", "list", "export --to cron"):
        called = CliRunner().invoke(
            main, ["schedule", *command.split(), "--workspace", str(folder), "--json"]
        )
        assert called.exit_code == 1, command
        assert json.loads(called.stdout)["error"]["line"] == line
    assert not (folder / "var").exists()
    # The others can be used, for whoever wants to know what is wrong and what is not.
    usable, problems = schedules.examine(Workspace.open(folder))
    assert (list(usable), len(problems)) == (["good"], 1)


@pytest.mark.parametrize("name", ["Own", "own schedule", "../own", "", "-own"])
def test_an_id_that_could_be_no_word_of_a_command(tmp_path: Path, name: str) -> None:
    folder = desk(tmp_path / "w")
    (folder / "schedules").mkdir()
    (folder / "schedules/a.yml").write_text(f"schedule: {name!r}\n{LEAST}")
    with pytest.raises(BoardpackError, match="schedule"):
        load(folder)


def test_an_id_that_stands_twice(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", a=LEAST)
    (folder / "schedules/b.yml").write_text(f"schedule: a\n{LEAST}")
    with pytest.raises(
        BoardpackError, match=r"schedule 'a' is already there, in .*a\.yml"
    ) as caught:
        load(folder)
    assert (caught.value.file, caught.value.line) == (str(folder / "schedules/b.yml"), 1)


def test_a_workspace_takes_over_the_suites_schedules_of_the_reports_that_it_makes(
    tmp_path: Path,
) -> None:
    folder = desk(tmp_path / "w", reports=("monthly", "own"))
    assert list(load(folder)) == ["monthly"]
    (folder / "schedules").mkdir()
    own = folder / "schedules/monthly.yml"
    own.write_text("schedule: monthly\nreport: own\ncron: '0 9 1 * *'\n")
    with pytest.raises(BoardpackError, match="already there") as caught:
        load(folder)
    assert caught.value.hint == "write `replaces: monthly`"
    own.write_text("schedule: monthly\nreplaces: monthly\nreport: own\ncron: '0 9 1 * *'\n")
    assert [(one.id, one.report) for one in load(folder).values()] == [("monthly", "own")]


def test_readme_shows_a_schedule_with_every_key(tmp_path: Path) -> None:
    readme = (SUITE / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    (example,) = [text for text in shown if text.startswith("schedule:")]
    folder = desk(tmp_path / "w", reports=("monthly",))
    (folder / "schedules").mkdir()
    (folder / "schedules/monthly.yml").write_text(example + "replaces: monthly\n")
    assert load(folder)["monthly"].members == ("smb", "enterprise")
    keys = set(yaml.safe_load(example)) | {"replaces"}
    assert keys == set(schedules.ScheduleEntry.model_fields)


def test_the_suite_has_a_schedule_for_every_report_of_its_own() -> None:
    found, problems = schedules.examine(Workspace.open(SUITE))
    assert problems == []
    assert sorted(one.report for one in found.values()) == sorted(Workspace.open(SUITE).reports)
    assert all(name == one.file.stem for name, one in found.items())


def test_unknown_ids_have_near_matches(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", month=LEAST)
    called = CliRunner().invoke(main, ["schedule", "run", "mnth", "--workspace", str(folder)])
    assert called.exit_code == 1
    assert "Unknown schedule 'mnth'" in called.stderr
    assert "did you mean 'month'?" in called.stderr


@pytest.mark.parametrize(
    ("now", "says"),
    [
        ("soon", "is no instant"),
        ("2026-01-05", "names no zone"),
        ("2026-01-05T08:00", "names no zone"),
        ("0001-01-01T00:00+00:00", "no year"),
        ("9999-12-31T00:00+00:00", "no year"),
    ],
)
def test_an_instant_that_cannot_be(tmp_path: Path, now: str, says: str) -> None:
    folder = desk(tmp_path / "w", month=LEAST)
    called = CliRunner().invoke(
        main, ["schedule", "due", "--now", now, "--workspace", str(folder)]
    )  # fmt: skip
    assert called.exit_code == 2
    assert says in called.stderr


def test_a_workspace_of_a_newer_boardpack(tmp_path: Path) -> None:
    folder = desk(tmp_path / "w", "boardpack: 99.1.0\nunheard_of: 1\n", month=LEAST)
    with pytest.raises(WorkspaceError, match=r"written for Boardpack 99\.1\.0; this is") as caught:
        Workspace.open(folder)
    assert (caught.value.file, caught.value.line) == (str(folder / "boardpack.yml"), 4)
    called = CliRunner().invoke(main, ["schedule", "run", "--workspace", str(folder)])
    assert called.exit_code == 1
    assert not (folder / "var").exists()


def test_a_workspace_of_an_older_boardpack_and_one_that_names_none(tmp_path: Path) -> None:
    assert Workspace.open(desk(tmp_path / "a", "boardpack: 0.1.0\n")).settings.boardpack == "0.1.0"
    assert Workspace.open(desk(tmp_path / "b")).settings.boardpack is None
    with pytest.raises(BoardpackError, match="boardpack"):
        Workspace.open(desk(tmp_path / "c", "boardpack: newest\n"))


def test_doctor_names_schedules_that_cannot_run(tmp_path: Path, demo_warehouse: Path) -> None:
    folder = workspaces.over_demo(tmp_path / "demo", demo_warehouse)
    (folder / "schedules").mkdir()
    (folder / "reports").mkdir()
    for name, text in {
        "good": "report: good\ncron: '0 7 2 * *'\n",
        "off": "report: good\ncron: '0 7 2 * *'\nenabled: false\n",
        "never": "report: good\ncron: '0 0 30 2 *'\n",
        "lost": "report: lost\ncron: '0 7 2 * *'\n",
    }.items():
        (folder / f"schedules/{name}.yml").write_text(f"schedule: {name}\n{text}")
    header = REPORT.format(title="T", grain="month")
    (folder / "reports/good.qmd").write_text(
        header + "\n{{< embed ../notebooks/revenue.ipynb#fig-mrr >}}\n"
    )
    (folder / "reports/lost.qmd").write_text(
        header + "\n{{< embed ../notebooks/nowhere.ipynb#fig-mrr >}}\n"
    )
    found = doctors.examine(folder)
    states = {one.schedule: (one.enabled, one.lacks) for one in found.schedules}
    assert states["good"] == (True, "")
    assert states["off"] == (False, "")
    assert "never fires" in states["never.yml"][1]
    assert "nowhere" in states["lost"][1]
    assert "schedules: 1 of 4 can run" in found.text()
    assert "switched off" in found.text()

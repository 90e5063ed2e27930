"""Schedules as the files of a scheduler: cron, systemd, GitHub Actions, Airflow.

Each of them only calls ``boardpack schedule run``, which looks at the ledger for what is due. So it
does no harm to be called too often, by two of them, or with nothing to do; where a scheduler cannot
say what a schedule says, it is told to call more often.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, get_args

from boardpack.cron_lines import in_utc, on_calendar, portable
from boardpack.errors import UserError
from boardpack.files import replace_text
from boardpack.schedules import Schedule

Target = Literal["cron", "systemd", "github-actions", "airflow"]
TARGETS: tuple[Target, ...] = get_args(Target)

_STEPS = (60, 30, 20, 15, 10, 5)
_EVERY_SIX_HOURS = '    - cron: "23 */6 * * *"'
_HEAD_SYSTEMD = (
    "Put both files into the folder of systemd's units, then enable and start the timer."
)


@dataclass(frozen=True)
class Call:
    """How ``boardpack`` is called: the words of the command, and the workspace's folder.

    ``day`` is when the export is made: from it on zones are looked at, and Airflow counts.
    """

    command: tuple[str, ...]
    folder: str
    day: date

    def words(self, *ids: str) -> list[str]:
        """``boardpack schedule run`` for some schedules, for all of them without ids."""
        return [*self.command, "schedule", "run", *ids, "--workspace", self.folder]


def export(schedules: Sequence[Schedule], to: Target, call: Call) -> dict[str, str]:
    """File name to text, for those schedules that are switched on.

    `UserError` when the command or the folder holds a line break, which no such file can name.
    """
    if any(not word.isprintable() for word in (*call.command, call.folder)):
        raise UserError(
            f"the folder {call.folder!r} cannot be named in a file of {to}.",
            hint="move the workspace to a folder without line breaks in its name",
        )
    makers: dict[Target, Callable[[Sequence[Schedule], Call], dict[str, str]]] = {
        "cron": _cron,
        "systemd": _systemd,
        "github-actions": _github_actions,
        "airflow": _airflow,
    }
    return makers[to]([one for one in schedules if one.enabled], call)


def write(found: Mapping[str, str], folder: Path) -> list[Path]:
    """Write files that are not there yet; `UserError` when one is, and then none is written."""
    paths = {folder / name: text for name, text in found.items()}
    for path, text in paths.items():
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise UserError(
                "there is such a file already, and it says something else.",
                file=path,
                hint="remove it, or name another folder with --out",
            )
    for path, text in paths.items():
        replace_text(path, text)
    return list(paths)


def _cron(schedules: Sequence[Schedule], call: Call) -> dict[str, str]:
    var = shlex.quote(f"{call.folder}/var")
    log = shlex.quote(f"{call.folder}/var/schedule.log")
    # cron takes % for the end of the command and what follows for its input.
    line = f"mkdir -p {var}; {shlex.join(call.words())} >> {log} 2>&1".replace("%", r"\%")
    parts = [
        "# Boardpack's schedules, for a crontab. `boardpack schedule run` makes what is due and",
        "# was not made before, so each line may be called at any time, as often as you like.",
        "# cronie knows CRON_TZ. Where cron ignores it, as Debian's does, a report whose zone is",
        "# not the machine's comes with the next call of the last line.",
    ]
    zone = ""
    for schedule in sorted(schedules, key=lambda one: one.zone.key):
        if schedule.zone.key != zone:
            zone = schedule.zone.key
            parts += ["", f"CRON_TZ={zone}"]
        parts += [f"# {_told(schedule)}", f"{portable(schedule.cron)} {line}"]
    # A minute that no one schedules, so that it finds nobody at work.
    step = _step(schedules)
    often = "3 * * * *" if step == 60 else f"3-59/{step} * * * *"
    parts += ["", "# What failed and is tried again, and what was missed.", f"{often} {line}"]
    return {"crontab": "\n".join(parts) + "\n"}


def _systemd(schedules: Sequence[Schedule], call: Call) -> dict[str, str]:
    calendars = []
    for schedule in schedules:
        calendars += [f"# {_told(schedule)}"]
        calendars += [f"OnCalendar={calendar}" for calendar in on_calendar(schedule)]
    step = _step(schedules)
    retries = "hourly" if step == 60 else f"*:0/{step}"
    timer = f"""\
# {_HEAD_SYSTEMD}
[Unit]
Description=Boardpack's schedules

[Timer]
{chr(10).join(calendars)}
# What failed and is tried again.
OnCalendar={retries}
# What was missed while the machine was off is made when it is on again.
Persistent=true

[Install]
WantedBy=timers.target
"""
    words = " ".join(_systemd_word(word) for word in call.words())
    service = f"""\
# {_HEAD_SYSTEMD}
[Unit]
Description=Boardpack makes the reports that are due
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
WorkingDirectory={_systemd_path(call.folder)}
ExecStart={words}
# 3: the data of a report are held by the gate. That is told, and no failure of the service.
SuccessExitStatus=3
"""
    return {"boardpack-schedule.timer": timer, "boardpack-schedule.service": service}


def _github_actions(schedules: Sequence[Schedule], call: Call) -> dict[str, str]:
    lines = []
    for schedule in schedules:
        lines.append(f"    # {_told(schedule)}")
        lines += [f"    - cron: {json.dumps(cron)}" for cron in in_utc(schedule, call.day)]
    lines += ["    # What failed and is tried again, and what was missed.", _EVERY_SIX_HOURS]
    words = shlex.join(call.words())
    show = shlex.join([*call.command, "schedule", "status", "--workspace", call.folder])
    var = call.folder.rstrip("/") + "/var"
    return {".github/workflows/boardpack.yml": f"""\
# GitHub's clock is UTC and it may call late or not at all. `boardpack schedule run` makes what is
# due and was not made before, so a zone whose offset changes is called at both of its hours.
name: Boardpack
on:
  schedule:
{chr(10).join(lines)}
  workflow_dispatch:
    inputs:
      now:
        description: "Make what is due at this instant, such as 2026-01-05T08:00+00:00; empty: now"
        default: ""
permissions:
  contents: read
concurrency:
  group: boardpack-schedule
  cancel-in-progress: false
jobs:
  reports:
    runs-on: ubuntu-latest
    timeout-minutes: 60
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-python@v6
        with:
          python-version: "3.12"
      - run: make setup
      # What was made is known from the ledger in this folder: it must outlive the runner. A cache
      # is the least that does; a folder of a runner of your own is safer.
      - uses: actions/cache/restore@v4
        with:
          path: {json.dumps(var)}
          key: boardpack-${{{{ github.run_id }}}}
          restore-keys: boardpack-
      - name: Make what is due
        env:
          NOW: ${{{{ inputs.now }}}}
        run: {json.dumps(words + ' ${NOW:+--now "$NOW"}')}
      - uses: actions/cache/save@v4
        if: always()
        with:
          path: {json.dumps(var)}
          key: boardpack-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: editions
          path: |
            {var}/editions
            {var}/site
          if-no-files-found: ignore
      - name: What exists and what is late
        if: always()
        run: {json.dumps(show)}
"""}  # fmt: skip


def _airflow(schedules: Sequence[Schedule], call: Call) -> dict[str, str]:
    entries = []
    for schedule in schedules:
        start = schedule.start or call.day
        # Jinja reads the command before a shell does.
        command = shlex.join(call.words(schedule.id))
        if "{" in command:
            command = "{% raw %}" + command + "{% endraw %}"
        entries.append(
            f"""    {{
        "id": {json.dumps(schedule.id)},
        "cron": {json.dumps(portable(schedule.cron))},
        "zone": {json.dumps(schedule.zone.key)},
        "start": ({start.year}, {start.month}, {start.day}),
        "catchup": {schedule.catch_up == "all"},
        "retries": {schedule.retries},
        "retry_minutes": {max(1, int(schedule.back_off.total_seconds() // 60))},
        "command": {json.dumps(command)},
    }},"""
        )
    return {"boardpack_schedules.py": f'''\
"""Boardpack's schedules as DAGs, one a schedule.

`boardpack schedule run` makes what is due and was not made before: a DAG that runs twice, or late,
or catches up, makes no report twice. What the gate holds fails its task, and is tried again.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.timetables.trigger import CronTriggerTimetable

try:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.operators.bash import BashOperator

SCHEDULES = [
{chr(10).join(entries)}
]

for entry in SCHEDULES:
    with DAG(
        dag_id=f"boardpack_{{entry['id']}}",
        schedule=CronTriggerTimetable(entry["cron"], timezone=entry["zone"]),
        start_date=pendulum.datetime(*entry["start"], tz=entry["zone"]),
        catchup=entry["catchup"],
        max_active_runs=1,
        tags=["boardpack"],
    ):
        BashOperator(
            task_id="run",
            bash_command=entry["command"],
            retries=entry["retries"],
            retry_delay=timedelta(minutes=entry["retry_minutes"]),
            retry_exponential_backoff=True,
            max_retry_delay=timedelta(days=1),
        )
'''}  # fmt: skip


def _told(schedule: Schedule) -> str:
    members = f" for {', '.join(schedule.members)}" if schedule.members else ""
    text = f"{schedule.id}: report {schedule.report}{members}, {schedule.cron} {schedule.zone.key}"
    # A member is anyone's text, and a line of a comment ends with the line.
    return " ".join(text.split())


def _step(schedules: Sequence[Schedule]) -> int:
    """Minutes between calls for what is tried again: the shortest back-off, from 5 to 60."""
    shortest = min((one.back_off for one in schedules if one.retries), default=timedelta(hours=1))
    minutes = shortest.total_seconds() / 60
    return next((step for step in _STEPS if step <= minutes), _STEPS[-1])


def _systemd_word(word: str) -> str:
    """A word of a command line as systemd reads it: quoted, specifiers and variables escaped."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if any(c in word for c in " \t\"'\\;") else escaped


def _systemd_path(path: str) -> str:
    return path.replace("%", "%%")

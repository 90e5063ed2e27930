"""Schedules as the files of a scheduler: cron, systemd, GitHub Actions, Airflow.

Each of them only calls ``boardpack schedule run``, which looks at the ledger for what is due. So it
does no harm to be called too often, by two of them, or with nothing to do; where a scheduler cannot
say what a schedule says, it is told to call more often.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from cronsim import CronSim

from boardpack.errors import UserError
from boardpack.files import replace_text
from boardpack.schedules import Schedule

Target = Literal["cron", "systemd", "github-actions", "airflow"]
TARGETS: tuple[Target, ...] = get_args(Target)

_FULL = (range(60), range(24), range(1, 32), range(1, 13), range(7))
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
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
        parts += [f"# {_told(schedule)}", f"{_portable(schedule.cron)} {line}"]
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


def on_calendar(schedule: Schedule) -> list[str]:
    """The firings of a schedule as systemd writes them, with its zone.

    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> on_calendar(Schedule("a", "weekly", "30 6 * * MON", berlin, berlin, "week"))
    ['Mon *-*-* 06:30:00 Europe/Berlin']
    """
    minutes, hours, days, months, weekdays = _sets(schedule.cron)
    clock = f"{_runs(hours, _FULL[1])}:{_runs(minutes, _FULL[0])}:00 {schedule.zone.key}"
    month = _runs(months, _FULL[3])
    found = []
    by_day = _systemd_days(days)
    by_weekday = _systemd_weekdays(weekdays)
    fields = schedule.cron.split()
    if fields[2].startswith("*") or fields[4].startswith("*"):
        # Both must hold; the one with the star is most often empty.
        found = [(name, day) for name, _ in by_weekday for day in by_day]
        if fields[2] == "*":
            found = by_weekday
    else:
        found = [("", day) for day in by_day] + by_weekday
    return [f"{name and name + ' '}*-{month}{day} {clock}" for name, day in found]


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


def in_utc(schedule: Schedule, day: date) -> list[str]:
    """Cron lines in UTC that come at every firing of a schedule in the two years from ``day``.

    They come more often than it fires where UTC cannot say the same: at both hours of a zone with
    summer time, and on more days than one where a line speaks of the last of a month.

    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> in_utc(Schedule("a", "daily", "0 7 * * *", berlin, berlin, "day"), date(2026, 1, 1))
    ['0 5,6 * * *']
    """
    cron = _portable(schedule.cron)
    fields = cron.split()
    minutes, hours, days, months, weekdays = _sets(cron)
    # By minute and by how the day shifts, the hours.
    found: dict[tuple[int, int], set[int]] = {}
    for offset in _offsets(schedule.zone, day):
        for hour in hours:
            for minute in minutes:
                shift, rest = divmod(hour * 60 + minute - offset, 1440)
                found.setdefault((rest % 60, shift), set()).add(rest // 60)
    # Minutes that share their hours and shift stand on one line.
    lines: dict[tuple[tuple[int, ...], int], list[int]] = {}
    for (minute, shift), at in sorted(found.items()):
        lines.setdefault((tuple(sorted(at)), shift), []).append(minute)
    return [
        " ".join(
            (
                _field(set(of), _FULL[0]),
                _field(set(at), _FULL[1]),
                *_shifted(fields, days, months, weekdays, shift),
            )
        )
        for (at, shift), of in lines.items()
    ]


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
        "cron": {json.dumps(_portable(schedule.cron))},
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


def _sets(cron: str) -> tuple[set[int], set[int], set[object], set[int], set[object]]:
    read = CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC))
    return read.minutes, read.hours, set(read.days), read.months, set(read.weekdays)


def _portable(cron: str) -> str:
    """A cron line without L, LW and #, which few know: on the days that may be meant."""
    minute, hour, day, month, weekday = cron.upper().split()
    _, _, days, _, weekdays = _sets(cron)
    if "L" in day:
        last = {CronSim.LAST: {28, 29, 30, 31}, CronSim.LAST_WEEKDAY: {26, 27, 28, 29, 30, 31}}
        meant = {n for one in days for n in last.get(one, {one})}  # type: ignore[call-overload]
        day = _field(meant, _FULL[2])
    if "L" in weekday or "#" in weekday:
        weekday = _field({_weekday(one) for one in weekdays}, _FULL[4])
    return " ".join((minute, hour, day, month, weekday))


def _weekday(one: object) -> int:
    """Sunday is 0; of a pair (weekday, which of the month) the weekday."""
    return int(str(one[0] if isinstance(one, tuple) else one)) % 7


def _field(values: Iterable[int], full: range) -> str:
    """Numbers as a field of a cron line: ``*``, or a list with ranges."""
    return _runs(values, full, "-")


def _runs(values: Iterable[int], full: range, to: str = "..") -> str:
    wanted = sorted(set(values))
    if wanted == list(full):
        return "*"
    width = "02d" if to == ".." else "d"
    found: list[list[int]] = []
    for value in wanted:
        if found and value == found[-1][-1] + 1:
            found[-1].append(value)
        else:
            found.append([value])
    return ",".join(
        f"{run[0]:{width}}{to}{run[-1]:{width}}"
        if len(run) > 2
        else ",".join(f"{value:{width}}" for value in run)
        for run in found
    )


def _offsets(zone: ZoneInfo, day: date) -> list[int]:
    """Every distance from UTC, in minutes, that a zone has in the two years from a day."""
    noons = (datetime.combine(day + timedelta(n), time(12), zone) for n in range(2 * 366))
    return sorted({int((noon.utcoffset() or timedelta()).total_seconds() // 60) for noon in noons})


def _shifted(
    fields: Sequence[str], days: set[object], months: set[int], weekdays: set[object], shift: int
) -> tuple[str, str, str]:
    """Day of month, month and weekday of a line whose day is moved by ``shift``."""
    if not shift:
        return fields[2], fields[3], fields[4]
    moved = {_weekday(one) + shift for one in weekdays}
    weekday = "*" if fields[4] == "*" else _field({one % 7 for one in moved}, _FULL[4])
    numbers = {int(str(one)) for one in days}
    if fields[2] == "*":
        day, turn = "*", True
    else:
        turn = min(numbers) + shift < 1 or max(numbers) + shift > 28
        wrapped = {28, 29, 30, 31} if min(numbers) + shift < 1 else set()
        wrapped |= {1} if max(numbers) + shift > 28 else set()
        day = _field({n + shift for n in numbers if 1 <= n + shift <= 31} | wrapped, _FULL[2])
    if fields[3] != "*" and turn:
        months = months | {(month - 1 + shift) % 12 + 1 for month in months}
    return day, "*" if fields[3] == "*" else _field(months, _FULL[3]), weekday


def _systemd_days(days: set[object]) -> list[str]:
    """Days of a month, each with the mark that parts it from the month."""
    numbers = {one for one in days if isinstance(one, int) and one > 0}
    found = [f"-{_runs(numbers, _FULL[2])}"] if numbers else []
    if CronSim.LAST in days:
        found.append("~01")
    if CronSim.LAST_WEEKDAY in days:
        found.append("-26..31")
    return found


def _systemd_weekdays(weekdays: set[object]) -> list[tuple[str, str]]:
    """Names of weekdays, each with the days of the month that it is limited to."""
    plain = sorted({_weekday(one) for one in weekdays if isinstance(one, int)})
    found = []
    if plain:
        name = "" if len(plain) == 7 else ",".join(_DAYS[day] for day in plain)
        found.append((name, "-*"))
    for one in sorted(one for one in weekdays if isinstance(one, tuple)):
        which = one[1]
        limit = "~07/1" if which == CronSim.LAST else f"-{7 * which - 6:02d}..{7 * which:02d}"
        found.append((_DAYS[_weekday(one)], limit))
    return found


def _systemd_word(word: str) -> str:
    """A word of a command line as systemd reads it: quoted, specifiers and variables escaped."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if any(c in word for c in " \t\"'\\;") else escaped


def _systemd_path(path: str) -> str:
    return path.replace("%", "%%")

"""``boardpack schedule``: what is made when, what is due, what is late, and how cron calls it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from boardpack import schedule_exports, schedule_runs, schedules, slots, standings
from boardpack.cli_options import clock, json_option, now_option, print_json, workspace_option
from boardpack.schedule_runs import Outcome
from boardpack.schedules import Schedule
from boardpack.standings import Standing
from boardpack.workspace import SUITE, Workspace


@click.group()
def schedule() -> None:
    """Reports by themselves: list, due, run, status, export.

    \b
    Example:
      boardpack schedule list
      boardpack schedule run
    """


_ids = click.argument("ids", nargs=-1, metavar="[ID]...")


@schedule.command("list")
@_ids
@now_option
@workspace_option
@json_option
def list_(ids: tuple[str, ...], now: datetime, workspace: str, as_json: bool) -> None:
    """The schedules, and what each makes next.

    \b
    Example:
      boardpack schedule list --now 2026-01-05T08:00+00:00
    """
    found = schedules.load(Workspace.open(workspace))
    wanted = found.named(ids) if ids else list(found.values())
    rows = [_row(one, now) for one in wanted]
    if as_json:
        print_json({"now": _iso(now), "schedules": rows})
        return
    for row in rows:
        state = "" if row["enabled"] else "   (switched off)"
        members = f", for {', '.join(row['members'])}" if row["members"] else ""
        click.echo(f"{row['schedule']}{state}")
        click.echo(f"  report {row['report']}{members}: {row['cron']} in {row['zone']}")
        click.echo(
            f"  period {row['period']}, as of {row['as_of']}; catches up: {row['catch_up']};"
            f" {row['retries']} retries after {row['back_off']}; late after {row['grace']}"
        )
        if row["next"]:
            following = row["next"]
            click.echo(
                f"  next {following['slot']}: {following['period']} as of {following['as_of']}"
            )
    if not rows:
        click.echo("no schedules")


@schedule.command()
@_ids
@now_option
@workspace_option
@json_option
def due(ids: tuple[str, ...], now: datetime, workspace: str, as_json: bool) -> None:
    """What `run` would make now, and what it would try later.

    \b
    Example:
      boardpack schedule due --now 2026-01-05T08:00+00:00
    """
    opened, wanted = _wanted(workspace, ids)
    stands = standings.status(opened, wanted, now)
    found = [one for one in stands if one.open or one.state == "waiting"]
    if as_json:
        print_json({"now": _iso(now), "due": [one.as_dict() for one in found]})
        return
    _table(found, now)
    if not found:
        click.echo("nothing is due")


@schedule.command()
@_ids
@now_option
@click.option(
    "--renderer",
    type=click.Choice(["auto", "builtin", "quarto"]),
    default="auto",
    show_default=True,
    help="auto takes quarto when it is installed.",
)
@workspace_option
@json_option
def run(
    ids: tuple[str, ...], now: datetime, renderer: Any, workspace: str, as_json: bool
) -> None:  # fmt: skip
    """Make what is due and has not been made; call it as often as you like.

    What is missed is caught up as the schedule says, what failed is tried again when its back-off
    is over, and what someone else is making is left to them.
    Exit code 0 nothing is wrong, 1 your mistake, 2 wrong usage, 3 a report is held by the gate, 4 a
    run failed; the worst of all that are due.

    \b
    Example:
      boardpack schedule run
      boardpack schedule run weekly --now 2026-01-05T08:00+00:00
    """
    opened, wanted = _wanted(workspace, ids)
    given = click.get_current_context().get_parameter_source("now")
    told = given is not None and given.name == "COMMANDLINE"
    outcomes = schedule_runs.run(
        opened,
        wanted,
        now=(lambda: now) if told else clock,
        progress=(lambda order: lambda stage: None) if as_json else _announced,
        told=(lambda outcome: None) if as_json else _tell,
        renderer=renderer,
    )
    code = schedule_runs.exit_code(outcomes)
    if as_json:
        done = [outcome.as_dict() for outcome in outcomes]
        print_json({"now": _iso(now), "exit_code": code, "outcomes": done})
    elif not outcomes:
        click.echo(f"{_iso(now)}: nothing is due")
    sys.exit(code)


@schedule.command()
@_ids
@now_option
@click.option("--last", type=click.IntRange(1, 1000), default=5, show_default=True,
              help="How many firings of each schedule.")  # fmt: skip
@workspace_option
@json_option
def status(
    ids: tuple[str, ...], now: datetime, last: int, workspace: str, as_json: bool
) -> None:  # fmt: skip
    """What should exist, what does, what is late; exit code 1 when something is missing or late.

    \b
    Example:
      boardpack schedule status --now 2026-01-05T12:00+00:00
    """
    opened, wanted = _wanted(workspace, ids)
    found = standings.status(opened, wanted, now, last)
    wrong = [one for one in found if one.wrong]
    if as_json:
        slots_ = [one.as_dict() for one in found]
        print_json({"now": _iso(now), "ok": not wrong, "slots": slots_})
    else:
        _table(found, now)
        lacking = f"{len(wrong)} missing or late" if wrong else "nothing is missing or late"
        click.echo(f"{lacking} at {_iso(now)}")
    sys.exit(1 if wrong else 0)


@schedule.command()
@click.option("--to", required=True, type=click.Choice(schedule_exports.TARGETS))
@now_option
@click.option("--out", type=click.Path(file_okay=False, path_type=Path),
              help="Write the files into this folder; default: print them.")  # fmt: skip
@workspace_option
@json_option
def export(
    to: schedule_exports.Target, now: datetime, out: Path | None, workspace: str, as_json: bool
) -> None:  # fmt: skip
    """The schedules for cron, systemd, GitHub Actions or Airflow; each calls `schedule run`.

    \b
    Example:
      boardpack schedule export --to cron
      boardpack schedule export --to systemd --out units
    """
    opened, wanted = _wanted(workspace, ())
    call = schedule_exports.Call(_command(), str(opened.root), now.date())
    if to == "github-actions":
        # There the repository is checked out anew, with an environment of its own.
        call = schedule_exports.Call((".venv/bin/boardpack",), _inside(opened.root), now.date())
    found = schedule_exports.export(wanted, to, call)
    if out is not None:
        written = schedule_exports.write(found, out)
        if not as_json:
            for path in written:
                click.echo(str(path))
    elif not as_json:
        for name, text in found.items():
            if len(found) > 1:
                click.echo(f"# {name}")
            click.echo(text, nl=False)
    if as_json:
        print_json({"to": to, "files": found, "folder": str(out) if out else None})


def _wanted(workspace: str, ids: Sequence[str]) -> tuple[Workspace, list[Schedule]]:
    opened = Workspace.open(workspace)
    return opened, schedules.load(opened).named(ids)


def _row(one: Schedule, now: datetime) -> dict[str, Any]:
    coming = slots.following(one, now) if one.enabled else None
    return {
        "schedule": one.id,
        "report": one.report,
        "cron": one.cron,
        "zone": one.zone.key,
        "period": f"{one.which} {one.grain}",
        "as_of": one.rule,
        "members": list(one.members),
        "catch_up": one.catch_up,
        "retries": one.retries,
        "back_off": schedules.written(one.back_off),
        "grace": schedules.written(one.grace),
        "start": one.start,
        "enabled": one.enabled,
        "file": str(one.file),
        "next": standings.slot_dict(slots.at(one, coming)[0]) if coming else None,
    }


def _table(stands: Sequence[Standing], now: datetime) -> None:
    for one in stands:
        state = f"{one.state}, late" if one.late and one.state != "skipped" else one.state
        told = f"  {one.told}" if one.told else ""
        click.echo(f"{one.slot.schedule:12} {_iso(one.slot.at)}  {one.slot}  {state}{told}")


def _tell(outcome: Outcome) -> None:
    click.echo(
        f"{_iso(outcome.slot.at)} {outcome.slot}: {outcome.told}",
        err=outcome.status in ("held", "failed"),
    )
    if outcome.error is not None and outcome.error.hint:
        click.echo(f"  Hint: {outcome.error.hint}", err=True)
    if outcome.result is not None and outcome.result.edition is not None:
        for name in ("html", "pdf"):
            click.echo(f"  {outcome.result.edition / outcome.result.files[name]}")


def _announced(wanted: Any) -> Callable[[str], None]:
    of = f" of {wanted.segment}" if wanted.segment else ""
    click.echo(f"{wanted.title}{of}, {wanted.period}, as of {wanted.as_of}", err=True)
    return _step


def _step(stage: str) -> None:
    click.echo(f"  {stage} ...", err=True)


def _command() -> tuple[str, ...]:
    """The words that call this Boardpack from anywhere: a scheduler knows no path to search."""
    beside = Path(sys.executable).parent / "boardpack"
    found = str(beside) if beside.is_file() else shutil.which("boardpack")
    return (found,) if found else (sys.executable, "-m", "boardpack")


def _inside(root: Path) -> str:
    """A workspace's folder from the top of the repository that it is in."""
    top = next((one for one in (root, *root.parents) if (one / ".git").exists()), SUITE)
    return os.path.relpath(root, top)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")

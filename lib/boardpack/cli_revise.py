"""``boardpack backfill`` and ``boardpack diff``: many editions at once, and one beside another."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from boardpack.cli_options import json_option, print_json, workspace_option
from boardpack.errors import UnknownNameError, UserError


def _now() -> datetime:
    return datetime.now(UTC)


@click.command()
@click.argument("report")
@click.option("--from", "first", required=True, metavar="PERIOD", help="The first, as 2025-01.")
@click.option("--to", "last", required=True, metavar="PERIOD", help="The last, as 2025-12.")
@click.option("--as-of", default="", metavar="DAY",
              help="All as known by the end of this day, or `now`.")  # fmt: skip
@click.option("--as-known-then", is_flag=True,
              help="Each as known by its own end; the default.")  # fmt: skip
@click.option(
    "--segment", default="", metavar="MEMBER", help="Make them about one segment, such as smb."
)
@click.option("--again", is_flag=True, help="A new revision also of what is published already.")
@click.option("--jobs", type=click.IntRange(1, 64), default=None, metavar="N",
              help="How many at once; default: as cores and free memory allow.")  # fmt: skip
@click.option("--renderer", type=click.Choice(["auto", "builtin", "quarto"]), default="auto",
              show_default=True, help="auto takes quarto when it is installed.")  # fmt: skip
@workspace_option
@json_option
def backfill(
    report: str, first: str, last: str, as_of: str, as_known_then: bool, segment: str, again: bool,
    jobs: int | None, renderer: Any, workspace: str, as_json: bool,
) -> None:  # fmt: skip
    """Make the editions of REPORT for a range of periods.

    What is published already with the same as-of, definitions and data is skipped, so a backfill
    that was interrupted goes on where it was. The exit code is the worst of all periods.

    \b
    Example:
      boardpack backfill monthly --from 2025-01 --to 2025-12
      boardpack backfill monthly --from 2025-01 --to 2025-12 --as-of now --again --jobs 2
    """
    if as_of and as_known_then:
        raise click.UsageError("--as-of and --as-known-then exclude each other.")
    from boardpack import backfills
    from boardpack.model import Model

    model = Model.open(workspace)
    if as_of == "now":
        as_of = _now().astimezone(model.workspace.zone).date().isoformat()
    wanted = backfills.plan(model, report, first, last, as_of, segment)
    at_once = min(jobs, len(wanted)) if jobs else backfills.default_jobs(len(wanted))
    if not as_json:
        known = f"as of {as_of}" if as_of else "each as known then"
        many = f"{len(wanted)} period{'' if len(wanted) == 1 else 's'}"
        click.echo(f"{wanted[0].title}: {many}, {known}, {at_once} at once", err=True)
    found = backfills.make(
        model, wanted, now=_now, again=again, jobs=at_once, renderer=renderer,
        progress=_silent if as_json else _step,
    )  # fmt: skip
    if as_json:
        print_json(found.as_dict())
    else:
        _tell(found)
    sys.exit(found.exit_code)


def _silent(so_far: Any) -> None:
    return None


def _step(so_far: Any) -> None:
    entry = so_far.entry
    what = f"revision {entry.revision} {entry.status}" if entry.revision else entry.status
    left = f", about {_time(so_far.left)} left" if so_far.left else ""
    place = f"{so_far.done} of {so_far.total}"
    click.echo(f"  {place:>9}  {entry.period}: {what}, {entry.seconds:.1f} s{left}", err=True)


def _tell(found: Any) -> None:
    for entry in found.entries:
        if entry.status in ("held", "failed"):
            click.echo(f"{entry.period}: {entry.status}", err=True)
            for reason in entry.reasons:
                click.echo(f"  {reason}", err=True)
            if entry.error:
                where = f"{entry.error['file']}: " if entry.error["file"] else ""
                click.echo(f"  Error: {where}{entry.error['message']}", err=True)
                if entry.error["hint"]:
                    click.echo(f"  Hint: {entry.error['hint']}", err=True)
    counts = {status: found.count(status) for status in ("published", "skipped", "held", "failed")}
    said = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    made = counts["published"]
    pace = f", {found.seconds / made:.1f} s an edition" if made else ""
    click.echo(f"{found.report}: {said}; {_time(found.seconds)}{pace}")
    if found.problem:
        click.echo(found.problem, err=True)
    if counts["skipped"]:
        click.echo(
            "skipped: published before with the same as-of, definitions and data; "
            "--again makes a new revision"
        )


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@click.command()
@click.argument("report")
@click.argument("period")
@click.option("--revision", "chosen", nargs=2, type=click.IntRange(min=1), default=None,
              metavar="A B", help="Two revisions; default: the last two.")  # fmt: skip
@click.option("--segment", default="", help="The edition of one segment.")
@workspace_option
@json_option
def diff(
    report: str, period: str, chosen: tuple[int, int] | None, segment: str, workspace: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Every value that changed between two revisions of an edition, and its cause.

    The cause is late data (the as-of or the rows of a source differ), the definition of the KPI,
    or the code. Where several differ, each may have a part in it.

    \b
    Example:
      boardpack diff monthly 2025-12
      boardpack diff monthly 2025-12 --revision 1 3 --json
    """
    from boardpack import revisions
    from boardpack.workspace import Workspace

    opened = Workspace.open(workspace)
    before, after = revisions.two_revisions(
        *_editions(opened, report, period, segment), chosen=chosen
    )
    found = revisions.difference(opened.var / "editions", before, after)
    if as_json:
        print_json(found.as_dict())
    else:
        click.echo(_described(found))


def _editions(opened: Any, report: str, period: str, segment: str) -> tuple[list[Any], str]:
    """The revisions asked for and how to name them; nothing is made to look for them."""
    from boardpack.ledger import Ledger
    from boardpack.periods import Period

    label = Period.parse(period, opened.calendar).label
    path: Path = opened.var / "ledger.sqlite"
    rows = []
    if path.is_file():
        with Ledger(path) as ledger:
            rows = ledger.editions()
    of_report = [row for row in rows if row.report == report]
    if not of_report and report not in opened.reports:
        raise UnknownNameError.near("report", report, {*opened.reports, *(r.report for r in rows)})
    of_period = [row for row in of_report if row.period == label]
    name = f"{report} {label}"
    if not of_period:
        known = sorted({row.period for row in of_report})
        some = f"published are {', '.join(known[-6:])}" if known else f"`boardpack run {report}`"
        raise UserError(f"no edition of {name} was published.", hint=some)
    found = [row for row in of_period if row.segment == segment]
    if not found:
        known = sorted({row.segment or "(all)" for row in of_period})
        raise UserError(
            f"no edition of {name} was published for the segment {segment or '(all)'!r}.",
            hint=f"published are {', '.join(known)}",
        )
    return found, f"{name} ({segment})" if segment else name


def _described(found: Any) -> str:
    before, after = found.before, found.after
    lines = [
        f"{after.report} {after.period}, revision {before.revision} (as of {before.as_of}, "
        f"{before.status}) and revision {after.revision} (as of {after.as_of}, {after.status})"
    ]
    for what, names in (
        ("rows that differ", found.sources),
        ("definitions that differ", found.definitions),
        ("shown only by the second", found.added),
        ("shown only by the first", found.removed),
    ):
        if names:
            lines.append(f"  {what}: {', '.join(names)}")
    if found.code:
        lines.append("  the code differs")
    rows = [row for row in found.rows if row.kind != "status"]
    if rows:
        lines += ["", *_table(rows), "", f"{len(rows)} values changed."]
    else:
        lines.append("No value changed.")
    kinds: dict[tuple[str, str], int] = {}
    for row in found.rows:
        if row.kind == "status":
            turned = row.before_status, row.after_status
            kinds[turned] = kinds.get(turned, 0) + 1
    lines += [f"{n} unchanged values are {new} and were {old}." for (old, new), n in kinds.items()]
    return "\n".join(lines)


def _table(rows: list[Any]) -> list[str]:
    heads = ("KPI", "period", "member", "before", "after", "change", "cause")
    cells = [heads, *(_cells(row) for row in rows)]
    widths = [max(len(cell[n]) for cell in cells) for n in range(len(heads))]
    right = {"before", "after", "change"}
    aligned = (
        "  ".join(
            cell[n].rjust(width) if head in right else cell[n].ljust(width)
            for n, (head, width) in enumerate(zip(heads, widths, strict=True))
        ).rstrip()
        for cell in cells
    )
    return list(aligned)


def _cells(row: Any) -> tuple[str, ...]:
    before, after, change = row.before_text, row.after_text, row.change_text
    if row.kind == "changed" and before == after:
        # What differs by less than a page shows is written out.
        before, after, change = f"{row.before:.12g}", f"{row.after:.12g}", "in its last digits"
        if before == after:
            before, after = repr(row.before), repr(row.after)
    if row.before_status != row.after_status and row.kind == "changed":
        before, after = f"{before} ({row.before_status})", f"{after} ({row.after_status})"
    return row.kpi, row.period, row.dims, before, after, change, ", ".join(row.causes)

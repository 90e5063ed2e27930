"""``boardpack note`` and ``boardpack sign``: what people add to an edition whose figures stand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import click

from boardpack.cli_options import clock, json_option, print_json, workspace_option
from boardpack.errors import UnknownNameError, UserError

_renderer = click.option(
    "--renderer", type=click.Choice(["auto", "builtin", "quarto"]), default="auto",
    show_default=True, help="auto takes quarto when it is installed.",
)  # fmt: skip
_by = click.option(
    "--by", default=None, metavar="NAME", envvar="BOARDPACK_USER",
    help="Who; default: BOARDPACK_USER.",
)  # fmt: skip


@click.command()
@click.argument("kpi", required=False)
@click.argument("text", required=False)
@click.option("--period", default="", help="Such as 2025-12: the period of the figure.")
@click.option("--member", default="", metavar="DIMENSION=MEMBER",
              help="On the figure of one member, such as segment=smb.")  # fmt: skip
@_by
@click.option("--no-render", is_flag=True, help="Only write it down; the next run shows it.")
@_renderer
@workspace_option
@json_option
def note(
    kpi: str | None, text: str | None, period: str, member: str, by: str | None, no_render: bool,
    renderer: Any, workspace: str, as_json: bool,
) -> None:  # fmt: skip
    """Write TEXT on the figure of a KPI in a period; without TEXT, show what was written.

    A note stands beside its KPI in every report about that period. The latest editions that show
    the figure are made again at once, as new revisions with the same values. A later note on the
    same figure is its next version; nothing is deleted.

    \b
    Example:
      boardpack note arr --period 2025-12 --by "A. Jonas" "Two renewals moved to January."
      boardpack note nps --period 2025-12 --member segment=smb --by "A. Jonas" "Few answers."
      boardpack note arr --period 2025-12
    """
    from boardpack import written_notes
    from boardpack.ledger import Ledger
    from boardpack.model import Model

    if text is not None:
        if not period:
            raise click.UsageError("a note is on the figure of a period: name it with --period")
        if not by:
            raise click.UsageError("a note says who wrote it: --by NAME, or BOARDPACK_USER")
    model = Model.open(workspace)
    if text is None or kpi is None:
        _show(model, kpi, period, member, as_json)
        return
    with Ledger(model.workspace.var / "ledger.sqlite") as ledger:
        wanted = written_notes.checked_note(
            model, ledger, kpi, period, member, text, by or "", clock()
        )
        done = written_notes.note(
            model, ledger, wanted, now=clock, renderer=renderer, render_now=not no_render,
            progress=_silent if as_json else _announced,
        )  # fmt: skip
        problem = _refreshed(model, ledger) if done.made else ""
    if as_json:
        found: dict[str, Any] = {
            "note": asdict(done.note),
            "is_new": done.is_new,
            "made": [_made(entry) for entry in done.made],
            "waiting": list(done.waiting),
            "failed": [{"edition": name, "error": e.as_dict()} for name, e in done.failed],
        }
        print_json({**found, "problem": problem} if problem else found)
    else:
        _tell(done, problem)
    sys.exit(done.exit_code)


def _tell(done: Any, problem: str) -> None:
    about = f"{done.note.kpi} {done.note.period}" + (
        f" {done.note.member}" * bool(done.note.member)
    )
    said = f"version {done.note.version} of the note on {about}"
    click.echo(
        said[0].upper() + said[1:] + (" is written." if done.is_new else " says so already.")
    )
    for entry in done.made:
        _tell_revision(entry)
    for name in done.waiting:
        click.echo(f"{name} shows the figure; its next revision will have the note.")
    if not (done.made or done.waiting or done.failed):
        click.echo(
            "No edition shows that figure yet; the next run has the note."
            if done.is_new
            else "Every edition that shows the figure has it."
        )
    for name, error in done.failed:
        click.echo(f"{name} was not made again, and stays.\nError: {error}", err=True)
    if problem:
        click.echo(problem, err=True)


def _tell_revision(entry: Any) -> None:
    row = entry.row
    of = f" ({row.segment})" if row.segment else ""
    spent = sum(entry.seconds.values())
    click.echo(f"{row.report} {row.period}{of} revision {row.revision}: same values, {spent:.1f} s")
    if row.lacks_notes:
        click.echo(f"  DRAFT: notes are still lacking on {', '.join(row.lacks_notes)}")
    for name in ("report.html", "report.pdf", "report.pptx"):
        if (entry.folder / name).is_file():
            click.echo(f"  {entry.folder / name}")


def _made(entry: Any) -> dict[str, Any]:
    row = entry.row
    return {
        **{name: getattr(row, name) for name in ("report", "period", "segment", "revision",
                                                 "parent", "release", "because")},
        "lacks_notes": list(row.lacks_notes),
        "signatures": [asdict(signature) for signature in row.signatures],
        "edition": str(entry.folder),
        "seconds": {stage: round(spent, 3) for stage, spent in entry.seconds.items()},
    }  # fmt: skip


def _show(model: Any, kpi: str | None, period: str, member: str, as_json: bool) -> None:
    from boardpack.ledger import Ledger
    from boardpack.periods import Period

    label = Period.parse(period, model.workspace.calendar).label if period else None
    path = model.workspace.var / "ledger.sqlite"
    written = []
    if path.is_file():
        with Ledger(path) as ledger:
            written = ledger.notes(kpi, label, member or None)
    if kpi is not None and not written:
        # What was written on a KPI that is gone is still shown; a misspelt one is an error.
        model.catalogue[kpi]
    last = {(entry.kpi, entry.period, entry.member): entry.version for entry in written}
    found = [
        {
            **{name: value for name, value in asdict(entry).items() if name != "name"},
            "is_latest": last[entry.kpi, entry.period, entry.member] == entry.version,
        }
        for entry in written
    ]
    if as_json:
        print_json({"notes": found})
        return
    for entry in found:
        about = " ".join(filter(None, (entry["kpi"], entry["period"], entry["member"])))
        replaced = "" if entry["is_latest"] else ", replaced"
        click.echo(f"{about}, version {entry['version']}{replaced}: {entry['by']}, {entry['at']}")
        for line in entry["text"].splitlines():
            click.echo(f"  {line}")
    if not found:
        click.echo("No note is written.")


@click.command()
@click.argument("report")
@click.option("--period", required=True, help="Such as 2025-12.")
@_by
@click.option("--role", default="", help="As which of those that the report asks to sign it.")
@click.option("--revision", type=click.IntRange(min=1), default=None,
              help="The revision that was read; refused when it is not the latest.")  # fmt: skip
@click.option("--segment", default="", help="The edition of one segment.")
@_renderer
@workspace_option
@json_option
def sign(
    report: str, period: str, by: str | None, role: str, revision: int | None, segment: str,
    renderer: Any, workspace: str, as_json: bool,
) -> None:  # fmt: skip
    """Release the edition of REPORT: its next revision, with the same values, is signed.

    Its sign-off sheet and the index name who released it. A draft is not signed, nor figures of a
    period that is not over, nor a revision that is not the latest.

    \b
    Example:
      boardpack sign board --period 2025-12 --by "A. Jonas" --role "Chief Financial Officer"
    """
    if not by:
        raise click.UsageError("a signature says whose it is: --by NAME, or BOARDPACK_USER")
    from boardpack import signatures
    from boardpack.ledger import Ledger
    from boardpack.model import Model
    from boardpack.periods import Period

    model = Model.open(workspace)
    path = model.workspace.var / "ledger.sqlite"
    if not path.is_file():
        raise _nothing(model, report, Period.parse(period, model.workspace.calendar).label)
    with Ledger(path) as ledger:
        row = signatures.latest(ledger, _editions(model, ledger, report, period, segment), revision)
        done = signatures.sign(
            model, ledger, row, by, role, now=clock, renderer=renderer,
            progress=(_silent if as_json else _announced)(row),
        )  # fmt: skip
        problem = _refreshed(model, ledger)
    if as_json:
        print_json({**_made(done), "problem": problem} if problem else _made(done))
        return
    said = done.row.signatures[-1]
    click.echo(f"{said.by} signed revision {said.revision}" + f" as {said.role}" * bool(said.role))
    _tell_revision(done)
    if problem:
        click.echo(problem, err=True)


def _editions(model: Any, ledger: Any, report: str, period: str, segment: str) -> Sequence[Any]:
    from boardpack.periods import Period

    label = Period.parse(period, model.workspace.calendar).label
    of_report = ledger.editions(report)
    if not of_report:
        raise _nothing(model, report, label)
    found = [row for row in of_report if (row.period, row.segment) == (label, segment)]
    if not found:
        known = sorted({row.period for row in of_report if row.segment == segment})
        of = f" for the segment {segment!r}" if segment else ""
        raise UserError(
            f"no edition of {report} {label} was published{of}.",
            hint=f"published are {', '.join(known[-6:])}" if known else f"`boardpack run {report}`",
        )
    return found


def _nothing(model: Any, report: str, period: str) -> UserError:
    if report not in model.workspace.reports:
        return UnknownNameError.near("report", report, model.workspace.reports)
    told = f"no edition of {report} {period} was published."
    return UserError(told, hint=f"`boardpack run {report}`")


def _refreshed(model: Any, ledger: Any) -> str:
    """Bring the index up to date; what kept it from that, since the revisions stand anyway."""
    from boardpack import site
    from boardpack.errors import BoardpackError

    try:
        site.refresh(model.workspace, ledger)
    except BoardpackError as error:
        return f"the index was not written: {error.message}"
    return ""


def _announced(row: Any) -> Callable[[str], None]:
    from boardpack import reissues

    def tell(stage: str) -> None:
        if stage == "verify":
            click.echo(f"{reissues.name_of(row)}, with the same values", err=True)
        click.echo(f"  {stage} ...", err=True)

    return tell


def _silent(row: Any) -> Callable[[str], None]:
    return lambda stage: None

"""The command line: thin calls to the library, errors and JSON at the edge."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import click

from boardpack.cli_options import clock, json_option, known_by_option, print_json, workspace_option
from boardpack.errors import UserError


class Commands(click.Group):
    """Imports the commands of other modules, and what these need, only when they are asked for."""

    groups: ClassVar = {
        "backfill": "boardpack.cli_revise",
        "diff": "boardpack.cli_revise",
        "init": "boardpack.cli_init",
        "kpi": "boardpack.cli_kpi",
        "mart": "boardpack.cli_mart",
        "note": "boardpack.cli_note",
        "preview": "boardpack.cli_preview",
        "schedule": "boardpack.cli_schedule",
        "scorecard": "boardpack.cli_scorecard",
        "sign": "boardpack.cli_note",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands by name."""
        return sorted({*super().list_commands(ctx), *self.groups})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command."""
        if cmd_name in self.groups:
            found: click.Command = getattr(import_module(self.groups[cmd_name]), cmd_name)
            return found
        return super().get_command(ctx, cmd_name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="boardpack")
def main() -> None:
    """KPI reports from your tables: gated, computed in notebooks, rendered and kept.

    \b
    Example:
      boardpack demo
      boardpack run monthly --period 2025-12
    """


@main.command()
@click.argument("report")
@click.option(
    "--period", default="", help="Such as 2025-12 or 2025-Q4; default: the last one closed."
)
@click.option(
    "--as-of", default="", help="As known by the end of this day; default: the period's end."
)
@click.option("--segment", default="", help="Make it about one segment, such as smb.")
@click.option(
    "--renderer",
    type=click.Choice(["auto", "builtin", "quarto"]),
    default="auto",
    show_default=True,
    help="auto takes quarto when it is installed.",
)
@click.option(
    "--force", is_flag=True, help="Publish it, as a draft, although the data do not pass."
)
@click.option("--reason", default=None, metavar="TEXT", help="Why it is forced; on every page.")
@click.option(
    "--by",
    default=None,
    metavar="NAME",
    envvar="BOARDPACK_USER",
    help="Who forces it; default: BOARDPACK_USER.",
)
@workspace_option
@json_option
def run(
    report: str,
    period: str,
    as_of: str,
    segment: str,
    renderer: Any,
    force: bool,
    reason: str | None,
    by: str | None,
    workspace: str,
    as_json: bool,
) -> None:
    """Make REPORT and publish it as a new edition; `all` makes every report of the workspace, each
    about the last period closed by --as-of, or by the last day of the data.

    Exit code 0 published, 1 your mistake, 2 wrong usage, 3 held by the gate, 4 the run failed; of
    several reports the highest.

    \b
    Example:
      boardpack run monthly --period 2025-12
      boardpack run board --period 2025-Q4 --as-of 2026-01-15 --json
      boardpack run all --as-of 2025-12-31
      boardpack run board --force --reason "Payments of May come on Monday" --by "A. Jonas"
    """
    forced = _force(report, force, reason, by)
    if report == "all" and period:
        raise UserError(
            "all reports cannot be about one period: they have different grains.",
            hint="with --as-of 2025-12-31 each is about the last period closed by then",
        )
    results = _run(
        workspace, [report], period, as_of, segment, renderer, quiet=as_json, force=forced
    )
    if as_json:
        found = [result.as_dict() for result in results]
        print_json({"runs": found} if report == "all" else found[0])
    else:
        for result in results:
            _tell(result, workspace)
            if forced and result.status == "published" and not result.forced:
                click.echo("  not forced: the data passed", err=True)
    sys.exit(max(result.exit_code for result in results))


def _force(report: str, force: bool, reason: str | None, by: str | None) -> tuple[str, str] | None:
    """Why and by whom a report is forced; None when it is not."""
    if not force:
        if reason is not None:
            raise click.UsageError("--reason is for --force")
        return None
    if report == "all":
        raise click.UsageError("--force is for one report; name it")
    for name, value, most in (("--reason", reason, 300), ("--by", by, 60)):
        if not (value or "").strip():
            raise click.UsageError(f"--force takes {name}, with something in it")
        if len(str(value)) > most or not all(c.isprintable() or c == "\n" for c in str(value)):
            raise click.UsageError(f"{name} is plain text of at most {most} characters")
    return " ".join(str(reason).split()), " ".join(str(by).split())


def _run(
    workspace: str,
    reports: Sequence[str],
    period: str = "",
    as_of: str = "",
    segment: str = "",
    renderer: Any = "auto",
    *,
    quiet: bool,
    force: tuple[str, str] | None = None,
) -> list[Any]:
    from boardpack import batches, orders
    from boardpack.executions import NotebookProcess

    # The notebook process loads while definitions and data are read.
    with NotebookProcess() as process:
        from boardpack.model import Model

        model = Model.open(workspace)
        if list(reports) == ["all"]:
            wanted = orders.everything(model, as_of, segment)
        else:
            wanted = [orders.order(model, name, period, as_of, segment) for name in reports]
        return batches.make(
            model,
            wanted,
            now=clock,
            progress=_silent if quiet else _announced,
            renderer=renderer,
            process=process,
            force=None if force is None else orders.Force(*force),
        )


def _announced(wanted: Any) -> Callable[[str], None]:
    of = f" of {wanted.segment}" if wanted.segment else ""
    click.echo(f"{wanted.title}{of}, {wanted.period}, as of {wanted.as_of}", err=True)
    return _step


def _silent(wanted: Any) -> Callable[[str], None]:
    return lambda stage: None


def _step(stage: str) -> None:
    click.echo(f"  {stage} ...", err=True)


def _tell(result: Any, workspace: str) -> None:
    if result.status == "published":
        spent = sum(result.seconds.values())
        click.echo(
            f"{result.report} {result.period} revision {result.revision}: {result.verdict}, "
            f"{spent:.1f} s, {result.renderer}"
        )
        if result.forced:
            click.echo(f"  DRAFT, forced by {result.forced_by}: {result.forced}")
        if result.lacks_notes:
            lacking = ", ".join(result.lacks_notes)
            click.echo(f"  DRAFT: these are off track and lack a note: {lacking}")
            click.echo(f'  boardpack note KPI --period {result.period} --by NAME "why"')
        for reason in result.reasons:
            click.echo(f"  {reason}")
        for name in ("html", "pdf"):
            click.echo(f"  {result.edition / result.files[name]}")
        return
    if result.status == "held":
        for line in result.held_lines(workspace):
            click.echo(line)
        return
    click.echo(f"{result.report} {result.period}: {result.status}", err=True)
    for reason in result.reasons:
        click.echo(f"  {reason}", err=True)
    if result.error is not None:
        click.echo(f"Error: {result.error}", err=True)


@main.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--suggest", is_flag=True, help="Draft a suite for SOURCE from its data instead.")
@click.option(
    "--write", is_flag=True, help="With --suggest: into expectations/, never over a file."
)
@known_by_option
@click.option("--data-docs", default=None, metavar="DIR",
              type=click.Path(file_okay=False, path_type=Path),
              help="Also write Great Expectations' own pages there; they load styles from servers"
                   " of others.")  # fmt: skip
@workspace_option
@json_option
def check(
    sources: tuple[str, ...], suggest: bool, write: bool, as_of: str, data_docs: Path | None,
    workspace: str, as_json: bool,
) -> None:  # fmt: skip
    """Run the gate on SOURCEs (default: all that are connected) without making a report.

    With an earlier --as-of it is what the gate would have said then, of the rows recorded by then.
    What is found is kept by the as-of, as the history of each check. --json has every check, the
    scores, the standards and the twelve controls by source and in all.

    \b
    Example:
      boardpack check mrr_movements --as-of 2025-12-31
      boardpack check invoices --suggest --write
      boardpack check --data-docs var/data_docs
    """
    if suggest or write:
        from boardpack.cli_suggest import suggested

        suggested(sources, suggest, write, as_of, workspace, as_json)
        return
    from boardpack import gate, gate_scores
    from boardpack.judging import examine, load_suites
    from boardpack.ledger import Ledger
    from boardpack.model import Model

    model = Model.open(workspace)
    with Ledger(model.workspace.var / "ledger.sqlite") as ledger:
        result = examine(model, sources, as_of, ledger, clock)
    weights = model.workspace.settings.policy.gate.weights.as_dict()
    quality = gate_scores.told(result.results, date.fromisoformat(result.as_of), weights)
    if data_docs is not None:
        gate.warm()
        from boardpack.gate_docs import write_docs

        suites = load_suites(model, [s for s in result.sources if s in model.sources.declared])
        day = date.fromisoformat(result.as_of)
        index = write_docs(data_docs, day, result.results, suites)
        quality["data_docs"] = str(index)
        if not as_json:
            click.echo(f"Data Docs, for a browser with a network: {index}")
    if as_json:
        print_json({**result.to_dict(), **quality})
    else:
        for entry in result.results:
            if entry.outcome != "passed":
                click.echo(f"{entry.outcome:8} {entry.severity:9} {entry.id}: {entry.sentence}")
        passed = sum(entry.outcome == "passed" for entry in result.results)
        told = f"{passed} of {len(result.results)} checks passed"
        click.echo(f"{result.verdict} as of {result.as_of}: {told}")
        click.echo(gate_scores.line(gate_scores.scores(result.results, weights)))
        for reason in result.reasons:
            click.echo(f"  {reason}")
    sys.exit(3 if result.verdict == "hold" else 0)


@main.command()
@click.option("--scale", type=click.FloatRange(min=0.001), default=0.1, show_default=True,
              help="Share of the full sessions, events, visits and requests.")  # fmt: skip
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed, other rows.")
@click.option("--data-only", is_flag=True, help="Make the tables, no report.")
@workspace_option
@json_option
def demo(scale: float, seed: int, data_only: bool, workspace: str, as_json: bool) -> None:
    """Make the demo company's tables, then all of its reports.

    \b
    Example:
      boardpack demo --scale 0.1 --seed 7
    """
    from boardpack.demo import generate
    from boardpack.workspace import Workspace

    opened = Workspace.open(workspace)
    target = opened.settings.warehouse.duckdb
    if target is None:
        raise UserError(
            "this workspace has no warehouse of its own to make the demo company in.",
            file=opened.root / "boardpack.yml",
        )
    click.echo(f"Demo company at scale {scale:g}, seed {seed}", err=True)
    rows = generate(opened.inside(target, "the warehouse"), scale=scale, seed=seed, progress=_step)
    results: list[Any] = []
    if not data_only:
        results = _run(workspace, ["all"], quiet=as_json)
        if not as_json:
            for result in results:
                _tell(result, workspace)
    index = opened.var / "site" / "index.html"
    if as_json:
        print_json(
            {
                "rows": rows,
                "runs": [result.as_dict() for result in results],
                "index": None if data_only else str(index),
            }
        )
    elif not data_only:
        click.echo(str(index))
    sys.exit(max((result.exit_code for result in results), default=0))


@main.command()
@workspace_option
@json_option
def doctor(workspace: str, as_json: bool) -> None:
    """Say what is connected, which KPIs are available, what each of the others lacks, what is next.

    \b
    Example:
      boardpack doctor --workspace examples/purchases
    """
    from boardpack import doctors

    found = doctors.examine(Path(workspace))
    if as_json:
        print_json(found.as_dict())
    else:
        click.echo(found.text())


@main.command()
@click.argument("edition", type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
def verify(edition: Path, as_json: bool) -> None:
    """Compare an EDITION folder with its manifest; exit code 1 when a file was changed.

    \b
    Example:
      boardpack verify var/editions/monthly/2025-12/r1
    """
    from boardpack.manifests import verify as differences

    found = differences(edition)
    if as_json:
        print_json({"edition": str(edition), "differences": [str(entry) for entry in found]})
    else:
        for entry in found:
            click.echo(str(entry))
        click.echo(f"{edition}: {'changed' if found else 'unchanged since it was published'}")
    sys.exit(1 if found else 0)

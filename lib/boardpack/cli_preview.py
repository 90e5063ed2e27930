"""``boardpack preview``: a report in the browser, made again while its files are edited."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

import click

from boardpack.cli_options import clock, json_option, workspace_option


@click.command()
@click.argument("report")
@click.option(
    "--period", default="", help="Such as 2025-12 or 2025-Q4; default: the last one closed."
)
@click.option(
    "--as-of", default="", help="As known by the end of this day; default: the period's end."
)
@click.option("--segment", default="", help="Make it about one segment, such as smb.")
@click.option("--port", type=click.IntRange(0, 65535), default=0,
              help="Of 127.0.0.1; default: any that is free.")  # fmt: skip
@click.option("--once", is_flag=True, help="Make the page once, say how long it took, and end.")
@workspace_option
@json_option
def preview(
    report: str, period: str, as_of: str, segment: str, port: int, once: bool, workspace: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Show REPORT in the browser, and make it again while you edit it.

    Watches notebooks, reports, KPIs, scorecards, sources, listings, checks and data files; makes
    again what a change touches and reloads the page. What is wrong in a file stands on the page,
    with its line, until it is mended. Nothing is published. --json prints an object a line.

    \b
    Example:
      boardpack preview monthly
      boardpack preview board --period 2025-12 --port 8700
    """
    from boardpack.executions import NotebookProcess

    # The notebook process loads while definitions and data are read.
    with NotebookProcess() as process:
        from boardpack import locks, preview_server
        from boardpack.previews import Asked, Preview
        from boardpack.workspace import Workspace

        opened = Workspace.open(workspace)
        opened.report(report)
        place = opened.var / "previews"
        board = preview_server.Board(f"{report}: preview")
        asked = Asked(report, period, as_of, segment)
        with (
            locks.lock(place / f"{report}.lock", f"A preview of {report}"),
            Preview(opened.root, asked, place / report, process, clock, board.step) as made,
        ):
            if once:
                found = made.refresh()
                _tell(found, as_json)
                sys.exit(found.error.exit_code if found.error else 0)
            with preview_server.serving(board, port) as address:
                if as_json:
                    _print_line({"url": address})
                else:
                    click.echo(f"{report}: {address} (Ctrl-C ends it)")
                sys.stdout.flush()
                try:
                    preview_server.follow(
                        made, board, lambda found: _tell(found, as_json), threading.Event()
                    )
                except KeyboardInterrupt:
                    click.echo("", err=True)


def _print_line(value: object) -> None:
    """A JSON value on a line of its own, for who reads along."""
    click.echo(json.dumps(value, ensure_ascii=False))


def _tell(found: Any, as_json: bool) -> None:
    spent = sum(found.seconds.values())
    if as_json:
        error = {"error": found.error.as_dict()} if found.error else {}
        seconds = {step: round(took, 3) for step, took in found.seconds.items()}
        again = {what: list(names) for what, names in found.again.items()}
        _print_line({"is_new": found.page is not None, "seconds": seconds, "again": again, **error})
    else:
        steps = ", ".join(f"{step} {took:.1f} s" for step, took in found.seconds.items())
        names = found.again.get("notebooks", ())
        what = f"; executed {', '.join(names)}" if names else ""
        if found.error:
            click.echo(f"Error: {found.error}", err=True)
        elif found.page is not None:
            click.echo(f"made again in {spent:.1f} s: {steps}{what}")
    sys.stdout.flush()

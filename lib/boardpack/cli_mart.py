"""``boardpack mart``: build, list and drop what is kept of large tables by day and key."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import click

from boardpack import mart_builds, mart_files, mart_grounds
from boardpack.cli_options import json_option, known_by_option, print_json, workspace_option
from boardpack.errors import UnknownNameError, UserError
from boardpack.mart_grounds import Ground
from boardpack.model import Model
from boardpack.periods import parse_day
from boardpack.warehouse import data_span, open_slice


@click.group()
def mart() -> None:
    """Marts of large tables: sums and counts by day, from which reports come faster.

    They change no figure, and nothing is lost with them: `boardpack run` builds them again.

    \b
    Example:
      boardpack mart list
    """


@mart.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@known_by_option
@workspace_option
@json_option
def build(sources: tuple[str, ...], as_of: str, workspace: str, as_json: bool) -> None:
    """Build the marts of SOURCEs (default: of all that are large), or add what became known since.

    Named ones are built however small they are. Exit code 4 when one could not be built; what was
    there before stays.

    \b
    Example:
      boardpack mart build events sessions --as-of 2025-12-31
    """
    model = Model.open(workspace)
    tables = _tables(model, sources)
    with _ground(model, as_of, tables) as ground:
        found = mart_builds.refresh(ground, tables or None, always=bool(sources), back=True)
    if as_json:
        print_json([asdict(built) for built in found])
    else:
        for built in found:
            days = f" of {built.days} days" if built.how == "days" else ""
            note = f"  ({built.reason})" if built.reason else ""
            click.echo(f"{built.mart:44} {built.how}{days} {built.seconds:.2f} s{note}")
    sys.exit(4 if any(built.how in ("failed", "busy") for built in found) else 0)


@mart.command("list")
@click.option("--as-of", default="", help="For this day; default: the last day of the data.")
@workspace_option
@json_option
def list_(as_of: str, workspace: str, as_json: bool) -> None:
    """The marts there are, and which measures of each source cannot be answered from any, and why.

    \b
    Example:
      boardpack mart list --json
    """
    model = Model.open(workspace)
    with _ground(model, as_of, []) as ground:
        # As the commands do that read no hashes of all rows: by the files.
        marts = mart_grounds.ready(replace(ground, hashes=None))
        designs = ground.designs()
    states = mart_files.present(model.workspace)
    rows: list[dict[str, Any]] = []
    for design in designs:
        state = states.pop(design.name, None)
        used = any(one.design == design for one in marts.ready)
        rows.append(
            {
                "mart": design.name,
                "source": design.source,
                "keys": list(design.keys),
                "measures": len(design.units),
                "as_of": str(state.as_of) if state else "",
                "days": state.size("day") if state else 0,
                "months": state.size("month") if state else 0,
                "bytes": state.bytes if state else 0,
                "used": used,
                "reason": "" if used else marts.lacking.get(design.source, marts.otherwise),
            }
        )
    rows += [
        {"mart": name, "used": False, "bytes": 0, "reason": "nothing asks for it: drop it"}
        for name in states
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        size = f"{row['bytes'] / 1e6:8.1f} MB" if row["bytes"] else " " * 11
        state_ = f"as of {row['as_of']}" if row["used"] else row["reason"]
        click.echo(f"{row['mart']:44} {size}  {state_}")


@mart.command()
@click.argument("names", nargs=-1, metavar="[MART]...")
@workspace_option
@json_option
def drop(names: tuple[str, ...], workspace: str, as_json: bool) -> None:
    """Delete MARTs, or all of them. No figure changes.

    \b
    Example:
      boardpack mart drop events-account_id-user_id
    """
    model = Model.open(workspace)
    there = mart_files.present(model.workspace)
    for name in names:
        if name not in there:
            raise UnknownNameError.near("mart", name, there)
    gone = list(names or there)
    mart_files.drop(model.workspace, gone)
    if as_json:
        print_json(gone)
    else:
        click.echo(f"dropped {', '.join(gone)}" if gone else "there is no mart")


def _tables(model: Model, sources: tuple[str, ...]) -> list[str]:
    """The tables that these sources are of."""
    found = [model.sources[name] for name in sources]
    return list(dict.fromkeys(source.derived_from or source.id for source in found))


@contextmanager
def _ground(model: Model, as_of: str, tables: list[str]) -> Iterator[Ground]:
    """The workspace's tables as of a day; their rows are only read where a mart asks for them."""
    stamp = mart_files.stamp(model.workspace)
    wanted = [s.id for s in model.sources.declared.values() if s.derived_from is None]
    if as_of:
        day = parse_day(as_of)
    else:
        spans = data_span(model.workspace, model.sources, tables or wanted)
        if not spans:
            raise UserError("no source with data is connected.", hint="see `boardpack doctor`")
        day = max(span.last for span in spans.values())
    slice_ = open_slice(model.workspace, model.sources, day, tables or wanted)
    try:
        hashes = mart_grounds.remembered(slice_)
        yield Ground(model.workspace, model.catalogue, slice_, stamp, hashes)
    finally:
        slice_.close()

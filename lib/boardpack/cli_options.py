"""Options that commands share, and how errors reach a person or a program."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

import click

from boardpack.errors import BoardpackError

F = TypeVar("F", bound=Callable[..., Any])


def workspace_option(command: F) -> F:
    """``--workspace DIR``, on every command."""
    return click.option(
        "--workspace",
        default=".",
        show_default=True,
        metavar="DIR",
        help="Folder with boardpack.yml.",
    )(command)


def known_by_option(command: F) -> F:
    """``--as-of DAY``: what was known by the end of it, of everything there is by default."""
    return click.option(
        "--as-of",
        default="",
        help="As known by the end of this day; default: the last day of the data.",
    )(command)


def now_option(command: F) -> F:
    """``--now ISO``: the instant that a command takes for now; the clock where it is left out."""
    return click.option(
        "--now",
        default=clock,
        callback=lambda context, parameter, value: _instant(value),
        metavar="ISO",
        help="Such as 2026-01-05T08:00+00:00; default: the clock.",
    )(command)


def clock() -> datetime:
    """What the machine takes for now, UTC."""
    return datetime.now(UTC)


def _instant(value: datetime | str) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is no instant such as 2026-01-05T08:00+00:00"
        ) from None
    if found.tzinfo is None:
        raise click.BadParameter(f"{value!r} names no zone; write {value}+00:00 for UTC")
    if not 1971 <= found.year <= 9000:
        raise click.BadParameter(f"{value!r} is no year that reports are made in")
    return found.astimezone(UTC)


def json_option(command: F) -> F:
    """``--json``: one object on stdout, on failure too; and no stack trace for a user's mistake."""

    @functools.wraps(command)
    def wrapped(*args: Any, as_json: bool, **kwargs: Any) -> Any:
        try:
            return command(*args, as_json=as_json, **kwargs)
        except BoardpackError as error:
            _fail(error, as_json)

    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(wrapped)  # type: ignore[return-value]


def _fail(error: BoardpackError, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"error": error.as_dict()})
    else:
        click.echo(f"Error: {error}", err=True)
    sys.exit(error.exit_code)


def print_json(value: object) -> None:
    """One JSON value on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str))

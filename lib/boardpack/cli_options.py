"""Options that commands share, and how errors reach a person or a program."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
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

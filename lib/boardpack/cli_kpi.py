"""``boardpack kpi``: look at the catalogue, its values, its SQL and its tests."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import click
import pandas as pd

from boardpack import mart_files, mart_grounds, published
from boardpack.cli_options import json_option, print_json, workspace_option
from boardpack.engine.compute import compute
from boardpack.engine.exactness import in_dialect
from boardpack.engine.marts import NONE, Marts
from boardpack.engine.plans import make_plan, unavailable
from boardpack.errors import UnknownNameError, UserError
from boardpack.formats import Formatter
from boardpack.model import Model, closed_by
from boardpack.periods import GRAINS, Grain, Period, parse_day
from boardpack.sql_dialects import DIALECTS
from boardpack.values import Values
from boardpack.warehouse import Slice, data_span, open_slice


@click.group()
def kpi() -> None:
    """The catalogue: list, show values, SQL, tests and explanations.

    \b
    Example:
      boardpack kpi show mrr --by segment --last 6
    """


def _window_options(command: Any) -> Any:
    for option in reversed(
        (
            click.argument("ids", nargs=-1, metavar="[ID]..."),
            click.option("--grain", type=click.Choice(GRAINS), default="month", show_default=True),
            click.option("--last", type=click.IntRange(1, 1000), default=13, show_default=True,
                         help="How many periods."),
            click.option("--as-of", default="", help="As known by the end of this day."),
            click.option("--by", multiple=True, metavar="DIMENSION", help="Split by it."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


@kpi.command("list")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@workspace_option
@json_option
def list_(ids: tuple[str, ...], workspace: str, as_json: bool) -> None:
    """The KPIs, and for each that is not available the sources it lacks.

    \b
    Example:
      boardpack kpi list --json
    """
    model = Model.open(workspace)
    names = _names(model, ids)
    with _slice(model, names, "") as (slice_, _):
        lacking = {name: unavailable(model.catalogue, slice_, name) for name in names}
    if as_json:
        print_json(
            [
                {
                    "kpi": name,
                    "name": model.catalogue[name].name,
                    "category": model.catalogue[name].category,
                    "unit": model.catalogue[name].unit,
                    "direction": model.catalogue[name].direction,
                    "owner": model.facts(name, []).owner,
                    "available": not lacking[name],
                    "reason": lacking[name],
                }
                for name in names
            ]
        )
        return
    width = max(map(len, names), default=0)
    for name in names:
        note = f"  ({lacking[name]})" if lacking[name] else ""
        click.echo(f"{name:{width}}  {model.catalogue[name].name}{note}")


@kpi.command()
@_window_options
@workspace_option
@json_option
def show(
    ids: tuple[str, ...], grain: Grain, last: int, as_of: str, by: tuple[str, ...],
    workspace: str, as_json: bool,
) -> None:  # fmt: skip
    """The values of KPIs, a row each period and member.

    \b
    Example:
      boardpack kpi show mrr arr --last 3 --by segment
    """
    model = Model.open(workspace)
    names = _names(model, ids)
    _check_dimensions(model, names, by)
    stamp = mart_files.stamp(model.workspace)
    with _slice(model, names, as_of) as (slice_, day):
        marts = _marts(model, slice_, stamp)
        periods = _periods(model, day, grain, last)
        frame = compute(model.catalogue, slice_, names, periods, by, marts=marts)
        missing = [n for n in names if unavailable(model.catalogue, slice_, n)]
        reasons = {n: unavailable(model.catalogue, slice_, n) for n in missing}
    columns = ["kpi", "period", "period_start", "period_end", "grain", "dims", "value", "numerator",
               "denominator", "low", "high", "unit", "status", "reason"]  # fmt: skip
    rows = json.loads(
        frame[columns]
        .assign(
            period_start=frame["period_start"].map(str), period_end=frame["period_end"].map(str)
        )
        .to_json(orient="records", double_precision=15)
    )
    rows += [
        {**dict.fromkeys(columns), "kpi": n, "grain": grain, "dims": "", "status": "not_available",
         "unit": model.catalogue[n].unit, "reason": reasons[n]}
        for n in missing
    ]  # fmt: skip
    if as_json:
        print_json(rows)
    else:
        facts = {name: model.facts(name, periods) for name in names}
        about = model.report_facts(periods[-1], day.isoformat())
        click.echo(_table(rows, Formatter(Values(frame, about, facts))))


@kpi.command()
@_window_options
@click.option(
    "--dialect", default="", metavar="NAME", help=f"As {', '.join(DIALECTS)} would be sent them."
)
@workspace_option
@json_option
def sql(
    ids: tuple[str, ...], grain: Grain, last: int, as_of: str, by: tuple[str, ...], dialect: str,
    workspace: str, as_json: bool,
) -> None:  # fmt: skip
    """The statements that `show` would send: one a source, and whether it reads rows or marts.

    Those of a dialect that Boardpack does not connect to are generated and never ran: each source
    is taken for a table of its own name.

    \b
    Example:
      boardpack kpi sql net_revenue_retention --last 1
      boardpack kpi sql net_revenue_retention --last 1 --dialect snowflake
    """
    if dialect and dialect not in DIALECTS:
        raise UnknownNameError.near("dialect", dialect, DIALECTS)
    model = Model.open(workspace)
    names = _names(model, ids)
    _check_dimensions(model, names, by)
    stamp = mart_files.stamp(model.workspace)
    with _slice(model, names, as_of) as (slice_, day):
        marts = NONE if dialect else _marts(model, slice_, stamp)
        periods = _periods(model, day, grain, last)
        planned = make_plan(model.catalogue, slice_, names, periods, by, marts)
        if dialect:
            found = in_dialect(model.catalogue, slice_, planned, DIALECTS[dialect])
        else:
            found = {s.source: slice_.sent(s.sql, approximate=True) for s in planned.statements}
    reads = {s.source: s.reads for s in planned.statements}
    if as_json:
        print_json(
            [
                {"source": source, "reads": list(reads[source]), "sql": text}
                for source, text in found.items()
            ]
        )
        return
    if dialect and not DIALECTS[dialect].tested:
        click.echo(f"-- {DIALECTS[dialect].title}: generated and read again, never ran\n")
    for source, text in found.items():
        told = "" if dialect else "".join(f"-- reads {line}\n" for line in reads[source])
        click.echo(f"-- {source}\n{told}{text};\n")


@kpi.command("test")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@workspace_option
@json_option
def test_(ids: tuple[str, ...], workspace: str, as_json: bool) -> None:
    """Run the definition tests that stand beside each KPI; exit code 1 when one fails.

    \b
    Example:
      boardpack kpi test mrr
    """
    from boardpack.engine.definition_tests import TestResult, run

    model = Model.open(workspace)
    names = _names(model, ids)
    results = list(run(model.catalogue, names, model.workspace.zone))
    results += [
        TestResult(
            name, "tests", False, "it has none, and nothing shows that it is right",
            file=str(model.catalogue[name].file), line=model.catalogue[name].line,
        )
        for name in names
        if not model.catalogue[name].tests
    ]  # fmt: skip
    failed = [result for result in results if not result.passed]
    if as_json:
        print_json(
            [
                {
                    "kpi": r.kpi,
                    "test": r.name,
                    "passed": r.passed,
                    "message": r.message,
                    "hint": r.hint or None,
                    "file": r.file,
                    "line": r.line,
                }
                for r in results
            ]
        )
    else:
        for result in failed:
            click.echo(
                f"{result.file}:{result.line}: {result.kpi}: {result.name}: {result.message}"
                + (f"\nHint: {result.hint}" if result.hint else "")
            )
        click.echo(f"{len(results) - len(failed)} of {len(results)} definition tests passed")
    sys.exit(1 if failed else 0)


@kpi.command()
@click.argument("id_", metavar="ID")
@click.option("--period", required=True, help="Such as 2025-11.")
@click.option("--member", default="", metavar="DIMENSION=MEMBER", help="Such as segment=smb.")
@workspace_option
@json_option
def history(id_: str, period: str, member: str, workspace: str, as_json: bool) -> None:
    """Every figure that editions published for a KPI and period, the oldest first.

    \b
    Example:
      boardpack kpi history mrr --period 2025-11
    """
    model = Model.open(workspace)
    label = Period.parse(period, model.workspace.calendar).label
    named = model.catalogue[id_].id
    rows = published.histories(model.workspace, [named], label, member).get(named, [])
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo(f"no edition shows {id_} for {period}{f' and {member}' if member else ''}")
        return
    for row in rows:
        name = f"{row['report']} {row['edition']}" + (f" {row['segment']}" * bool(row["segment"]))
        value = row["value"]
        shown = "no value" if value is None else f"{value:,.4f}".rstrip("0").rstrip(".")
        status = f"{row['status']}, draft" if row["forced"] else row["status"]
        click.echo(f"{name:24} r{row['revision']:<3} as of {row['as_of']}  {shown:>18}  {status}")


@kpi.command("explain")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--period", default="", help="Such as 2025-11; the last month closed by default.")
@click.option("--as-of", default="", help="As known by the end of this day.")
@workspace_option
@json_option
def explain_(ids: tuple[str, ...], period: str, as_of: str, workspace: str, as_json: bool) -> None:
    """What a KPI means: definition, target, owner, graph, what it feeds, history and SQL.

    \b
    Example:
      boardpack kpi explain ltv_cac_ratio
    """
    from boardpack.explanations import explain

    model = Model.open(workspace)
    names = _names(model, ids)
    calendar = model.workspace.calendar
    about = Period.parse(period, calendar) if period else None
    with _slice(model, names, as_of or (about.last_day.isoformat() if about else "")) as found:
        slice_, day = found
        about = about or closed_by(day, "month", calendar)
        pages = explain(model, slice_, names, about)
    if as_json:
        print_json([page.as_dict() for page in pages])
    else:
        click.echo("\n".join(page.as_text() for page in pages), nl=False)


@contextmanager
def _slice(model: Model, names: list[str], as_of: str) -> Iterator[tuple[Slice, date]]:
    tables = model.catalogue.tables(names)
    if as_of:
        day = parse_day(as_of)
    else:
        found = data_span(model.workspace, model.sources, tables)
        day = max((span.last for span in found.values()), default=date(1970, 1, 1))
    slice_ = open_slice(model.workspace, model.sources, day, tables)
    try:
        yield slice_, day
    finally:
        slice_.close()


def _marts(model: Model, slice_: Slice, stamp: str) -> Marts:
    """The marts whose files tell that they hold what the slice does."""
    return mart_grounds.ready(mart_grounds.Ground(model.workspace, model.catalogue, slice_, stamp))


def _names(model: Model, ids: tuple[str, ...]) -> list[str]:
    return [model.catalogue[name].id for name in ids] or list(model.catalogue.kpis)


def _periods(model: Model, day: date, grain: Grain, last: int) -> list[Period]:
    return closed_by(day, grain, model.workspace.calendar).last(last)


def _check_dimensions(model: Model, names: list[str], by: tuple[str, ...]) -> None:
    known = {dimension for name in names for dimension in model.catalogue[name].dimensions}
    for dimension in by:
        if dimension not in known:
            raise UserError(
                f"none of these KPIs can be split by {dimension!r}.",
                hint=f"dimensions are {', '.join(sorted(known)) or 'none'}",
            )


def _table(rows: list[dict[str, Any]], formatter: Formatter) -> str:
    """The rows for a person, their values written as pages write them."""
    if not rows:
        return "no rows"
    frame = pd.DataFrame(
        {**row, "value": "" if row["value"] is None else formatter.full(row["kpi"], row["value"])}
        for row in rows
    )
    shown = frame[["kpi", "period", "period_start", "dims", "value", "unit", "status", "reason"]]
    return str(shown.fillna("").to_string(index=False))

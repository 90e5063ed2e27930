"""``boardpack scorecard``: how a company stands to its targets, and which come next."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from boardpack.cli_options import json_option, print_json, workspace_option
from boardpack.errors import WorkspaceError
from boardpack.formats import Formatter
from boardpack.markup import plain
from boardpack.model import Model
from boardpack.progress import pace_words, progress, status
from boardpack.readings import read
from boardpack.risk_register import register
from boardpack.scorecards import Scorecard
from boardpack.stage_checks import criterion_words, results
from boardpack.values import Values


def _at_options(command: Any) -> Any:
    for option in reversed(
        (
            click.option(
                "--period",
                default="",
                help="Such as 2025-12 or 2025-Q4; default: the last month closed.",
            ),
            click.option("--as-of", default="", help="As known by the end of this day."),
            workspace_option,
            json_option,
        )
    ):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@_at_options
@click.pass_context
def scorecard(
    context: click.Context, period: str, as_of: str, workspace: str, as_json: bool
) -> None:
    """The scorecard at a period: stage, early warnings, and each target with how it stands.

    `check` holds the targets against the rules for targets; `propose` writes those of the next
    period for somebody to approve.

    \b
    Example:
      boardpack scorecard --period 2025-12
      boardpack scorecard check
      boardpack scorecard propose --period 2025-Q4
    """
    if context.invoked_subcommand is not None:
        return
    _, card = _opened(workspace)
    values = _values(workspace, card, period, as_of)
    if as_json:
        print_json(_as_dict(values, card))
        return
    formatter = Formatter(values)
    click.echo(
        f"{card.title}, {formatter.period(values.period)} as of {values.report.as_of} ({card.id})"
    )
    for line in _told(values):
        click.echo(line)
    rows = [("KPI", "figure", "target", "status", "owner", "pace")]
    for kpi in card.goals:
        reading = read(values, kpi)
        if reading.target is None:
            continue
        rows.append(
            (
                kpi,
                formatter.written(reading.now),
                formatter.target(kpi, reading.target),
                reading.standing + (f", {status(reading)}" * (reading.standing == "missed")),
                reading.facts.owner,
                plain(pace_words(reading)),
            )
        )
    _print_rows(rows)


@scorecard.command()
@_at_options
def check(period: str, as_of: str, workspace: str, as_json: bool) -> None:
    """Targets without owner, date or baseline, or outside 10 to 20 % beyond the trailing value.

    Exit code 1 when there is any.

    \b
    Example:
      boardpack scorecard check --period 2025-12
    """
    from boardpack.target_rules import flags

    model, card = _opened(workspace)
    values = _values(workspace, card, period, as_of)
    splits = {kpi: model.catalogue[kpi].dimensions for kpi in card.goals}
    found = flags(values, card, splits)
    if as_json:
        print_json([{"kpi": f.kpi, "rule": f.rule, "says": f.says} for f in found])
    else:
        _print_rows([(f.kpi, f.rule, f.says) for f in found])
        with_target = sum(goal.has_target or bool(goal.members) for goal in card.goals.values())
        flagged = len({flag.kpi for flag in found})
        click.echo(f"{flagged} of {with_target} KPIs with a target have something to settle")
    sys.exit(1 if found else 0)


@scorecard.command()
@_at_options
def propose(period: str, as_of: str, workspace: str, as_json: bool) -> None:
    """Propose targets for the period ahead, in a file of their own that somebody approves.

    Nothing is changed, and no file is overwritten: what was proposed before stays beside it.

    \b
    Example:
      boardpack scorecard propose --period 2025-Q4
    """
    from boardpack import proposal_files
    from boardpack.target_proposals import propose as proposed

    model, card = _opened(workspace)
    values = _values(workspace, card, period, as_of)
    found = proposed(values, [kpi for kpi in card.goals if kpi in values.kpis])
    text = proposal_files.text_of(values, card, found)
    folder = model.workspace.root / "proposals"
    path, is_new = proposal_files.write(folder, values.period.shift(1), text)
    place = path.relative_to(model.workspace.root).as_posix()
    if as_json:
        print_json(
            {
                "file": place,
                "written": is_new,
                "for": values.period.shift(1).label,
                "proposals": [proposal.as_dict() for proposal in found],
            }
        )
        return
    formatter = Formatter(values)
    _print_rows(
        [
            (
                p.kpi,
                p.action,
                formatter.target(p.kpi, p.proposed) if p.proposed else "",
                p.rationale,
            )
            for p in found
            if p.action != "keep"
        ]
    )
    kept = sum(p.action == "keep" for p in found)
    click.echo(f"{len(found) - kept} changes proposed, {kept} targets kept")
    click.echo(f"{place}{'' if is_new else ' says the same already'}")


def _opened(workspace: str) -> tuple[Model, Scorecard]:
    model = Model.open(workspace)
    if model.scorecard is None:
        raise WorkspaceError(
            "the workspace names no scorecard.",
            file=model.workspace.root / "boardpack.yml",
            hint="write scorecard: with the id of a file in scorecards/",
        )
    return model, model.scorecard


def _values(workspace: str, card: Scorecard, period: str, as_of: str) -> Values:
    """The values of every KPI that the scorecard names, its stages and risks included."""
    from boardpack.explore import open

    objectives = card.objectives
    named = [
        *card.goals,
        *(
            part.kpi
            for stage in objectives.stages
            for category in stage.categories
            for item in category.items
            for part in item.parts
        ),
        *(risk.kpi for risk in objectives.risks if not risk.lacks),
    ]
    return open(workspace, period=period, as_of=as_of, kpis=list(dict.fromkeys(named)))


def _told(values: Values) -> list[str]:
    """Stage and early warnings in a few lines."""
    lines = []
    for result in results(values):
        stage = result.stage
        of = f"{result.dims}: " if result.dims else ""
        lines.append(
            f"{of}{stage.name}, {stage.unit} {result.age}: {result.count('met')} of"
            f" {len(result.items)} met, {result.count('not met')} not met,"
            f" {result.count('not measurable')} not measurable"
        )
        for item in result.items:
            wanted = item.item.says or ", ".join(
                plain(criterion_words(values, part)) for part in item.item.parts
            )
            lines.append(f"  {item.state:14} {wanted}")
    found = register(values)
    fired = [result.risk.name for result in found if result.state == "breached"]
    if found:
        told = f": {', '.join(dict.fromkeys(fired))}" if fired else ""
        lines.append(f"{len(fired)} of {len(found)} early warnings breached{told}")
    return lines


def _as_dict(values: Values, card: Scorecard) -> dict[str, Any]:
    kpis = []
    for kpi in card.goals:
        reading = read(values, kpi)
        target, now = reading.target, reading.now.value
        kpis.append(
            {
                "kpi": kpi,
                "owner": reading.facts.owner,
                "branch": card.goals[kpi].branch,
                "value": now,
                "reason": reading.now.reason,
                "target": target and {"comparator": target.comparator, "value": target.value},
                "standing": reading.standing,
                "status": status(reading),
                "progress": None if target is None or now is None else progress(target, now),
            }
        )
    return {
        "scorecard": card.id,
        "period": values.period.label,
        "as_of": values.report.as_of,
        "stages": [
            {
                "stage": result.stage.name,
                "member": result.dims,
                "age": result.age,
                "unit": result.stage.unit,
                "categories": [
                    {
                        "category": category.name,
                        "state": category.state,
                        "items": [
                            {
                                "says": item.item.says,
                                "kpis": [part.kpi for part in item.item.parts],
                                "state": item.state,
                                "priority": item.item.priority,
                                "reasons": list(item.reasons),
                            }
                            for item in category.items
                        ],
                    }
                    for category in result.categories
                ],
            }
            for result in results(values)
        ],
        "risks": [
            {
                "risk": result.risk.name,
                "kpi": result.risk.kpi,
                "figure": result.figure,
                "comparator": result.risk.comparator,
                "limit": result.risk.limit,
                "state": result.state,
                "first": result.first.last_day.isoformat() if result.first else None,
                "since": result.since.last_day.isoformat() if result.since else None,
                "owner": result.risk.owner,
                "reason": result.reason,
            }
            for result in register(values)
        ],
        "kpis": kpis,
    }


def _print_rows(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())

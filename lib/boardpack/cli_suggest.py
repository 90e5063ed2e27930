"""``boardpack check --suggest``: a suite drafted from the data, to be edited by a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from boardpack.cli_options import print_json
from boardpack.errors import UserError, WorkspaceError

if TYPE_CHECKING:
    from boardpack.model import Model


def suggested(
    sources: Sequence[str], suggest: bool, write: bool, as_of: str, workspace: str, as_json: bool
) -> None:
    """Print the suite of a source, or write those of several into ``expectations/``.

    What the data do not hold today is told beside it. `UserError` for a source that is not there,
    `WorkspaceError` for a suite that is there already: nothing is then written.
    """
    from boardpack.draft_suites import failing, suite_text
    from boardpack.files import replace_text
    from boardpack.model import Model
    from boardpack.periods import parse_day

    if not suggest:
        raise UserError("--write goes with --suggest.", hint="boardpack check SOURCE --suggest")
    if not sources or (len(sources) > 1 and not write):
        raise UserError(
            "--suggest drafts the suite of one source.",
            hint="name it, such as `boardpack check invoices --suggest`; with --write several",
        )
    model = Model.open(workspace)
    names = list(dict.fromkeys(sources))
    _refuse_derived(model, names)
    folder = model.workspace.root / "expectations"
    for name in names:
        if write and (folder / f"{name}.json").exists():
            raise WorkspaceError(
                f"the suite {name!r} is there already; nothing was written.",
                file=folder / f"{name}.json",
                hint=f"see what differs: boardpack check {name} --suggest",
            )
    day = parse_day(as_of) if as_of else None
    suites = draft(model, names, day)
    written = []
    for name, suite in suites.items():
        if write:
            replace_text(folder / f"{name}.json", suite_text(suite))
            written.append(f"expectations/{name}.json")
    if as_json:
        told = {name: {"suite": suite, "failing": failing(suite)} for name, suite in suites.items()}
        print_json({"suites": told, "written": written})
        return
    if not write:
        click.echo(suite_text(suites[names[0]]), nl=False)
    for name, suite in suites.items():
        wrong = failing(suite)
        click.echo(
            f"{name}: {len(suite['expectations'])} expectations, {len(wrong)} of them not so:"
            if wrong
            else f"{name}: {len(suite['expectations'])} expectations, all of them so",
            err=not write,
        )
        for line in wrong:
            click.echo(f"  {line}", err=not write)
    for place in written:
        click.echo(place)


def draft(model: Model, names: Sequence[str], as_of: date | None) -> dict[str, dict[str, Any]]:
    """The drafted suites of connected sources, as known by a day or by the last one they have."""
    from boardpack.draft_suites import draft_suite
    from boardpack.warehouse import data_span, open_slice

    declared = model.sources
    beside = [n for name in names for n in declared[name].references.values()]
    tables = [t for name in (*names, *beside) for t in declared.tables(name)]
    spans = data_span(model.workspace, declared, tables)
    day = as_of or max((span.last for span in spans.values()), default=date(9998, 12, 31))
    slice_ = open_slice(model.workspace, declared, day, tables)
    try:
        known = {name: declared[name] for name in slice_.sources}
        last = {name: span.last for name, span in slice_.spans(slice_.sources).items()}
        suites = {}
        for name in names:
            if name not in known:
                raise UserError(
                    f"source {name!r} is not connected.", hint="map a table onto it in sources/"
                )
            if not slice_.rows(f"SELECT 1 FROM {slice_.relation(name)} AS t LIMIT 1"):
                raise UserError(
                    f"source {name!r} has no rows as of {day}.",
                    hint="nothing can be learnt from none; take a later --as-of",
                )
            behind = (max(last.values()) - last[name]).days if name in last else 0
            owner = _owner(model, name)
            suites[name] = draft_suite(slice_, known[name], known, behind, owner)
        return suites
    finally:
        slice_.close()


def _owner(model: Model, source: str) -> str:
    """Who owns most of the KPIs that rest on a source."""
    catalogue = model.catalogue
    owners: Mapping[str, int] = Counter(
        kpi.owner for kpi in catalogue.kpis.values()
        if kpi.owner and source in catalogue.tables([kpi.id])
    )  # fmt: skip
    return max(owners, key=lambda owner: (owners[owner], owner), default="analyst")


def _refuse_derived(model: Model, names: Sequence[str]) -> None:
    for name in names:
        base = model.sources[name].derived_from
        if base:
            raise UserError(
                f"{name!r} is derived from {base!r} and has no suite.", hint=f"check {base!r}"
            )

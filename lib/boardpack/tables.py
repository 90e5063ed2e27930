"""Tables: the scorecard, members of a dimension, periods side by side, restatements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from boardpack import cautions
from boardpack.blocks import Shown, Text
from boardpack.formats import MINUS, Formatter, count, member_name, number
from boardpack.markup import (
    Box,
    Bullets,
    Column,
    Line,
    Name,
    NoValue,
    Number,
    Paragraph,
    Piece,
    Span,
    Strong,
    Table,
    text,
)
from boardpack.periods import Period, parse_day
from boardpack.readings import Reading, explanation, member_readings, read
from boardpack.restatements import Restated, Restatement
from boardpack.sparklines import picture
from boardpack.table_titles import of_scorecard, titled
from boardpack.values import Value, Values

#: Up to this many KPIs that are not available have a line of their own.
_A_LINE_EACH = 20

#: From this many characters on an amount in full no longer fits a table of seven columns.
_WIDEST = 11

_RESTATED = (
    *(Column(head, share) for head, share in (("KPI", 22), ("Period", 13), ("Member", 13))),
    *(Column(head, 14, "right") for head in ("Published", "Now", "Change")),
    Column("Cause", 14),
)
_JUDGEMENTS = {"better": "good", "worse": "bad"}


def scorecard(values: Values, kpis: Sequence[str] | Mapping[str, Sequence[str]]) -> Text:
    """One row a KPI: owner, figure, target, how far it is off and whether it is met, both
    comparisons, its course. Its title says how they stand together.

    A mapping of headings to KPIs groups the rows.
    """
    groups = kpis if isinstance(kpis, Mapping) else {"": kpis}
    found = {
        heading: [read(values, kpi) for kpi in names if values.is_available(kpi)]
        for heading, names in groups.items()
    }
    if not any(found.values()):
        return Text("")
    formatter, period = Formatter(values), values.period
    everything = [reading for readings in found.values() for reading in readings]
    columns = (
        Column("KPI", 25),
        Column("Owner", 11),
        Column(" ".join(formatter.tick(period)).strip(), 13, "right"),
        Column("Target", 10, "right"),
        Column("Gap", 10, "right"),
        Column("Status", 10),
        *(Column(_against(formatter, other), 10, "right") for other in _compared(everything)),
        Column("Course", 12),
    )
    rows: list[tuple[Line, ...]] = []
    for heading, readings in found.items():
        if heading and readings:
            rows.append(((Strong((heading,)),), *[()] * (len(columns) - 1)))
        rows += [_scored(values, reading) for reading in readings]
    marked = cautions.note(values, [reading.facts.id for reading in everything])
    table = Box("scorecard", (Table(columns, tuple(rows)),))
    return text(*titled(of_scorecard(values, everything)), table, *_reasons(everything), *marked)


def members(values: Values, kpis: str | Sequence[str], dimension: str, *, most: int = 40) -> Text:
    """The members of a dimension, the largest first, and the total below them.

    The title says which member explains most of the move of the first KPI, or where it is highest.

    One KPI shows its share of the total where it adds up, and both comparisons; several KPIs show
    their figures side by side. Beyond ``most`` members the rest is counted.
    """
    names = [kpis] if isinstance(kpis, str) else list(kpis)
    names = [kpi for kpi in names if values.is_available(kpi) and values.members(kpi, dimension)]
    if not names:
        return Text("")
    found = member_readings(values, names[0], dimension)
    table = (
        _one_by_member(values, names[0], dimension, found[:most])
        if len(names) == 1
        else _many_by_member(values, names, dimension, [member for member, _ in found[:most]])
    )
    left: tuple[Piece, ...] = ()
    if len(found) > most:
        told = (count(values, len(found) - most), " more are in values.csv of this edition.")
        left = (Box("note", (Paragraph(told),)),)
    title = titled(explanation(values, names[0], dimension))
    return text(*title, Box("scorecard", (table,)), *left, *cautions.note(values, names))


def history(values: Values, kpis: Sequence[str], last: int = 6) -> Text:
    """The KPIs through the last periods, the newest on the right."""
    known = [kpi for kpi in kpis if values.is_available(kpi)]
    if not known:
        return Text("")
    formatter, periods = Formatter(values), values.period.last(last)
    heads = _heads(formatter, periods)
    columns = (Column("KPI", 26), *(Column(head, 12, "right") for head in heads))
    rows = []
    for kpi in known:
        series = [values.value(kpi, period) for period in periods]
        full = max(len(formatter.written(value)) for value in series) <= _WIDEST
        figures = [formatter.figure(value, full=full) for value in series]
        name: Line = (Name(kpi, values.kpi(kpi).name), *cautions.mark(values, kpi))
        rows.append((name, *((figure,) for figure in figures)))
    table = Box("scorecard", (Table(columns, tuple(rows)),))
    return text(table, *cautions.note(values, known))


def not_available(values: Values) -> Text:
    """The KPIs and listings that are not available, a line each with what they lack.

    Many of them stand together by what they lack, which is what one would have to connect.
    """
    missing = values.report.not_available
    lines = [(values.kpi(kpi).name, why) for kpi, why in missing.items()]
    lines += [(rows.title, rows.reason) for rows in values.listings.values() if rows.reason]
    if not lines:
        return Text("")
    if len(lines) > _A_LINE_EACH:
        names: dict[str, list[str]] = {}
        for name, why in lines:
            names.setdefault(why, []).append(name)
        lines = [(why, ", ".join(of)) for why, of in names.items()]
    return text(Bullets(tuple((Strong((head,)), f": {rest}") for head, rest in lines)))


def restatements(values: Values, restated: Sequence[Restated], most: int = 20) -> Text:
    """The figures that an earlier edition published otherwise: before, now and the cause of it.

    ``restated`` is what the run found. Totals come before members, and at most ``most`` for each
    edition compared with; the rest is counted, and listed in a file of the edition. One line when
    nothing was restated.
    """
    formatter = Formatter(values)
    pieces: list[Piece] = []
    stand = []
    for against in restated:
        name = _edition(formatter, values, against)
        seen = sorted((r for r in against.rows if r.is_seen), key=lambda row: bool(row.dims))
        if seen:
            pieces.append(_lead(formatter, name, against, len(seen)))
            rows = tuple(_restated(formatter, row) for row in seen[:most])
            pieces.append(Box("scorecard", (Table(_RESTATED, rows),)))
        elif not against.problem:
            stand.append(name)
        beside = _beside(values, against.rows, len(seen) - most)
        if against.problem:
            beside = (f"Not compared with {name}: {against.problem}",)
        if beside:
            pieces.append(Box("note", (Paragraph(beside),)))
    if not restated:
        told = "No earlier edition shows these figures: nothing was restated."
        return text(Paragraph((told,)))
    if stand:
        other = "else " if len(stand) < len(restated) else ""
        told = f"Nothing {other}was restated: the figures of {' and '.join(stand)} stand."
        pieces.append(Paragraph((told,)))
    return text(*pieces)


def status(reading: Reading) -> Line:
    """Whether the target is met, in a word that also has a colour."""
    if reading.standing == "no value":
        return (Span("muted", ("no\u00a0value",)), *_doubt(reading))
    if reading.standing == "no target":
        return (Span("muted", ("no\u00a0target",)), *_doubt(reading))
    said = Span(reading.standing, (reading.standing,))
    return (said, *so_far(reading), *_doubt(reading))


def gap(reading: Reading) -> Line:
    """The variance to the target with its sign, in the colour of what it means; else nothing."""
    distance, side = reading.gap
    if not distance:
        return ()
    sign = "+" if side == "above" else MINUS
    role = "good" if reading.standing == "met" else "bad"
    return (Span(role, (number(reading.now, sign + distance, "gap"),)),)


def change(reading: Reading, other: Value) -> Line:
    """The change against another period, in the colour of what it means for the KPI."""
    said = reading.change_from(other)
    if not said:
        what = reading.now if reading.now.value is None else other
        return (NoValue(what.reason or "no figure to compare with"),)
    if said == "unchanged":
        return (Span("muted", (said,)),)
    written = number(reading.now, said, "change")
    judgement = reading.verdict_on(other)
    return (Span(_JUDGEMENTS[judgement], (written,)),) if judgement else (written,)


def _lead(formatter: Formatter, name: str, against: Restated, found: int) -> Paragraph:
    figures = " figure reads" if found == 1 else " figures read"
    day = formatter.day(parse_day(against.as_of))
    told = Strong((count(formatter.values, found), figures))
    return Paragraph((told, f" otherwise than {name} published, as of {day}."))


def _edition(formatter: Formatter, values: Values, against: Restated) -> str:
    revision = f"revision {against.revision}"
    if against.period == values.report.period:
        return revision
    return f"{formatter.period(Period.parse(against.period, values.calendar))}, {revision}"


def _restated(formatter: Formatter, row: Restatement) -> tuple[Line, ...]:
    def figure(value: float | None, written: str, what: str) -> Line:
        if value is None:
            return (NoValue("no value"),)
        return (Number(Shown(row.kpi, row.period, row.dims, written, what)),)

    dimension, _, member = row.dims.partition("=")
    changed = Number(Shown(row.kpi, row.period, row.dims, row.change_text, "change"))
    was: Line = figure(row.before, row.before_text, "published")
    if row.before_status in ("provisional", "maturing"):
        was = (*was, " ", Span("muted", (row.before_status,)))
    return (
        (row.name,),
        (" ".join(formatter.tick(Period.parse(row.period, formatter.values.calendar))).strip(),),
        (f"{member_name(dimension)} {member_name(member)}",) if member else ("Total",),
        was,
        figure(row.after, row.after_text, "value"),
        (changed,) if row.kind == "changed" else (Span("muted", (row.change_text,)),),
        (", ".join(row.causes),),
    )


def _beside(values: Values, rows: Sequence[Restatement], more: int) -> Line:
    """What the table leaves out."""
    hidden = sum(row.kind != "status" and not row.is_seen for row in rows)
    final = sum(row.kind == "status" and row.after_status == "final" for row in rows)
    parts = (
        (more, "more is", "more are", "in the file restatements.json of this edition"),
        (hidden, "differs", "differ", "by less than is shown"),
        (final, "is", "are", "final now and unchanged"),
    )
    told: list[Line] = [
        (count(values, n), f" {one if n == 1 else many} {rest}")
        for n, one, many, rest in parts
        if n > 0
    ]
    line: Line = ()
    for part in told:
        line = (*line, "; ", *part) if line else part
    return (*line, ".") if line else ()


def _scored(values: Values, reading: Reading) -> tuple[Line, ...]:
    course = picture(values, reading.facts.id, size=(76, 18), shown_width="2cm")
    return (
        (Name(reading.facts.id, reading.name),),
        (reading.facts.owner,),
        (reading.formatter.figure(reading.now),),
        (reading.goal or "",),
        gap(reading),
        status(reading),
        change(reading, reading.before),
        change(reading, reading.year_ago),
        (course,),
    )


def so_far(reading: Reading) -> Line:
    """The mark beside a figure that may still change, or is a near one."""
    return (" ", Span("warn", (reading.mark,))) if reading.mark else ()


def _doubt(reading: Reading) -> Line:
    return cautions.mark(reading.formatter.values, reading.facts.id)


def _heads(formatter: Formatter, periods: Sequence[Period]) -> list[str]:
    """The names of periods above columns; days of one year do without it."""
    ticks = [formatter.tick(period) for period in periods]
    if periods[0].grain == "day" and len({year for _, year in ticks}) == 1:
        return [name for name, _ in ticks]
    return [" ".join(tick).strip() for tick in ticks]


def _compared(readings: Sequence[Reading]) -> tuple[Period, Period]:
    """The two periods that the figures of a table are set against."""
    return readings[0].before.period, readings[0].year_ago.period


def _against(formatter: Formatter, period: Period) -> str:
    return "vs " + " ".join(formatter.tick(period)).strip()


def _reasons(readings: Sequence[Reading]) -> tuple[Piece, ...]:
    """Why a dash stands where a figure was to be, also for those who cannot point at it."""
    missing = [r for r in readings if r.now.value is None]
    if not missing:
        return ()
    said = "; ".join(f"{r.name}: {r.now.reason or 'no value'}" for r in missing)
    return (Box("note", (Paragraph((f"No value — {said}.",)),)),)


def _one_by_member(
    values: Values, kpi: str, dimension: str, found: Sequence[tuple[str, Reading]]
) -> Table:
    formatter, total = Formatter(values), read(values, kpi)
    shares = total.facts.additive and bool(total.now.value)
    columns = [
        Column(dimension.replace("_", " ").capitalize(), 24),
        Column(total.name, 22, "right"),
        *([Column("Share", 14, "right")] if shares else []),
        *(Column(_against(formatter, other), 20, "right") for other in _compared([total])),
    ]
    rows: list[tuple[Line, ...]] = []
    for member, reading in [*found, ("", total)]:
        cells: list[Line] = [
            (member_name(member),) if member else ("Total",),
            (formatter.figure(reading.now, full=True), *(() if member else _doubt(reading))),
        ]
        if shares:
            part = 100 * (reading.now.value or 0.0) / (total.now.value or 1.0)
            cells.append((number(reading.now, formatter.percentage(part), "share"),))
        cells += [change(reading, reading.before), change(reading, reading.year_ago)]
        rows.append(tuple(cells) if member else tuple((Strong(cell),) for cell in cells))
    return Table(tuple(columns), tuple(rows))


def _many_by_member(
    values: Values, kpis: Sequence[str], dimension: str, found: Sequence[str]
) -> Table:
    formatter = Formatter(values)
    columns = (
        Column(dimension.replace("_", " ").capitalize(), 20),
        *(Column(values.kpi(kpi).name, 16, "right") for kpi in kpis),
    )
    rows: list[tuple[Line, ...]] = []
    for member in [*found, ""]:
        dims = f"{dimension}={member}" if member else ""
        cells: list[Line] = [(member_name(member) if member else "Total",)]
        for kpi in kpis:
            figure = formatter.figure(values.value(kpi, dims=dims), full=True)
            cells.append((figure, *(() if member else cautions.mark(values, kpi))))
        rows.append(tuple(cells) if member else tuple((Strong(cell),) for cell in cells))
    return Table(columns, tuple(rows))

"""Marts: what is kept of a source by local day and key, and which measures it answers exactly.

A mart has a row a day and key. Its keys are columns of the source itself: those that dimensions are
read from, those that joins go by (so that members stay the current ones), the entities of panels
and what is counted once. Its units are the sums, counts and extremes that definitions ask of rows,
which add up over days and keys. Nothing is declared: `designs` reads it all from the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from boardpack.engine.borrowing import own_keys
from boardpack.engine.catalogue import Catalogue
from boardpack.engine.columns import column_sql, dimensions
from boardpack.engine.definitions import Measure
from boardpack.engine.expressions import aggregate, scalar
from boardpack.engine.histogram import merged
from boardpack.engine.rows import DAY, DAYS
from boardpack.engine.selects import Unit, again, first
from boardpack.engine.windows import Buckets
from boardpack.source_entries import PanelColumnEntry
from boardpack.sources import Source, Sources
from boardpack.sql_texts import quoted_text

Grain = Literal["day", "month"]


@dataclass(frozen=True)
class Design:
    """What a mart holds of a source: ``keys`` are columns of it, ``units`` what is added up."""

    source: str
    keys: tuple[str, ...]
    units: tuple[Unit, ...]

    @property
    def name(self) -> str:
        """A name for its folder.

        >>> Design("sessions", ("account_id", "user_id"), ()).name
        'sessions-account_id-user_id'
        """
        return "-".join((self.source, *self.keys))

    def column(self, unit: Unit) -> str:
        """The name of a unit's column."""
        return f"mart_{self.units.index(unit)}"


@dataclass(frozen=True)
class Need:
    """What a mart must hold to stand in for rows.

    ``months`` says whether whole months would do; ``days_of`` that they do where no row of the mart
    shares the day of this key with another.
    """

    source: str
    keys: frozenset[str]
    units: frozenset[Unit]
    months: bool = True
    days_of: str = ""

    def met_by(self, design: Design) -> bool:
        """Whether a mart of that design holds it all."""
        return (
            self.source == design.source
            and self.keys.issubset(design.keys)
            and self.units.issubset(design.units)
        )


@dataclass(frozen=True, eq=False)
class Mart:
    """A mart that holds what the slice does: its files of each grain, by the month they are of.

    ``single`` are the keys that have one row a day at most, whatever the others. ``by_day`` is
    false where reading it by day would cost about as much as reading its source.
    """

    design: Design
    files: Mapping[Grain, Mapping[date, str]]
    rows: int
    single: frozenset[str] = frozenset()
    by_day: bool = True

    def relation(self, grain: Grain, first_day: date | None, last: date) -> str:
        """SQL for a relation with at least the days from ``first_day`` up to before ``last``."""
        files = self.files[grain]
        low = first_day.replace(day=1) if first_day else date.min
        found = [file for month, file in files.items() if low <= month < last] or [*files.values()]
        listed = ", ".join(quoted_text(file) for file in found)
        return f"read_parquet([{listed}])"


@dataclass(frozen=True)
class Reader:
    """A mart read by days or by months, in place of the rows of its source."""

    mart: Mart
    grain: Grain

    def __str__(self) -> str:
        keys = ", ".join(self.mart.design.keys) or "nothing else"
        return f"mart {self.mart.design.source} by {self.grain}, {keys}"

    def relation(self, buckets: Buckets, *, open_start: bool) -> str:
        """SQL for the mart, as far as the buckets look at it."""
        first_day = None if open_start else buckets.first
        return self.mart.relation(self.grain, first_day, buckets.last)

    def column(self, unit: Unit) -> str:
        """SQL for the column of a unit."""
        return f'"{self.mart.design.column(unit)}"'

    def made(self, unit: Unit) -> str:
        """SQL that adds a unit up, as `selects.first` does of rows."""
        return again(unit[0], self.column(unit))

    @property
    def days(self) -> str:
        """SQL for how many days there are, of months that have each day of a key once."""
        return again("count", f'"{DAYS}"')

    def condition(self, where: str | None) -> str | None:
        """SQL that is true where any row of a key and day met ``where``."""
        return None if where is None else f"{self.column(('count', None, where))} > 0"

    def only(self, source: Source, sources: Sources) -> str | None:
        """SQL that is true where any row of a key and day counts for a source of distinct days."""
        where, _ = _condition(sources, sources[str(source.distinct_of)], source.where)
        return self.condition(where)


@dataclass(frozen=True)
class Marts:
    """The marts that hold what a slice does.

    ``lacking`` says of a source why one does not, ``otherwise`` of all others.
    """

    ready: tuple[Mart, ...] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)
    otherwise: str = "no mart"

    def reader(self, need: Need | str, days: Iterable[date | None]) -> Reader | str:
        """The smallest mart that answers a need for windows between these days, or why none does.

        ``need`` may be the reason itself. A window that cuts a month cannot be made of months.
        """
        if isinstance(need, str):
            return need
        found = [mart for mart in self.ready if need.met_by(mart.design)]
        if not found:
            has = any(mart.design.source == need.source for mart in self.ready)
            if has:
                return "no mart holds it with what it is split by"
            return self.lacking.get(need.source, self.otherwise)
        mart = min(found, key=lambda mart: mart.rows)
        whole = need.months or need.days_of in mart.single
        cut = any(day is not None and day.day != 1 for day in days)
        if whole and not cut:
            return Reader(mart, "month")
        return Reader(mart, "day") if mart.by_day else "a mart by day is nearly as large"


NONE = Marts()
#: What is added up over days and keys without loss.
_ADDS_UP = ("sum", "count", "min", "max")


def designs(catalogue: Catalogue, by: Sequence[str]) -> tuple[Design, ...]:
    """The marts that answer what can be answered of a catalogue, split by these dimensions."""
    sources = catalogue.sources
    units: dict[tuple[str, tuple[str, ...]], set[Unit]] = {}
    panels: dict[tuple[str, str], tuple[Unit, tuple[str, ...]]] = {}
    for kpi in catalogue.kpis.values():
        for measure in kpi.measures.values():
            split = [d for d in by if d in dimensions(sources, measure.source)]
            for part in merged(sources, measure, ""):
                for need in _needs(sources, part, split, panels):
                    if isinstance(need, Need):
                        key = (need.source, tuple(sorted(need.keys)))
                        units.setdefault(key, set()).update(need.units)
    return tuple(
        Design(source, keys, tuple(sorted(found, key=repr)))
        for (source, keys), found in sorted(units.items())
    )


def flow_need(sources: Sources, measure: Measure, split: Sequence[str]) -> Need | str:
    """What a measure over a table, or over days of entities, needs; or why no mart would do."""
    source = sources[measure.source]
    found = measure.aggregate
    table = sources[source.distinct_of] if source.distinct_of else source
    if refused := _unfit(table):
        return refused
    if source.distinct_of:
        where, borrowed = _condition(sources, table, source.where)
        if borrowed:
            return borrowed
        if found.kind not in (*_ADDS_UP, "distinct"):
            return f"a {found.kind} needs every row"
        # Of months it is known who was there and on how many days, no more.
        single = source.entity[0] if len(source.entity) == 1 else ""
        plain = measure.where is None and (
            (found.kind, found.argument) in (("count", None), ("distinct", f'"{single}"'))
        )
        days_of = single if plain and where is None else ""
        need = _need(sources, table, [*source.entity], _counted(where), split)
        return need if isinstance(need, str) else replace(need, months=False, days_of=days_of)
    if found.attributed:
        return "rows count by their share of the credit"
    if found.prorated:
        return "amounts are shared out by the days of each row"
    if found.kind == "percentile":
        return "a percentile needs every row"
    if found.kind not in (*_ADDS_UP, "distinct"):
        return f"{found.kind} needs every row"
    for column in measure.columns:
        if "." in column:
            return f"{column} is a column of another table"
    if found.kind != "distinct":
        unit: Unit = (found.kind, found.argument, measure.where)
        return _need(sources, table, [], {unit}, split)
    counted = str(found.argument).strip('"')
    if counted not in table.columns:
        return "what is counted once is no column"
    return _need(sources, table, [counted], _counted(measure.where), split)


def panel_need(
    sources: Sources,
    panel: Source,
    base: str,
    used: Iterable[str],
    units: Collection[Unit],
    split: Sequence[str],
) -> Need | str:
    """What the columns of a panel need of one of its sources; or why no mart would do."""
    table = sources[base]
    if refused := _unfit(table):
        return refused
    if panel.where and base == panel.panel_of:
        return "the panel leaves rows out"
    for column in used:
        if "." in column:
            return f"{column} is a column of another table"
    for kind, _, _ in units:
        if kind not in _ADDS_UP:
            return f"{kind} needs every row"
    entity = panel.also.get(base, panel.entity[0])
    return _need(sources, table, [entity], set(units), split)


def _needs(
    sources: Sources,
    measure: Measure,
    split: Sequence[str],
    read: dict[tuple[str, str], tuple[Unit, tuple[str, ...]]],
) -> list[Need | str]:
    """What a measure needs of each source; ``read`` remembers the columns of panels."""
    panel = sources[measure.source]
    if not panel.panel_of:
        return [flow_need(sources, measure, split)]
    columns: dict[str, list[str]] = {panel.panel_of: []}
    for name in measure.columns:
        columns.setdefault(panel.panel[name].of or panel.panel_of, []).append(name)
    found = []
    for base, names in columns.items():
        for name in names:
            if (panel.id, name) not in read:
                read[panel.id, name] = _panel_unit(sources, sources[base], panel.panel[name])
        made = [read[panel.id, name] for name in names]
        used = [column for _, own in made for column in own]
        found.append(panel_need(sources, panel, base, used, {unit for unit, _ in made}, split))
    return found


def _panel_unit(
    sources: Sources, base: Source, entry: PanelColumnEntry
) -> tuple[Unit, tuple[str, ...]]:
    """The unit of a panel's column, and the columns it reads."""
    used: list[str] = []
    write = _writer(sources, base, used)
    made = aggregate(entry.value, write)
    where = None if entry.where is None else scalar(entry.where, write)
    return (made.kind, made.argument, where), tuple(used)


def _unfit(table: Source) -> str:
    """Why no mart of a table would do, whatever is asked."""
    if table.time is None or "." in table.time:
        return "its rows are placed by a column of another table"
    if table.milestones or table.touches is not None:
        return "its rows take columns from those of another table"
    if any(join.at_event for join in table.joins.values()):
        return "its rows borrow what held at their own time"
    return ""


def _need(
    sources: Sources,
    table: Source,
    more: Sequence[str],
    units: set[Unit],
    split: Sequence[str],
) -> Need | str:
    keys = frozenset((*own_keys(table, split), *more))
    for key in sorted(keys):
        if table.columns[key].pii:
            return f"{key} says who somebody is, and is not kept twice"
    # Rows may be placed after the as-of, which may lie amid a month: only days tell them apart.
    return Need(table.id, keys, frozenset(units), months=table.placed_of is None)


def _counted(where: str | None) -> set[Unit]:
    """The unit by which it is known whether any row met a condition."""
    return set() if where is None else {("count", None, where)}


def _condition(sources: Sources, table: Source, text: str | None) -> tuple[str | None, str]:
    """A condition over a table's own columns as SQL, or why it is none."""
    if text is None:
        return None, ""
    used: list[str] = []
    where = scalar(text, _writer(sources, table, used))
    borrowed = next((name for name in used if "." in name), "")
    return where, f"{borrowed} is a column of another table" if borrowed else ""


def _writer(sources: Sources, table: Source, used: list[str]) -> Callable[[str], str]:
    def write(name: str) -> str:
        used.append(name)
        return column_sql(sources, table, name)

    return write


def select(design: Design, day: str, types: Mapping[str, str], relation: str, where: str) -> str:
    """SQL for the rows of a mart: ``day`` of each row of ``relation AS t``, keys, units.

    ``types`` gives the columns that are to be of another type than they come.
    """
    keys = [f't."{key}" AS "{key}"' for key in design.keys]
    units = []
    for unit in design.units:
        name = design.column(unit)
        made = f"CAST({first(unit)} AS {types[name]})" if name in types else first(unit)
        units.append(f'{made} AS "{name}"')
    places = ", ".join(str(place) for place in range(1, len(keys) + 2))
    return (
        f"SELECT {', '.join([f'{day} AS {DAY}', *keys, *units])}\nFROM {relation} AS t"
        f"\nWHERE {where}\nGROUP BY {places}"
    )


def select_months(design: Design, types: Mapping[str, str], relation: str) -> str:
    """SQL for the rows of a mart by month, from those by day."""
    keys = [f'"{key}"' for key in design.keys]
    units = []
    for unit in design.units:
        name = design.column(unit)
        made = again(unit[0], f'"{name}"')
        units.append(f'{f"CAST({made} AS {types[name]})" if name in types else made} AS "{name}"')
    units.append(f"count(*) AS {DAYS}")
    month = f"MAKE_DATE(YEAR({DAY}), MONTH({DAY}), 1) AS {DAY}"
    places = ", ".join(str(place) for place in range(1, len(keys) + 2))
    return f"SELECT {', '.join([month, *keys, *units])}\nFROM {relation}\nGROUP BY {places}"

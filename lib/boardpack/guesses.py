"""Guesses: which table could be which source, by the names of its columns and by what they hold.

A *shape* is a table that several sources can be drawn from: purchases, subscriptions, a snapshot of
customers. Every declared source is a shape of its own as well. A guess says which column is what,
why, and how surely, from 0 to 1; what it lacks is named, so that a table left over is explained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from boardpack.profiles import Profile
from boardpack.sources import Source
from boardpack.vocabulary import ROLES, name_score, same_value, speaks_of

#: From this score on a guess is drafted.
ENOUGH = 0.55
#: What a role counts when only its content speaks for it: the table has no header.
_BY_CONTENT = 0.75
_PURCHASES = ("accounts", "invoices", "invoice_lines", "payments")


@dataclass(frozen=True)
class Match:
    """One column for one role, with the reason."""

    role: str
    column: Profile
    score: float
    reason: str


@dataclass(frozen=True)
class Guess:
    """A table taken as a shape; ``missing`` names the roles that no column is there for."""

    table: str
    shape: str
    score: float
    matches: Mapping[str, Match] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def column(self, role: str) -> Profile | None:
        """The column that was taken for a role."""
        found = self.matches.get(role)
        return found.column if found else None


@dataclass(frozen=True)
class _Role:
    name: str
    content: Callable[[Profile], float]
    required: bool = True


@dataclass(frozen=True)
class _Shape:
    name: str
    roles: tuple[_Role, ...]
    sources: tuple[str, ...]


def _id(p: Profile) -> float:
    if p.kind not in ("text", "integer") or p.distinct < 2 or p.nulls > 0.5 * p.rows:
        return 0.0
    if p.kind == "integer" and p.distinct < 100 and p.rows > 20 * p.distinct:
        return 0.2
    return 1.0 if p.distinct > 3 or p.rows < 20 else 0.3


def _repeated_id(p: Profile) -> float:
    return _id(p) * (0.7 if p.distinct == p.rows and p.rows > 5 else 1.0)


def _unique(p: Profile) -> float:
    return _id(p) if p.is_unique else 0.0


def _when(p: Profile) -> float:
    # Exports write what an order has once on the first of its lines.
    return 1.0 - 0.5 * p.nulls / p.rows if p.is_time and p.nulls < 0.9 * p.rows else 0.0


def _sometimes(p: Profile) -> float:
    return 1.0 if p.is_time else 0.0


def _amount(p: Profile) -> float:
    if not p.is_number or p.nulls > 0.9 * p.rows:
        return 0.0
    if p.kind == "integer" and p.distinct == p.rows and p.rows > 20:
        return 0.3
    return 1.0 if p.fractions else 0.7


def _small(p: Profile) -> float:
    if not p.is_number or p.high is None:
        return 0.0
    return 1.0 if abs(float(p.high)) <= 100_000 and not p.fractions else 0.4


def _number(p: Profile) -> float:
    return 1.0 if p.is_number else 0.0


def _few(p: Profile) -> float:
    if p.kind not in ("text", "integer", "bool"):
        return 0.0
    return 1.0 if 1 <= len(p.values) <= 12 else 0.6 if p.values else 0.1


def _words(p: Profile) -> float:
    return 1.0 if p.kind == "text" else 0.0


def _flag(p: Profile) -> float:
    if p.kind == "bool":
        return 1.0
    return 0.9 if {value for value, _ in p.values} in ({"0", "1"}, {"1"}, {"0"}) else 0.0


_ACCOUNT = tuple(
    _Role(name, content, False)
    for name, content in (
        ("account_name", _words), ("segment", _few), ("region", _few), ("country", _words),
        ("industry", _words), ("channel", _few),
    )
)  # fmt: skip
_SHAPES = (
    _Shape(
        "purchases",
        (
            _Role("customer", _repeated_id), _Role("date", _when), _Role("amount", _amount),
            _Role("unit_price", _amount, False), _Role("quantity", _small, False),
            _Role("order", _id, False), _Role("status", _few, False),
            _Role("paid_on", _sometimes, False), _Role("due_on", _sometimes, False), *_ACCOUNT,
        ),
        _PURCHASES,
    ),
    _Shape(
        "subscriptions",
        (
            _Role("customer", _id), _Role("mrr", _amount), _Role("started_on", _when),
            _Role("ended_on", _sometimes), _Role("subscription", _unique, False), *_ACCOUNT,
        ),
        ("accounts", "mrr_movements"),
    ),
    _Shape(
        "customer_snapshots",
        (
            _Role("customer", _unique), _Role("churned", _flag), _Role("tenure", _number, False),
            _Role("contract", _few, False), _Role("monthly_charge", _number, False),
            _Role("total_charge", _number, False), _Role("service", _few, False),
            _Role("payment_method", _few, False), _Role("segment", _few, False),
            _Role("region", _few, False), _Role("snapshot", _sometimes, False),
        ),
        ("customer_snapshots",),
    ),
)  # fmt: skip

#: What a source needs beside its columns, where a table of one subject alone seldom has it.
DEFAULTS: dict[tuple[str, str], str] = {
    ("survey_responses", "survey_type"): "nps",
    ("survey_responses", "touchpoint"): "relationship",
}


def guess(
    tables: Mapping[str, Sequence[Profile]],
    declared: Iterable[Source],
    headless: Iterable[str],
    told: Mapping[str, str] = MappingProxyType({}),
) -> list[Guess]:
    """Every guess about every table, the surest first.

    ``headless`` names the tables whose columns have no names of their own; ``told`` says of columns
    what they are for, where a person knows better than their names.
    """
    shapes = {shape.name for shape in _SHAPES}
    sources = [s for s in declared if s.derived_from is None and s.id not in shapes]
    bare = set(headless)
    found = []
    for table, profiles in tables.items():
        for shape in _SHAPES:
            found.append(_fit(table, profiles, shape, table in bare, told))
        if table not in bare:
            found += [_direct(table, profiles, source, told) for source in sources]
    return sorted(found, key=lambda g: (-g.score, g.table, g.shape))


def roles() -> tuple[str, ...]:
    """Everything that a column can be told to be for."""
    return tuple(sorted({role.name for shape in _SHAPES for role in shape.roles}))


def choose(guesses: Sequence[Guess]) -> tuple[list[Guess], dict[str, str]]:
    """One guess a table and one table a source; and for each table left over, why.

    A table of accounts goes before the accounts that could be drawn from another table.
    """
    chosen: dict[str, Guess] = {}
    taken: dict[str, str] = {}
    beaten: dict[str, str] = {}
    able = [g for g in guesses if g.score >= ENOUGH and not g.missing]
    for found in sorted(able, key=lambda g: (-g.score, len(g.sources) < 2)):
        if found.table in chosen:
            continue
        needed = [s for s in found.sources if s != "accounts" or found.shape == "accounts"]
        clash = next((taken[s] for s in needed if s in taken), "")
        if clash:
            beaten.setdefault(found.table, f"looks like {found.shape}, which {clash} fits better")
            continue
        chosen[found.table] = found
        taken |= dict.fromkeys(needed, found.table)
    left = {}
    for table in dict.fromkeys(g.table for g in guesses):
        if table not in chosen:
            left[table] = beaten.get(table) or _nearest(table, guesses)
    return list(chosen.values()), left


def _nearest(table: str, guesses: Sequence[Guess]) -> str:
    own = [g for g in guesses if g.table == table]
    best = max(own, key=lambda g: (g.score, -len(g.missing)))
    if best.score < 0.25:
        return "is like no source: no name of its columns says what they are for"
    lacks = " and ".join(best.missing) or "a surer name of its columns"
    return f"is nearest to {best.shape}, and has no column for {lacks}"


def _fit(
    table: str,
    profiles: Sequence[Profile],
    shape: _Shape,
    bare: bool,
    told: Mapping[str, str],
) -> Guess:
    pairs = []
    for place, profile in enumerate(profiles):
        for order, role in enumerate(shape.roles):
            content = role.content(profile)
            name = _named(profile, role.name, told)
            # Without a header only the content can tell, and only of what is plain.
            plain = role.required or role.name == "quantity"
            if content <= 0 or not (name > 0 or (bare and plain and profile.name not in told)):
                continue
            score = 0.4 * content + 0.6 * name if name else _BY_CONTENT * content
            pairs.append((score, -order, -place, role, profile, name, content))
    matches: dict[str, Match] = {}
    used: set[str] = set()
    for score, _, _, role, profile, name, content in sorted(
        pairs, key=lambda p: p[:3], reverse=True
    ):
        if role.name not in matches and profile.name not in used and content >= 0.2:
            used.add(profile.name)
            matches[role.name] = Match(role.name, profile, score, _reason(profile, role.name, name))
    if shape.name == "purchases" and "amount" not in matches and "unit_price" in matches:
        matches["amount"] = matches.pop("unit_price")
        if _is_per_item(matches["amount"].column) and "quantity" in matches:
            matches["unit_price"] = matches["amount"]
    elif shape.name == "purchases" and "amount" in matches and "quantity" in matches:
        if _is_per_item(matches["amount"].column):
            matches["unit_price"] = matches["amount"]
        else:
            matches.pop("unit_price", None)
    if "customer" in matches:
        # What a customer has more than one of is no attribute of the customer.
        most = 1.5 * matches["customer"].column.distinct
        for role in _ACCOUNT:
            if role.name in matches and matches[role.name].column.distinct > most:
                del matches[role.name]
    required = [role.name for role in shape.roles if role.required]
    missing = tuple(name for name in required if name not in matches)
    score = sum(matches[name].score for name in required if name in matches) / len(required)
    extra = sum(1 for name in matches if name not in required)
    return Guess(table, shape.name, min(1.0, score + 0.01 * extra), matches, shape.sources, missing)


def _named(profile: Profile, role: str, told: Mapping[str, str]) -> float:
    if profile.name in told:
        return float(told[profile.name] == role)
    return name_score(profile.name, role)


def _is_per_item(profile: Profile) -> bool:
    """Whether an amount is the price of one piece, by its name."""
    return name_score(profile.name, "unit_price") >= 0.95 and "total" not in profile.name


def _direct(
    table: str, profiles: Sequence[Profile], source: Source, told: Mapping[str, str]
) -> Guess:
    """A table taken as one source, column by column."""
    matches: dict[str, Match] = {}
    used: set[str] = set()
    named = {p.name: p for p in profiles}
    ordered = sorted(source.columns.values(), key=lambda c: (c.name not in named, c.optional))
    for column in ordered:
        best: Match | None = None
        for profile in profiles:
            content = _suits(profile, column.type, column.values)
            name = _own_name(column.name, source, profile)
            if profile.name in told:
                name = float(told[profile.name] in (column.name, ROLES.get(column.name)))
            elif profile.name == column.name:
                name = 1.0
            if content <= 0 or name <= 0 or profile.name in used:
                continue
            score = 0.4 * content + 0.6 * name
            if best is None or score > best.score:
                reason = _reason(profile, ROLES.get(column.name, column.name), name)
                best = Match(column.name, profile, score, reason)
        if best is not None and (not column.optional or best.score >= 0.7):
            used.add(best.column.name)
            matches[column.name] = best
    # A key of one column can be the number of the row.
    stand_in = {source.key[0]} if len(source.key) == 1 else set()
    required = [c.name for c in source.columns.values() if not c.optional]
    if source.time and source.time not in required:
        required.append(source.time)
    if source.id == "survey_responses":
        required.append("score")
    counted = [
        name
        for name in required
        if (name not in stand_in or name in matches or source.id == "accounts")
        and (name in matches or (source.id, name) not in DEFAULTS)
    ]
    missing = tuple(name for name in counted if name not in matches)
    score = sum(matches[n].score for n in counted if n in matches) / max(len(counted), 1)
    about = 0.1 if speaks_of(table, source.id) else 0.0
    # A customer, a day and an amount are in many tables: the subject has to be said somewhere.
    own = sum(1 for name, match in matches.items() if match.column.name == name)
    if not about and own < max(2, len(counted) - 1):
        score *= 0.6
    key = matches.get(source.key[0])
    if source.id == "accounts" and key is not None and not key.column.is_unique:
        score *= 0.4
    return Guess(table, source.id, min(1.0, score + about - 0.05), matches, (source.id,), missing)


def _own_name(column: str, source: Source, profile: Profile) -> float:
    role = ROLES.get(column, column)
    if source.time == column and column not in ROLES:
        role = "date"
    if source.key == (column,) and source.id != "accounts":
        return 0.95 if profile.name in ("id", "nr", "no", "key", "number") else 0.0
    return name_score(profile.name, role)


def _suits(profile: Profile, type_: str, values: Sequence[str]) -> float:
    if values:
        known = [same_value(value, tuple(values)) for value, _ in profile.values]
        return 0.3 + 0.7 * sum(k is not None for k in known) / len(known) if known else 0.0
    fits = {
        "string": profile.kind in ("text", "integer"),
        "int": profile.kind == "integer",
        "bigint": profile.kind == "integer",
        "decimal": profile.is_number,
        "double": profile.is_number,
        "bool": _flag(profile) > 0,
        "date": profile.is_time,
        "timestamp": profile.is_time,
    }
    return 1.0 if fits.get(type_, False) else 0.0


def _reason(profile: Profile, role: str, name: float) -> str:
    said = (
        f"its name says {role.replace('_', ' ')}" if name >= 0.95
        else f"its name is like {role.replace('_', ' ')}" if name > 0
        else "by what it holds alone"
    )  # fmt: skip
    return f"{said}; {evidence(profile)}"


def evidence(profile: Profile) -> str:
    """What a column holds, in a few words."""
    if profile.is_time:
        held = f"{profile.kind}s from {str(profile.low)[:10]} to {str(profile.high)[:10]}"
    elif profile.is_number:
        held = f"numbers from {_plain(profile.low)} to {_plain(profile.high)}"
        if profile.negative:
            held += f", {profile.negative:,} below zero"
    elif profile.is_unique:
        held = f"{profile.distinct:,} values, none repeated"
    elif len(profile.values) and len(profile.values) <= 5:
        held = "one of " + ", ".join(value for value, _ in profile.values)
    else:
        held = f"{profile.distinct:,} different values in {profile.rows:,} rows"
    if profile.nulls:
        held += f", {profile.nulls:,} empty"
    return held


def _plain(number: object) -> str:
    return f"{float(str(number)):,.2f}".removesuffix(".00")

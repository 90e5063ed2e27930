"""The selects of drafts: columns, each with its mark, and what days and amounts are in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from boardpack.guesses import Guess
from boardpack.profiles import Profile
from boardpack.sql_texts import quoted_text

_CENTS = {"cent", "cents", "ct", "cts", "minor", "pence", "rappen", "centimes"}


@dataclass(frozen=True)
class Out:
    """One column of a select, with its mark."""

    sql: str
    name: str
    mark: str = ""


def product_name(found: Guess) -> str:
    """The name of quantity times price in the view."""
    taken = {match.column.name for match in found.matches.values()}
    return "row_amount" if "amount" in taken else "amount"


def one_line(text: str) -> str:
    """A text that stays on its line, as a comment has to."""
    return re.sub(r"[\s\x00-\x1f\x7f\u2028\u2029]+", " ", text).strip()


def select(outs: Sequence[Out]) -> str:
    """The SELECT of these columns, one a line."""
    lines = []
    for i, out in enumerate(outs):
        comma = "," if i + 1 < len(outs) else ""
        said = out.sql if out.sql == out.name else f"{out.sql} AS {out.name}"
        mark = f"  -- {one_line(out.mark)}" if out.mark else ""
        lines.append(f"  {said}{comma}{mark}")
    return "SELECT\n" + "\n".join(lines)


def mark_of(found: Guess, role: str, what: str = "") -> str:
    """The mark of a column that was guessed for a role; ``what`` is said first."""
    match = found.matches[role]
    lead = f"{what}; " if what else ""
    return f"guess {match.score:.2f}: {lead}{match.column.raw}: {match.reason}"


def local_day(profile: Profile, zone: str) -> str:
    """A calendar day of the company: moments are UTC in the view."""
    if profile.kind == "date":
        return profile.name
    if zone == "UTC":
        return f"CAST({profile.name} AS DATE)"
    return f"CAST(({profile.name} AT TIME ZONE 'UTC') AT TIME ZONE {quoted_text(zone)} AS DATE)"


def moment(day: str, zone: str) -> str:
    """The UTC instant at which a day of the company begins."""
    if zone == "UTC":
        return f"CAST({day} AS TIMESTAMP)"
    return f"(CAST({day} AS TIMESTAMP) AT TIME ZONE {quoted_text(zone)}) AT TIME ZONE 'UTC'"


def in_cents(profile: Profile) -> str:
    """What to ask of an amount that may be in cents, or ""."""
    if _CENTS & set(profile.name.split("_")):
        return f"is {profile.raw} in cents? then divide by 100.0 here"
    if profile.kind == "integer" and profile.high is not None and float(profile.high) >= 1000:
        return (
            f"{profile.raw} has whole numbers only, up to {profile.high:,}; if they are cents,"
            " divide by 100.0 here"
        )
    return ""

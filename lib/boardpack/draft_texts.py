"""What the values of a text column have in common, and which of them are likely mistakes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

#: Distinct values up to which a column is checked as an enumeration.
FEW = 24
#: Words that stand for nothing and are no member.
_NOTHING = frozenset(
    ("", "-", "--", "null", "none", "nan", "nil", "n/a", "na", "undefined", "#n/a", "?", "test",
     "unknown", "tbd", "xxx", "default")
)  # fmt: skip
#: The share of the rows that has to be of one shape.
_FITS = 0.97
#: What is this alike and this much rarer than another is taken for a slip of it.
_ALIKE, _RARER = 0.8, 20
_SHAPES: Mapping[str, str] = {
    "a day such as 2025-12-31": r"\d{4}-\d{2}-\d{2}",
    "a moment such as 2025-12-31 08:00:00": r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z?",
    "digits": r"\d+",
    "a number": r"[+-]?\d+(\.\d+)?",
    "an e-mail address": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "a UUID": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "a code of two capital letters": r"[A-Z]{2}",
    "a code of three capital letters": r"[A-Z]{3}",
}

Counted = Sequence[tuple[str, int]]


@dataclass(frozen=True)
class Shape:
    """What the values of a column look like: in words, and as a regular expression."""

    words: str
    pattern: str


def shape_of(values: Counted) -> Shape | None:
    """The shape that nearly all rows have; None where there is none worth a check.

    >>> shape_of([("", 2), *((f"{n}.50", 10) for n in range(30))])
    Shape(words='a number', pattern='[+-]?\\\\d+(\\\\.\\\\d+)?')
    >>> shape_of([(f"A-{n:04}", 1) for n in range(30)]).words
    'written as A- and digits'
    """
    rows = sum(n for _, n in values)
    if not rows:
        return None
    for words, pattern in _SHAPES.items():
        if _fitting(values, pattern) >= _FITS * rows:
            return Shape(words, pattern)
    heads = Counter[str]()
    for value, n in values:
        match = re.fullmatch(r"([A-Za-z]{1,8}[-_:#/]?)\d+", value, re.ASCII)
        if match:
            heads[match[1]] += n
    if heads and heads.most_common(1)[0][1] >= _FITS * rows:
        head = heads.most_common(1)[0][0]
        return Shape(f"written as {head} and digits", rf"{re.escape(head)}\d+")
    return None


def _fitting(values: Counted, pattern: str) -> int:
    return sum(n for value, n in values if re.fullmatch(pattern, value, re.ASCII))


def members_of(values: Counted, declared: Sequence[str]) -> list[str]:
    """The values that a column may have, without those that are likely mistakes; [] for any.

    Declared ones stand as long as the data speak of them at all.

    >>> members_of([("smb", 500), ("large", 300), ("SMB", 4), ("lagre", 1), ("n/a", 9)], ())
    ['large', 'smb']
    >>> members_of([("smb", 500), ("other", 3)], ("smb", "enterprise"))
    ['smb', 'enterprise']
    """
    rows = sum(n for _, n in values)
    if not rows:
        return []
    if 2 * sum(n for value, n in values if value in declared) >= rows:
        return list(declared)
    kept = [value for value, n in values if not _is_slip(value, n, values, rows)]
    if not kept or len(kept) > FEW or rows < 5 * len(values):
        return []
    return sorted(kept)


def _is_slip(value: str, n: int, values: Counted, rows: int) -> bool:
    if value.strip().lower() in _NOTHING:
        return True
    for other, often in values:
        if other == value or often < n:
            continue
        if folded(other) == folded(value) and (often > n or other < value):
            return True
        few = rows >= 200 and n <= max(2, rows // 1000) and often >= _RARER * n
        if few and SequenceMatcher(None, folded(value), folded(other)).ratio() >= _ALIKE:
            return True
    return False


def folded(value: str) -> str:
    """A value as it compares with others: without case and without blanks around it."""
    return value.strip().lower()


def variants(values: Counted) -> int:
    """How many values are another one in other case, or with blanks around it.

    >>> variants([("Berlin", 9), ("berlin", 1), ("Bern", 3), ("Bern ", 1)])
    4
    """
    spelt = Counter(folded(value) for value, _ in values)
    return sum(n for n in spelt.values() if n > 1)

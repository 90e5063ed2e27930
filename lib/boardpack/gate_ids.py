"""What each check is called for good: an id that history, tables and pages know it by."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from boardpack.gate_types import ROWS, columns_of

#: What the id of a suite may be made of.
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,119}")

_SEVERITIES = ("critical", "warning", "info")
#: Words of a type that every type has, or that say nothing apart from the rest.
_OF_EVERY_TYPE = {
    "expect", "column", "columns", "value", "values", "table", "to", "be", "its", "their", "a", "b",
    "than", "the",
}  # fmt: skip
_OF_EVERY_SENTENCE = {"a", "an", "and", "are", "is", "of", "or", "the", "to"}
_LONGEST = 48


def short_type(type_: str) -> str:
    """The type without the words that all types share.

    >>> short_type("expect_column_values_to_be_in_set")
    'in_set'
    """
    words = [word for word in type_.split("_") if word not in _OF_EVERY_TYPE]
    return "_".join(words) or type_


def derived_id(source: str, type_: str, kwargs: Mapping[str, Any], sentence: str) -> str:
    """The id of an expectation that has none of its own: source, columns, what is expected.

    SQL has no columns and one type for everything, so its sentence stands in.

    >>> derived_id("invoices", "expect_column_values_to_be_in_set", {"column": "status"}, "")
    'invoices.status.in_set'
    >>> derived_id("invoices", "unexpected_rows_expectation", {}, "no invoice is paid twice")
    'invoices.no_invoice_paid_twice'
    """
    if type_ == ROWS:
        return ".".join(filter(None, (source, _slug(sentence) or "rows")))
    return ".".join(filter(None, (source, "-".join(columns_of(kwargs)), short_type(type_))))


def ids_of(
    source: str, entries: Sequence[tuple[str, Mapping[str, Any], str, str, str | None]]
) -> list[str]:
    """An id for each expectation of a source, given as type, kwargs, severity, sentence, own id.

    Those that would be called the same get a number, the gravest first and then by their arguments:
    no id depends on the order in the file. Ids of the suite's own stand; two alike are the caller's
    to refuse.

    >>> kwargs = {"column": "day", "min_value": 1}
    >>> later = {"column": "day", "min_value": 2}
    >>> one = ("expect_column_max_to_be_between", kwargs, "warning", "", None)
    >>> two = ("expect_column_max_to_be_between", later, "critical", "", None)
    >>> ids_of("sessions", [one, two])
    ['sessions.day.max_between.2', 'sessions.day.max_between']
    """
    own = {own for *_, own in entries if own}
    named = [
        derived_id(source, type_, kwargs, sentence) for type_, kwargs, _, sentence, _ in entries
    ]
    order = sorted(
        range(len(entries)),
        key=lambda i: (
            _SEVERITIES.index(entries[i][2]),
            entries[i][0],
            json.dumps(dict(entries[i][1]), sort_keys=True, default=str),
            entries[i][3],
        ),
    )
    found: dict[int, str] = {}
    taken: Counter[str] = Counter()
    used = set(own)
    for i in order:
        if entries[i][4]:
            found[i] = str(entries[i][4])
            continue
        while True:
            taken[named[i]] += 1
            number = taken[named[i]]
            name = named[i] if number == 1 else f"{named[i]}.{number}"
            if name not in used:
                break
        used.add(name)
        found[i] = name
    return [found[i] for i in range(len(entries))]


def repeated(ids: Iterable[str]) -> list[str]:
    """The ids that stand there more than once."""
    return [name for name, count in Counter(ids).items() if count > 1]


def _slug(sentence: str) -> str:
    """The sentence in so many words of letters and digits as are still read at a glance."""
    words = [w for w in re.findall(r"[a-z0-9]+", sentence.lower()) if w not in _OF_EVERY_SENTENCE]
    text = ""
    for word in words:
        longer = f"{text}_{word}" if text else word
        if len(longer) > _LONGEST:
            break
        text = longer
    return text

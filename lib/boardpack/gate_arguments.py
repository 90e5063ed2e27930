"""Arguments of the types of our own: what they may be, checked as a suite is read.

Great Expectations takes any number for a number: a share of 50 would be a check that never fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from boardpack.gate_types import (
    AFTER,
    CONTROL,
    COUNTS,
    FILLED,
    HOURS,
    LATE,
    MEANS,
    REPEATED,
    SHARES,
    TEXT,
)
from boardpack.sources import Source
from boardpack.yamlfile import Document, Key

_NUMBERS = ("int", "bigint", "decimal", "double")
_TIMES = ("date", "timestamp")
#: Type -> arguments that name a column -> the types that it may have.
_COLUMNS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    COUNTS: {"column": _TIMES},
    MEANS: {"column": _NUMBERS, "over": _TIMES},
    SHARES: {"over": _TIMES},
    HOURS: {"column": ("timestamp",)},
    LATE: {"column": _TIMES},
    TEXT: {"column_list": ("string",)},
    FILLED: {"over": _TIMES},
    REPEATED: {"column": _TIMES},
    AFTER: {"column": _TIMES},
    CONTROL: {"column": _TIMES, "adds": _NUMBERS},
}
#: Types that compare with a part of all rows: a change of all of them or more never happens.
_OF_ALL = (COUNTS, SHARES, LATE, FILLED)


def check(
    document: Document, key: Key, type_: str, kwargs: Mapping[str, Any], source: Source
) -> None:
    """Raise `DefinitionError`, with its line, for an argument that cannot be meant so.

    That its columns exist has been seen to.
    """
    if type_ not in _COLUMNS:
        return
    for argument, types in _COLUMNS[type_].items():
        for name in _listed(kwargs.get(argument, [])):
            found = source.columns[name].type
            if found not in types:
                raise document.error(
                    f"{argument} of {type_} is {name!r}, which is {found}.",
                    (*key, "kwargs", argument),
                    hint=f"name a column of type {' or '.join(types)}",
                )
    _check_numbers(document, key, type_, kwargs)
    if "against" in kwargs and kwargs["against"] not in ("source", "warehouse"):
        raise document.error(
            f"against is {kwargs['against']!r}.",
            (*key, "kwargs", "against"),
            hint="write source, for what the other system reports, or warehouse, for what was"
            " loaded by then",
        )
    if type_ == CONTROL and not (isinstance(kwargs["measure"], str) and kwargs["measure"].strip()):
        raise document.error(
            f"measure is {kwargs['measure']!r}.",
            (*key, "kwargs", "measure"),
            hint="name a measure of source_reconciliations, such as invoices",
        )
    if type_ == LATE and source.recorded_at is None:
        raise document.error(
            f"{source.id} does not say when its rows were recorded.",
            (*key, "type"),
            hint="declare recorded_at: in its file of sources/",
        )
    if type_ == AFTER and kwargs["column"] != source.time:
        raise document.error(
            f"rows of {source.id} are placed by {source.time}, not by {kwargs['column']}.",
            (*key, "kwargs", "column"),
            hint=f'write "column": "{source.time}"',
        )


def _check_numbers(document: Document, key: Key, type_: str, kwargs: Mapping[str, Any]) -> None:
    change = kwargs.get("min_change", 0.5)
    most = 1 if type_ in _OF_ALL else float("inf")
    if not _is_number(change) or not 0 < change < most:
        raise document.error(
            f"min_change is {change!r}.",
            (*key, "kwargs", "min_change"),
            hint="write a share above 0" + (" and below 1" if most == 1 else "")
            + ", such as 0.2 for a fifth",
        )  # fmt: skip
    settled = kwargs.get("settled", 0)
    if not _is_number(settled) or settled != int(settled) or settled < 0:
        raise document.error(
            f"settled is {settled!r}.",
            (*key, "kwargs", "settled"),
            hint="write the number of newest days that are still filling up, such as 7",
        )
    tolerance = kwargs.get("tolerance", 0)
    if not _is_number(tolerance) or not 0 <= tolerance < 1:
        raise document.error(
            f"tolerance is {tolerance!r}.",
            (*key, "kwargs", "tolerance"),
            hint="write a share from 0 to below 1, such as 0.02 for two percent",
        )


def _is_number(value: Any) -> bool:
    """Whether it is a finite number; true and false are none."""
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
    )


def _listed(names: Any) -> list[str]:
    return names if isinstance(names, list) else [names]

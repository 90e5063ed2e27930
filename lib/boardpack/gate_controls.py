"""The twelve controls of data quality, by dimension, and which of them a check belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, Protocol, get_args

from boardpack.gate_types import AS_OF, ROWS

Control = Literal[
    "required_fields_present",
    "no_null_values_in_key_fields",
    "data_coverage_percentage",
    "cross_reference_validation",
    "business_rule_compliance",
    "outlier_detection",
    "data_freshness_requirements",
    "processing_latency_threshold",
    "reporting_deadline_compliance",
    "data_format_standards",
    "naming_convention_compliance",
    "referential_integrity",
]
#: Auditability has none of the twelve: lineage stands for it, see `boardpack.gate_scores`.
CONTROLS: Mapping[str, tuple[Control, ...]] = MappingProxyType({
    "completeness": get_args(Control)[0:3],
    "accuracy": get_args(Control)[3:6],
    "timeliness": get_args(Control)[6:9],
    "consistency": get_args(Control)[9:12],
    "auditability": (),
})  # fmt: skip
#: Controls whose value is the share of rows, in percent, or a limit in words; others are yes or no.
NUMBERS = ("data_coverage_percentage",)
TEXTS = ("data_freshness_requirements", "processing_latency_threshold")

#: Per dimension: what a type's name holds -> the control it belongs to; the first that fits.
_BY_NAME: Mapping[str, tuple[tuple[str, Control], ...]] = MappingProxyType({
    "completeness": (
        ("null", "required_fields_present"),
        ("to_exist", "required_fields_present"),
        ("match_set", "required_fields_present"),
        ("ordered_list", "required_fields_present"),
        ("", "data_coverage_percentage"),
    ),
    "accuracy": (
        ("control", "cross_reference_validation"),
        ("history", "outlier_detection"),
        ("z_scores", "outlier_detection"),
        ("mean", "outlier_detection"),
        ("median", "outlier_detection"),
        ("stdev", "outlier_detection"),
        ("", "business_rule_compliance"),
    ),
    "timeliness": (
        ("lateness", "processing_latency_threshold"),
        ("", "data_freshness_requirements"),
    ),
    "consistency": (
        ("columns_to_match", "naming_convention_compliance"),
        ("column_to_exist", "naming_convention_compliance"),
        ("", "data_format_standards"),
    ),
})  # fmt: skip
_LIMIT = re.compile(r"<=? ?(\d+(?:\.\d+)?) (second|minute|hour|day|week)s?")
_HOURS = {"second": 1 / 3600, "minute": 1 / 60, "hour": 1.0, "day": 24.0, "week": 168.0}


class Checked(Protocol):
    """What is read here of a result of the gate, see `boardpack.gate_results.CheckResult`."""

    @property
    def control(self) -> str: ...  # noqa: D102
    @property
    def outcome(self) -> str: ...  # noqa: D102
    @property
    def evaluated(self) -> int: ...  # noqa: D102
    @property
    def unexpected(self) -> int: ...  # noqa: D102
    @property
    def limit(self) -> str: ...  # noqa: D102


def control_of(
    type_: str, kwargs: Mapping[str, Any], dimension: str, key: Sequence[str] = ()
) -> str:
    """The control that a check belongs to by its type and dimension; "" for auditability.

    ``key`` is that of the source. SQL that looks at another source cross-references it, where it is
    about consistency by its key. What this cannot tell, a suite says in ``meta.control``.

    >>> control_of("expect_column_values_to_not_be_null", {"column": "id"}, "completeness", ["id"])
    'no_null_values_in_key_fields'
    >>> control_of("expect_column_values_to_be_in_set", {"column": "status"}, "accuracy")
    'business_rule_compliance'
    """
    if type_.endswith("_to_not_be_null") and kwargs.get("column") in key:
        return "no_null_values_in_key_fields" if dimension == "completeness" else ""
    if type_ == ROWS and "slice." in str(kwargs.get("unexpected_rows_query", "")):
        if dimension == "accuracy":
            return "cross_reference_validation"
        if dimension == "consistency":
            return "referential_integrity"
    return next((c for part, c in _BY_NAME.get(dimension, ()) if part in type_), "")


def limit_of(kwargs: Mapping[str, Any]) -> str:
    """How old the newest row may be, as ``< 3 days`` says it; "" for a check of something else.

    The newest day of at least two days before the as-of is less than three days old at its end.

    >>> limit_of({"column": "day", "min_value": {"$PARAMETER": "as_of - timedelta(days=2)"}})
    '< 3 days'
    """
    bound = kwargs.get("min_value")
    match = AS_OF.fullmatch(bound["$PARAMETER"]) if isinstance(bound, dict) else None
    if match is None:
        return ""
    days = int(match[1] or 0) + 1
    return f"< {days} day{'' if days == 1 else 's'}"


def limit_hours(limit: str) -> float | None:
    """``< 3 days`` in hours; None for what is no limit of time.

    >>> limit_hours("< 3 days"), limit_hours("monthly")
    (72.0, None)
    """
    match = _LIMIT.fullmatch(limit)
    return float(match[1]) * _HOURS[match[2]] if match else None


def controls(results: Iterable[Checked]) -> dict[str, dict[str, bool | float | str | None]]:
    """The twelve by dimension, each as its kind has it: yes or no, percent, or a limit in words.

    None where no check was made. A limit is the strictest that is met; where one is not, that is
    said after it. A check that errored is not met.

    >>> controls([])["timeliness"]["data_freshness_requirements"] is None
    True
    """
    of: dict[str, list[Checked]] = {}
    for result in results:
        if result.outcome != "skipped":
            of.setdefault(result.control, []).append(result)
    return {
        dimension: {name: _value(name, of.get(name, ())) for name in names}
        for dimension, names in CONTROLS.items()
        if names
    }


def _value(control: str, results: Sequence[Checked]) -> bool | float | str | None:
    if not results:
        return None
    if control in NUMBERS:
        evaluated = sum(result.evaluated for result in results)
        unexpected = sum(result.unexpected for result in results)
        return 100 * (1 - unexpected / evaluated) if evaluated else None
    if control in TEXTS:
        return _limits(results)
    return all(result.outcome == "passed" for result in results)


def _limits(results: Sequence[Checked]) -> str | None:
    limits = {r.limit for r in results if r.outcome == "passed" and limit_hours(r.limit)}
    missed = {r.limit for r in results if r.outcome != "passed" and limit_hours(r.limit)}

    def hours(limit: str) -> float:
        return limit_hours(limit) or 0.0

    if missed:
        return f"{min(missed, key=hours)} (missed)"
    return min(limits, key=hours) if limits else None

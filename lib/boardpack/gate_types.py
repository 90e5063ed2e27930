"""Types of expectation: which work on a slice, what arguments they take, what they say in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

#: The type whose rows are found by SQL of the suite's own.
ROWS = "unexpected_rows_expectation"

#: How the types begin that say of each row whether it is as expected.
OF_EACH_ROW = (
    "expect_column_values_",
    "expect_column_value_",
    "expect_column_pair_",
    "expect_compound_columns_",
    "expect_multicolumn_",
    "expect_select_column_",
)

#: Types of our own, see `gate_checks`.
COUNTS = "expect_row_count_to_follow_its_history"
MEANS = "expect_column_mean_to_follow_its_history"
SHARES = "expect_column_shares_to_follow_their_history"
HOURS = "expect_hours_of_day_to_follow_their_history"
LATE = "expect_lateness_to_follow_its_history"
TEXT = "expect_text_to_be_clean"
AFTER = "expect_no_row_after_the_as_of"
CONTROL = "expect_total_to_agree_with_its_control"
REPEATED = "expect_no_row_to_be_repeated"
FILLED = "expect_column_to_be_filled_as_usual"
#: Arguments that name a dimension or a column.
MEMBERS = ((COUNTS, "by"), (SHARES, "column"))
OWN = (COUNTS, MEANS, SHARES, HOURS, LATE, TEXT, AFTER, CONTROL, REPEATED, FILLED)

#: The change that a type asks for at least, unless a suite says so in ``min_change``.
MIN_CHANGE: Mapping[str, float] = MappingProxyType(
    {COUNTS: 0.2, MEANS: 0.1, SHARES: 0.03, HOURS: 0.05, LATE: 0.05, FILLED: 0.1}
)

#: What ``{"$PARAMETER": ...}`` may hold: the as-of, or some days before it.
AS_OF = re.compile(r"as_of(?: - timedelta\(days=(\d{1,4})\))?")

_RANGE = "min_value max_value strict_min strict_max"
_MAP = "mostly row_condition condition_parser"
_IF = f"{_MAP} ignore_row_if"
_AGGREGATE = "row_condition condition_parser"
#: Expectation type -> arguments it must have | arguments it may have.
TYPES: Mapping[str, str] = MappingProxyType({
    "expect_column_distinct_values_to_be_in_set": f"column value_set | {_AGGREGATE}",
    "expect_column_distinct_values_to_contain_set": f"column value_set | {_AGGREGATE}",
    "expect_column_distinct_values_to_equal_set": f"column value_set | {_AGGREGATE}",
    "expect_column_max_to_be_between": f"column | {_RANGE} {_AGGREGATE}",
    "expect_column_mean_to_be_between": f"column | {_RANGE} {_AGGREGATE}",
    "expect_column_median_to_be_between": f"column | {_RANGE} {_AGGREGATE}",
    "expect_column_min_to_be_between": f"column | {_RANGE} {_AGGREGATE}",
    "expect_column_most_common_value_to_be_in_set": f"column value_set | ties_okay {_AGGREGATE}",
    "expect_column_pair_values_a_to_be_greater_than_b": f"column_A column_B | or_equal {_IF}",
    "expect_column_pair_values_to_be_equal": f"column_A column_B | {_IF}",
    "expect_column_pair_values_to_be_in_set": f"column_A column_B value_pairs_set | {_IF}",
    "expect_column_proportion_of_non_null_values_to_be_between": f"column | {_RANGE} {_AGGREGATE}",
    "expect_column_proportion_of_unique_values_to_be_between": f"column | {_RANGE} {_AGGREGATE}",
    "expect_column_stdev_to_be_between": f"column | {_RANGE} {_AGGREGATE}",
    "expect_column_sum_to_be_between": f"column | {_RANGE} {_AGGREGATE}",
    "expect_column_to_exist": "column | column_index",
    "expect_column_unique_value_count_to_be_between": f"column | {_RANGE} {_AGGREGATE}",
    "expect_column_value_lengths_to_be_between": f"column | {_RANGE} {_MAP}",
    "expect_column_value_lengths_to_equal": f"column value | {_MAP}",
    "expect_column_value_z_scores_to_be_less_than": f"column threshold double_sided | {_MAP}",
    "expect_column_values_to_be_between": f"column | {_RANGE} {_MAP}",
    "expect_column_values_to_be_in_set": f"column value_set | {_MAP}",
    "expect_column_values_to_be_null": f"column | {_MAP}",
    "expect_column_values_to_be_unique": f"column | {_MAP}",
    "expect_column_values_to_not_be_in_set": f"column value_set | {_MAP}",
    "expect_column_values_to_not_be_null": f"column | {_MAP}",
    "expect_compound_columns_to_be_unique": f"column_list | {_IF}",
    "expect_multicolumn_sum_to_equal": f"column_list sum_total | {_IF}",
    "expect_multicolumn_values_to_be_equal": f"column_list | {_IF}",
    "expect_select_column_values_to_be_unique_within_record": f"column_list | {_IF}",
    "expect_table_column_count_to_be_between": "| min_value max_value",
    "expect_table_column_count_to_equal": "value |",
    "expect_table_columns_to_match_ordered_list": "column_list |",
    "expect_table_columns_to_match_set": "column_set | exact_match",
    "expect_table_row_count_to_be_between": f"| {_RANGE} {_AGGREGATE}",
    "expect_table_row_count_to_equal": f"value | {_AGGREGATE}",
    ROWS: "unexpected_rows_query |",
    COUNTS: "column | by min_change settled",
    MEANS: "column over | min_change settled",
    SHARES: "column over | min_change settled",
    HOURS: "column | min_change settled",
    LATE: "column | min_change settled",
    TEXT: "| column_list",
    AFTER: "column | mostly",
    CONTROL: "column measure | adds tolerance against",
    REPEATED: "column | mostly",
    FILLED: "column over | min_change settled",
})  # fmt: skip

_BY_SQL = f"write it as an {ROWS}, for example with regexp_matches() or LIKE in its SQL"
_TYPED = "the source declares the types of its columns, and the slice has exactly these"
#: Types that exist and do not work in the slice -> what to write instead.
REFUSED: Mapping[str, str] = MappingProxyType({
    "expect_column_kl_divergence_to_be_less_than": _BY_SQL,
    "expect_column_quantile_values_to_be_between": "use expect_column_median_to_be_between, or SQL",
    "expect_column_type_to_be": _TYPED,
    "expect_column_values_to_be_dateutil_parseable": _BY_SQL,
    "expect_column_values_to_be_decreasing": _BY_SQL,
    "expect_column_values_to_be_in_type_list": _TYPED,
    "expect_column_values_to_be_increasing": _BY_SQL,
    "expect_column_values_to_be_json_parseable": _BY_SQL,
    "expect_column_values_to_be_of_type": _TYPED,
    "expect_column_values_to_match_json_schema": _BY_SQL,
    "expect_column_values_to_match_like_pattern": _BY_SQL,
    "expect_column_values_to_match_like_pattern_list": _BY_SQL,
    "expect_column_values_to_match_regex": _BY_SQL,
    "expect_column_values_to_match_regex_list": _BY_SQL,
    "expect_column_values_to_match_strftime_format": _BY_SQL,
    "expect_column_values_to_not_be_outliers": _BY_SQL,
    "expect_column_values_to_not_match_like_pattern": _BY_SQL,
    "expect_column_values_to_not_match_like_pattern_list": _BY_SQL,
    "expect_column_values_to_not_match_regex": _BY_SQL,
    "expect_column_values_to_not_match_regex_list": _BY_SQL,
    "expect_query_results_to_match_comparison": _BY_SQL,
    "expect_table_row_count_to_equal_other_table": _BY_SQL,
})  # fmt: skip


def column_arguments(kwargs: Mapping[str, Any]) -> Iterable[tuple[str, Sequence[str]]]:
    """The arguments that name columns, and the columns they name."""
    for argument in ("column", "column_A", "column_B", "over", "adds", "by"):
        if argument in kwargs:
            yield argument, [kwargs[argument]]
    for argument in ("column_list", "column_set"):
        if argument in kwargs:
            yield (
                argument,
                kwargs[argument] if isinstance(kwargs[argument], list) else [kwargs[argument]],
            )


def columns_of(kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    """Every column that the arguments name."""
    return tuple(name for _, names in column_arguments(kwargs) for name in names)


def sentence_of(type_: str, kwargs: Mapping[str, Any]) -> str:
    """What an expectation of this type expects, in words.

    >>> sentence_of("expect_column_values_to_be_between", {"column": "amount", "min_value": 0})
    'amount is at least 0'
    """
    columns = columns_of(kwargs) or ("",)
    first = columns[0]
    days = _days_before_as_of(kwargs.get("min_value"))
    if type_ == "expect_column_max_to_be_between" and days is not None:
        return f"the newest {first} is at most {days} days older than the as-of"
    together = " and ".join(columns)
    values = ", ".join(str(value) for value in kwargs.get("value_set", ()))
    words = {
        "expect_column_values_to_not_be_null": f"{first} is never empty",
        "expect_column_values_to_be_null": f"{first} is always empty",
        "expect_column_values_to_be_unique": f"{first} is never repeated",
        "expect_column_values_to_be_in_set": f"{first} is one of {values}",
        "expect_column_values_to_not_be_in_set": f"{first} is none of {values}",
        "expect_column_values_to_be_between": f"{first} is {_range(kwargs)}",
        "expect_column_max_to_be_between": f"the largest {first} is {_range(kwargs)}",
        "expect_column_min_to_be_between": f"the smallest {first} is {_range(kwargs)}",
        "expect_compound_columns_to_be_unique": f"{together} are never repeated together",
        "expect_table_row_count_to_be_between": f"the number of rows is {_range(kwargs)}",
        COUNTS: f"there are as many rows by {first} as usual"
        + (f" for each {kwargs.get('by')}" if kwargs.get("by") else "")
        + _beyond(type_, kwargs),
        MEANS: f"the mean of {first} is as usual{_beyond(type_, kwargs)}",
        SHARES: f"the members of {first} have their usual shares{_beyond(type_, kwargs)}",
        HOURS: f"{first} lies on the usual hours of the day",
        LATE: f"no more rows than usual are recorded over a day after {first}",
        TEXT: "texts have no space around them, no word for nothing and no damaged letters",
        AFTER: f"no row that is recorded has a {first} after the as-of",
        REPEATED: "no row is there a second time under another key",
        FILLED: f"{first} is filled in as many rows as usual{_beyond(type_, kwargs)}",
        CONTROL: f"{'the sum of ' + kwargs['adds'] if kwargs.get('adds') else 'the rows'} of each"
        f" month agree with the control total of {kwargs.get('measure')}"
        + (f" to {100 * kwargs['tolerance']:g} %" if kwargs.get("tolerance") else ""),
        "expect_column_pair_values_a_to_be_greater_than_b": (
            f"{first} is {'not below' if kwargs.get('or_equal') else 'above'} {columns[-1]}"
        ),
    }.get(type_)
    if words is None:
        name = type_.removeprefix("expect_").replace("_", " ")
        return f"{name}: {together or ', '.join(f'{k} {v}' for k, v in kwargs.items())}"
    mostly = kwargs.get("mostly", 1)
    return words if mostly == 1 else f"{words}, for at least {100 * mostly:g} % of the rows"


def _beyond(type_: str, kwargs: Mapping[str, Any]) -> str:
    change = kwargs.get("min_change", MIN_CHANGE.get(type_, 0))
    unit = "points" if type_ in (SHARES, FILLED) else "%"
    return f", give or take {100 * change:g} {unit}"


def _range(kwargs: Mapping[str, Any]) -> str:
    low, high = (_bound(kwargs.get(name)) for name in ("min_value", "max_value"))
    if low is None:
        return f"{'below' if kwargs.get('strict_max') else 'at most'} {high}"
    if high is None:
        return f"{'above' if kwargs.get('strict_min') else 'at least'} {low}"
    return f"between {low} and {high}"


def _bound(value: Any) -> Any:
    days = _days_before_as_of(value)
    if days is None:
        return value
    return f"{days} days before the as-of" if days else "the as-of"


def _days_before_as_of(value: Any) -> int | None:
    match = AS_OF.fullmatch(value["$PARAMETER"]) if isinstance(value, dict) else None
    return None if match is None else int(match[1] or 0)

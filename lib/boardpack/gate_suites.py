"""Suites: the expectations of a source, read from Great Expectations' own JSON and checked on reading.

Great Expectations only logs an expectation type it does not know and drops it, so that a typo would turn
a check off. Everything is therefore checked here, before that library is imported: types and arguments
against a table, columns against the source, and that each expectation says how grave it is and why.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Formatter
from types import MappingProxyType
from typing import Any, Literal, get_args

from pydantic import Field

from boardpack.errors import DefinitionError, UnknownNameError
from boardpack.sources import Source
from boardpack.yamlfile import Document, Strict, parse, read

Severity = Literal["critical", "warning", "info"]
Dimension = Literal["accuracy", "completeness", "timeliness", "consistency", "auditability"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)

#: The type whose rows are found by SQL of the suite's own.
ROWS = "unexpected_rows_expectation"

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

_AS_OF = re.compile(r"as_of(?: - timedelta\(days=(\d{1,4})\))?")
_OTHERS = re.compile(r'\bslice\."?([A-Za-z_][A-Za-z0-9_]*)')


class MetaEntry(Strict):
    """What an expectation says of itself beside its arguments."""

    dimension: Dimension
    at_stake: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    sentence: str | None = None
    counts: str | None = None


class ExpectationEntry(Strict):
    """One expectation as Great Expectations writes it."""

    type: str
    kwargs: dict[str, Any]
    severity: Severity
    meta: MetaEntry
    id: str | None = None
    notes: str | list[str] | None = None
    description: str | None = None


class SuiteMetaEntry(Strict):
    """``replaces`` names the suite that a workspace's own takes the place of."""

    replaces: str | None = None
    great_expectations_version: str | None = None


class SuiteEntry(Strict):
    """A file of ``expectations/``."""

    name: str
    expectations: list[Any]
    meta: SuiteMetaEntry = Field(default_factory=SuiteMetaEntry)
    id: str | None = None
    notes: str | list[str] | None = None


@dataclass(frozen=True)
class Expectation:
    """One thing that must be true of a source, how grave it is if not, and for what."""

    type: str
    kwargs: Mapping[str, Any]
    severity: Severity
    dimension: Dimension
    at_stake: str
    owner: str
    sentence: str
    line: int | None = None
    #: what a row that the SQL finds is, when it is not a row of the source
    counts: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it speaks of."""
        return _columns_of(self.kwargs)

    @property
    def others(self) -> tuple[str, ...]:
        """The sources that its SQL reads beside its own."""
        return tuple(dict.fromkeys(_OTHERS.findall(self.kwargs.get("unexpected_rows_query", ""))))


@dataclass(frozen=True)
class Suite:
    """The expectations of one source."""

    source: str
    file: Path
    expectations: tuple[Expectation, ...]
    digest: str

    @property
    def others(self) -> tuple[str, ...]:
        """The sources that have to be in the slice for every check to be made."""
        return tuple(dict.fromkeys(name for e in self.expectations for name in e.others))


def load_suites(
    folders: Sequence[Path], sources: Iterable[Source], *, declared: Iterable[str] | None = None
) -> dict[str, Suite]:
    """The suite of each source that has one: ``<source>.json`` of the first folder that holds it.

    A file that stands before another says ``"meta": {"replaces": "<source>"}``. With ``declared``, the
    ids of all sources of the workspace, a file that belongs to none of them is an error. The first thing
    wrong is a `DefinitionError` or `UnknownNameError` with file, line and what would be right.
    """
    known = None if declared is None else set(declared)
    if known is not None:
        for path in (path for folder in folders for path in sorted(folder.glob("*.json"))):
            if path.stem not in known:
                raise UnknownNameError.near("source", path.stem, known, file=path)
    suites: dict[str, Suite] = {}
    for source in sources:
        found = [path for folder in folders if (path := folder / f"{source.id}.json").is_file()]
        if found:
            suites[source.id] = _suite(found[0], source, known, found[1:])
    return suites


def reads(suites: Mapping[str, Suite], sources: Iterable[str]) -> tuple[str, ...]:
    """The sources that a check of ``sources`` looks at: open the slice with these, and key its verdict on them."""
    names = list(sources)
    others = [other for name in names if name in suites for other in suites[name].others]
    return tuple(dict.fromkeys(names + others))


def _suite(
    path: Path, source: Source, declared: set[str] | None, behind: Sequence[Path]
) -> Suite:
    document, text = _read(path)
    entry = parse(document, SuiteEntry)
    if entry.name != source.id:
        raise document.error(
            f"suite {entry.name!r} stands in the file of {source.id!r}.",
            ("name",),
            hint=f"write \"name\": \"{source.id}\"",
        )
    if behind and entry.meta.replaces != source.id:
        raise document.error(
            f"there is a suite for {source.id!r} already, in {behind[0]}.",
            ("meta",),
            hint=f'write "meta": {{"replaces": "{source.id}"}} to use this one instead',
        )
    found = tuple(
        _expectation(document, index, source, declared) for index in range(len(entry.expectations))
    )
    return Suite(source.id, path, found, hashlib.sha256(text.encode()).hexdigest())


def _read(path: Path) -> tuple[Document, str]:
    """JSON is YAML as well, which keeps the line of every key; what it says is read as JSON."""
    document_text = _text(path)
    try:
        data = json.loads(document_text)
    except json.JSONDecodeError as error:
        raise DefinitionError(f"is not JSON: {error.msg}.", file=path, line=error.lineno) from None
    return replace(read(path), data=data), document_text


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DefinitionError(f"cannot be read ({error.strerror}).", file=path) from None
    except UnicodeDecodeError:
        raise DefinitionError("is not UTF-8 text.", file=path) from None


def _expectation(
    document: Document, index: int, source: Source, declared: set[str] | None
) -> Expectation:
    key = ("expectations", index)
    entry = parse(document, ExpectationEntry, key)
    _check_type(document, key, entry.type)
    _check_arguments(document, key, entry)
    for argument, names in _column_arguments(entry.kwargs):
        for name in names:
            if name not in source.columns:
                raise UnknownNameError.near(
                    f"column of {source.id}",
                    str(name),
                    source.columns,
                    file=document.path,
                    line=document.line((*key, "kwargs", argument)),
                )
    sentence = entry.meta.sentence or entry.description or sentence_of(entry.type, entry.kwargs)
    if entry.type == ROWS:
        _check_query(document, key, entry, declared)
    return Expectation(
        entry.type,
        MappingProxyType(entry.kwargs),
        entry.severity,
        entry.meta.dimension,
        entry.meta.at_stake,
        entry.meta.owner,
        sentence,
        document.line(key),
        entry.meta.counts or "",
    )


def _check_type(document: Document, key: tuple[str | int, ...], type_: str) -> None:
    if type_ in REFUSED:
        raise document.error(
            f"{type_} does not work on the slice.", (*key, "type"), hint=REFUSED[type_]
        )
    if type_ not in TYPES:
        raise UnknownNameError.near(
            "expectation type",
            type_,
            TYPES,
            file=document.path,
            line=document.line((*key, "type")),
        )


def _check_arguments(
    document: Document, key: tuple[str | int, ...], entry: ExpectationEntry
) -> None:
    required, optional = (set(part.split()) for part in TYPES[entry.type].split("|"))
    for name in entry.kwargs:
        if name not in required | optional:
            raise UnknownNameError.near(
                f"argument of {entry.type}",
                name,
                required | optional,
                file=document.path,
                line=document.line((*key, "kwargs", name)),
            )
    for name in sorted(required - set(entry.kwargs)):
        raise document.error(f"{entry.type} lacks the argument {name!r}.", (*key, "kwargs"))
    if {"min_value", "max_value"} <= optional and not {"min_value", "max_value"} & set(entry.kwargs):
        raise document.error(
            f"{entry.type} has neither min_value nor max_value and would always pass.",
            (*key, "kwargs"),
        )
    mostly = entry.kwargs.get("mostly", 1)
    if isinstance(mostly, bool) or not isinstance(mostly, int | float) or not 0 <= mostly <= 1:
        raise document.error(
            f"mostly is {mostly!r}, expected a share from 0 to 1.", (*key, "kwargs", "mostly")
        )
    for name, value in entry.kwargs.items():
        if isinstance(value, dict) and "$PARAMETER" in value:
            known = name in ("min_value", "max_value") and set(value) == {"$PARAMETER"}
            if not known or not _AS_OF.fullmatch(str(value["$PARAMETER"])):
                raise document.error(
                    f"{name} refers to {value['$PARAMETER']!r}, which the gate does not know.",
                    (*key, "kwargs", name),
                    hint="min_value and max_value may be as_of, or as_of - timedelta(days=7)",
                )


def _check_query(
    document: Document,
    key: tuple[str | int, ...],
    entry: ExpectationEntry,
    declared: set[str] | None,
) -> None:
    where = (*key, "kwargs", "unexpected_rows_query")
    query = entry.kwargs["unexpected_rows_query"]
    if not isinstance(query, str):
        raise document.error("unexpected_rows_query is not a text.", where)
    if not (entry.meta.sentence or entry.description):
        raise document.error(
            "SQL cannot say for itself what it expects.",
            (*key, "meta"),
            hint='add "sentence": what is true of the data when no row is found',
        )
    try:
        fields = {name for _, name, _, _ in Formatter().parse(query) if name is not None}
    except ValueError as error:
        raise document.error(
            f"the SQL has a brace without its partner ({error}).", where, hint="double it: {{ }}"
        ) from None
    if fields != {"batch"}:
        found = ", ".join("{" + name + "}" for name in sorted(fields)) or "no placeholder"
        raise document.error(
            f"the SQL has {found}, expected {{batch}} alone.",
            where,
            hint=f"{{batch}} stands for the rows of {document.path.stem}; double any other brace",
        )
    for name in _OTHERS.findall(query):
        if declared is not None and name not in declared:
            raise UnknownNameError.near(
                "source", name, declared, file=document.path, line=document.line(where)
            )


def _column_arguments(kwargs: Mapping[str, Any]) -> Iterable[tuple[str, Sequence[str]]]:
    for argument in ("column", "column_A", "column_B"):
        if argument in kwargs:
            yield argument, [kwargs[argument]]
    for argument in ("column_list", "column_set"):
        if argument in kwargs:
            yield argument, kwargs[argument] if isinstance(kwargs[argument], list) else [
                kwargs[argument]
            ]


def _columns_of(kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for _, names in _column_arguments(kwargs) for name in names)


def sentence_of(type_: str, kwargs: Mapping[str, Any]) -> str:
    """What an expectation of this type expects, in words.

    >>> sentence_of("expect_column_values_to_be_between", {"column": "amount", "min_value": 0})
    'amount is at least 0'
    """
    columns = _columns_of(kwargs)
    first = columns[0] if columns else ""
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
        "expect_column_pair_values_a_to_be_greater_than_b": (
            f"{first} is {'not below' if kwargs.get('or_equal') else 'above'} {columns[-1:] and columns[-1]}"
        ),
    }.get(type_)
    if words is None:
        name = type_.removeprefix("expect_").replace("_", " ")
        return f"{name}: {together or ', '.join(f'{k} {v}' for k, v in kwargs.items())}"
    mostly = kwargs.get("mostly", 1)
    return words if mostly == 1 else f"{words}, for at least {100 * mostly:g} % of the rows"


def _range(kwargs: Mapping[str, Any]) -> str:
    low, high = (_bound(kwargs.get(name)) for name in ("min_value", "max_value"))
    if low is None:
        return f"{'below' if kwargs.get('strict_max') else 'at most'} {high}"
    if high is None:
        return f"{'above' if kwargs.get('strict_min') else 'at least'} {low}"
    return f"between {low} and {high}"


def _bound(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    match = _AS_OF.fullmatch(value["$PARAMETER"])
    assert match is not None
    return f"{match[1]} days before the as-of" if match[1] else "the as-of"

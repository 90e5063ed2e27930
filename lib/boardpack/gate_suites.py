"""Suites: the expectations of a source, in Great Expectations' own JSON, checked as they are read.

Great Expectations only logs an expectation type it does not know and drops it, so that a typo would
turn a check off. Everything is therefore checked here, before that library is imported: types and
arguments against a table, columns against the source, and that each expectation says how grave it
is and what for.
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

from boardpack import gate_controls
from boardpack.errors import DefinitionError, UnknownNameError
from boardpack.gate_controls import control_of, limit_hours, limit_of
from boardpack.gate_ids import ID, ids_of, repeated
from boardpack.gate_types import (
    AS_OF,
    CONTROL,
    MEMBERS,
    OF_EACH_ROW,
    REFUSED,
    ROWS,
    TYPES,
    column_arguments,
    columns_of,
    sentence_of,
)
from boardpack.sources import Source
from boardpack.yamlfile import Document, Strict, parse, read

Severity = Literal["critical", "warning", "info"]
Dimension = Literal["accuracy", "completeness", "timeliness", "consistency", "auditability"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)

#: The source of control totals.
CONTROLS = "source_reconciliations"

_OTHERS = re.compile(r'\bslice\."?([A-Za-z_][A-Za-z0-9_]*)')


class MetaEntry(Strict):
    """What an expectation says of itself beside its arguments."""

    dimension: Dimension
    at_stake: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    sentence: str | None = None
    counts: str | None = None
    #: which of the twelve controls it belongs to, where its type does not tell
    control: str | None = None
    #: what it holds time to, such as ``< 4 hours``
    limit: str | None = None


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
    #: what it is known by for good, see `boardpack.gate_ids`
    id: str = ""
    #: which of the twelve controls it belongs to, "" for none
    control: str = ""
    #: what it holds time to, such as ``< 3 days``, "" where it is about something else
    limit: str = ""
    #: the sources that one of our own types reads beside its own
    borrows: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it speaks of."""
        return columns_of(self.kwargs)

    @property
    def of_each_row(self) -> bool:
        """Whether it says of each row of the source if it is as expected."""
        return self.type.startswith(OF_EACH_ROW) or (self.type == ROWS and not self.counts)

    @property
    def others(self) -> tuple[str, ...]:
        """The sources that its SQL reads beside its own."""
        in_sql = _OTHERS.findall(self.kwargs.get("unexpected_rows_query", ""))
        return tuple(dict.fromkeys((*in_sql, *self.borrows)))


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
    """The suite of each source that has one: ``<source>.json`` of the first folder that has it.

    A file that stands before another says ``"meta": {"replaces": "<source>"}``. With ``declared``,
    the ids of all sources of the workspace, a file that belongs to none of them is an error. The
    first thing wrong is a `DefinitionError` or `UnknownNameError` with file, line and what would be
    right.
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
    """All that a check of ``sources`` looks at: what a slice must hold, and a verdict rests on."""
    names = list(sources)
    others = [other for name in names if name in suites for other in suites[name].others]
    return tuple(dict.fromkeys(names + others))


def _suite(path: Path, source: Source, declared: set[str] | None, behind: Sequence[Path]) -> Suite:
    document, text = _read(path)
    entry = parse(document, SuiteEntry)
    if entry.name != source.id:
        raise document.error(
            f"suite {entry.name!r} stands in the file of {source.id!r}.",
            ("name",),
            hint=f'write "name": "{source.id}"',
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
    found = _identified(document, source.id, found)
    return Suite(source.id, path, found, hashlib.sha256(text.encode()).hexdigest())


def _identified(
    document: Document, source: str, found: Sequence[Expectation]
) -> tuple[Expectation, ...]:
    """The expectations with their ids, which no two share."""
    entries = [(e.type, e.kwargs, e.severity, e.sentence, e.id or None) for e in found]
    ids = ids_of(source, entries)
    for name in repeated(ids):
        second = [index for index, own in enumerate(ids) if own == name][1]
        raise document.error(
            f"two expectations are called {name!r}.",
            ("expectations", second, "id"),
            hint="an id tells one check from all others; leave it out to have one made",
        )
    return tuple(replace(e, id=id_) for e, id_ in zip(found, ids, strict=True))


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
    for argument, names in column_arguments(entry.kwargs):
        known = {*source.columns}
        if (entry.type, argument) in MEMBERS:
            known |= {*source.dimensions}
        for name in names:
            if name not in known:
                raise UnknownNameError.near(
                    f"column of {source.id}",
                    str(name),
                    known,
                    file=document.path,
                    line=document.line((*key, "kwargs", argument)),
                )
    sentence = entry.meta.sentence or entry.description or sentence_of(entry.type, entry.kwargs)
    if entry.type == ROWS:
        _check_query(document, key, entry, declared)
    _check_meta(document, key, entry)
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
        entry.id or "",
        entry.meta.control
        or control_of(entry.type, entry.kwargs, entry.meta.dimension, source.key),
        entry.meta.limit or limit_of(entry.kwargs),
        _borrowed(source, entry),
    )


def _borrowed(source: Source, entry: ExpectationEntry) -> tuple[str, ...]:
    """The sources that a dimension is borrowed from, and the one that holds control totals."""
    if entry.type == CONTROL:
        return (CONTROLS,)
    found: list[str] = []
    for type_, argument in MEMBERS:
        path = source.dimensions.get(str(entry.kwargs.get(argument)), "")
        while entry.type == type_ and "." in path:
            to = source.joins[path.partition(".")[0]]
            found.append(to.source)
            path = to.on
    return tuple(found)


def _check_meta(document: Document, key: tuple[str | int, ...], entry: ExpectationEntry) -> None:
    """Its id can be read in a table, its control is one of its dimension, its limit a time."""
    if entry.id is not None and not ID.fullmatch(entry.id):
        raise document.error(
            f"the id {entry.id!r} holds more than letters, digits, '_', '.' and '-'.",
            (*key, "id"),
        )
    meta, own = entry.meta, gate_controls.CONTROLS[entry.meta.dimension]
    if meta.control is not None and meta.control not in own:
        raise UnknownNameError.near(
            f"control of {meta.dimension}", meta.control, own,
            file=document.path, line=document.line((*key, "meta", "control")),
        )  # fmt: skip
    if meta.limit is not None and limit_hours(meta.limit) is None:
        raise document.error(
            f"the limit {meta.limit!r} is no time.", (*key, "meta", "limit"),
            hint="write it as < 4 hours",
        )  # fmt: skip


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
    bounds = {"min_value", "max_value"}
    if bounds <= optional and not bounds & set(entry.kwargs):
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
            if not known or not AS_OF.fullmatch(str(value["$PARAMETER"])):
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

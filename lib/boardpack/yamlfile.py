"""YAML read once into strict models, with the line of every key kept for the error message."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from boardpack.errors import DefinitionError

Key = tuple[str | int, ...]


class Strict(BaseModel):
    """A mapping of which every key is known: a typo is an error, never ignored."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False
    )


class Misread(ValueError):
    """What a validator of a model raises when it says itself what was found and what is right."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


Model = TypeVar("Model", bound=Strict)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML in which only true and false are booleans: ``on:`` and ``no`` stay words."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|false|False)$"), list("tTfF")
)


@dataclass(frozen=True)
class Document:
    """What a YAML file says, and on which line each key stands."""

    path: Path
    data: Any
    lines: dict[Key, int]

    def line(self, key: Key) -> int | None:
        """The line of a key, or of the nearest one above it that is there."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key)

    def error(self, message: str, key: Key = (), hint: str | None = None) -> DefinitionError:
        """A `DefinitionError` that points at ``key``."""
        return DefinitionError(message, file=self.path, line=self.line(key), hint=hint)


@dataclass(frozen=True)
class Place:
    """Where an entry stands in its file, for what is found wrong in it later."""

    document: Document
    key: Key

    def line(self, *steps: str | int) -> int | None:
        """The line of what stands under these steps of the entry, or of the nearest above it."""
        return self.document.line((*self.key, *steps))

    def error(self, message: str, *steps: str | int, hint: str | None = None) -> DefinitionError:
        """A `DefinitionError` that points there."""
        return self.document.error(message, (*self.key, *steps), hint)


def read(path: Path) -> Document:
    """Read one YAML file; `DefinitionError` names file and line of what cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DefinitionError(f"cannot be read ({error.strerror}).", file=path) from None
    except UnicodeDecodeError:
        raise DefinitionError(
            "is not UTF-8 text.", file=path, hint="save the file as UTF-8"
        ) from None
    return _document(path, text)


@lru_cache(maxsize=1024)
def _document(path: Path, text: str) -> Document:
    """What a text says; one that was read before is not read again."""
    loader = _Loader(text)
    lines: dict[Key, int] = {}
    try:
        node = loader.get_single_node()
        if node is not None:
            _walk(node, (), lines, path, text)
        data = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        in_braces = "flow mapping" in (error.context or "")
        raise DefinitionError(
            f"is not YAML: {error.problem or error.context}.",
            file=path,
            line=line,
            hint=f"inside {{...}} a comma ends a value: quote one that holds a comma, {_QUOTED}"
            if in_braces
            else None,
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise _unreadable(node, error, path) from None
    finally:
        loader.dispose()
    return Document(path, data, lines)


#: A value that holds a comma, as an example.
_QUOTED = 'such as value: "percentile(amount, 0.5)"'


def _unreadable(node: yaml.Node | None, error: Exception, path: Path) -> DefinitionError:
    """The error for a value that looks like a date or number and is none, with its line."""
    afresh = yaml.constructor.SafeConstructor()
    for scalar in _scalars(node):
        try:
            afresh.construct_object(scalar)
        except ValueError as cause:
            return DefinitionError(
                f"{scalar.value!r} cannot be: {cause}.",
                file=path,
                line=scalar.start_mark.line + 1,
                hint="write a day as 2025-03-31, and quote what is to be a text",
            )
    return DefinitionError(f"is not YAML: {error}", file=path)


def _scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item)
    elif isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from _scalars(name)
            yield from _scalars(value)


def parse(document: Document, model: type[Model], key: Key = ()) -> Model:
    """The part of a document under ``key`` as ``model``; the first thing wrong is the error."""
    data = document.data
    for step in key:
        data = data[step]
    if not isinstance(data, dict):
        raise document.error(f"expected a mapping here, found {_found(data)}.", key)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _readable(document, model, key, error) from None


def _readable(
    document: Document, model: type[Strict], key: Key, error: ValidationError
) -> DefinitionError:
    # A typo leaves its key unknown and the right one missing: the unknown one is the cause.
    first = min(
        error.errors(),
        key=lambda e: (e["type"] != "extra_forbidden", document.line((*key, *e["loc"])) or 0),
    )
    path = first["loc"]
    where = (*key, *path)
    named = ".".join(str(step) for step in path)
    if first["type"] == "extra_forbidden":
        known = _known_keys(model, path[:-1])
        near = difflib.get_close_matches(str(path[-1]), known, n=2, cutoff=0.5)
        hint = (
            f"did you mean {' or '.join(map(repr, near))}?"
            if near
            else f"keys are: {', '.join(known)}"
        )
        return document.error(f"unknown key {named!r}.", where, hint)
    if first["type"] == "missing":
        return document.error(f"key {named!r} is missing.", where)
    found = _found(first["input"])
    message = first["msg"].removeprefix("Value error, ")
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, Misread):
        return document.error(f"{named}: {message}.", where, cause.hint)
    return document.error(f"{named}: {message} (found {found}).", where)


def _known_keys(model: type[Strict], path: Key) -> list[str]:
    found: Any = model
    for step in path:
        found = _inner(found, step)
    if not hasattr(found, "model_fields"):
        return []
    return [info.alias or name for name, info in found.model_fields.items()]


def _inner(annotation: Any, step: str | int) -> Any:
    """What stands under ``step`` in a model, mapping or list; None where nothing is declared."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return next((_plain(f.annotation) for n, f in fields if step in (n, f.alias)), None)
    arguments = get_args(annotation)
    return _plain(arguments[-1 if get_origin(annotation) is dict else 0]) if arguments else None


def _plain(annotation: Any) -> Any:
    """``X | None`` as ``X``."""
    if isinstance(annotation, UnionType):
        return next((a for a in get_args(annotation) if a is not NoneType), None)
    return annotation


def _found(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _walk(node: yaml.Node, key: Key, lines: dict[Key, int], path: Path, text: str) -> None:
    lines.setdefault(key, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        if node.flow_style:
            _refuse_cut_value(node, path, text)
        for name, value in node.value:
            inner = (*key, str(name.value))
            if inner in lines:
                raise DefinitionError(
                    f"key {name.value!r} stands here twice.",
                    file=path,
                    line=name.start_mark.line + 1,
                    hint=f"first on line {lines[inner]}",
                )
            lines[inner] = name.start_mark.line + 1
            _walk(value, inner, lines, path, text)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*key, index), lines, path, text)


def _refuse_cut_value(node: yaml.MappingNode, path: Path, text: str) -> None:
    """`DefinitionError` for a value that its own comma cuts: the rest would be taken for a key."""
    for i, (name, _) in enumerate(node.value[1:], start=1):
        before, value = node.value[i - 1]
        if not (isinstance(value, yaml.ScalarNode) and value.value and _is_bare(name, text)):
            continue
        last = name
        for following, _ in node.value[i + 1 :]:
            if not _is_bare(following, text):
                break
            last = following
        whole = " ".join(text[value.start_mark.index : last.end_mark.index].split())
        quote = "'" if '"' in whole else '"'
        raise DefinitionError(
            f"the comma in {whole} ends the value of {before.value!r}: {name.value!r}, which"
            " follows it, is taken for a key.",
            file=path,
            line=name.start_mark.line + 1,
            hint=f"quote the whole value: {before.value}: {quote}{whole}{quote}",
        )


def _is_bare(name: yaml.Node, text: str) -> bool:
    """Whether a key of ``{...}`` stands there without a colon."""
    return not text[name.end_mark.index :].lstrip().startswith(":")

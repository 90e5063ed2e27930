"""Notebooks as documents: what a run must know before it starts one, and what an executed one says.

Nothing here executes a cell. `read` takes parameters and labels from the source of the cells,
`validate` refuses wrong parameters before a process is spent on them, and `examine` and
`broken_off` read the record that an execution left behind. `boardpack.executions` runs them.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, cast

from boardpack.errors import DefinitionError, NotebookError, UnknownNameError, UserError

#: Tags of cells that are in an executed notebook and not in the one that people edit.
_ADDED_TAGS = frozenset({"injected-parameters", "papermill-error-cell-tag"})
_LABEL = re.compile(r"#\|\s*label:\s*(?P<label>.*?)\s*$")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
#: In a traceback of IPython: a frame, and the line of code where it was.
_FRAME = re.compile(r"(Cell In|File )")
_ARROW = re.compile(r"-+> \d+ ")
#: How much of a traceback an error repeats; the executed notebook has all of it.
_PLACES = 2
_LINES = 8


@dataclass(frozen=True)
class Notebook:
    """A notebook as people edit it: the defaults of its parameters and its labelled cells."""

    path: Path
    parameters: dict[str, object]
    #: label -> position of its cell, counted from 0 over all cells
    labels: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What reports call it: the file name without its ending."""
        return self.path.stem

    @property
    def kpis(self) -> tuple[str, ...]:
        """The KPIs its cells may show; empty where it has no parameter ``kpis``."""
        return tuple(cast("list[str]", self.parameters.get("kpis", [])))

    @property
    def listings(self) -> tuple[str, ...]:
        """The listings its cells may show; empty where it has no parameter ``listings``."""
        return tuple(cast("list[str]", self.parameters.get("listings", [])))


@dataclass(frozen=True)
class CellFailure:
    """The cell that ended an execution, numbered from 1 over the cells that people edit."""

    number: int | None  # None: the cell that Papermill adds for the parameters
    label: str
    name: str  # of the exception
    value: str
    traceback: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """``cell 4 (fig-mrr)``."""
        if self.number is None:
            return "the injected parameters"
        return f"cell {self.number}" + (f" ({self.label})" if self.label else "")

    @property
    def what(self) -> str:
        """The error and the last lines of its traceback, without terminal colours."""
        head = f"{self.name}: {self.value}" if self.value else self.name
        return "\n  ".join([head, *self.last_lines])

    @property
    def last_lines(self) -> list[str]:
        """Where it was: the last place in a cell, and the last places in the code it called."""
        places: list[list[str]] = []
        for line in self.traceback:
            if _FRAME.match(line):
                places.append([line])
            elif _ARROW.match(line) and places and len(places[-1]) == 1:
                places[-1].append(line)
        if not any(len(place) == 2 for place in places):
            # Not a traceback with frames: a syntax error, or what a magic printed.
            lines = [line for line in self.traceback if line.strip()]
            return lines[-_LINES:] if len(lines) > 1 else []
        in_cells = [n for n, place in enumerate(places) if place[0].startswith("Cell In")]
        last = len(places) - _PLACES
        shown = sorted({*in_cells[-1:], *range(max(last, 0), len(places))})
        return [line for n in shown for line in places[n]]


def read(path: Path) -> Notebook:
    """The parameters and labels of a notebook, without executing it.

    Raises `UnknownNameError` where there is no such file, and `DefinitionError`, naming the cell,
    where the file is not a notebook, has no cell tagged ``parameters`` or two, assigns something
    other than a literal in it, or uses a label twice.
    """
    cells = _load(path)["cells"]
    tagged = [number for number, cell in enumerate(cells, 1) if "parameters" in _tags(cell)]
    if len(tagged) != 1:
        found = f"cells {', '.join(map(str, tagged))} are" if tagged else "no cell is"
        raise DefinitionError(
            f"{found} tagged `parameters`; exactly one must be.",
            file=path,
            hint="in JupyterLab: select the cell, Property Inspector, Cell Tags, add `parameters`",
        )
    number = tagged[0]
    parameters = _literals(_source(cells[number - 1]), path, number)
    for parameter, example in (("kpis", '["mrr", "arr"]'), ("listings", '["open_actions"]')):
        names = parameters.get(parameter, [])
        if not isinstance(names, list) or not _all_strings(names):
            raise DefinitionError(
                f"cell {number}: `{parameter}` must be a list of names, found {names!r}.",
                file=path,
                hint=f"for example: {parameter} = {example}",
            )
    return Notebook(path, parameters, _labels(cells, path))


def validate(notebook: Notebook, given: Mapping[str, object]) -> dict[str, object]:
    """The parameters to hand to an execution: ``given``, once each is known to fit its default.

    A tuple becomes a list, since that is what Papermill can write into a cell. Raises
    `UnknownNameError` for a name that the notebook does not declare and `DefinitionError` for a
    value of another type than its default; dates are ISO strings.

    >>> validate(Notebook(Path("n.ipynb"), {"period": "", "kpis": []}), {"kpis": ("mrr",)})
    {'kpis': ['mrr']}
    """
    checked: dict[str, object] = {}
    for name, value in given.items():
        if name not in notebook.parameters:
            raise UnknownNameError.near("parameter", name, notebook.parameters, file=notebook.path)
        default = notebook.parameters[name]
        plain = list(value) if isinstance(value, tuple) else value
        wrong = _misfit(plain, default)
        if wrong:
            raise DefinitionError(
                f"Parameter {name!r} must be {wrong}, found {value!r}.",
                file=notebook.path,
                hint=f"its default is {default!r}"
                + (f"; write {value.isoformat()!r}" if isinstance(value, date) else ""),
            )
        checked[name] = plain
    return checked


def examine(executed: Path, source: Path) -> None:
    """Raise `NotebookError` unless ``executed`` is the complete, faultless record of ``source``.

    A notebook that never ran, or whose run ended half-way without an error, has no error output
    and would be rendered without complaint; here every code cell must have been executed.
    """
    cells = _load(executed)["cells"]
    failure = failed_cell(cells)
    if failure is not None:
        raise _failed(source, executed, failure, failure.what)
    for position, cell in enumerate(cells):
        if cell["cell_type"] != "code" or not _source(cell).strip():
            continue
        if not cell.get("execution_count"):
            raise NotebookError(
                f"Notebook {source.stem!r} ended before {locate(cells, position).where}.",
                file=source,
                hint="a cell may not end the notebook, as exit() does",
            )


def broken_off(
    executed: Path, source: Path, position: int | None, name: str, why: str
) -> NotebookError:
    """The error for an execution that was stopped in the cell at ``position``, or before any.

    Where the process could not write an error into the cell itself, it is written here.
    """
    failure = _mark(executed, position, name, why) if position is not None else None
    if failure is None:
        return NotebookError(f"Notebook {source.stem!r} was not executed: {why}.", file=source)
    where = "\n  ".join([why, *failure.last_lines])
    return _failed(source, executed, failure, where)


def failed_cell(cells: Sequence[Mapping[str, Any]]) -> CellFailure | None:
    """The first cell of an executed notebook that failed."""
    for position, cell in enumerate(cells):
        outputs = cell.get("outputs", [])
        for output in outputs:
            if output["output_type"] == "error":
                text = _ANSI.sub("", "\n".join(output["traceback"]))
                value = _ANSI.sub("", output["evalue"])
                return locate(cells, position, output["ename"], value, text.splitlines())
        # A wrong magic, or a group of exceptions, is only printed.
        if cell.get("metadata", {}).get("papermill", {}).get("exception") is True:
            printed = "".join(_text(output) for output in outputs if output.get("name") == "stderr")
            lines = _ANSI.sub("", printed).splitlines()
            words = [line.strip(" |+-") for line in lines]
            name = next((line for line in reversed(words) if line), "it does not say why")
            return locate(cells, position, name, "", lines)
    return None


def locate(
    cells: Sequence[Mapping[str, Any]],
    position: int,
    name: str = "",
    value: str = "",
    traceback: Sequence[str] = (),
) -> CellFailure:
    """The cell at ``position`` of an executed notebook, numbered as people count."""
    own = [not _ADDED_TAGS.intersection(_tags(cell)) for cell in cells[: position + 1]]
    return CellFailure(
        number=sum(own) if own[position] else None,
        label=_label(cells[position]) or "",
        name=name,
        value=value,
        traceback=tuple(traceback),
    )


def replace_file(path: Path, text: str) -> None:
    """Write ``text`` so that ``path`` is whole at every moment: the old text or the new.

    It does not wait for the disk, as `files.replace_text` does: it is called twice a cell.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = partial_file(path)
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def partial_file(path: Path) -> Path:
    """Where `replace_file` writes first; what a killed process may leave behind."""
    return path.with_name(f".{path.name}.part")


def _mark(executed: Path, position: int, name: str, value: str) -> CellFailure | None:
    """Write an error into a cell unless it has one; None where there is no executed notebook."""
    try:
        notebook = _load(executed)
    except UserError:
        return None
    cells = notebook["cells"]
    found = failed_cell(cells)
    if found is not None or position >= len(cells):
        return found
    line = f"{name}: {value}"
    error = {"output_type": "error", "ename": name, "evalue": value, "traceback": [line]}
    cells[position].setdefault("outputs", []).append(error)
    # Papermill's own marks, as it sets them for a cell that raises.
    cells[position]["metadata"].setdefault("papermill", {}).update(exception=True, status="failed")
    notebook["metadata"].setdefault("papermill", {})["exception"] = True
    # A full disk may be why it was broken off; the error is told all the same.
    with contextlib.suppress(OSError):
        replace_file(executed, json.dumps(notebook, ensure_ascii=False, indent=1) + "\n")
    return locate(cells, position, name, value)


def _failed(source: Path, executed: Path, failure: CellFailure, what: str) -> NotebookError:
    return NotebookError(
        f"Notebook {source.stem!r} failed in {failure.where}: {what}",
        file=source,
        hint=f"the executed notebook, with its outputs so far, is {executed}",
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        names = [other.stem for other in path.parent.glob("*.ipynb")]
        raise UnknownNameError.near("notebook", path.stem, names, file=path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(f"This notebook cannot be read: {error}", file=path) from error
    except json.JSONDecodeError as error:
        raise DefinitionError(
            f"This is not a notebook: {error.msg}.",
            file=path,
            line=error.lineno,
            hint="a notebook is JSON; an unresolved merge conflict is the usual cause",
        ) from error
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4:
        raise DefinitionError(
            "This is not a notebook of format 4.",
            file=path,
            hint="open it in JupyterLab and save it",
        )
    if not isinstance(notebook.get("cells"), list):
        raise DefinitionError("This notebook has no list of cells.", file=path)
    return notebook


def _text(output: Mapping[str, Any]) -> str:
    text = output.get("text", "")
    return text if isinstance(text, str) else "".join(text)


def _source(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _tags(cell: Mapping[str, Any]) -> list[str]:
    tags: list[str] = cell.get("metadata", {}).get("tags", [])
    return tags


def _label(cell: Mapping[str, Any]) -> str | None:
    """The label among the ``#|`` lines that open a code cell, where Quarto reads options."""
    if cell["cell_type"] != "code":
        return None
    for line in _source(cell).splitlines():
        if not line.startswith("#|"):
            return None
        match = _LABEL.match(line)
        if match:
            return match["label"].strip("\"'")
    return None


def _labels(cells: Sequence[Mapping[str, Any]], path: Path) -> dict[str, int]:
    labels: dict[str, int] = {}
    for position, cell in enumerate(cells):
        label = _label(cell)
        if label is None:
            continue
        if not re.fullmatch(r"[A-Za-z][\w-]*", label):
            raise DefinitionError(
                f"cell {position + 1}: {label!r} cannot be a label.",
                file=path,
                hint="letters, digits and hyphens, beginning with a letter: fig-mrr",
            )
        if label in labels:
            raise DefinitionError(
                f"cell {position + 1}: label {label!r} is that of cell {labels[label] + 1} too.",
                file=path,
                hint="a report places a cell by its label, so each must be its own",
            )
        labels[label] = position
    return labels


def _literals(source: str, path: Path, number: int) -> dict[str, object]:
    """The assignments of the parameters cell, as literals: nothing runs before the checks."""
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise DefinitionError(
            f"cell {number}, line {error.lineno}: {error.msg}.", file=path, hint="in the parameters"
        ) from error
    parameters: dict[str, object] = {}
    for statement in statements:
        where = f"cell {number}, line {statement.lineno}"
        target: ast.expr | None = None
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
        elif isinstance(statement, ast.AnnAssign):
            target = statement.target
        value = getattr(statement, "value", None)
        try:
            if not isinstance(target, ast.Name) or value is None:
                raise ValueError
            default = ast.literal_eval(value)
        except (ValueError, TypeError):
            raise DefinitionError(
                f"{where}: `{ast.unparse(statement)}` is not a parameter.",
                file=path,
                hint='the cell tagged `parameters` may only assign literals: period = ""',
            ) from None
        if target.id in parameters:
            raise DefinitionError(f"{where}: {target.id!r} is assigned twice.", file=path)
        parameters[target.id] = default
    return parameters


def _misfit(value: object, default: object) -> str:
    """What ``value`` should have been to stand in for ``default``; empty if it does."""
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "True or False"
    if isinstance(default, int | float):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "a number"
        return "a whole number" if isinstance(default, int) and isinstance(value, float) else ""
    if isinstance(default, str):
        return "" if isinstance(value, str) else "a string"
    if isinstance(default, list | tuple):
        if not isinstance(value, list):
            return "a list"
        of_strings = all(isinstance(item, str) for item in default)
        return "a list of strings" if of_strings and not _all_strings(value) else ""
    if isinstance(default, dict):
        return (
            "" if isinstance(value, dict) and _all_strings(value) else "a mapping with string keys"
        )
    return "" if value is None or isinstance(value, str | int | float) else "a string or a number"


def _all_strings(items: Sequence[object] | Mapping[Any, object]) -> bool:
    return all(isinstance(item, str) for item in items)

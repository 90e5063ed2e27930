"""What a notebook must be before it is run, and what its record must say after."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from boardpack.errors import DefinitionError, NotebookError, UnknownNameError, UserError
from boardpack.notebooks import Notebook, broken_off, examine, read, replace_file, validate

PARAMETERS = """
# the period of the report
workspace = ".."
period: str = ""   # e.g. 2025-12
last = 13
share = 0.5
offset = -1
wanted = None
final = True
kpis = [
    "mrr",  # first
    "arr",
]
limits = {"mrr": 1}
"""


def code(source: str | list[str], tags: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": "code", "metadata": {}, "execution_count": None}
    if tags:
        cell["metadata"] = {"tags": list(tags)}
    return cell | {"source": source, "outputs": []} | more


def parameters(source: str = PARAMETERS) -> dict[str, Any]:
    return code(source, ("parameters",))


def markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def write(folder: Path, *cells: dict[str, Any]) -> Path:
    path = folder / "revenue.ipynb"
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def test_read(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        markdown("# Revenue\n#| label: not-a-cell"),
        parameters(),
        code("import boardpack as bp"),
        code("#| label: fig-mrr\nbp.trend(values, 'mrr')"),
        code(["#| fig-alt: x\n", '#| label: "tbl-mrr"  \n', "bp.table(values)"]),
        code("x = 1\n#| label: too-late"),
    )
    notebook = read(path)
    assert notebook.path == path
    assert notebook.name == "revenue"
    assert notebook.parameters == {
        "workspace": "..",
        "period": "",
        "last": 13,
        "share": 0.5,
        "offset": -1,
        "wanted": None,
        "final": True,
        "kpis": ["mrr", "arr"],
        "limits": {"mrr": 1},
    }
    assert notebook.kpis == ("mrr", "arr")
    assert notebook.labels == {"fig-mrr": 3, "tbl-mrr": 4}


def test_reading_executes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "made"
    with pytest.raises(DefinitionError, match=r"cell 1, line 1: .* is not a parameter"):
        read(write(tmp_path, parameters(f"period = open({str(target)!r}, 'w').name")))
    assert not target.exists()


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([code("1")], "no cell is tagged `parameters`"),
        ([parameters(), markdown("-"), parameters()], "cells 1, 3 are tagged `parameters`"),
        ([parameters('period = ""\nperiod = "x"')], "cell 1, line 2: 'period' is assigned twice"),
        ([parameters("import os")], "cell 1, line 1: `import os` is not a parameter"),
        ([parameters("a = b = 1")], "`a = b = 1` is not a parameter"),
        ([parameters("a: int")], "`a: int` is not a parameter"),
        ([parameters("\na = 1 + x")], "cell 1, line 2: `a = 1 + x` is not a parameter"),
        ([parameters("a = {[]: 1}")], "is not a parameter"),
        ([parameters("a = (")], "cell 1, line 1: '(' was never closed"),
        ([parameters("%precision 2")], "cell 1, line 1: invalid syntax"),
        ([parameters('kpis = "mrr"')], "`kpis` must be a list of names, found 'mrr'"),
        ([parameters("kpis = [1]")], "`kpis` must be a list of names"),
        (
            [parameters(""), code("#| label: fig-a"), markdown("-"), code("#| label: fig-a")],
            "cell 4: label 'fig-a' is that of cell 2 too",
        ),
        ([parameters(""), code("#| label:")], "cell 2: '' cannot be a label"),
        ([parameters(""), code("#| label: a b")], "cell 2: 'a b' cannot be a label"),
    ],
)
def test_notebook_that_cannot_be_used(
    tmp_path: Path, cells: list[dict[str, Any]], message: str
) -> None:
    path = write(tmp_path, *cells)
    with pytest.raises(DefinitionError) as caught:
        read(path)
    assert message in caught.value.message
    assert caught.value.file == str(path)


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "This is not a notebook", 1),
        ('{\n<<<<<<< HEAD\n"cells": []}', "This is not a notebook", 2),
        ("[]", "not a notebook of format 4", None),
        ('{"nbformat": 3, "worksheets": []}', "not a notebook of format 4", None),
        ('{"nbformat": 4}', "no list of cells", None),
    ],
)
def test_file_that_is_no_notebook(
    tmp_path: Path, text: str, message: str, line: int | None
) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(text)
    with pytest.raises(DefinitionError, match=message) as caught:
        read(path)
    assert (caught.value.file, caught.value.line) == (str(path), line)


def test_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DefinitionError, match="cannot be read"):
        read(path)


def test_missing_notebook_names_the_near_ones(tmp_path: Path) -> None:
    write(tmp_path, parameters())
    with pytest.raises(UnknownNameError, match="did you mean 'revenue'"):
        read(tmp_path / "revenu.ipynb")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"period": "2025-12", "kpis": ["mrr"]},
        {"last": 3, "share": 1, "offset": -2, "final": False},
        {"wanted": "x"},
        {"wanted": None},
        {"limits": {"arr": 2}},
        {"kpis": []},
    ],
)
def test_good_parameters(tmp_path: Path, given: dict[str, object]) -> None:
    assert validate(read(write(tmp_path, parameters())), given) == given


def test_tuple_becomes_a_list(tmp_path: Path) -> None:
    notebook = read(write(tmp_path, parameters()))
    assert validate(notebook, {"kpis": ("mrr", "arr")}) == {"kpis": ["mrr", "arr"]}


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"perod": "x"}, UnknownNameError, "Unknown parameter 'perod'."),
        ({"period": 2025}, DefinitionError, "must be a string, found 2025"),
        ({"period": None}, DefinitionError, "must be a string"),
        ({"period": datetime.date(2025, 12, 31)}, DefinitionError, "must be a string"),
        ({"kpis": "mrr"}, DefinitionError, "must be a list, found 'mrr'"),
        ({"kpis": ["mrr", 1]}, DefinitionError, "must be a list of strings"),
        ({"last": "3"}, DefinitionError, "must be a number"),
        ({"last": True}, DefinitionError, "must be a number"),
        ({"last": 1.5}, DefinitionError, "must be a whole number"),
        ({"final": 1}, DefinitionError, "must be True or False"),
        ({"limits": []}, DefinitionError, "must be a mapping with string keys"),
        ({"limits": {1: 2}}, DefinitionError, "must be a mapping with string keys"),
        ({"wanted": datetime.date(2025, 1, 1)}, DefinitionError, "must be a string or a number"),
    ],
)
def test_wrong_parameters(
    tmp_path: Path, given: dict[str, object], kind: type[UserError], message: str
) -> None:
    notebook = read(write(tmp_path, parameters()))
    with pytest.raises(kind) as caught:
        validate(notebook, given)
    assert message in str(caught.value)
    assert caught.value.file == str(notebook.path)


def test_hints_say_what_would_be_right(tmp_path: Path) -> None:
    notebook = read(write(tmp_path, parameters()))
    with pytest.raises(UnknownNameError, match="did you mean 'period'"):
        validate(notebook, {"perod": ""})
    with pytest.raises(DefinitionError, match="write '2025-12-31'"):
        validate(notebook, {"period": datetime.date(2025, 12, 31)})


def failing(name: str, value: str, *traceback: str) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": list(traceback)}


def done(number: int) -> dict[str, Any]:
    return code("1", execution_count=number)


#: What Papermill adds: the anchor of an error, and the cell that sets the parameters.
ADDED = [
    markdown("An error") | {"metadata": {"tags": ["papermill-error-cell-tag"]}},
    code("period = ''", ("injected-parameters",), execution_count=2),
]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([*ADDED, done(3), done(4)], None),
        ([*ADDED, done(3), code(" \n"), markdown("-")], None),
        ([markdown("never ran"), code("1")], "ended before cell 2."),
        ([*ADDED, done(3), code("#| label: fig-x\n1")], "ended before cell 2 (fig-x)."),
        (
            [*ADDED, done(3), code("1", outputs=[failing("ValueError", "\x1b[31mbad\x1b[0m")])],
            "failed in cell 2: ValueError: bad",
        ),
        (
            [ADDED[0], ADDED[1] | {"outputs": [failing("NameError", "x")]}],
            "failed in the injected parameters: NameError: x",
        ),
    ],
)
def test_examine(tmp_path: Path, cells: list[dict[str, Any]], message: str | None) -> None:
    executed = write(tmp_path, *cells)
    if message is None:
        examine(executed, Path("revenue.ipynb"))
        return
    with pytest.raises(NotebookError) as caught:
        examine(executed, Path("notebooks/revenue.ipynb"))
    assert caught.value.message == f"Notebook 'revenue' {message}"
    assert caught.value.file == "notebooks/revenue.ipynb"


def test_error_shows_the_cell_and_the_last_places(tmp_path: Path) -> None:
    trace = [
        "-----",
        "KeyError    Traceback (most recent call last)",
        "Cell In[4], line 3\n      2 import x\n----> 3 x.go()\n      4",
        *[f"File lib/{n}.py:9, in f()\n      8 pass\n----> 9 f{n}()" for n in range(5)],
        "KeyError: 'k'",
    ]
    executed = write(tmp_path, code("1", outputs=[failing("KeyError", "'k'", *trace)]))
    with pytest.raises(NotebookError) as caught:
        examine(executed, Path("n.ipynb"))
    assert caught.value.message.splitlines()[1:] == [
        "  Cell In[4], line 3",
        "  ----> 3 x.go()",
        "  File lib/3.py:9, in f()",
        "  ----> 9 f3()",
        "  File lib/4.py:9, in f()",
        "  ----> 9 f4()",
    ]


def test_broken_off_marks_the_cell(tmp_path: Path) -> None:
    executed = write(tmp_path, *ADDED, code("#| label: fig-x\nwait()"), code("1"))
    error = broken_off(executed, Path("n.ipynb"), 2, "CellTimeout", "it took too long")
    assert error.message == "Notebook 'n' failed in cell 1 (fig-x): it took too long"
    with pytest.raises(NotebookError, match=r"cell 1 \(fig-x\): CellTimeout: it took too long"):
        examine(executed, Path("n.ipynb"))


@pytest.mark.parametrize("position", [None, 0])
def test_broken_off_without_a_record(tmp_path: Path, position: int | None) -> None:
    missing = tmp_path / "none.ipynb"
    error = broken_off(missing, Path("n.ipynb"), position, "CellTimeout", "it took too long")
    assert error.message == "Notebook 'n' was not executed: it took too long."
    assert not missing.exists()


def test_replace_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "n.ipynb"
    for text in ("one", "two"):
        replace_file(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert [found.name for found in path.parent.iterdir()] == ["n.ipynb"]


def test_notebook_without_kpis() -> None:
    assert Notebook(Path("n.ipynb"), {"period": ""}).kpis == ()

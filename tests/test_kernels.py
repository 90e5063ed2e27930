"""Both engines give the same outputs: those of a Jupyter kernel."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from boardpack.errors import NotebookError
from boardpack.executions import Job, Mode, NotebookProcess

CELLS = {
    "text": "print('one'); print('two', end='')",
    "unicode": "print('Zürich 東京 🙂'); '€ – ½'",
    "standard error": "import sys\nprint('careful', file=sys.stderr)",
    "result": "40 + 2",
    "no result": "None",
    "suppressed result": "42;",
    "frame": "import pandas as pd\nframe = pd.DataFrame({'a': [1, 2.5], 'b': ['x', None]})\nframe",
    "wide frame": "pd.DataFrame({f'column {n}': range(3) for n in range(40)})",
    "display": "display(frame, 'text')\nprint('between')\ndisplay({'a': 1}, metadata={'x': 1})",
    "bundle": """
        class Block:
            def _repr_mimebundle_(self, include=None, exclude=None):
                block = {'kind': 'text', 'rows': [(1, 2.5, None)], 'numbers': [{'text': 'ü'}]}
                return {
                    'application/vnd.boardpack.block+json': block,
                    'text/html': '<b>ü</b>',
                    'text/plain': 'block',
                }, {'text/html': {'isolated': True}}
        Block()""",
    "bundle on display": "display(Block()); Block()",
    "raw bundle": "display({'image/svg+xml': '<svg/>', 'text/plain': 'svg'}, raw=True)",
    "image": """
        from IPython.display import Image
        Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + bytes(20), format='png')""",
    "capture magic": "%%capture kept\nprint('inside')\ndisplay(1)",
    "captured": "print(kept.stdout.upper()); kept.outputs[0]",
    "line magic": "%precision 2\n3.14159",
    "shell": "!echo from the shell",
    "await": "import asyncio\nawait asyncio.sleep(0, 'awaited')",
    "loop": "asyncio.get_running_loop().is_running()",
    "update display": """
        shown = display('before', display_id='here')
        shown.update('after')""",
    "update an earlier cell": "shown.update('much later')",
    "clear output": """
        from IPython.display import clear_output
        print('gone'); clear_output(); 'stays'""",
    "clear output later": "print('gone'); clear_output(wait=True); print('stays'); print('too')",
    "nothing but a comment": "# nothing",
    "empty": "",
    "history": "In[-2], Out[4], _",
    "kind of shell": "type(get_ipython()).__name__, __name__",
    "folder": "import os\nos.path.basename(os.getcwd())",
    "class and pickle": """
        import pickle
        class Kept: pass
        type(pickle.loads(pickle.dumps(Kept()))).__qualname__""",
    "big": "print('0123456789' * 300_000)\n'x' * 1_000_000;",
}

ERRORS = {
    "raise": "def inner():\n    raise ValueError('bad ü')\ninner()",
    "chained": """
        try:
            1 / 0
        except ZeroDivisionError as error:
            raise KeyError('k') from error""",
    "syntax": "x = = 1",
    "exit": "import sys; sys.exit('leave')",
    "interrupt": "raise KeyboardInterrupt",
    "repr": """
        class Bad:
            __repr__ = lambda _: 'bad'
            def _repr_html_(self): raise RuntimeError('no html')
        Bad()""",
}


def write(path: Path, cells: list[str]) -> Path:
    """A notebook of code cells after a heading and the parameters."""
    notebook: dict[str, Any] = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}
    for number, source in enumerate(["# Title", 'period = ""', *cells]):
        cell: dict[str, Any] = {"id": f"c{number}", "metadata": {}, "cell_type": "markdown"}
        if number > 0:
            cell |= {"cell_type": "code", "execution_count": None, "outputs": []}
        if number == 1:
            cell["metadata"] = {"tags": ["parameters"]}
        indent = re.match(r"\n( *)", source)
        lines = source.replace("\n" + indent[1], "\n").strip() if indent else source
        notebook["cells"].append(cell | {"source": lines})
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def outputs(cell: dict[str, Any]) -> list[dict[str, Any]]:
    """The outputs of a cell, apart from how a stream was cut and where a kernel keeps its code."""
    found: list[dict[str, Any]] = []
    for output in cell["outputs"]:
        kind = output["output_type"]
        if kind == "stream":
            text = "".join(output["text"])
            if found and found[-1].get("name") == output["name"]:
                found[-1]["text"] += text
                continue
            output = output | {"text": text}
        elif kind == "error":
            lines = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output["traceback"]))
            output = output | {"traceback": lines.splitlines()}
        found.append(output)
    return found


Cells = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def process() -> Iterator[NotebookProcess]:
    with NotebookProcess("fork") as process:
        yield process


@pytest.fixture(scope="module")
def executed(
    process: NotebookProcess, tmp_path_factory: pytest.TempPathFactory
) -> dict[Mode, Cells]:
    """What each engine makes of every cell; each of `ERRORS` is a notebook of its own."""
    folder = tmp_path_factory.mktemp("notebooks here")
    source = write(folder / "all.ipynb", list(CELLS.values()))
    broken = {name: write(folder / f"{name}.ipynb", [code]) for name, code in ERRORS.items()}
    cells: dict[Mode, Cells] = {"fork": {}, "kernel": {}}

    def last_code_cells(path: Path, names: list[str]) -> Cells:
        record = json.loads(path.read_text(encoding="utf-8"))
        code = [cell for cell in record["cells"] if cell["cell_type"] == "code"]
        return dict(zip(names, code[-len(names) :], strict=True))

    def run(process: NotebookProcess) -> None:
        mode = process.mode
        job = Job(source, folder / mode / "all.ipynb", {"period": "2025-12"})
        process.run([job], timeout=60)
        cells[mode] |= last_code_cells(job.output, list(CELLS))
        for name, path in broken.items():
            if mode == "kernel" and name != "repr":
                continue  # seconds each, and nothing more to learn
            job = Job(path, folder / mode / path.name)
            with pytest.raises(NotebookError):
                process.run([job], timeout=60)
            cells[mode] |= last_code_cells(job.output, [name])

    with NotebookProcess("kernel") as kernel:
        other = threading.Thread(target=run, args=[kernel])
        other.start()
        run(process)
        other.join()
    return cells


@pytest.mark.parametrize("name", CELLS)
def test_outputs_are_those_of_a_kernel(executed: dict[Mode, Cells], name: str) -> None:
    fork, kernel = executed["fork"][name], executed["kernel"][name]
    assert outputs(fork) == outputs(kernel)
    assert fork["execution_count"] == kernel["execution_count"]
    assert fork["source"] == kernel["source"]


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_those_of_a_kernel(executed: dict[Mode, Cells], name: str) -> None:
    def told(cell: dict[str, Any]) -> list[Any]:
        # Not the lines around the error: a kernel names its code by files that do not exist, and
        # IPython, which cannot read them, then shows other lines, or the wrong ones.
        return [
            (o["ename"], o["evalue"], o["traceback"][-1]) if o["output_type"] == "error" else o
            for o in outputs(cell)
        ]

    fork = told(executed["fork"][name])
    assert any(isinstance(output, tuple) for output in fork)
    if name in executed["kernel"]:
        assert fork == told(executed["kernel"][name])


@pytest.mark.parametrize(
    ("source", "stdout", "stderr"),
    [
        (
            "import os; print(1); os.write(1, b'2\\n'); print(3); os.system('echo 4'); print(5)",
            "1\n2\n3\n4\n5\n",
            "",
        ),
        (
            "import sys\nsys.stdout.writelines(['a', 'b'])\nprint(sys.stdout.isatty())",
            "abFalse\n",
            "",
        ),
        ("import sys\nprint('\\ud800', file=sys.stderr)", "", "?\n"),
        ("import os\nos.write(2, b'\\xff')", "", "\ufffd"),
        ("import logging\nlogging.warning('noted')", "", "WARNING:root:noted\n"),
        ("for n in range(200_000): print(n % 10, end='')", "0123456789" * 20_000, ""),
    ],
)
def test_streams(
    process: NotebookProcess, tmp_path: Path, source: str, stdout: str, stderr: str
) -> None:
    job = Job(write(tmp_path / "n.ipynb", [source]), tmp_path / "out.ipynb")
    process.run([job], timeout=30)
    cell = json.loads(job.output.read_text(encoding="utf-8"))["cells"][-1]
    streams = {o["name"]: o["text"] for o in outputs(cell) if o["output_type"] == "stream"}
    assert streams == {name: t for name, t in (("stdout", stdout), ("stderr", stderr)) if t}


def test_charts_are_drawn_in_one_fork_after_another(
    process: NotebookProcess, tmp_path: Path
) -> None:
    """A process forked from one that has drawn hangs; so the one that is forked must not have."""
    draw = """
        import altair as alt
        import pandas as pd
        import vl_convert
        frame = pd.DataFrame({'x': [1, 2], 'y': [3, 4]})
        spec = alt.Chart(frame).mark_line().encode(x='x:Q', y='y:Q').to_dict()
        vl_convert.vegalite_to_svg(spec)[:4]"""
    source = write(tmp_path / "chart.ipynb", [draw])
    jobs = [Job(source, tmp_path / f"{n}.ipynb") for n in range(3)]
    process.run(jobs, timeout=60)
    for job in jobs:
        cell = json.loads(job.output.read_text(encoding="utf-8"))["cells"][-1]
        assert outputs(cell)[0]["data"]["text/plain"] == ["'<svg'"]

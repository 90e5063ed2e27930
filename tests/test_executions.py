"""What happens to notebooks that fail, hang or die, and to the processes that run them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from boardpack.errors import (
    DefinitionError,
    NotebookError,
    RunError,
    StorageError,
    UnknownNameError,
    UserError,
)
from boardpack.executions import Job, Mode, NotebookProcess, default_mode

#: Goes on, whatever is raised into it.
STUBBORN = """
#| label: fig-hang
import time
while True:
    try:
        time.sleep(60)
    except BaseException:
        pass
"""
#: Holds the lock of the interpreter, so that not even a signal gets through.
BLOCKED = "#| label: fig-hang\nimport ctypes\nctypes.PyDLL(None).sleep(60)"


def write(path: Path, *cells: str) -> Path:
    """A notebook of code cells after a heading and the parameters, which are cells 1 and 2."""
    notebook: dict[str, Any] = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}
    for number, source in enumerate(["# Title", 'period = ""\nkpis = ["mrr"]', *cells]):
        cell = {"id": f"c{number}", "metadata": {}, "source": source.strip()}
        if number == 0:
            cell |= {"cell_type": "markdown"}
        else:
            cell |= {"cell_type": "code", "execution_count": None, "outputs": []}
        if number == 1:
            cell["metadata"] = {"tags": ["parameters"]}
        notebook["cells"].append(cell)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def record(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def texts(path: Path) -> list[str]:
    """What the code cells of an executed notebook printed."""
    return [
        "".join("".join(o["text"]) for o in cell["outputs"] if o["output_type"] == "stream")
        for cell in record(path)["cells"]
        if cell["cell_type"] == "code"
    ]


def errors(path: Path) -> list[tuple[str, str]]:
    return [
        (o["ename"], o["evalue"])
        for cell in record(path)["cells"]
        for o in cell.get("outputs", [])
        if o["output_type"] == "error"
    ]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone(pids: Sequence[int], seconds: float = 8) -> bool:
    """Whether all of ``pids`` end within ``seconds``."""
    until = time.monotonic() + seconds
    while any(alive(pid) for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(scope="module")
def process() -> Iterator[NotebookProcess]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("WAREHOUSE_PASSWORD", "correct-horse")
        monkeypatch.setenv("PYTHONWARNINGS", "error")
        with NotebookProcess("fork") as process:
            yield process


def test_executed_notebook(process: NotebookProcess, tmp_path: Path) -> None:
    source = write(tmp_path / "n.ipynb", "print(period, kpis)", "", "#| label: fig-x\n1")
    before = source.read_bytes()
    job = Job(source, tmp_path / "new folder" / "n.ipynb", {"period": "2025-12"})
    (executed,) = process.run([job], timeout=30)
    assert executed.job is job
    assert 0 < executed.execution_seconds < 30
    found = record(job.output)
    assert found["metadata"]["papermill"]["parameters"] == {"period": "2025-12"}
    assert found["metadata"]["language_info"]["name"] == "python"
    assert [cell.get("execution_count") for cell in found["cells"]] == [None, 1, 2, 3, None, 4]
    assert texts(job.output)[2] == "2025-12 ['mrr']\n"
    assert source.read_bytes() == before
    assert [path.name for path in job.output.parent.iterdir()] == ["n.ipynb"]


FAILURES: list[tuple[str, str, list[str]]] = [
    (
        "raise",
        "def inner():\n    raise ValueError('bad ü')\ninner()",
        ["failed in cell 4: ValueError: bad ü", "----> 2     raise ValueError('bad ü')"],
    ),
    (
        "label",
        "#| label: fig-mrr\n#| alt: x\nraise LookupError",
        ["failed in cell 4 (fig-mrr): LookupError"],
    ),
    ("syntax", "x = = 1", ["cell 4: SyntaxError: invalid syntax"]),
    ("exit with success", "import sys; sys.exit()", ["cell 4: SystemExit"]),
    ("exit", "raise SystemExit('leave')", ["cell 4: SystemExit: leave"]),
    ("exit of the shell", "exit()", ["ended before cell 5"]),
    ("interrupt", "raise KeyboardInterrupt", ["cell 4: KeyboardInterrupt"]),
    ("magic", "%no_such_magic", ["cell 4: UsageError: Line magic function `%no_such_magic` not"]),
    ("group", "raise ExceptionGroup('many', [ValueError('a')])", ["cell 4: ", "many"]),
    ("display", "class B:\n  def _repr_html_(s): 1/0\nB()", ["cell 4: ZeroDivisionError"]),
    ("own death", "import os; os._exit(3)", ["cell 4: its process ended (exit code 3)"]),
    ("killed", "import os; os.kill(os.getpid(), 9)", ["cell 4: its process ended", "SIGKILL"]),
    ("crash", "import os; os.abort()", ["cell 4: its process ended (by SIGABRT)"]),
]


@pytest.mark.parametrize(
    ("source", "message"), [f[1:] for f in FAILURES], ids=[f[0] for f in FAILURES]
)
def test_failing_cell(
    process: NotebookProcess, tmp_path: Path, source: str, message: list[str]
) -> None:
    path = write(tmp_path / "revenue.ipynb", "print('before')", source, "print('after')")
    before = path.read_bytes()
    job = Job(path, tmp_path / "out.ipynb", {"period": "2025-12"})
    with pytest.raises(NotebookError) as caught:
        process.run([job], timeout=30)
    assert "Notebook 'revenue'" in str(caught.value)
    for part in message:
        assert part in str(caught.value)
    assert caught.value.file == str(path)
    assert "\x1b" not in str(caught.value)
    assert "before\n" in texts(job.output)
    assert "after\n" not in texts(job.output)
    if source != "exit()":
        assert record(job.output)["metadata"]["papermill"]["exception"] is True
        assert str(job.output) in str(caught.value.hint)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("#| label: fig-hang\nimport time\nprint('at it')\ntime.sleep(60)", "time.sleep(60)"),
        ("#| label: fig-hang\nwhile True: pass", "while True: pass"),
        ("#| label: fig-hang\nimport asyncio\nawait asyncio.sleep(60)", "CellTimeout"),
        ("#| label: fig-hang\nimport subprocess\nsubprocess.run(['sleep', '60'])", "subprocess"),
        (STUBBORN, ""),
        (BLOCKED, ""),
    ],
    ids=["sleep", "loop", "await", "child", "stubborn", "blocked"],
)
def test_hanging_cell(process: NotebookProcess, tmp_path: Path, source: str, shown: str) -> None:
    pid = tmp_path / "pid"
    where = f"import os, pathlib\npathlib.Path({str(pid)!r}).write_text(str(os.getpid()))"
    path = write(tmp_path / "n.ipynb", where, "print('before')", source, "print('after')")
    job = Job(path, tmp_path / "out.ipynb")
    begun = time.monotonic()
    with pytest.raises(
        NotebookError, match=r"cell 5 \(fig-hang\): the cell took longer than 0.5 s"
    ) as e:
        process.run([job], timeout=0.5)
    assert time.monotonic() - begun < 6
    assert shown in str(e.value)
    assert not alive(int(pid.read_text()))
    assert texts(job.output)[2] == "before\n"
    if "at it" in source:
        assert texts(job.output)[3] == "at it\n"
    assert [name for name, _ in errors(job.output)] == ["CellTimeout"]
    assert record(job.output)["metadata"]["papermill"]["exception"] is True
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_whole_notebook_may_not_take_too_long(process: NotebookProcess, tmp_path: Path) -> None:
    path = write(tmp_path / "n.ipynb", *["import time; time.sleep(0.2)"] * 20)
    job = Job(path, tmp_path / "out.ipynb")
    with pytest.raises(NotebookError, match="the notebook took longer than 1 s and was stopped"):
        process.run([job], timeout=30, notebook_timeout=1)
    assert len(errors(job.output)) == 1


@pytest.mark.parametrize(
    ("source", "timeout", "message"),
    [
        (BLOCKED, 1, r"failed in cell 4 \(fig-hang\): the cell took longer than 1 s"),
        ("import os; os._exit(3)", 30, r"failed in cell 4: DeadKernelError: Kernel died"),
    ],
    ids=["hangs", "dies"],
)
def test_plain_kernel(tmp_path: Path, source: str, timeout: float, message: str) -> None:
    """A plain kernel is under the same clock, and nothing of it stays."""
    pid = tmp_path / "pid"
    first = (
        f"import os, pathlib\nprint('x')\npathlib.Path({str(pid)!r}).write_text(str(os.getpid()))"
    )
    job = Job(write(tmp_path / "n.ipynb", first, source), tmp_path / "out.ipynb")
    with NotebookProcess("kernel") as process, pytest.raises(NotebookError, match=message):
        process.run([job], timeout=timeout)
    assert gone([int(pid.read_text())])
    assert texts(job.output)[1] == "x\n"
    assert len(errors(job.output)) == 1


def test_two_run_at_once(process: NotebookProcess, tmp_path: Path) -> None:
    """Each waits for the other, so neither could end alone."""
    wait = """
import pathlib, time
folder = pathlib.Path({folder!r})
(folder / "{own}").touch()
while not (folder / "{other}").exists():
    time.sleep(0.01)
"""
    jobs = [
        Job(
            write(
                tmp_path / f"{own}.ipynb", wait.format(folder=str(tmp_path), own=own, other=other)
            ),
            tmp_path / f"out-{own}.ipynb",
        )
        for own, other in (("a", "b"), ("b", "a"))
    ]
    executed = process.run(jobs, timeout=20, at_once=2)
    assert [one.job for one in executed] == jobs


def test_at_most_as_many_as_asked_for(process: NotebookProcess, tmp_path: Path) -> None:
    look = f"""
import os, pathlib, time
mark = pathlib.Path({str(tmp_path)!r}) / f"mark-{{os.getpid()}}"
mark.touch()
time.sleep(0.1)
print(len(list(mark.parent.glob("mark-*"))))
mark.unlink()
"""
    source = write(tmp_path / "n.ipynb", look)
    jobs = [Job(source, tmp_path / f"{n}.ipynb") for n in range(3)]
    process.run(jobs, timeout=20, at_once=1)
    assert [texts(job.output)[-1] for job in jobs] == ["1\n"] * 3


def test_first_failure_ends_the_others(process: NotebookProcess, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    sleeps = f"""
import os, pathlib, time
pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))
time.sleep(60)
"""
    fails = f"""
import pathlib, time
while not pathlib.Path({str(pid)!r}).exists():
    time.sleep(0.01)
raise ValueError("first")
"""
    jobs = [
        Job(write(tmp_path / f"{name}.ipynb", cell), tmp_path / "out" / f"{name}.ipynb")
        for name, cell in (("sleeps", sleeps), ("fails", fails), ("waits", "1"))
    ]
    begun = time.monotonic()
    with pytest.raises(NotebookError, match="Notebook 'fails' failed in cell 3: ValueError: first"):
        process.run(jobs, timeout=60)
    assert time.monotonic() - begun < 10
    assert not alive(int(pid.read_text()))
    assert not jobs[2].output.exists()
    process.run([jobs[2]], timeout=30)
    assert jobs[2].output.exists()


def test_notebooks_know_nothing_of_each_other(process: NotebookProcess, tmp_path: Path) -> None:
    leave = """
import os, sys, json
print("left" in globals(), os.environ.get("LEFT"), hasattr(json, "left"), os.environ.get("OWN"))
left = os.environ["LEFT"] = json.left = "left"
os.chdir("/")
"""
    source = write(tmp_path / "n.ipynb", leave)
    jobs = [Job(source, tmp_path / f"{n}.ipynb", environment={"OWN": str(n)}) for n in range(3)]
    process.run(jobs, timeout=30)
    assert [texts(job.output)[-1] for job in jobs] == [f"False None False {n}\n" for n in range(3)]
    assert "OWN" not in os.environ


def test_record_has_parameters_and_no_environment(process: NotebookProcess, tmp_path: Path) -> None:
    source = write(tmp_path / "n.ipynb", "import os\nlen(os.environ['WAREHOUSE_PASSWORD'])")
    environment = {"BOARDPACK_RUN": "/run/with/a-token"}
    job = Job(source, tmp_path / "out.ipynb", {"kpis": ["arr"]}, environment)
    process.run([job], timeout=30)
    text = job.output.read_text(encoding="utf-8")
    assert '"13"' in text
    assert "correct-horse" not in text
    assert "a-token" not in text
    assert record(job.output)["metadata"]["papermill"]["parameters"] == {"kpis": ["arr"]}


@pytest.mark.parametrize(
    ("parameters", "error"),
    [({"perod": "2025-12"}, UnknownNameError), ({"kpis": "mrr"}, DefinitionError)],
)
def test_wrong_parameters_start_nothing(
    process: NotebookProcess, tmp_path: Path, parameters: dict[str, object], error: type[UserError]
) -> None:
    source = write(tmp_path / "n.ipynb", "1")
    jobs = [
        Job(source, tmp_path / "good.ipynb"),
        Job(source, tmp_path / "bad.ipynb", parameters),
    ]
    with pytest.raises(error):
        process.run(jobs, timeout=30)
    assert not jobs[0].output.exists()


@pytest.mark.parametrize(
    "text",
    ['"; raise SystemExit #', "back\\slash\\", "line\nbreak", "ünï ‘quoted’", "{braces} %s"],
)
def test_parameters_arrive_as_they_are(process: NotebookProcess, tmp_path: Path, text: str) -> None:
    folder = tmp_path / "ünï {folder} %s"
    folder.mkdir()
    source = write(folder / "note {book}.ipynb", "print(ascii(period))")
    job = Job(source, folder / "out {put}.ipynb", {"period": text})
    process.run([job], timeout=30)
    assert texts(job.output)[-1] == ascii(text) + "\n"


def test_record_that_cannot_be_written(process: NotebookProcess, tmp_path: Path) -> None:
    source = write(tmp_path / "n.ipynb", "1")
    before = source.read_bytes()
    (tmp_path / "file").write_text("kept")
    wrong: list[tuple[Path, type[RunError]]] = [
        (tmp_path / "file" / "out.ipynb", StorageError),
        (tmp_path / "out.json", StorageError),
        (source, StorageError),
    ]
    for output, error in wrong:
        with pytest.raises(error) as caught:
            process.run([Job(source, output)], timeout=30)
        assert caught.value.file == str(output)
    assert source.read_bytes() == before
    assert (tmp_path / "file").read_text() == "kept"


def test_disk_that_fills_up(process: NotebookProcess, tmp_path: Path) -> None:
    """A limit on the size of files stands in for it."""
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))"
    source = write(tmp_path / "n.ipynb", "print('before')", limit, "'x' * 30_000")
    job = Job(source, tmp_path / "out.ipynb")
    with pytest.raises(StorageError, match="File too large"):
        process.run([job], timeout=30)
    assert texts(job.output)[1] == "before\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["n.ipynb", "out.ipynb"]


def test_what_a_notebook_started_ends_with_it(process: NotebookProcess, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    start = f"""
import os, pathlib, subprocess
child = subprocess.Popen(["sleep", "60"])
pathlib.Path({str(pids)!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
"""
    process.run([Job(write(tmp_path / "n.ipynb", start), tmp_path / "o.ipynb")], timeout=30)
    assert gone([int(pid) for pid in pids.read_text().split()])


def test_preloaded_process_has_one_thread(process: NotebookProcess, tmp_path: Path) -> None:
    """A fork has only the thread that forked, and waits for ever for what another one held."""
    process.run([Job(write(tmp_path / "n.ipynb", "1"), tmp_path / "o.ipynb")], timeout=30)
    assert process.preload_seconds is not None
    assert len(os.listdir(f"/proc/{process.pid}/task")) == 1


def test_death_of_the_preloaded_process(tmp_path: Path) -> None:
    job = Job(write(tmp_path / "n.ipynb", "1"), tmp_path / "o.ipynb")
    with NotebookProcess("fork") as process:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        for _ in range(2):
            with pytest.raises(NotebookError, match=r"ended \(killed by SIGKILL"):
                process.run([job], timeout=30)


def test_nothing_is_left_when_loading_is_cut_short() -> None:
    with NotebookProcess("fork") as process:
        pid = process.pid
        assert pid is not None
        scratch = Path(f"/proc/{pid}/environ").read_bytes()
    assert not alive(pid)
    folders = [v for v in scratch.split(b"\0") if v.startswith(b"BOARDPACK_SCRATCH=")]
    assert [Path(os.fsdecode(v).partition("=")[2]).exists() for v in folders] == [False]


@pytest.mark.parametrize("mode", ["fork", "kernel"])
def test_killed_caller_leaves_nothing(tmp_path: Path, mode: Mode) -> None:
    pids = tmp_path / "pids"
    hang = f"""
import os, pathlib, subprocess, time
child = subprocess.Popen(["sleep", "60"])
part = pathlib.Path({str(pids)!r} + ".part")
scratch = os.environ["BOARDPACK_SCRATCH"]
part.write_text(f"{{os.getpid()}} {{os.getppid()}} {{child.pid}} {{scratch}}")
part.rename({str(pids)!r})
time.sleep(60)
"""
    source = write(tmp_path / "n.ipynb", hang)
    script = f"""
from pathlib import Path
from boardpack.executions import Job, NotebookProcess
with NotebookProcess({mode!r}) as process:
    process.run([Job(Path({str(source)!r}), Path({str(tmp_path / "o.ipynb")!r}))], timeout=60)
"""
    caller = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
    try:
        until = time.monotonic() + 60
        while not pids.exists() and time.monotonic() < until:
            assert caller.poll() is None
            time.sleep(0.05)
        *started, scratch = pids.read_text().split()
        assert Path(scratch).is_dir()
    finally:
        caller.kill()
        caller.wait()
    assert gone([int(pid) for pid in started], 20)
    assert not Path(scratch).exists()


def test_mode_follows_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    for platform, mode in (("linux", "fork"), ("darwin", "kernel"), ("win32", "kernel")):
        monkeypatch.setattr(sys, "platform", platform)
        assert default_mode() == mode

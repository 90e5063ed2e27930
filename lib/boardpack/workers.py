"""What runs in the processes that execute notebooks; `boardpack.executions` starts and watches
them.

``python -m boardpack.workers fork`` imports what notebooks need and then forks a child for every
job it is given. ``python -m boardpack.workers kernel`` runs one job on a plain Jupyter kernel and
ends.

Both take lines of JSON on standard input (``{"start": id, ...job}``, ``{"stop": id}``, ``{"kill":
id}``) and write lines of JSON to standard output: ``{"ready": seconds}``, ``{"job": id, "cell":
position}``, ``{"job": id, "done": seconds}`` or ``{"job": id, "failed": message}``, ``{"job": id,
"exit": code}``. When standard input ends, whoever started the process is gone, and it ends with
everything it started.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import logging
import os
import selectors
import shutil
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from boardpack.notebooks import replace_file
from boardpack.quickstart import skip_iri_grammar

#: Imported once, before the first fork. Imports only: a child of a process that has opened DuckDB,
#: drawn a chart or started a thread can hang.
PRELOADED = (
    "pandas",
    "pyarrow.parquet",
    "pyarrow.dataset",
    "pyarrow.pandas_compat",
    "altair",
    "vl_convert",
    "stack_data",
)
#: Set by the starter: a folder for what IPython and Jupyter write beside a notebook, removed at the
#: end.
SCRATCH = "BOARDPACK_SCRATCH"

#: A line up to this length is written at once, so that those of several children never mix
#: (PIPE_BUF).
_LINE = 4096
_PR_SET_PDEATHSIG = 1
#: Seconds that Papermill has to notice a dead kernel (it looks once a second) and to save.
_SAVING = 3.0

#: The packages that run a notebook; nothing that a notebook itself would import.
_MACHINERY = "papermill|nbformat|nbclient|jupyter_client|ipykernel|zmq|tornado"

Emit = Callable[[dict[str, Any]], None]


def main(mode: str) -> None:
    """Serve jobs until standard input ends."""
    begun = time.perf_counter()
    emit = _emitter()
    skip_iri_grammar()
    _quieten()
    if mode == "fork":
        _preload()
        emit({"ready": time.perf_counter() - begun})
        _Forks(emit).serve()
    else:
        caller = os.getppid()
        job = json.loads(sys.stdin.readline())
        threading.Thread(target=_end_with_input, args=[caller], daemon=True).start()
        try:
            execute(job, emit, "kernel")
        finally:
            _clear_up(caller)


def execute(job: dict[str, Any], emit: Emit, mode: str) -> None:
    """Run one notebook with Papermill in this process; its record is the executed notebook."""
    # Here, since `skip_iri_grammar` must come first.
    import papermill
    from papermill.exceptions import PapermillExecutionError
    from papermill.iorw import papermill_io

    from boardpack.kernels import ENGINES

    number = job["start"]
    os.environ.update(job["environment"])
    papermill_io.register(job["output"], _WholeFiles())
    begun = time.perf_counter()
    try:
        papermill.execute_notebook(
            _literal(job["path"]),
            _literal(job["output"]),
            parameters=job["parameters"],
            engine_name=ENGINES[mode],
            kernel_name="python3",
            language="python",
            progress_bar=False,
            # The paths in a notebook are seen from its own folder, as in JupyterLab.
            cwd=os.path.dirname(job["path"]),
            on_cell=lambda position: emit({"job": number, "cell": position}),
        )
    except PapermillExecutionError:
        pass  # the record says it, and more precisely
    except Exception as error:
        what = f"{type(error).__name__}: {error}"[:500]
        emit({"job": number, "failed": what, "storage": isinstance(error, OSError)})
        return
    emit({"job": number, "done": time.perf_counter() - begun})


class _WholeFiles:
    """Papermill's way to the executed notebook: never half a file, whoever is killed."""

    def write(self, text: str, path: str) -> None:
        replace_file(Path(path), text)

    def pretty_path(self, path: str) -> str:
        return path


class _Forks:
    """One child a job. A single thread that waits for requests and for children that ended."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._children: dict[int, int] = {}  # job -> process, which leads a group of its own

    def serve(self) -> None:
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # Until a cell is running, a child has nothing to stop.
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        waiting = b""
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(0, selectors.EVENT_READ)
                selector.register(woken, selectors.EVENT_READ)
                while True:
                    for key, _ in selector.select():
                        received = os.read(key.fd, 1 << 16)
                        if key.fd == woken:
                            self._reap()
                        elif not received:
                            return
                        else:
                            *lines, waiting = (waiting + received).split(b"\n")
                            for line in lines:
                                self._obey(json.loads(line))
        finally:
            for number in list(self._children):
                self._end(number)
            shutil.rmtree(os.environ.get(SCRATCH, ""), ignore_errors=True)

    def _obey(self, request: dict[str, Any]) -> None:
        if "start" in request:
            self._fork(request)
        elif "stop" in request:
            self._signal(request["stop"], signal.SIGUSR1)
        elif "kill" in request:
            self._signal(request["kill"], signal.SIGKILL)

    def _signal(self, number: int, what: signal.Signals) -> None:
        process = self._children.get(number)
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            # Only the notebook's own process knows what a stop means; a kill is for what it
            # started, too.
            os.killpg(process, what) if what == signal.SIGKILL else os.kill(process, what)

    def _fork(self, job: dict[str, Any]) -> None:
        parent = os.getpid()
        child = os.fork()
        if child:
            self._children[job["start"]] = child
            # The child does the same; whichever comes first, the group is there before any signal
            # to it.
            with contextlib.suppress(OSError):
                os.setpgid(child, child)
            return
        code = 1
        try:
            _become_child(parent)
            execute(job, self._emit, "fork")
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            # Without the clean-up of the interpreter: what there is to clean up belongs to the
            # parent.
            os._exit(code)

    def _reap(self) -> None:
        for number, process in list(self._children.items()):
            if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                self._end(number)

    def _end(self, number: int) -> None:
        process = self._children[number]
        # Before the process is reaped, so that the number of its group cannot be that of another.
        self._signal(number, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        del self._children[number]
        with contextlib.suppress(BrokenPipeError):
            self._emit({"job": number, "exit": os.waitstatus_to_exitcode(status)})


def _become_child(parent: int) -> None:
    """Make a forked process independent of its parent, except that it dies with it."""
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _preload() -> None:
    """Import everything that notebooks use, with no thread left running."""
    # Read once, when the libraries are loaded: neither shall start threads of its own.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")
    import nbformat

    import boardpack
    from boardpack.kernels import notebook_shell

    with notebook_shell().builtin_trap:
        for name in PRELOADED:
            # What cannot be imported fails again, with a better message, in the cell that wants it.
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        for name in boardpack.__all__:
            # Naming a verb loads its module.
            with contextlib.suppress(ImportError):
                getattr(boardpack, name)

    # The first validation compiles the schema.
    nbformat.validate(nbformat.v4.new_notebook())
    gc.collect()
    # What is here stays; a collection in a child would only copy its pages.
    gc.freeze()


def _quieten() -> None:
    """Keep Papermill's log, and warnings about what runs a notebook, out of its record."""
    logging.getLogger("papermill").addHandler(logging.NullHandler())
    logging.getLogger("papermill").propagate = False
    warnings.filterwarnings("ignore", module=_MACHINERY)


def _emitter() -> Emit:
    """A function that writes events to standard output, from where all else is kept away."""
    channel = os.dup(1)
    os.dup2(2, 1)

    def emit(event: dict[str, Any]) -> None:
        line = json.dumps(event).encode() + b"\n"
        assert len(line) <= _LINE
        os.write(channel, line)

    return emit


def _end_with_input(caller: int) -> None:
    """End this process and its kernel when standard input ends: a stop, or nobody is there."""
    import psutil

    # Not through sys.stdin, whose lock would be held when the interpreter ends before its writer
    # does.
    while os.read(0, 1 << 10):
        pass
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            process.kill()
    # Papermill now sees that its kernel is dead, and saves what there is.
    time.sleep(_SAVING)
    _clear_up(caller)
    os._exit(1)


def _clear_up(caller: int) -> None:
    """Remove the scratch folder if the caller, whose it is, was killed."""
    if os.getppid() != caller:
        shutil.rmtree(os.environ.get(SCRATCH, ""), ignore_errors=True)


def _literal(path: str) -> str:
    """A path as Papermill wants it, which takes braces for names of parameters."""
    return path.replace("{", "{{").replace("}", "}}")


if __name__ == "__main__":
    main(sys.argv[1])

"""Running notebooks: start the processes, watch the clock, and say what went wrong in which cell.

The caller may hold database connections and threads, so no notebook ever runs in it or in a fork of
it: `NotebookProcess` starts a fresh process, which can load while the caller does something else.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from boardpack import notebooks
from boardpack.errors import NotebookError, StorageError
from boardpack.files import reason

Mode = Literal["fork", "kernel"]

#: Seconds between asking a notebook to stop and killing its process.
_GRACE: dict[Mode, float] = {"fork": 3.0, "kernel": 4.0}
#: Seconds the preloaded process may take until it is ready, on the slowest of machines.
_LOADING = 180.0


@dataclass(frozen=True)
class Job:
    """One notebook to execute; ``environment`` is added to the caller's for it alone."""

    path: Path
    output: Path
    parameters: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Executed:
    """A notebook every code cell of which was executed without an error."""

    job: Job
    execution_seconds: float


def default_mode() -> Mode:
    """``fork`` where it is safe, else ``kernel``: libraries of macOS do not survive a fork."""
    return "fork" if sys.platform == "linux" else "kernel"


class NotebookProcess:
    """Executes notebooks, and leaves no process behind: a context manager.

    In mode ``fork`` a process starts loading at once, which is why one makes it early, and each
    notebook runs in a fork of it. In mode ``kernel`` each runs on a Jupyter kernel; the outputs are
    the same. Both modes run Papermill. If the caller is killed, all that was started ends as well.

        with NotebookProcess() as process:
            ...  # check the data
            process.run([Job(source, folder / "revenue.ipynb", {"period": "2025-12"})], timeout=120)
    """

    def __init__(self, mode: Mode | None = None) -> None:
        self.mode: Mode = mode or default_mode()
        #: How long loading took; None until the first `run`, and in mode ``kernel``.
        self.preload_seconds: float | None = None
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._scratch = tempfile.TemporaryDirectory(prefix="boardpack-", ignore_cleanup_errors=True)
        self._forks = self._worker() if self.mode == "fork" else None
        self._kernels: dict[int, _Worker] = {}
        self._started = 0  # jobs, ever: their numbers

    def __enter__(self) -> NotebookProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process at once; no notebook is running, since `run` waits for each."""
        if self._forks is not None:
            self._forks.end(0.0)
        self._scratch.cleanup()

    @property
    def pid(self) -> int | None:
        """The process that is or was loaded; None in mode ``kernel``."""
        return self._forks.process.pid if self._forks else None

    @property
    def is_alive(self) -> bool:
        """Whether it can still execute notebooks."""
        return self._forks is None or self._forks.process.poll() is None

    def run(
        self,
        jobs: Sequence[Job],
        *,
        timeout: float,
        notebook_timeout: float | None = None,
        at_once: int = 2,
    ) -> list[Executed]:
        """Execute ``jobs``, ``at_once`` at a time, in their order; results in the same order.

        A cell may take ``timeout`` seconds and a notebook ``notebook_timeout``. All parameters are
        checked before anything starts. The first notebook to fail ends those that are running,
        keeps the rest from starting and is raised: `NotebookError` names notebook, cell and error.
        `StorageError` where an executed notebook cannot be written. Every executed notebook stays
        where it is, with the outputs so far.
        """
        given = [notebooks.validate(notebooks.read(job.path), job.parameters) for job in jobs]
        for job in jobs:
            _make_way(job)
        self._await_ready()
        waiting = list(range(len(jobs)))
        running: dict[int, _Attempt] = {}
        results: dict[int, Executed] = {}
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    place = waiting.pop(0)
                    number = self._start(jobs[place], given[place])
                    running[number] = _Attempt(place, jobs[place], timeout, notebook_timeout)
                for number, attempt in running.items():
                    self._keep_time(number, attempt)
                due = min(attempt.deadline for attempt in running.values())
                event = self._next_event(due - time.monotonic())
                number = event.get("job", 0)
                if number in running and running[number].take(event):
                    attempt = running.pop(number)
                    self._forget(number)
                    results[attempt.place] = attempt.result()
        finally:
            self._end_all(running)
        return [results[place] for place in range(len(jobs))]

    def _await_ready(self) -> None:
        if self._forks is not None and self._forks.process.poll() is not None:
            raise self._ended(self._forks.process.returncode)
        while self._forks is not None and self.preload_seconds is None:
            event = self._next_event(_LOADING)
            if not event:
                raise NotebookError("The process that executes notebooks did not start in time.")
            self.preload_seconds = event.get("ready")

    def _next_event(self, seconds: float) -> dict[str, Any]:
        """The next event, or an empty one when the time is over."""
        try:
            event = self._events.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            return {}
        if "exit" in event and event["job"] is None:
            raise self._ended(event["exit"])
        return event

    def _ended(self, code: int) -> NotebookError:
        said = self._forks.last_words() if self._forks else ""
        return NotebookError(
            f"The process that executes notebooks ended ({_manner(code)}).",
            hint=f"its last words: {said}" if said else None,
        )

    def _start(self, job: Job, parameters: Mapping[str, object]) -> int:
        self._started += 1
        number = self._started
        request = {
            "start": number,
            "path": str(job.path.absolute()),
            "output": str(job.output.absolute()),
            "parameters": dict(parameters),
            "environment": dict(job.environment),
        }
        if self._forks is not None:
            self._forks.ask(request)
        else:
            self._kernels[number] = self._worker(number)
            self._kernels[number].ask(request)
        return number

    def _worker(self, job: int | None = None) -> _Worker:
        return _Worker(self.mode, _environment(self._scratch.name), self._events, job)

    def _forget(self, number: int) -> None:
        if number in self._kernels:
            self._kernels.pop(number).end(0.0)

    def _keep_time(self, number: int, attempt: _Attempt) -> None:
        """Ask a notebook whose time is over to stop, and kill it if it does not."""
        now = time.monotonic()
        if now < attempt.deadline:
            return
        self._order("kill" if attempt.overdue else "stop", number)
        attempt.overdue = attempt.overdue or attempt.time_over(now)
        attempt.patience = now + _GRACE[self.mode]

    def _order(self, what: Literal["stop", "kill"], number: int) -> None:
        if self._forks is not None:
            self._forks.ask({what: number})
        elif what == "stop":
            self._kernels[number].hang_up()
        else:
            self._kernels[number].process.kill()

    def _end_all(self, running: dict[int, _Attempt]) -> None:
        """End what is still running, and wait until it is gone."""
        for number in running:
            # The worker of a kernel is asked, since it alone can end the kernel.
            self._order("kill" if self._forks else "stop", number)
        if self._forks is None:
            for number in running:
                self._kernels.pop(number).end(_GRACE["kernel"])
            return
        if self._forks.process.poll() is not None:
            return
        with contextlib.suppress(NotebookError):
            while running and (event := self._next_event(_GRACE["fork"])):
                if "exit" in event:
                    running.pop(event["job"], None)


@dataclass
class _Attempt:
    """A job that is running: where it is, until when (`time.monotonic`), and how it went."""

    place: int
    job: Job
    timeout: float
    notebook_timeout: float | None
    begun: float = field(default_factory=time.monotonic)
    cell: int | None = None
    cell_begun: float = 0.0
    overdue: str = ""  # which time is over
    patience: float = 0.0  # until when an overdue notebook may end by itself
    seconds: float | None = None
    failed: str = ""  # outside a cell
    failed_to_write: bool = False
    code: int = 0

    @property
    def deadline(self) -> float:
        """When something must be done about it."""
        if self.overdue:
            return self.patience
        # A kernel may take its time to start; only then does the first cell begin.
        cell = self.begun + _LOADING if self.cell is None else self.cell_begun + self.timeout
        return min(cell, self.begun + (self.notebook_timeout or float("inf")))

    def time_over(self, now: float) -> str:
        """Which of the times is over, in words."""
        whole = self.notebook_timeout
        if whole is not None and now >= self.begun + whole:
            return f"the notebook took longer than {whole:g} s and was stopped"
        return f"the cell took longer than {self.timeout:g} s and was stopped"

    def take(self, event: Mapping[str, Any]) -> bool:
        """Note an event; True if it is the last."""
        if "cell" in event:
            self.cell, self.cell_begun = event["cell"], time.monotonic()
        elif "done" in event:
            self.seconds = event["done"]
        elif "failed" in event:
            self.failed, self.failed_to_write = event["failed"], event["storage"]
        elif "exit" in event:
            self.code = event["exit"]
        return "exit" in event

    def result(self) -> Executed:
        """What came of it, or the error that says why nothing did."""
        source, output = self.job.path, self.job.output
        notebooks.partial_file(output).unlink(missing_ok=True)
        if self.overdue:
            raise notebooks.broken_off(output, source, self.cell, "CellTimeout", self.overdue)
        if self.failed_to_write:
            raise StorageError(
                f"The executed notebook cannot be written: {self.failed}.", file=output
            )
        if self.seconds is None:
            why = self.failed or f"its process ended ({_manner(self.code)})"
            raise notebooks.broken_off(output, source, self.cell, "DeadKernelError", why)
        notebooks.examine(output, source)
        return Executed(self.job, self.seconds)


class _Worker:
    """A process of `boardpack.workers`, and the thread that puts what it says among the events."""

    def __init__(
        self,
        mode: Mode,
        environment: Mapping[str, str],
        events: queue.SimpleQueue[dict[str, Any]],
        job: int | None,
    ) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            # -P: a file of the current folder must not stand in for a module.
            [sys.executable, "-P", "-m", "boardpack.workers", mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=dict(environment),
            # Control-C in a terminal is for the caller, who then ends this process in order.
            start_new_session=True,
        )
        self._events = events
        self._job = job
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def ask(self, request: Mapping[str, object]) -> None:
        """Send a request; a process that is gone says so by an event."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()

    def hang_up(self) -> None:
        """Let it end, with everything it started."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def end(self, patience: float) -> None:
        """Hang up, wait, and kill it if it is still there after ``patience`` seconds."""
        self.hang_up()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._listener.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._stderr.close()

    def last_words(self) -> str:
        """The last line it wrote to standard error."""
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "")

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put(json.loads(line))
        self._events.put({"job": self._job, "exit": self.process.wait()})


def _make_way(job: Job) -> None:
    """Remove the record of an earlier attempt, which must not be taken for that of this one."""
    if job.output.suffix != ".ipynb" or job.output.resolve() == job.path.resolve():
        raise StorageError("An executed notebook must be an .ipynb of its own.", file=job.output)
    try:
        job.output.parent.mkdir(parents=True, exist_ok=True)
        job.output.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"The executed notebook cannot be written: {reason(error)}.", file=job.output
        ) from error


def _environment(scratch: str) -> dict[str, str]:
    """The environment of the processes, without the user's own set-up of IPython and kernels."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    return kept | {
        "BOARDPACK_SCRATCH": scratch,
        "IPYTHONDIR": scratch,
        "JUPYTER_RUNTIME_DIR": scratch,
        "JUPYTER_PREFER_ENV_PATH": "1",
    }


def _manner(code: int) -> str:
    """How a process ended, from its exit code."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return f"killed by {name}, for want of memory perhaps" if name == "SIGKILL" else f"by {name}"

"""The two Papermill engines a notebook can run on, with equal outputs.

`ForkedShell` runs the cells in the process it is called in, which `boardpack.workers` has forked
from one that has imported everything already: no kernel to start, no sockets. `PlainKernel` is
Papermill's own, a Jupyter kernel in a process of its own, and works everywhere.

The shell of `ForkedShell` is the one of a Jupyter kernel. It sends its results through a session,
and ours writes them into the cell instead of a socket, in the way a notebook client would. So
magics, display hooks, formatters and tracebacks are the kernel's, not an imitation of them.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.zmqshell import ZMQInteractiveShell
from jupyter_client.session import Session, json_packer, json_unpacker
from nbformat import NotebookNode
from nbformat.v4 import new_output, output_from_msg
from papermill.engines import Engine, NBClientEngine, papermill_engines
from papermill.iorw import papermill_io
from traitlets.config import Config

#: Names under which Papermill knows the engines, by mode.
ENGINES = {"fork": "boardpack-fork", "kernel": "boardpack-kernel"}

OnCell = Callable[[int], None]


class CellTimeout(BaseException):
    """Raised into a cell whose time is over; no ``except Exception`` swallows it."""


class Outputs(Session):
    """The session of a shell: what the shell sends becomes outputs of the cell that is running."""

    def __init__(self) -> None:
        super().__init__(key=b"")
        self._outputs: list[NotebookNode] = []
        self._stream = ""  # the stream that is being written
        self._text: list[str] = []  # what was written to it
        self._clear_next = False
        self._displays: dict[str, list[NotebookNode]] = {}

    def begin(self, cell: NotebookNode) -> None:
        """Send what follows into ``cell``."""
        self.end()
        cell.outputs = self._outputs = []
        self._clear_next = False

    def end(self) -> None:
        """Complete the last stream, kept in pieces since a cell may print a million times."""
        if self._stream:
            text = "".join(self._text)
            self._outputs.append(new_output("stream", name=self._stream, text=text))
            self._stream = ""
            self._text.clear()

    def write(self, name: str, text: str) -> None:
        """Add to the stream ``name``, ``stdout`` or ``stderr``."""
        self._clear_if_due()
        if name != self._stream:
            self.end()
            self._stream = name
        self._text.append(text)

    def send(
        self, stream: object, msg_or_type: Any, content: Any = None, *_: object, **__: object
    ) -> None:
        """Apply a message of the shell to the cell, after the trip through JSON it would make."""
        if isinstance(msg_or_type, dict):
            kind, content = msg_or_type["msg_type"], msg_or_type["content"]
        else:
            kind = msg_or_type
        content = json_unpacker(json_packer(content))
        display = (content.get("transient") or {}).get("display_id")
        if display and kind in ("display_data", "update_display_data"):
            for shown in self._displays.get(display, []):
                shown.update(data=content["data"], metadata=content["metadata"])
        if kind == "clear_output":
            self._clear_next = True
            if not content.get("wait"):
                self._clear_if_due()
        elif kind in ("execute_result", "display_data", "error"):
            self._clear_if_due()
            self.end()
            output = output_from_msg({"header": {"msg_type": kind}, "content": content})
            self._outputs.append(output)
            if display:
                self._displays.setdefault(display, []).append(output)

    def _clear_if_due(self) -> None:
        if self._clear_next:
            self.end()
            self._outputs.clear()
            self._clear_next = False


class Stream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr`` of the cells.

    What C code and child processes write arrives in a file that stands in for the descriptor. It is
    read before anything else is added, so that the lines of a cell keep their order.
    """

    encoding = "utf-8"

    def __init__(self, outputs: Outputs, name: str, below: int) -> None:
        self.name = name
        self._outputs = outputs
        self._below = below
        self._taken = 0

    def writable(self) -> bool:  # noqa: D102
        return True

    def fileno(self) -> int:  # noqa: D102
        return 1 if self.name == "stdout" else 2

    def write(self, text: str, /) -> int:  # noqa: D102
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.flush()
        if text:
            # A lone surrogate could be printed, but not saved.
            self._outputs.write(self.name, text.encode("utf-8", "replace").decode("utf-8"))
        return len(text)

    def flush(self) -> None:
        """Take over what was written below Python since the last time."""
        while written := os.pread(self._below, 1 << 20, self._taken):
            self._taken += len(written)
            self._outputs.write(self.name, written.decode("utf-8", "replace"))


def notebook_shell() -> Any:
    """The shell of this process, as a kernel has one; made by the first call.

    Libraries ask at import whether they are in a notebook (pandas: how wide may a frame be?), so
    what is imported before a fork is imported with its ``builtin_trap`` entered.
    """
    # The history would be a database in the home folder, written by a thread.
    config = Config({"HistoryManager": {"enabled": False}})
    shell: Any = ZMQInteractiveShell.instance(config=config)
    shell.kernel = SimpleNamespace(eventloop=None)
    return shell


class Shell:
    """The shell of this process, writing into the cells of a notebook."""

    def __init__(self) -> None:
        self.outputs = Outputs()
        self.shell = notebook_shell()
        self.shell.displayhook.session = self.outputs
        self.shell.display_pub.session = self.outputs
        self.busy = False
        # In a kernel a loop is running around every cell, and libraries look for it.
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)

    def run(self, cell: NotebookNode) -> bool:
        """Execute a code cell into its outputs; False if the notebook must not go on."""
        self.outputs.begin(cell)
        cell.execution_count = self.shell.execution_count
        good = False
        try:
            self.busy = True
            good = self._loop.run_until_complete(self._execute(cell.source))
        except CellTimeout:
            # Raised while the loop was waiting, outside the code of the cell, so the shell has not
            # shown it.
            self.shell.showtraceback()
        finally:
            self.busy = False
            sys.stdout.flush()
            sys.stderr.flush()
            self.outputs.end()
        return good

    @property
    def left(self) -> bool:
        """Whether a cell has called ``exit()``, which ends a kernel."""
        return bool(self.shell.exit_now)

    def stop(self, *_: object) -> None:
        """Handle the signal to stop: end the cell where it is, so that its record says where."""
        __tracebackhide__ = True
        if self.busy:
            raise CellTimeout("stopped, its time was over")

    async def _execute(self, code: str) -> bool:
        shell = self.shell
        try:
            transformed, broken = shell.transform_cell(code), None
        except Exception:
            transformed, broken = code, sys.exc_info()
        if shell.should_run_async(
            code, transformed_cell=transformed, preprocessing_exc_tuple=broken
        ):
            result = await shell.run_cell_async(
                code,
                store_history=True,
                transformed_cell=transformed,
                preprocessing_exc_tuple=broken,
            )
            shell.events.trigger("post_execute")
            shell.events.trigger("post_run_cell", result)
        else:
            result = shell.run_cell(code, store_history=True)
        shown_badly = getattr(shell, "_last_traceback_during_displayhook", False)
        return bool(result.success) and not shown_badly


@contextmanager
def captured(outputs: Outputs) -> Iterator[None]:
    """Everything written to standard output and error goes to ``outputs``, at whatever level."""
    names = ("stdout", "stderr")
    kept = [(getattr(sys, name), os.dup(number)) for number, name in enumerate(names, 1)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        for number, (name, file) in enumerate(zip(names, (out, err), strict=True), 1):
            os.dup2(file.fileno(), number)
            setattr(sys, name, Stream(outputs, name, file.fileno()))
        try:
            yield
        finally:
            for number, (name, (stream, descriptor)) in enumerate(zip(names, kept, strict=True), 1):
                setattr(sys, name, stream)
                os.dup2(descriptor, number)
                os.close(descriptor)


class ForkedShell(Engine):  # type: ignore[misc]
    """Papermill's engine for a process that was forked to run one notebook."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, on_cell: OnCell, output_path: str = "", **_: object
    ) -> None:
        """Run the cells in order, up to and including the first that raises."""
        # Saved twice a cell: Papermill's own way of writing takes a sixth of a second for a
        # notebook of 3 MB. It still writes the last one.
        nb_man.save = lambda **_: papermill_io.write(
            json.dumps(nb_man.nb, ensure_ascii=False), nb_man.output_path
        )
        shell = Shell()
        signal.signal(signal.SIGUSR1, shell.stop)
        with captured(shell.outputs):
            for position, cell in enumerate(nb_man.nb.cells):
                if cell.cell_type != "code" or not cell.source.strip():
                    continue
                on_cell(position)
                nb_man.cell_start(cell, position)
                good = shell.run(cell)
                if not good:
                    nb_man.cell_exception(cell, position)
                nb_man.cell_complete(cell, position)
                if not good or shell.left:
                    break
        nb_man.nb.metadata["language_info"] = IPythonKernel.language_info


class PlainKernel(NBClientEngine):  # type: ignore[misc]
    """Papermill's own engine, telling which cell it is at."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, on_cell: OnCell, **options: object
    ) -> Any:
        """Run the notebook in a Jupyter kernel."""
        start = nb_man.cell_start

        def cell_start(cell: NotebookNode, position: int | None = None, **more: object) -> None:
            if position is not None:
                on_cell(position)
            start(cell, position, **more)

        nb_man.cell_start = cell_start
        return super().execute_managed_notebook(nb_man, kernel_name, **options)


papermill_engines.register(ENGINES["fork"], ForkedShell)
papermill_engines.register(ENGINES["kernel"], PlainKernel)

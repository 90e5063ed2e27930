"""Advisory locks between processes: held through a file, gone with the process that held them."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from boardpack.errors import BusyError, StorageError
from boardpack.files import reason

_POLL_SECONDS = 0.05
_BUSY = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)

# A lock of fcntl belongs to the process: it shuts out no second thread, and is lost when any handle
# on the file is closed. So what this process holds is known here, and is not opened a second time.
# (flock would live on in a forked child, and a hung child must not keep its dead parent's lock.)
_held: set[Path] = set()
_guard = threading.Lock()


@contextmanager
def lock(path: Path, what: str, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock file ``path`` for the length of a ``with`` block; the file itself stays.

    ``what`` names for a person what is being done. While someone else holds the lock, `BusyError`
    names their process after ``wait`` seconds; `StorageError` when the file cannot be made.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, lock(Path(folder) / "a.lock", "counting"):
    ...     (Path(folder) / "a.lock").exists()
    True
    """
    key = path.resolve()
    deadline = time.monotonic() + wait
    while True:
        handle, holder = _try(key)
        if handle is not None:
            break
        if time.monotonic() >= deadline:
            raise BusyError(
                f"{what} is at work already (process {holder or 'unknown'}).",
                file=path,
                hint="wait until it has ended, then try again",
            )
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        os.close(handle)
        with _guard:
            _held.discard(key)


def _try(key: Path) -> tuple[int | None, str]:
    """A handle that holds the lock, or None and the process that does."""
    with _guard:
        if key in _held:
            return None, str(os.getpid())
        try:
            key.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(key, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise _refused(key, error) from error
        try:
            _acquire(handle)
        except OSError as error:
            holder = os.read(handle, 32).decode("ascii", "replace").strip()
            os.close(handle)
            if error.errno not in _BUSY:
                raise _refused(key, error) from error
            return None, holder
        _held.add(key)
    # The note only serves the message above; a full disk must not cost the lock.
    with suppress(OSError):
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, f"{os.getpid()}\n".encode())
    return handle, ""


def _refused(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"the lock could not be made: {reason(error)}. What was published stays as it is.",
        file=path,
        hint="make that folder writable for the user that runs reports",
    )


if sys.platform == "win32":
    import msvcrt

    def _acquire(handle: int) -> None:
        # A byte far behind the text, for Windows lets no one read a locked one.
        os.lseek(handle, 1 << 20, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _acquire(handle: int) -> None:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

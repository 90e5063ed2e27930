"""Files that are whole and on the disk for certain, or not there at all."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from boardpack.errors import StorageError

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "it may not be written",
    errno.EPERM: "it may not be written",
    errno.ENOTDIR: "a file stands where a folder should be",
    errno.EEXIST: "something stands there already",
    errno.ENOTEMPTY: "something stands there already",
}


def reason(error: OSError) -> str:
    """What an error of the file system means, and where it struck.

    >>> reason(OSError(errno.ENOSPC, "No space left on device", "var/editions"))
    'the disk is full (var/editions)'
    """
    what = _REASONS.get(error.errno or 0) or error.strerror or str(error)
    where = error.filename2 or error.filename
    return what + (f" ({where})" if where else "")


def sync(path: Path) -> None:
    """Wait until the disk has a file, or the entries of a folder."""
    windows = os.name == "nt"
    if windows and path.is_dir():
        return
    handle = os.open(path, os.O_RDWR if windows else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def seal(folder: Path) -> None:
    """Wait until the disk has all of a folder, and make its files read-only.

    Its folders stay writable, so that their owner can delete it without ado.
    """
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            path = Path(parent) / name
            sync(path)
            path.chmod(path.stat().st_mode & 0o555)
        sync(Path(parent))


def make_folders(root: Path, folder: Path) -> None:
    """Make ``folder`` below ``root``, and wait until the disk has every step of the way."""
    folder.mkdir(parents=True, exist_ok=True)
    while folder != root:
        folder = folder.parent
        sync(folder)


def replace_text(path: Path, text: str) -> None:
    """Write a text file so that a reader finds the old one or the new one, never a part.

    `StorageError` when its folder cannot be written; the old file then stays.
    """
    written = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, written = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(handle)
        Path(written).chmod(0o644)
        os.replace(written, path)
        sync(path.parent)
    except OSError as error:
        raise StorageError(
            f"it could not be written: {reason(error)}. What was there stays.",
            file=path,
            hint="mend that and try again",
        ) from error
    finally:
        if written is not None:
            Path(written).unlink(missing_ok=True)

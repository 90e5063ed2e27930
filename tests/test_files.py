from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from boardpack.errors import StorageError
from boardpack.files import make_folders, reason, replace_text, seal


def test_a_text_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "site" / "index.html"
    replace_text(path, "ä")
    replace_text(path, "ß")
    assert path.read_text(encoding="utf-8") == "ß"
    assert [entry.name for entry in path.parent.iterdir()] == ["index.html"]


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_refused_write_keeps_the_old_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "index.html"
    replace_text(path, "old")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(StorageError, match="disk is full") as caught:
        replace_text(path, "new")
    assert caught.value.file == str(path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["index.html"]


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("in the way")
    with pytest.raises(StorageError, match="stands there already"):
        replace_text(tmp_path / "site" / "index.html", "new")
    assert (tmp_path / "site").read_text() == "in the way"


def test_sealing_takes_the_right_to_write_from_files_alone(tmp_path: Path) -> None:
    make_folders(tmp_path, tmp_path / "a" / "b")
    (tmp_path / "a" / "b" / "file").write_text("x")
    seal(tmp_path / "a")
    assert (tmp_path / "a" / "b" / "file").stat().st_mode & 0o777 in (0o444, 0o440, 0o400)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o200


def test_an_unknown_error_is_told_in_the_words_of_the_system() -> None:
    assert reason(OSError(errno.EIO, "Input/output error")) == "Input/output error"
    assert reason(OSError("strange")) == "strange"

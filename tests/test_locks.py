from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from boardpack.errors import RunError, StorageError
from boardpack.locks import lock
from processes import PROCESSES


def hold(path: Path, held: Any, seconds: float) -> None:
    with lock(path, "A run"):
        held.set()
        time.sleep(seconds)


def other_holder(path: Path, seconds: float) -> Any:
    held = PROCESSES.Event()
    process = PROCESSES.Process(target=hold, args=(path, held, seconds))
    process.start()
    assert held.wait(30)
    return process


def test_a_second_process_is_told_who_holds_the_lock_until_it_dies(tmp_path: Path) -> None:
    path = tmp_path / ".locks" / "a.lock"
    process = other_holder(path, 600)
    with (
        pytest.raises(RunError, match=rf"A run of monthly .*process {process.pid}"),
        lock(path, "A run of monthly"),
    ):
        pass
    process.kill()
    process.join()
    with lock(path, "A run of monthly"):
        assert path.exists()


def test_waiting_gets_the_lock_when_it_is_free(tmp_path: Path) -> None:
    process = other_holder(tmp_path / "a.lock", 0.3)
    with lock(tmp_path / "a.lock", "A run", wait=30):
        process.join()
    assert process.exitcode == 0


def test_threads_of_one_process_shut_each_other_out(tmp_path: Path) -> None:
    found: list[str] = []

    def work() -> None:
        try:
            with lock(tmp_path / "a.lock", "A run"):
                found.append("in")
        except RunError as error:
            found.append(error.message)

    for inside in (True, False):
        thread = threading.Thread(target=work)
        if inside:
            with lock(tmp_path / "a.lock", "A run"):
                thread.start()
                thread.join()
        else:
            thread.start()
            thread.join()
    assert found[0].startswith("A run is at work already")
    assert found[1] == "in"


def test_the_second_thread_does_not_break_the_lock_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with lock(path, "A run"):
        with pytest.raises(RunError), lock(path, "A run"):
            pass
        tried = PROCESSES.Process(target=fails_to_lock, args=(path,))
        tried.start()
        tried.join()
        assert tried.exitcode == 0


def fails_to_lock(path: Path) -> None:
    with pytest.raises(RunError), lock(path, "A run"):
        pass


def test_an_error_inside_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock(tmp_path / "a.lock", "A run"):
        _ = 1 / 0
    with lock(tmp_path / "a.lock", "A run"):
        assert (tmp_path / "a.lock").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "editions").write_text("a file in the way")
    path = tmp_path / "editions" / ".locks" / "a.lock"
    with pytest.raises(StorageError, match="a file stands where") as caught, lock(path, "A run"):
        pass
    assert caught.value.file == str(path)

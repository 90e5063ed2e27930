from __future__ import annotations

import csv
import errno
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from boardpack import edition_folders, files, manifests, reconciliation
from boardpack.editions import FILES, EditionDraft, publish
from boardpack.errors import BoardpackError, PeriodError, ReportError, RunError, StorageError
from boardpack.ledger import Ledger
from boardpack.ledger_rows import EditionRow
from boardpack.manifests import verify
from boardpack.reconciliation import reconcile
from processes import PROCESSES

DRAFT = EditionDraft(
    report="monthly",
    period="2025-12",
    grain="month",
    run_id="run-1",
    as_of="2025-12-31",
    published_at="2026-01-01T06:00:00+00:00",
    verdict="banner",
    renderer="built in",
    reasons=("tickets: “late”",),
    fingerprints={"tickets": "f1"},
    definitions={"mrr": "d1"},
    seconds={"gate": 1.5},
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "var" / "editions"


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    return stage(tmp_path / "var" / "runs" / "run-1")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "var" / "ledger.sqlite") as opened:
        yield opened


def stage(folder: Path) -> Path:
    """A run folder with small files of every kind."""
    for name in ("notebooks", "reports", "figures", "notebooks/.ipynb_checkpoints"):
        (folder / name).mkdir(parents=True)
    frame = pd.DataFrame({"kpi": ["mrr", "mrr"], "dims": ["", "=1+1"], "value": [-12.5, None]})
    frame.to_parquet(folder / "values.parquet", index=False)
    for name in FILES:
        if "." in name and name != "values.parquet":
            (folder / name).write_text(f"{name} of the run")
    (folder / "notebooks" / "revenue.ipynb").write_text("{}")
    (folder / "notebooks" / ".ipynb_checkpoints" / "revenue.ipynb").write_text("{}")
    (folder / "reports" / "monthly.qmd").write_text("# Monthly")
    (folder / "figures" / "größe 1.svg").write_text("<svg/>")
    (folder / "scratch.txt").write_text("not named, so not published")
    return folder


def visible(root: Path) -> list[Path]:
    """What a reader can see: every folder that is, or looks like, an edition."""
    return sorted(path for path in root.glob("[!.]*/*/r*"))


def test_an_edition_holds_the_named_files_and_a_manifest_of_them(
    staging: Path, root: Path, ledger: Ledger
) -> None:
    row = publish(staging, root, DRAFT, ledger)
    folder = root / "monthly" / "2025-12" / "r1"
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {
        *(name for name in FILES if "." in name),
        "values.csv", "manifest.json", "notebooks/revenue.ipynb", "reports/monthly.qmd",
        "figures/größe 1.svg",
    }  # fmt: skip
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest.pop("files")) == found - {"manifest.json"}
    assert manifest.pop("versions")["boardpack"]
    assert manifest.pop("code") == manifests.code_hash()
    assert manifest == {
        "report": "monthly", "period": "2025-12", "grain": "month", "segment": "", "revision": 1,
        "parent": None, "run_id": "run-1", "as_of": "2025-12-31", "verdict": "banner",
        "status": "final", "release": "draft", "reasons": ["tickets: “late”"],
        "published_at": "2026-01-01T06:00:00+00:00", "renderer": "built in",
        "fingerprints": {"tickets": "f1"}, "definitions": {"mrr": "d1"}, "seconds": {"gate": 1.5},
        "forced": "", "forced_by": "", "because": "", "lacks_notes": [], "signatures": [],
    }  # fmt: skip
    assert ledger.editions() == [row]
    assert row.folder == "monthly/2025-12/r1"
    assert verify(folder, row.manifest_hash) == []


def test_the_csv_is_that_of_the_parquet_with_formulas_defused(
    staging: Path, root: Path, ledger: Ledger
) -> None:
    (staging / "values.csv").write_text("kpi\n=cmd\n")
    row = publish(staging, root, DRAFT, ledger)
    with (root / row.folder / "values.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["kpi", "dims", "value"], ["mrr", "", "-12.5"], ["mrr", "'=1+1", ""],
        ]  # fmt: skip


def test_a_rerun_is_a_new_revision_that_names_its_parent(
    staging: Path, root: Path, ledger: Ledger
) -> None:
    assert edition_folders.next_revision(root, ledger, "monthly", "2025-12") == 1
    first = publish(staging, root, DRAFT, ledger)
    before = (root / first.folder / "report.html").read_bytes()
    (staging / "report.html").write_text("second")
    second = publish(staging, root, replace(DRAFT, run_id="run-2", revision=2), ledger)
    other = publish(staging, root, replace(DRAFT, segment="smb"), ledger)
    assert [(row.revision, row.parent, row.folder) for row in (first, second, other)] == [
        (1, None, "monthly/2025-12/r1"),
        (2, 1, "monthly/2025-12/r2"),
        (1, None, "monthly/2025-12/smb/r1"),
    ]
    assert (root / first.folder / "report.html").read_bytes() == before
    assert (root / second.folder / "report.html").read_text() == "second"


def test_the_next_revision_counts_what_only_the_ledger_or_only_the_disk_knows(
    staging: Path, root: Path, ledger: Ledger
) -> None:
    row = publish(staging, root, DRAFT, ledger)
    shutil.rmtree(root / row.folder)
    assert edition_folders.next_revision(root, ledger, "monthly", "2025-12") == 2
    (root / "monthly" / "2025-12" / "r7").mkdir(parents=True)
    assert publish(staging, root, DRAFT, ledger).revision == 8


def test_an_edition_does_not_change_when_the_run_folder_does(
    staging: Path, root: Path, ledger: Ledger
) -> None:
    row = publish(staging, root, DRAFT, ledger)
    with (staging / "report.html").open("a") as file:
        file.write("changed later")
    assert verify(root / row.folder, row.manifest_hash) == []


def test_files_are_read_only_and_their_owner_can_still_delete_them(
    staging: Path, root: Path, ledger: Ledger
) -> None:
    folder = root / publish(staging, root, DRAFT, ledger).folder
    modes = {path.stat().st_mode & 0o222 for path in folder.rglob("*") if path.is_file()}
    assert modes == {0}
    assert (staging / "report.html").stat().st_mode & 0o200
    shutil.rmtree(folder)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("segment", "folder"),
    [
        ("smb", "smb"),
        ("(unknown)", "(unknown)"),
        ("Mid market", "Mid market"),
        ("r2", "%722"),
        ("..", "%2E."),
        ("../../etc", "%2E.%2F..%2Fetc"),
        ("a/b", "a%2Fb"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        (".tmp-x", "%2Etmp-x"),
    ],
)
def test_a_member_of_any_name_stays_in_a_folder_of_its_own(
    staging: Path, root: Path, ledger: Ledger, segment: str, folder: str
) -> None:
    row = publish(staging, root, replace(DRAFT, segment=segment), ledger)
    assert row.folder == f"monthly/2025-12/{folder}/r1"
    assert (root / row.folder / "report.html").is_file()
    with Ledger(root.parent / "second.sqlite") as empty:
        assert reconcile(root, empty).added == (row,)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"report": "../monthly"}, ReportError),
        ({"report": ".locks"}, ReportError),
        ({"report": ""}, ReportError),
        ({"period": "../2025-12"}, PeriodError),
        ({"period": " 2025-12"}, PeriodError),
        ({"run_id": "../x"}, RunError),
        ({"revision": 5}, RunError),
        ({"files": (*FILES, "report.pptx")}, RunError),
    ],
    ids=str,
)
def test_a_draft_that_cannot_be_published_leaves_everything_as_it_was(
    staging: Path, root: Path, ledger: Ledger, change: dict[str, Any], error: type[BoardpackError]
) -> None:
    first = publish(staging, root, DRAFT, ledger)
    with pytest.raises(error):
        publish(staging, root, replace(DRAFT, **change), ledger)
    assert ledger.editions() == [first]
    assert visible(root) == [root / first.folder]
    assert list(root.glob(".tmp-*")) == []


def test_values_that_cannot_be_read_are_named(staging: Path, root: Path, ledger: Ledger) -> None:
    (staging / "values.parquet").write_text("no parquet")
    with pytest.raises(RunError, match="cannot be read") as caught:
        publish(staging, root, DRAFT, ledger)
    assert caught.value.file == str(staging / "values.parquet")


@pytest.mark.parametrize(
    ("place", "call"), [(shutil, "copyfile"), (os, "rename"), (files, "sync"), (Path, "mkdir")]
)
@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EACCES, "it may not be written"),
    ],
)
def test_a_full_or_read_only_target_keeps_the_last_edition_and_the_staged_files(
    staging: Path, root: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch,
    place: Any, call: str, number: int, told: str,
) -> None:  # fmt: skip
    first = publish(staging, root, DRAFT, ledger)
    with monkeypatch.context() as patch:

        def refuse(*_: object, **__: object) -> None:
            raise OSError(number, os.strerror(number), str(root / "somewhere"))

        patch.setattr(place, call, refuse)
        with pytest.raises(StorageError, match=told) as caught:
            publish(staging, root, replace(DRAFT, run_id="run-2"), ledger)
    assert str(root) in str(caught.value)
    assert "stays" in str(caught.value)
    assert ledger.editions() == [first]
    assert visible(root) == [root / first.folder]
    assert list(root.glob(".tmp-*")) == []
    assert verify(root / first.folder, first.manifest_hash) == []
    # What the run staged is enough to publish once the cause is mended.
    assert publish(staging, root, replace(DRAFT, run_id="run-2"), ledger).revision == 2


@pytest.mark.parametrize("place", ["", "monthly", "monthly/2025-12"])
def test_a_file_in_place_of_a_folder_is_named(
    staging: Path, root: Path, ledger: Ledger, place: str
) -> None:
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).write_text("a file in the way")
    with pytest.raises(StorageError, match="stands") as caught:
        publish(staging, root, DRAFT, ledger)
    assert str(root) in str(caught.value)
    assert (root / place).read_text() == "a file in the way"
    assert ledger.editions() == []


def test_a_ledger_that_refuses_is_mended_by_the_next_run(
    staging: Path, root: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def refuse(self: Ledger, edition: EditionRow) -> None:
            raise StorageError("the disk is full.", file=self.path)

        patch.setattr(Ledger, "add_edition", refuse)
        with pytest.raises(StorageError, match="published, but is not in the ledger"):
            publish(staging, root, DRAFT, ledger)
    assert verify(root / "monthly" / "2025-12" / "r1") == []
    assert [row.folder for row in reconcile(root, ledger).added] == ["monthly/2025-12/r1"]
    assert reconcile(root, ledger) == reconciliation.Reconciled()


def test_reconciling_rebuilds_a_lost_ledger_row_by_row(
    staging: Path, root: Path, ledger: Ledger, tmp_path: Path
) -> None:
    rows = [publish(staging, root, replace(DRAFT, run_id=f"run-{n}"), ledger) for n in range(3)]
    rows.append(publish(staging, root, replace(DRAFT, segment="smb"), ledger))
    with Ledger(tmp_path / "new.sqlite") as new:
        assert reconcile(root, new).added == tuple(rows)
        assert sorted(new.editions(), key=str) == sorted(rows, key=str)


@pytest.mark.parametrize(
    "change",
    [
        None,
        "not JSON",
        "[]",
        {"revision": 1},
        {"revision": "9"},
        {"period": 2025},
        {"report": "board"},
        {"status": "done"},
        {"reasons": None},
        {"parent": "r1"},
    ],
    ids=str,
)
def test_a_folder_whose_manifest_is_not_its_own_is_named_and_left_alone(
    staging: Path, root: Path, ledger: Ledger, change: Any
) -> None:
    row = publish(staging, root, DRAFT, ledger)
    copy = root / "monthly" / "2025-12" / "r9"
    shutil.copytree(root / row.folder, copy)
    manifest = copy / "manifest.json"
    own = {**json.loads(manifest.read_text(encoding="utf-8")), "revision": 9}
    manifest.unlink()
    if isinstance(change, dict):
        manifest.write_text(json.dumps({**own, **change}), encoding="utf-8")
    elif change is not None:
        manifest.write_text(change)
    assert reconcile(root, ledger) == reconciliation.Reconciled(strange=("monthly/2025-12/r9",))
    assert copy.is_dir()
    assert ledger.editions() == [row]


def test_one_run_at_a_time_for_a_report_period_and_segment(root: Path) -> None:
    with edition_folders.running(root, "monthly", "2025-12"):
        with (
            pytest.raises(RunError, match=r"A run of monthly 2025-12 is at work already"),
            edition_folders.running(root, "monthly", "2025-12"),
        ):
            pass
        with (
            edition_folders.running(root, "monthly", "2025-11"),
            edition_folders.running(root, "monthly", "2025-12", "smb"),
            edition_folders.running(root, "board", "2025-12"),
            edition_folders.publishing(root),
        ):
            assert root.is_dir()


def publish_and_die(folder: Path, step: str) -> None:
    def die(done: str) -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)

    with Ledger(folder / "ledger.sqlite") as ledger:
        publish(folder / "runs" / "run-1", folder / "editions", DRAFT, ledger, die)


def fork_publishers(folder: Path, pipe: Any) -> None:
    """For every word on the pipe, fork a process that publishes on and on; tell how it ended."""
    for name in iter(pipe.recv, ""):
        child = os.fork()
        if child == 0:
            try:
                publish_on_and_on(folder, name, pipe)
            finally:
                os._exit(1)
        pipe.send(os.WTERMSIG(os.waitpid(child, 0)[1]))


def publish_on_and_on(folder: Path, name: str, pipe: Any) -> None:
    with Ledger(folder / "ledger.sqlite") as ledger:
        for n in range(1000):
            draft = replace(DRAFT, run_id=f"{name}-{n}")
            publish(folder / "runs" / "run-1", folder / "editions", draft, ledger)
            # The first one is slower than the others; the blow is to fall on those.
            if n == 0:
                pipe.send(os.getpid())


def whole_and_recorded_once(root: Path, ledger: Ledger) -> int:
    """Check what a reader sees before mending, mend, check again; how many editions there are."""
    before = visible(root)
    for folder in before:
        assert verify(folder) == [], folder
    mended = reconcile(root, ledger)
    assert mended.strange == ()
    assert len(mended.added) <= 1
    assert reconcile(root, ledger) == reconciliation.Reconciled()
    rows = ledger.editions()
    assert visible(root) == before == sorted(root / row.folder for row in rows)
    assert sorted(row.revision for row in rows) == list(range(1, len(rows) + 1))
    assert all(verify(root / row.folder, row.manifest_hash) == [] for row in rows)
    assert list(root.glob(".tmp-*")) == []
    return len(rows)


@pytest.mark.parametrize(
    ("step", "published"),
    [
        ("begun", 0),
        ("report.html", 0),
        ("notebooks/revenue.ipynb", 0),
        ("manifest", 0),
        ("synced", 0),
        ("renamed", 1),
        ("recorded", 1),
    ],
)
def test_killed_at_any_step_an_edition_is_whole_or_not_there(
    staging: Path, root: Path, ledger: Ledger, step: str, published: int
) -> None:
    process = PROCESSES.Process(target=publish_and_die, args=(root.parent, step))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert whole_and_recorded_once(root, ledger) == published
    assert publish(staging, root, DRAFT, ledger).revision == published + 1


def test_killed_at_random_moments_no_edition_is_half_lost_or_doubled(
    staging: Path, root: Path, ledger: Ledger
) -> None:
    dice = random.Random(7)
    ours, theirs = PROCESSES.Pipe()
    process = PROCESSES.Process(target=fork_publishers, args=(root.parent, theirs))
    process.start()
    found = 0
    for attempt in range(40):
        ours.send(f"kill{attempt}")
        assert ours.poll(60)
        publisher = ours.recv()
        # 0 would be told of a publisher that failed by itself, and a signal to 0 reaches this one.
        assert publisher > 0
        until = time.monotonic() + dice.uniform(0, 0.04)
        while time.monotonic() < until:
            newest = max(visible(root), key=lambda folder: int(folder.name[1:]))
            assert verify(newest) == []
        os.kill(publisher, signal.SIGKILL)
        assert ours.recv() == signal.SIGKILL
        now = whole_and_recorded_once(root, ledger)
        assert now > found
        found = now
    ours.send("")
    process.join(60)
    assert process.exitcode == 0


def publish_some(folder: Path, name: str, count: int, ready: Any) -> None:
    ready.wait()
    with Ledger(folder / "ledger.sqlite") as ledger:
        for n in range(count):
            draft = replace(DRAFT, run_id=f"{name}-{n}")
            publish(folder / "runs" / "run-1", folder / "editions", draft, ledger)
            reconcile(folder / "editions", ledger)


def test_processes_that_publish_at_once_share_out_the_revisions(
    staging: Path, root: Path, ledger: Ledger
) -> None:
    ready = PROCESSES.Barrier(3)
    publishers = [
        PROCESSES.Process(target=publish_some, args=(root.parent, f"p{n}", 5, ready))
        for n in range(3)
    ]
    for publisher in publishers:
        publisher.start()
    for publisher in publishers:
        publisher.join(60)
    assert [publisher.exitcode for publisher in publishers] == [0, 0, 0]
    assert whole_and_recorded_once(root, ledger) == 15
    assert {row.run_id for row in ledger.editions()} == {
        f"p{n}-{i}" for n in range(3) for i in range(5)
    }


def test_remains_are_left_alone_while_a_publication_is_under_way(
    root: Path, ledger: Ledger
) -> None:
    remains = root / ".tmp-run-9"
    remains.mkdir(parents=True)
    (remains / "report.html").write_text("half")
    with edition_folders.publishing(root), pytest.raises(RunError, match="at work already"):
        reconcile(root, ledger, wait=0)
    assert remains.is_dir()
    assert reconcile(root, ledger).removed == (".tmp-run-9",)
    assert not remains.exists()

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from boardpack.errors import StorageError
from boardpack.manifests import (
    MANIFEST,
    Difference,
    code_hash,
    file_fact,
    fingerprint,
    manifest_text,
    read_manifest,
    text_hash,
    verify,
    versions,
)


@pytest.fixture
def edition(tmp_path: Path) -> Path:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "report.html").write_text("<p>1,234</p>")
    (tmp_path / "notebooks" / "revenue.ipynb").write_text("{}")
    names = ("report.html", "notebooks/revenue.ipynb")
    text = manifest_text(
        {"report": "monthly"}, {name: file_fact(tmp_path / name) for name in names}
    )
    (tmp_path / MANIFEST).write_text(text, encoding="utf-8")
    return tmp_path


def replace_by_link(edition: Path) -> None:
    (edition / "report.html").unlink()
    (edition / "report.html").symlink_to("nowhere")


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (lambda edition: None, []),
        (
            lambda edition: (edition / "report.html").write_text("<p>9,234</p>"),
            ["report.html changed"],
        ),
        (lambda edition: (edition / "report.html").unlink(), ["report.html missing"]),
        (
            lambda edition: (edition / "notebooks" / "more.ipynb").write_text("{}"),
            ["notebooks/more.ipynb extra"],
        ),
        (
            lambda edition: (edition / "report.html").rename(edition / "other.html"),
            ["other.html extra", "report.html missing"],
        ),
        (replace_by_link, ["report.html unreadable"]),
        (lambda edition: (edition / MANIFEST).unlink(), ["manifest.json missing"]),
        (lambda edition: (edition / MANIFEST).write_text("{"), ["manifest.json unreadable"]),
        (lambda edition: (edition / MANIFEST).write_text("[]"), ["manifest.json unreadable"]),
        (lambda edition: (edition / MANIFEST).write_text("{}"), ["manifest.json unreadable"]),
        (lambda edition: (edition / MANIFEST).write_bytes(b"\xff"), ["manifest.json unreadable"]),
    ],
)
def test_every_way_to_tamper_with_an_edition_is_found(
    edition: Path, tamper: Callable[[Path], object], found: list[str]
) -> None:
    tamper(edition)
    differences = verify(edition)
    assert [f"{difference.file} {difference.problem}" for difference in differences] == found
    assert all(difference.file in str(difference) for difference in differences)


def test_a_manifest_rewritten_to_match_is_found_by_the_hash_in_the_ledger(edition: Path) -> None:
    published = text_hash((edition / MANIFEST).read_text(encoding="utf-8"))
    assert verify(edition, published) == []
    (edition / "report.html").write_text("<p>9,234</p>")
    facts = {name: file_fact(edition / name) for name in ("report.html", "notebooks/revenue.ipynb")}
    (edition / MANIFEST).write_text(manifest_text({"report": "monthly"}, facts))
    assert verify(edition) == []
    own = file_fact(edition / MANIFEST).sha256
    assert verify(edition, published) == [Difference(MANIFEST, "changed", published, own)]


def test_a_folder_without_manifest_says_which(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be read") as caught:
        read_manifest(tmp_path / "r1")
    assert caught.value.file == str(tmp_path / "r1" / MANIFEST)


def test_hash_and_size_are_those_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    fact = file_fact(tmp_path / "a")
    assert fact.bytes == 3
    assert fact.sha256 == text_hash("abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )  # fmt: skip


def test_the_code_hash_is_steady_and_versions_name_python_and_boardpack() -> None:
    assert code_hash() == code_hash()
    assert len(code_hash()) == 64
    assert set(versions()) >= {"python", "boardpack"}


def test_a_fingerprint_follows_each_of_its_parts() -> None:
    given = {
        "definition": "d",
        "data": {"a": "1", "b": "2"},
        "as_of": "2025-12-31",
        "engine": "x 1",
    }
    same = fingerprint(**{**given, "data": {"b": "2", "a": "1"}})
    found = [
        fingerprint(**{**given, **change})
        for change in (
            {},
            {"definition": "e"},
            {"data": {"a": "1", "b": "3"}},
            {"data": {"a": "1"}},
            {"as_of": "2025-12-30"},
            {"engine": "x 2"},
        )
    ]
    assert same == found[0]
    assert len(set(found)) == len(found)

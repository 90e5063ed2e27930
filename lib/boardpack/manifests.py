"""The manifest of an edition: what is in it, what it rests on, and whether that is still so."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from boardpack.errors import StorageError

#: The name of the manifest in an edition's folder. It lists every file but itself.
MANIFEST = "manifest.json"

_PACKAGE = Path(__file__).resolve().parent
_NOT_CODE = ("__pycache__",)


@dataclass(frozen=True)
class FileFact:
    """What identifies the content of a file."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Difference:
    """A file of an edition that is not as its manifest says."""

    file: str
    problem: Literal["changed", "missing", "extra", "unreadable"]
    expected: str = ""
    found: str = ""

    def __str__(self) -> str:
        if self.expected:
            return f"{self.file}: {self.problem} (expected {self.expected}, found {self.found})"
        return f"{self.file}: {self.problem}" + (f" ({self.found})" if self.found else "")


def file_fact(path: Path) -> FileFact:
    """Hash and size of a file."""
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256")
        return FileFact(digest.hexdigest(), handle.tell())


def text_hash(text: str) -> str:
    """The sha256 of a text, as the ledger keeps it of a manifest."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def manifest_text(facts: Mapping[str, Any], files: Mapping[str, FileFact]) -> str:
    """A manifest as it is written: ``facts`` and, under ``files``, every file of the edition."""
    listed = {name: asdict(files[name]) for name in sorted(files)}
    return json.dumps({**facts, "files": listed}, indent=1, ensure_ascii=False) + "\n"


def read_manifest(edition: Path) -> dict[str, Any]:
    """The manifest of an edition's folder; `StorageError` when it is missing or not readable."""
    path = edition / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StorageError(f"the manifest cannot be read: {error.strerror}.", file=path) from error
    except ValueError as error:
        raise StorageError(f"the manifest is not JSON: {error}.", file=path) from error
    if not isinstance(found, dict):
        raise StorageError("the manifest is not a mapping.", file=path)
    return found


def verify(edition: Path, manifest_hash: str = "") -> list[Difference]:
    """Compare an edition's folder with its manifest, and the manifest with the hash in the ledger.

    An empty list means that the folder holds what was published, byte for byte. The manifest cannot
    vouch for itself: pass the hash that the ledger keeps to notice one that was rewritten.
    """
    try:
        listed = read_manifest(edition)["files"]
        expected = {name: FileFact(fact["sha256"], fact["bytes"]) for name, fact in listed.items()}
    except StorageError as error:
        missing = not (edition / MANIFEST).exists()
        return [Difference(MANIFEST, "missing" if missing else "unreadable", found=error.message)]
    except (KeyError, TypeError, AttributeError):
        return [Difference(MANIFEST, "unreadable", found="it lists no files")]
    differences = []
    own = file_fact(edition / MANIFEST).sha256
    if manifest_hash and own != manifest_hash:
        differences.append(Difference(MANIFEST, "changed", manifest_hash, own))
    found: dict[str, FileFact] = {}
    for name in names_in(edition):
        try:
            found[name] = file_fact(edition / name)
        except OSError as error:
            differences.append(Difference(name, "unreadable", found=error.strerror or str(error)))
            expected.pop(name, None)
    found.pop(MANIFEST, None)
    for name in sorted({*expected, *found}):
        if name not in found:
            differences.append(Difference(name, "missing"))
        elif name not in expected:
            differences.append(Difference(name, "extra"))
        elif found[name] != expected[name]:
            differences.append(
                Difference(name, "changed", expected[name].sha256, found[name].sha256)
            )
    return differences


def names_in(folder: Path) -> list[str]:
    """Every file below ``folder``, by its path from there, with ``/``, in order."""
    found = []
    for parent, _, names in os.walk(folder):
        found += [(Path(parent) / name).relative_to(folder).as_posix() for name in names]
    return sorted(found)


@cache
def code_hash() -> str:
    """One hash over the package's own files: it changes when the code does."""
    digest = hashlib.sha256()
    for name in names_in(_PACKAGE):
        if not any(part in _NOT_CODE or part.startswith(".") for part in name.split("/")):
            digest.update(f"{name}\0{file_fact(_PACKAGE / name).sha256}\n".encode())
    return digest.hexdigest()


@cache
def versions() -> Mapping[str, str]:
    """The versions of Python, Boardpack and the packages that Boardpack names as its own needs.

    >>> versions()["python"] == platform.python_version()
    True
    """
    try:
        needs = importlib.metadata.requires("boardpack") or []
    except importlib.metadata.PackageNotFoundError:
        needs = []
    names = (re.match(r"[\w.-]+", need) for need in needs if "extra ==" not in need)
    found = dict(_installed(["boardpack", *(match[0] for match in names if match)]))
    return {"python": platform.python_version(), **dict(sorted(found.items()))}


def fingerprint(definition: str, data: Mapping[str, str], as_of: str, engine: str) -> str:
    """What a value follows from, as 32 digits: equal ones follow from the same.

    ``definition`` is the hash of the KPI with all it depends on, ``data`` that of the rows of each
    of its sources as of ``as_of``, ``engine`` the name and version of what computed it; the hash of
    the package's own code is added.

    >>> one = fingerprint("d", {"invoices": "a"}, "2025-12-31", "duckdb 2.0.0")
    >>> one == fingerprint("d", {"invoices": "b"}, "2025-12-31", "duckdb 2.0.0"), len(one)
    (False, 32)
    """
    parts = [definition, sorted(data.items()), as_of, engine, code_hash()]
    return text_hash(json.dumps(parts))[:32]


def _installed(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    for name in names:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue

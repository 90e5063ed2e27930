"""Text files of unknown origin: whether a file is text at all, and in which encoding."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from charset_normalizer import CharsetMatches

#: How much of a file is looked at for its encoding beyond UTF-8.
_SAMPLE = 1 << 20
#: From this share of unlikely characters on nothing was detected.
_DOUBT = 0.1
#: Encodings whose shares differ by less are equally likely.
_NEAR = 0.03

_MAGIC = (
    (b"PK\x03\x04", "it is an Excel workbook or a ZIP file", "save the sheet as CSV, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "it is an Excel workbook", "save the sheet as CSV"),
    (b"%PDF", "it is a PDF and no table", "ask for the table itself, as CSV"),
    (b"\x1f\x8b", "it is packed (gzip)", "unpack it"),
    (b"SQLite format 3", "it is an SQLite file", "export its tables as CSV"),
)


@dataclass(frozen=True)
class Encoding:
    """How to read a file: as DuckDB names it, or what to decode it from before DuckDB sees it."""

    duckdb: str
    recode: str = ""
    note: str = ""


def no_text(path: Path) -> tuple[str, str] | None:
    """Why a file cannot be a table of text, and what to do; None when it may be one."""
    with path.open("rb") as file:
        head = file.read(4096)
    for magic, reason, hint in _MAGIC:
        if head.startswith(magic):
            return reason, hint
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\0" in head and not wide:
        return "it is no text", "name CSV, Parquet or DuckDB files"
    if head.lstrip()[:1] in (b"{", b"[") or head.lstrip()[:5].lower() in (b"<!doc", b"<html"):
        return "it is no table of lines (JSON, XML or HTML)", "save the table as CSV or Parquet"
    return None


def encoding_of(path: Path) -> Encoding:
    """The encoding of a text file: UTF-8 when the whole of it is, else the likeliest.

    DuckDB reads UTF-8 and Latin-1 by itself; anything else has to be written again first.
    """
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoding("utf-8", "utf-16", "it is UTF-16, and written again as UTF-8")
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _other(path)
    return Encoding("utf-8")


def _other(path: Path) -> Encoding:
    from charset_normalizer import from_bytes

    lines, controls = [], False
    with path.open("rb") as file:
        size = 0
        for line in file:
            if not line.isascii():
                controls = controls or any(0x80 <= byte <= 0x9F for byte in line)
                if size < _SAMPLE:
                    lines.append(line)
                    size += len(line)
    data = b"".join(lines)
    western = "cp1252" if controls else "latin-1"
    name = _likeliest(from_bytes(data), western)
    try:
        # Neighbouring code pages write the same bytes for most letters: the western one is meant.
        if data.decode(western) == data.decode(name):
            name = western
    except UnicodeDecodeError:
        pass
    if name == "latin-1":
        return Encoding("latin-1", "", "it is Latin-1")
    return Encoding(
        "utf-8",
        name,
        f"it looks like {name}, and is written again as UTF-8; where letters look wrong, save the"
        " file as UTF-8",
    )


def _likeliest(found: CharsetMatches, western: str) -> str:
    """The encoding detected; of those about as likely one of Windows, and the western in doubt."""
    best = found.best()
    if best is None or best.chaos > _DOUBT:
        return western
    near = [m.encoding for m in found if m.chaos <= best.chaos + _NEAR]
    return next((name for name in near if name.startswith("cp125")), best.encoding)

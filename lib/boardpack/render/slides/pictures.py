"""Pictures for slides: drawings that have no figures of their own, at twice their size."""

from __future__ import annotations

import base64
import json
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from boardpack.brand import Brand
from boardpack.errors import RenderError
from boardpack.render.slides.measures import Box

_SECONDS = 120
#: In a process of its own: once vl-convert has run, this process could not be forked any more.
_DRAW = """
import base64, json, sys, vl_convert
wanted = json.load(sys.stdin)
for folder in wanted["fonts"]:
    vl_convert.register_font_directory(folder)
made = [base64.b64encode(vl_convert.svg_to_png(svg, scale=2)).decode() for svg in wanted["svgs"]]
json.dump(made, sys.stdout)
"""


@dataclass(frozen=True)
class Raster:
    """A picture as a file of pixels."""

    data: bytes
    width: int
    height: int


def rasters(folder: Path, brand: Brand, paths: Sequence[str]) -> dict[str, Raster]:
    """The files of a report's folder by their paths, drawings turned into PNG.

    `RenderError` when one cannot be drawn.
    """
    found: dict[str, Raster] = {}
    drawings = []
    for path in dict.fromkeys(paths):
        file = folder / path
        if not file.is_file():
            continue
        if file.suffix.lower() == ".svg":
            drawings.append(path)
        else:
            found[path] = _measured(file.read_bytes(), file)
    if drawings:
        svgs = [(folder / path).read_text(encoding="utf-8") for path in drawings]
        for path, data in zip(drawings, _drawn(svgs, brand), strict=True):
            found[path] = _measured(data, folder / path)
    return found


def fitted(picture: Raster, box: Box) -> Box:
    """Where a picture stands in a box: as large as it may be, in the middle of what is left."""
    scale = min(box.width / picture.width, box.height / picture.height)
    width, height = picture.width * scale, picture.height * scale
    return Box(box.x + (box.width - width) / 2, box.y, width, height)


def _drawn(svgs: Sequence[str], brand: Brand) -> list[bytes]:
    fonts = sorted({str(font.path.parent) for font in brand.fonts})
    wanted = json.dumps({"fonts": fonts, "svgs": list(svgs)})
    made = subprocess.run(
        [sys.executable, "-c", _DRAW], input=wanted, text=True, capture_output=True, check=False,
        timeout=_SECONDS,
    )  # fmt: skip
    if made.returncode != 0:
        reason = (made.stderr.strip().splitlines() or ["no message"])[-1]
        raise RenderError(f"A picture for a slide could not be drawn: {reason}")
    return [base64.b64decode(data) for data in json.loads(made.stdout)]


def _measured(data: bytes, file: Path) -> Raster:
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        width, height = struct.unpack(">II", data[16:24])
        return Raster(data, width, height)
    import io

    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            return Raster(data, *image.size)
    except (UnidentifiedImageError, OSError):
        raise RenderError(
            "A picture cannot stand on a slide.", file=file, hint="use SVG, PNG or JPEG"
        ) from None

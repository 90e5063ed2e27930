"""Where the font files are: one family for charts, HTML and PDF, so that measured text fits."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from boardpack.errors import RenderError

#: The family a report uses where ``_brand.yml`` names no other.
FAMILY = "Source Sans Pro"

_PACKAGE = "font_source_sans_pro"


@cache
def font_folder() -> Path:
    """The folder of the suite's font files; `RenderError` when they are not installed.

    Charts register it with vl-convert and the PDF with Typst, so both measure text alike.

    >>> (font_folder() / "SourceSansPro-Regular.ttf").is_file()
    True
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise RenderError(
            "The fonts of the reports are not installed.",
            hint="install the package font-source-sans-pro",
        )
    return Path(spec.submodule_search_locations[0]) / "files"

"""From an assembled report to its files: pages by Quarto, else built in, and slides."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from boardpack.assemble import Assembled
from boardpack.render.builtin import html_page, policy, render_builtin
from boardpack.render.parts import KnownParts
from boardpack.render.quarto import find_quarto, render_quarto
from boardpack.render.slides import render_slides
from boardpack.render.theme import lay_theme

__all__ = ["KnownParts", "Rendered", "Renderer", "html_page", "policy", "render"]

Renderer = Literal["auto", "builtin", "quarto"]


@dataclass(frozen=True)
class Rendered:
    """The files of a report, which renderer made the pages, and in how many seconds.

    ``pptx`` is None for a report that has no slides.
    """

    html: Path
    pdf: Path
    renderer: str
    seconds: float
    pptx: Path | None = None


def render(
    assembled: Assembled,
    folder: Path,
    *,
    renderer: Renderer = "auto",
    environ: Mapping[str, str] = os.environ,
) -> Rendered:
    """Render an assembled report into ``folder``; `RenderError` says what refused it.

    ``auto`` takes Quarto where an executable is found (``QUARTO_PATH``, then ``PATH``). A Quarto
    that is there and fails is an error, never a reason to fall back.
    """
    started = time.perf_counter()
    lay_theme(assembled.folder)
    quarto = None if renderer == "builtin" else find_quarto(environ, needed=renderer == "quarto")
    # The pages are made by other programs: the slides are made while these work.
    with ThreadPoolExecutor(max_workers=1) as beside:
        slides = beside.submit(render_slides, assembled, folder) if assembled.slides else None
        if quarto is None:
            html, pdf = render_builtin(assembled, folder)
        else:
            html, pdf = render_quarto(assembled, folder, quarto, environ)
        pptx = slides.result() if slides else None
    name = "builtin" if quarto is None else "quarto"
    return Rendered(html, pdf, name, time.perf_counter() - started, pptx)

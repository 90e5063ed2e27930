"""The look of a report as files beside it, ``theme/``, for any renderer or a person with Quarto."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path

from boardpack.brand import Brand, read_brand
from boardpack.errors import StorageError
from boardpack.render.assets import vega_bundle
from boardpack.render.scheme import color_variables, heat_steps

HERE = Path(__file__).parent


def lay_theme(folder: Path) -> None:
    """Write ``theme/`` into the folder of an assembled report, after its ``_brand.yml``."""
    brand = read_brand(folder / "_brand.yml")
    theme = folder / "theme"
    try:
        theme.mkdir(exist_ok=True)
        for name in ("filter.lua", "report.typ"):
            shutil.copyfile(HERE / name, theme / name)
        (theme / "report.css").write_text(parts_css(brand), encoding="utf-8")
        (theme / "charts.html").write_text(charts_html(), encoding="utf-8")
        look = {
            "family": brand.family,
            "colors": brand.colors,
            "heat": heat_steps(brand.colors),
        }
        (theme / "brand.json").write_text(json.dumps(look), encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"The theme of the report cannot be written ({error.strerror}).", file=theme
        ) from None


def parts_css(brand: Brand) -> str:
    """The styles of the parts of a report, with the brand's colours and font as variables."""
    font = f'--font: "{brand.family}", "Source Sans 3", "Segoe UI", Helvetica, Arial, sans-serif;'
    name = f'--font-name: "{brand.family}";'
    return f":root {{ {font} {name} }}\n{color_variables(brand)}" + source("report.css")


def scripts() -> tuple[str, str]:
    """Vega's bundle, and the script that draws the charts with it."""
    return vega_bundle(), source("charts.js")


def charts_html() -> str:
    """Both scripts, to be placed once at the end of a page."""
    return "\n".join(f"<script>{script}</script>" for script in scripts()) + "\n"


@cache
def source(name: str) -> str:
    """The text of a file of the theme."""
    return (HERE / name).read_text(encoding="utf-8")

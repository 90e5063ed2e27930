"""The adapter against a stand-in ``quarto``: what it is given, and every way it can end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from boardpack.errors import RenderError
from boardpack.render import Rendered, render
from boardpack.render.quarto import outside_links
from report_fixture import Desk, chart

PAGE = "<!DOCTYPE html><html><body>made by the stand-in</body></html>"

FAKE = """#!{python}
import sys
from pathlib import Path
assert sys.argv[1:3] == ["render", "report.qmd"], sys.argv
for name in ("report.qmd", "_quarto.yml", "_brand.yml", "theme/filter.lua", "theme/report.css",
             "theme/charts.html", "theme/report.typ", "figures/revenue-fig-mrr.svg",
             "fonts/SourceSansPro-Regular.ttf"):
    assert Path(name).is_file(), name
made = Path("made")
made.mkdir()
{rest}
"""

WRITES = f"""
(made / "report.html").write_text({PAGE!r})
(made / "report.pdf").write_bytes(b"%PDF-1.7 made by the stand-in")
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path / "workspace")
    desk.root.mkdir()
    desk.notebook("revenue", fig_mrr=chart())
    return desk


def run(desk: Desk, rest: str, **environ: str) -> Rendered:
    folder = desk.root.parent / "bin"
    folder.mkdir(exist_ok=True)
    script = folder / "quarto"
    script.write_text(FAKE.format(python=sys.executable, rest=rest))
    script.chmod(0o755)
    assembled = desk.assemble("{{< embed ../notebooks/revenue.ipynb#fig-mrr >}}")
    return render(assembled, desk.target, environ={"PATH": str(folder), **environ})


def test_quarto_is_used_where_it_is_found(desk: Desk) -> None:
    done = run(desk, WRITES)
    assert done.renderer == "quarto"
    assert "stand-in" in done.html.read_text()
    assert done.pdf.read_bytes().startswith(b"%PDF-")
    assert done.html.parent == desk.target
    assert not list(desk.target.glob(".quarto-*"))


def test_quarto_path_stands_before_path(desk: Desk, tmp_path: Path) -> None:
    named = tmp_path / "named"
    named.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('the named one')\n")
    named.chmod(0o755)
    with pytest.raises(RenderError, match="the named one"):
        run(desk, WRITES, QUARTO_PATH=str(named))
    with pytest.raises(RenderError, match="cannot be run"):
        run(desk, WRITES, QUARTO_PATH=str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("sys.exit('ERROR: the typst is broken')", "exit code 1: ERROR: the typst is broken"),
        ("sys.exit(3)", "exit code 3: it said nothing"),
        ("", "made no report.html"),
        (f"(made / 'report.html').write_text({PAGE!r})", "made no report.pdf"),
        (WRITES.replace("%PDF-", "no-"), "made no report.pdf"),
        (WRITES + "(made / 'report.html').write_text('')", "made no report.html"),
        (
            WRITES.replace(
                "<body>", '<body><script src="https://cdn.example/require.js"></script>'
            ),
            "loads https://cdn.example/require.js",
        ),
        (WRITES.replace("made by", "?@fig-mrr"), "unresolved"),
        (
            WRITES + "print('WARNING: Could not fetch resource a.png', file=sys.stderr)",
            "warned: WARNING: Could not fetch resource a.png",
        ),
        (
            WRITES + r"print('\x1b[33mWARN: Unable to resolve link target', file=sys.stderr)",
            "warned: WARN: Unable to resolve",
        ),
    ],
)
def test_a_quarto_that_did_not_do_its_work_is_an_error(desk: Desk, rest: str, message: str) -> None:
    with pytest.raises(RenderError, match="(?s)" + message.replace("?", r"\?")):
        run(desk, rest)
    # Nothing of it is left where a reader could take it for the report.
    assert not (desk.target / "report.html").exists()
    assert not (desk.target / "report.pdf").exists()
    assert not list(desk.target.glob(".quarto-*"))


def test_a_warning_that_harms_nothing_is_let_pass(desk: Desk) -> None:
    rest = WRITES + "print('WARNING: a newer version is available', file=sys.stderr)"
    assert run(desk, rest).renderer == "quarto"


def test_without_quarto_the_report_is_made_all_the_same(desk: Desk, tmp_path: Path) -> None:
    assembled = desk.assemble("Text")
    done = render(assembled, desk.target, environ={"PATH": str(tmp_path)})
    assert done.renderer == "builtin"
    with pytest.raises(RenderError, match="Quarto is not installed"):
        render(assembled, desk.target, renderer="quarto", environ={"PATH": str(tmp_path)})


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ('<a href="https://a.example">follow me</a>', []),
        ("<script>var url = 'https://a.example';</script>", []),
        ('<link rel="canonical" href="https://a.example">', []),
        ('<link rel="stylesheet" href="//a.example/x.css">', ["//a.example/x.css"]),
        ('<img src="data:image/png;base64,AA">', []),
        ('<svg><image xlink:href="http://a.example/x.png"/></svg>', ["http://a.example/x.png"]),
        ("<style>@import 'https://a.example/x.css';</style>", ["https://a.example/x.css"]),
        ('<p style="background: url(https://a.example/x.png)">x</p>', ["https://a.example/x.png"]),
    ],
)
def test_only_what_a_browser_would_fetch_counts(page: str, found: list[str]) -> None:
    assert outside_links(page) == found

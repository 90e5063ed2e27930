"""A previewed report: only what a change touches is made again, errors stand beside the last page."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, expect

import workspaces
from boardpack import theme
from boardpack.cli import main
from boardpack.errors import UserError
from boardpack.executions import NotebookProcess
from boardpack.locks import lock
from boardpack.preview_server import HOST, Board, follow, listening, script, serving
from boardpack.previews import Asked, Preview, Refreshed
from boardpack.render import policy
from boardpack.workspace import SUITE

OWN = """\
- kpi: baskets
  name: Baskets
  definition: Invoices of the month.
  category: revenue
  unit: count
  direction: higher
  owner: Sales
  additive: true
  measures:
    baskets: {source: invoices, value: count(*)}
"""


def desk(folder: Path) -> Path:
    """The shop with a KPI of its own, in a notebook of its own."""
    shop = workspaces.shop(folder)
    (shop / "kpis").mkdir()
    (shop / "kpis" / "own.yml").write_text(OWN, encoding="utf-8")
    notebook = nbformat.read(shop / "notebooks" / "purchases.ipynb", as_version=4)
    parameters = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    parameters.source = re.sub(
        r"kpis = \[.*?\]", 'kpis = ["baskets"]', parameters.source, flags=re.S
    )
    notebook.cells[-1].source = '#| label: fig-baskets\nbp.trend(values, "baskets")'
    nbformat.write(notebook, shop / "notebooks" / "baskets.ipynb")
    report = shop / "reports" / "monthly.qmd"
    text = report.read_text(encoding="utf-8")
    report.write_text(
        text + "\n{{< embed ../notebooks/baskets.ipynb#fig-baskets >}}\n", encoding="utf-8"
    )
    return shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return desk(tmp_path_factory.mktemp("previews") / "shop")


@pytest.fixture(scope="module")
def preview(shop: Path, process: NotebookProcess) -> Iterator[Preview]:
    """A preview whose first page is made; each test leaves the files as it found them."""
    with opened(shop, process) as made:
        first = made.refresh()
        assert first.error is None, first.error
        assert first.page is not None
        assert set(first.again["notebooks"]) == {"purchases", "baskets"}
        yield made


def opened(shop: Path, process: NotebookProcess, name: str = "monthly") -> Preview:
    asked = Asked("monthly", "2025-05")
    folder = shop / "var" / "previews" / name
    return Preview(shop, asked, folder, process, lambda: datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def edit(shop: Path) -> Iterator[Callable[[str, str, str], None]]:
    """Replace words of a file; what was edited is as it was afterwards."""
    before: dict[Path, str] = {}

    def change(name: str, old: str, new: str) -> None:
        path = shop / name
        text = path.read_text(encoding="utf-8")
        before.setdefault(path, text)
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    yield change
    for path, text in before.items():
        path.write_text(text, encoding="utf-8")


Edit = Callable[[str, str, str], None]


def made(preview: Preview) -> Refreshed:
    found = preview.refresh()
    assert found.error is None, found.error
    return found


def test_only_what_a_change_touches_is_made_again(preview: Preview, edit: Edit) -> None:
    made(preview)
    nothing = made(preview)
    assert (nothing.page, nothing.seconds, nothing.again) == (None, {}, {})

    edit("reports/monthly.qmd", "title: Sales", "title: Turnover")
    found = made(preview)
    assert found.page is not None
    assert b"Turnover" in found.page
    assert (set(found.seconds), found.again) == ({"assemble", "page"}, {})

    edit(
        "notebooks/baskets.ipynb",
        'bp.trend(values, \\"baskets\\")',
        'bp.history(values, [\\"baskets\\"])',
    )
    found = made(preview)
    assert found.again == {"notebooks": ("baskets",)}
    assert set(found.seconds) == {"notebooks", "assemble", "page"}

    edit("kpis/own.yml", "Invoices of the month.", "Invoices, all of them.")
    found = made(preview)
    # The other notebook does not name it.
    assert found.again == {"kpis": ("baskets",), "notebooks": ("baskets",)}
    assert "gate" not in found.seconds

    edit("kpis/own.yml", "count(*)", "count(distinct account_id)")
    found = made(preview)
    assert found.again == {"kpis": ("baskets",), "notebooks": ("baskets",)}


def test_new_data_are_read_and_checked_again(preview: Preview, shop: Path, edit: Edit) -> None:
    made(preview)
    edit("data/purchases.txt", "", "")
    workspaces.buy(shop, "20250517 2 31.00")
    found = made(preview)
    assert {"data", "gate", "values", "notebooks"} <= set(found.seconds)
    assert "definitions" not in found.seconds
    assert found.page is not None


@pytest.mark.parametrize(
    ("name", "old", "new", "says", "line"),
    [
        ("kpis/own.yml", "direction: higher", "direction: hihger", "direction", 6),
        ("kpis/own.yml", "count(*)", "count(", "count(", 10),
        ("kpis/own.yml", "source: invoices", "source: invoicess", "did you mean 'invoices'", 10),
        ("reports/monthly.qmd", "#fig-baskets", "#fig-basket", "did you mean 'fig-baskets'", 13),
        ("reports/monthly.qmd", "## Restatements", "##### Restatements", "level", 8),
        ("notebooks/baskets.ipynb", "bp.trend(", "bp.trnd(", "trnd", None),
        ("boardpack.yml", "currency: USD", "currenzy: USD", "currenzy", 3),
        (
            "reports/monthly.qmd",
            "baskets.ipynb",
            "basket.ipynb",
            "'basket', which is not there",
            None,
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_gone_when_mended(
    preview: Preview, shop: Path, edit: Edit,
    name: str, old: str, new: str, says: str, line: int | None,
) -> None:  # fmt: skip
    made(preview)
    edit(name, old, new)
    found = preview.refresh()
    assert found.page is None
    assert found.error is not None
    assert says in str(found.error)
    assert found.error.file is not None
    assert Path(found.error.file).name == Path(name).name
    assert found.error.line == line
    # It is not forgotten at the next look.
    assert says in str(preview.refresh().error)
    edit(name, new, old)
    mended = made(preview)
    assert not {"data", "gate"} & set(mended.seconds) or name == "boardpack.yml"
    assert "purchases" not in mended.again.get("notebooks", ())


def test_nothing_is_published_and_the_ledger_stays(
    shop: Path, process: NotebookProcess, tmp_path: Path
) -> None:
    own = tmp_path / "shop"
    shutil.copytree(shop, own, ignore=shutil.ignore_patterns("var"))
    (own / "var").mkdir()
    with opened(own, process) as preview:
        assert preview.refresh().page is not None
        assert sorted(path.name for path in (own / "var").iterdir()) == ["previews"]
    assert [path.name for path in (own / "var" / "previews").iterdir()] == [".drawings"]


@pytest.fixture
def address(shop: Path, process: NotebookProcess) -> Iterator[str]:
    """A preview that is served, and follows the files."""
    board, stop = Board("monthly: preview"), threading.Event()

    def work() -> None:
        with opened(shop, process, "served") as preview:
            follow(preview, board, lambda found: None, stop)

    with serving(board) as where:
        thread = threading.Thread(target=work)
        thread.start()
        yield where
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def test_a_browser_shows_each_change_and_what_is_wrong(
    address: str, edit: Edit, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 600})
    console: list[str] = []
    page.on("console", lambda message: console.append(message.text))
    page.on("pageerror", lambda error: console.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    heading = page.locator("h1").first
    expect(heading).to_contain_text("Sales", timeout=60_000)
    bar = page.locator("#preview-bar")
    expect(bar).to_have_text("Preview: not published")
    edit("reports/monthly.qmd", "title: Sales", "title: Turnover and more")
    expect(heading).to_contain_text("Turnover and more", timeout=20_000)
    edit("kpis/own.yml", "direction: higher", "direction: hihger")
    expect(bar).to_contain_text("own.yml:6", timeout=20_000)
    expect(bar).to_contain_text("hihger")
    expect(heading).to_contain_text("Turnover")
    edit("kpis/own.yml", "direction: hihger", "direction: higher")
    expect(bar).to_have_text("Preview: not published", timeout=20_000)
    assert console == []
    assert all(url.startswith((address, "data:")) for url in asked)
    page.close()


def test_only_this_machine_and_only_the_page_are_answered() -> None:
    board = Board("title")
    with serving(board) as address:
        port = int(address.rsplit(":", 1)[1].strip("/"))

        def status(path: str, host: str) -> int:
            with_port = http.client.HTTPConnection(HOST, port, timeout=10)
            with_port.request("GET", path, headers={"Host": host})
            answer = with_port.getresponse()
            with_port.close()
            return answer.status

        assert status("/", f"{HOST}:{port}") == status("/", f"localhost:{port}") == 200
        for path in ("/report.qmd", "/../ledger.sqlite", "/events/1", "/index.html"):
            assert status(path, f"{HOST}:{port}") == 404
        for host in ("evil.example", f"evil.example:{port}", ""):
            assert status("/", host) == 403
        with pytest.raises(UserError, match=f"port {port} cannot be used"), serving(board, port):
            pass


def test_only_a_previewed_page_may_listen() -> None:
    plain = f'<head><meta content="{policy()}"></head><body>x</body>'.encode()
    page = listening(plain, 3).decode()
    assert "connect-src 'self'" in page
    assert policy(script()).split(";")[1] in page
    assert '<meta name="preview-version" content="3">' in page
    assert page.count("<script>") == 1
    assert "connect-src" not in policy()


def test_once_says_what_took_how_long(shop: Path) -> None:
    arguments = ["preview", "monthly", "--period", "2025-05", "--once", "--workspace", str(shop)]
    found = CliRunner().invoke(main, [*arguments, "--json"], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert told["is_new"]
    assert {"definitions", "gate", "values", "notebooks", "page"} <= set(told["seconds"])
    with lock(shop / "var" / "previews" / "monthly.lock", "it"):
        busy = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert busy.exit_code == 4
    assert "A preview of monthly is at work already" in busy.stderr
    arguments[1] = "montly"
    wrong = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert wrong.exit_code == 1
    assert "did you mean 'monthly'" in wrong.stderr


SPEC = {
    "data": {"values": [{"a": 1}]},
    "mark": "point",
    "encoding": {"x": {"field": "a", "type": "quantitative"}},
}


def test_what_was_drawn_before_is_not_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = theme.draw(SPEC)
    monkeypatch.setenv(theme.DRAWINGS, str(tmp_path))
    assert theme.draw(SPEC) == plain
    (kept,) = tmp_path.iterdir()
    kept.write_text("known", encoding="utf-8")
    assert theme.draw(SPEC) == "known"
    assert theme.draw({**SPEC, "mark": "bar"}) != "known"
    # A folder that cannot be written costs time and nothing else.
    monkeypatch.setenv(theme.DRAWINGS, str(tmp_path / "nowhere"))
    assert theme.draw(SPEC) == plain


def test_the_suite_is_previewed_from_where_it_lies(process: NotebookProcess) -> None:
    folder = SUITE / "var" / "previews" / "test"
    preview = Preview(
        SUITE, Asked("monthly"), folder, process, lambda: datetime(2026, 1, 1, tzinfo=UTC)
    )
    folders, files = preview.watched()
    assert {SUITE / "notebooks", SUITE / "reports", SUITE / "lib" / "kpis"} <= folders
    assert SUITE / "boardpack.yml" in files
    assert not any("var" in path.parts[len(SUITE.parts) :] for path in folders)


def test_from_the_command_line_it_serves_until_it_is_interrupted(shop: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "boardpack",
        "preview",
        "monthly",
        "--period",
        "2025-05",
        "--json",
    ]
    with subprocess.Popen(
        [*command, "--workspace", str(shop)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # Tests started in the background ignore interrupts, and what they start would do so too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as started:  # fmt: skip
        try:
            assert started.stdout is not None
            where, first = (json.loads(started.stdout.readline()) for _ in range(2))
            assert where["url"].startswith(f"http://{HOST}:")
            assert first["is_new"], first
            with urllib.request.urlopen(where["url"], timeout=10) as answer:
                assert b"<h1>Sales" in answer.read()
            started.send_signal(signal.SIGINT)
            assert started.wait(30) == 0
        finally:
            started.kill()
    assert not (shop / "var" / "previews" / "monthly").exists()

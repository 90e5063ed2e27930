"""A previewed page for this machine alone: it is served, and made again when its files change."""

from __future__ import annotations

import html
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from watchfiles import Change, watch

from boardpack.errors import UserError
from boardpack.previews import Preview, Refreshed
from boardpack.render import policy

#: Nobody but this machine is answered.
HOST = "127.0.0.1"
#: Browsers that have gone are noticed within so many seconds.
_HEARTBEAT = 10.0
#: Milliseconds that must pass without a change before one is followed, and that may pass at most.
_CALM, _AT_MOST = 50, 400
#: Milliseconds between two looks at whether it is to end.
_LOOK = 250


@dataclass(frozen=True)
class Standing:
    """What a browser is to know: which page is there, what is being made, what is wrong."""

    version: int = 0
    page: bytes = b""
    step: str = ""
    problem: str = ""

    def told(self) -> str:
        """The same for the script of the page, as JSON."""
        about = {"version": str(self.version), "step": self.step, "problem": self.problem}
        return json.dumps(about, ensure_ascii=False)


class Board:
    """The standing of a preview: one thread writes it, those of browsers wait for what is new."""

    def __init__(self, title: str) -> None:
        self._changed = threading.Condition()
        self._title = title
        self.now = Standing(page=_plain_page(title))
        self.ended = False

    def step(self, name: str) -> None:
        """Say what is being made."""
        self._write(replace(self.now, step=name))

    def refreshed(self, found: Refreshed) -> None:
        """Show what was made; what is wrong stands beside the last page that was right."""
        new = replace(self.now, step="", problem=str(found.error) if found.error else "")
        if found.page is not None:
            version = self.now.version + 1
            new = replace(new, version=version, page=listening(found.page, version))
        self._write(new)

    def end(self) -> None:
        """Let those who wait go."""
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def wait(self, known: Standing | None) -> Standing | None:
        """The standing as soon as it is another than ``known``; None when a heartbeat is due."""
        with self._changed:
            self._changed.wait_for(lambda: self.ended or self.now is not known, _HEARTBEAT)
            return None if self.now is known else self.now

    def _write(self, new: Standing) -> None:
        with self._changed:
            self.now = new
            self._changed.notify_all()


def listening(page: bytes, version: int) -> bytes:
    """A page with the script that listens for the next one, and leave to do so."""
    text = page.decode("utf-8")
    text = text.replace(policy(), policy(script(), connect="'self'"), 1)
    text = text.replace("<head>", f'<head>\n<meta name="preview-version" content="{version}">', 1)
    head, _, tail = text.rpartition("</body>")
    return f"{head}<script>{script()}</script>\n</body>{tail}".encode()


@cache
def script() -> str:
    """The script of a previewed page."""
    return Path(__file__).with_name("preview.js").read_text(encoding="utf-8")


def _plain_page(title: str) -> bytes:
    """What stands there until there is a first page."""
    page = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy()}">\n'
        f"<title>{html.escape(title)}</title>\n</head>\n<body>\n"
        f"<main><h1>{html.escape(title)}</h1><p>The first page is being made.</p></main>\n"
        "</body>\n</html>\n"
    )
    return listening(page.encode(), 0)


@contextmanager
def serving(board: Board, port: int = 0) -> Iterator[str]:
    """Serve a preview for the length of a ``with`` block; its address. Port 0 is any free one."""

    class Handler(_Handler):
        shown = board

    try:
        server = ThreadingHTTPServer((HOST, port), Handler)
    except OSError as error:
        raise UserError(
            f"port {port} cannot be used ({error.strerror}).", hint="leave --port out for any other"
        ) from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}/"
    finally:
        board.end()
        server.shutdown()
        server.server_close()
        thread.join()


def follow(
    preview: Preview,
    board: Board,
    told: Callable[[Refreshed], None],
    stop: threading.Event,
) -> None:
    """Make the page, and again after every change of a file that counts, until ``stop`` is set."""
    changes: Iterator[bool] | None = None
    places = None
    while not stop.is_set():
        found = preview.refresh()
        board.refreshed(found)
        told(found)
        if places != preview.watched():
            # What lies in folders that were not watched so far may have changed meanwhile, so the
            # files are looked at once more, which costs little.
            places = preview.watched()
            changes = _changes(*places, stop)
            next(changes)
        elif changes is not None and not next(changes, False):
            break


def _changes(
    folders: frozenset[Path], files: frozenset[Path], stop: threading.Event
) -> Iterator[bool]:
    """True once it is watched, and again whenever a file that counts has changed."""

    def counts(change: Change, path: str) -> bool:
        changed = Path(path)
        hidden = changed.name.startswith((".", "#", "~")) or changed.name.endswith("~")
        return not hidden and (changed.parent in folders or changed in files)

    places = {*folders, *(file.parent for file in files)}
    found = watch(
        *(place for place in places if place.is_dir()),
        watch_filter=counts, debounce=_AT_MOST, step=_CALM, stop_event=stop, rust_timeout=_LOOK,
        yield_on_timeout=True, recursive=False,
    )  # fmt: skip
    # With the first answer, which may say that nothing has changed, it is being watched.
    yield next(found, None) is not None
    for changed in found:
        if changed:
            yield True


class _Handler(BaseHTTPRequestHandler):
    """Answers for the page itself and for the stream of what is new; for nothing else."""

    shown: Board
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        if host not in (HOST, "localhost"):
            # Another name leads here where a page of somebody else wants to read this one.
            self.send_error(403)
        elif self.path == "/":
            self._page()
        elif self.path == "/events":
            self._events()
        else:
            self.send_error(404)

    def _page(self) -> None:
        page = self.shown.now.page
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(page)

    def _events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        known: Standing | None = None
        with suppress(OSError):
            while not self.shown.ended:
                new = self.shown.wait(known)
                if new is None:
                    self.wfile.write(b": still here\n\n")
                else:
                    known = new
                    self.wfile.write(f"event: state\ndata: {new.told()}\n\n".encode())
                self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what was made is told elsewhere."""

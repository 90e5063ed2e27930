"""The index: one page that lists every edition, for people who only want to read the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from html import escape
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from babel.dates import format_date

from boardpack import edition_folders, reconciliation
from boardpack.brand import Brand, brand_file, read_brand
from boardpack.calendars import PLAIN, Calendar
from boardpack.files import replace_text
from boardpack.formats import member_name, period_name
from boardpack.ledger import Ledger
from boardpack.ledger_rows import EditionRow
from boardpack.periods import known_as
from boardpack.qmd import read_report
from boardpack.render.assets import page_head
from boardpack.workspace import Workspace

_VERDICTS = {
    "publish": ("good", "Passed"),
    "banner": ("warn", "Passed with warnings"),
    "hold": ("bad", "Failed"),
    "not checked": ("none", "Not checked"),
}
_FILES = (("report.html", "HTML"), ("report.pdf", "PDF"), ("report.pptx", "Slides"),
          ("values.csv", "CSV"), ("quality.html", "Data quality"))  # fmt: skip
_COLUMNS = ("Period", "As of", "Data checks", "Status", "Revision", "Published", "Files")


def write_index(
    site: Path,
    rows: Iterable[EditionRow],
    company: str,
    *,
    brand: Brand | None = None,
    titles: Mapping[str, str] | None = None,
    locale: str = "en_US",
    calendar: Calendar = PLAIN,
) -> Path:
    """Write ``index.html`` into ``site`` and return its path; readers see the old page or the new.

    Links lead to the folder ``editions`` beside ``site``, for the files that are there. Colours and
    font are those of ``brand`` (the suite's when None); ``titles`` names a report by its id. The
    page needs no network. Hold `boardpack.edition_folders.publishing` while the rows are read and
    the page is written, so that of two runs the later one's index stays. `StorageError` when
    ``site`` cannot be written.
    """
    path = site / "index.html"
    root = site.parent / "editions"
    page = index_html(list(rows), company, root, brand or read_brand(), titles, locale, calendar)
    replace_text(path, page)
    return path


def refresh(workspace: Workspace, ledger: Ledger) -> Path:
    """Write the index of a workspace from its ledger; what killed runs left is mended first."""
    root = workspace.var / "editions"
    reconciliation.reconcile(root, ledger)
    titles = {
        name: str(read_report(path).header.get("title", name))
        for name, path in workspace.reports.items()
    }
    brand = read_brand(brand_file(*workspace.folders("reports")))
    settings = workspace.settings
    with edition_folders.publishing(root):
        return write_index(
            workspace.var / "site", ledger.editions(), settings.company,
            brand=brand, titles=titles, locale=settings.locale,
            calendar=workspace.calendar,
        )  # fmt: skip


@dataclass(frozen=True)
class _Reader:
    """How periods and days are written for who reads the page.

    An edition of before the company's calendar changed keeps the period it was made for.
    """

    locale: str
    calendar: Calendar

    def period(self, label: str) -> str:
        found = known_as(label, self.calendar)
        return period_name(found, self.locale) if found else label

    def newest_first(self, row: EditionRow) -> tuple[int, int, str, str, int]:
        found = known_as(row.period, self.calendar)
        begin, end = (found.start.toordinal(), found.end.toordinal()) if found else (0, 0)
        return -end, begin, row.period, row.segment, -row.revision


def index_html(
    rows: Sequence[EditionRow],
    company: str,
    root: Path,
    brand: Brand,
    titles: Mapping[str, str] | None = None,
    locale: str = "en_US",
    calendar: Calendar = PLAIN,
) -> str:
    """The page itself; ``root`` is the folder of the editions, asked only for which files exist.

    >>> "Nothing is published yet" in index_html([], "Example Ltd", Path("editions"), read_brand())
    True
    """
    names, reader = titles or {}, _Reader(locale, calendar)
    by_report: dict[str, list[EditionRow]] = {}
    for row in sorted(rows, key=lambda row: row.report):
        by_report.setdefault(row.report, []).append(row)
    reports = {report: names.get(report, member_name(report)) for report in by_report}
    body = [
        _section(report, reports[report], own, root, reader) for report, own in by_report.items()
    ] or [_EMPTY]
    return _PAGE.format(
        company=escape(company),
        head=page_head(brand, f"Reports · {company}", "site.css"),
        summary=_summary(rows, len(reports)),
        nav=_nav(reports) if len(reports) > 1 else "",
        body="\n".join(body),
    )


_PAGE = """{head}<body>
<a class="skip" href="#editions">Skip to the reports</a>
<header><div class="wrap">
<p class="company">{company}</p>
<h1>Reports</h1>
<p class="summary">{summary}</p>
{nav}</div></header>
<main class="wrap" id="editions">
{body}
</main>
<footer><div class="wrap">Editions are never changed: a correction is a new revision, and the
earlier ones stay.</div></footer>
</body>
</html>
"""

_EMPTY = """<div class="empty">
<p><strong>Nothing is published yet.</strong></p>
<p>Make a first edition with <code>boardpack run monthly</code>.</p>
</div>"""


def _summary(editions: Sequence[EditionRow], reports: int) -> str:
    if not editions:
        return "No editions yet"
    newest = max(row.published_at for row in editions)
    return (
        f"{_count(len(editions), 'edition')} of {_count(reports, 'report')},"
        f" the newest published {_moment(newest)}"
    )


def _nav(reports: Mapping[str, str]) -> str:
    items = "".join(
        f'<li><a href="#{escape(_anchor(report))}">{escape(title)}</a></li>'
        for report, title in reports.items()
    )
    return f'<nav aria-label="Reports"><ul>{items}</ul></nav>\n'


def _section(
    report: str, title: str, rows: Sequence[EditionRow], root: Path, reader: _Reader
) -> str:
    ordered = sorted(rows, key=reader.newest_first)
    periods = [
        list(same) for _, same in groupby(ordered, key=lambda row: reader.newest_first(row)[:-1])
    ]
    headings = "".join(f'<th scope="col" role="columnheader">{column}</th>' for column in _COLUMNS)
    body = "\n".join(_period_row(title, same, root, reader) for same in periods)
    return f"""<section id="{escape(_anchor(report))}" aria-label="{escape(title)}">
<h2>{escape(title)}</h2>
{_latest(title, _newest_sound(ordered), root, reader)}
<div class="all"><table role="table">
<caption class="unseen">Every period of {escape(title)}, newest first</caption>
<thead role="rowgroup"><tr role="row">{headings}</tr></thead>
<tbody role="rowgroup">
{body}
</tbody>
</table></div>
</section>"""


def _latest(title: str, row: EditionRow, root: Path, reader: _Reader) -> str:
    facts = [f"As of {_day(row.as_of, reader.locale)}", f"Revision {row.revision}", _status(row)]
    if row.release == "signed":
        facts.append(escape(_release(row).replace("s", "S", 1)))
    told = "".join(f"<span>{fact}</span>" for fact in facts)
    return f"""<div class="latest">
<div>
<p class="eyebrow">Latest</p>
<p class="period">{escape(_period_and_segment(row, reader))}</p>
<p class="facts">{_verdict(row)}{told}</p>
</div>
<p class="files">{_links(title, row, root, reader)}</p>
</div>"""


def _newest_sound(rows: Sequence[EditionRow]) -> EditionRow:
    """The newest edition that is no draft; a draft only where there is nothing else."""
    return next((row for row in rows if not row.forced), rows[0])


def _period_row(title: str, revisions: Sequence[EditionRow], root: Path, reader: _Reader) -> str:
    row = _newest_sound(revisions)
    others = [other for other in revisions if other is not row]
    segment = (
        f'<span class="minor">{escape(member_name(row.segment))}</span>' if row.segment else ""
    )
    cells = (
        _day(row.as_of, reader.locale),
        _verdict(row) + f'<span class="minor">{escape(row.verdict)}</span>' + _reasons(row),
        f'{_status(row)}<span class="minor">{escape(_release(row))}</span>',
        str(row.revision),
        _moment(row.published_at),
    )
    told = "".join(
        f'<td role="cell" data-label="{label}">{cell}</td>'
        for label, cell in zip(_COLUMNS[1:-1], cells, strict=True)
    )
    return (
        f'<tr role="row"><th scope="row" role="rowheader">{escape(reader.period(row.period))}'
        f'<span class="minor">{escape(row.period)}</span>{segment}</th>{told}'
        f'<td role="cell" class="files">{_links(title, row, root, reader)}</td></tr>'
        + (_others(title, others, root, reader) if others else "")
    )


def _others(title: str, revisions: Sequence[EditionRow], root: Path, reader: _Reader) -> str:
    lines = "".join(
        f"<li><span>Revision {row.revision}</span>"
        f" <span>As of {_day(row.as_of, reader.locale)}</span>"
        f" {_verdict(row)} <span>Published {_moment(row.published_at)}</span>"
        f" <span>{_links(title, row, root, reader)}</span>"
        + (f" <span>{escape(_forced(row))}</span>" if row.forced else "")
        + f" <span>{escape(_release(row))}</span></li>"
        for row in revisions
    )
    drafts = sum(bool(row.forced) for row in revisions)
    counted = ((len(revisions) - drafts, "earlier revision"), (drafts, "draft"))
    count = " and ".join(_count(number, thing) for number, thing in counted if number)
    return (
        f'<tr role="row" class="older"><td role="cell" colspan="{len(_COLUMNS)}">'
        f"<details><summary>{count}</summary><ul>{lines}</ul></details></td></tr>"
    )


def _reasons(row: EditionRow) -> str:
    if not row.reasons:
        return ""
    forced = f'<span class="minor">{escape(_forced(row))}</span>' if row.forced else ""
    items = "".join(f"<li>{escape(reason)}</li>" for reason in row.reasons)
    count = _count(len(row.reasons), "reason")
    return f"{forced}<details><summary>{count}</summary><ul>{items}</ul></details>"


def _forced(row: EditionRow) -> str:
    return f"Published all the same by {row.forced_by}: {row.forced}"


def _links(title: str, row: EditionRow, root: Path, reader: _Reader) -> str:
    what = f" of {title}, {_period_and_segment(row, reader)}, revision {row.revision}"
    links = [
        f'<a href="../editions/{quote(row.folder)}/{name}">{label}'
        f'<span class="unseen">{escape(what)}</span></a>'
        for name, label in _FILES
        if (root / row.folder / name).is_file()
    ]
    return " ".join(links) or "Files removed"


def _period_and_segment(row: EditionRow, reader: _Reader) -> str:
    name = reader.period(row.period)
    return f"{name}, {member_name(row.segment)}" if row.segment else name


def _verdict(row: EditionRow) -> str:
    look, word = _VERDICTS.get(row.verdict, ("none", row.verdict))
    if row.forced:
        look, word = "bad", "Draft, failed"
    elif row.lacks_notes:
        look, word = "warn", "Draft, notes lacking"
    return f'<span class="verdict {look}">{escape(word)}</span>'


def _release(row: EditionRow) -> str:
    """Whether somebody released it, and who; else what it lacks for that."""
    if row.release == "signed":
        names = ", ".join(dict.fromkeys(entry.by for entry in row.signatures))
        return f"signed by {names}" if names else "signed"
    return f"draft, no note on {', '.join(row.lacks_notes)}" if row.lacks_notes else "draft"


def _status(row: EditionRow) -> str:
    return "Final" if row.status == "final" else "Provisional"


def _day(text: str, locale: str) -> str:
    try:
        spoken = format_date(date.fromisoformat(text), "medium", locale=locale)
    except ValueError:
        return escape(text)
    return f'<time datetime="{escape(text)}">{escape(spoken)}</time>'


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return escape(text)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return (
        f'<time datetime="{escape(text)}">{moment:%Y-%m-%d} <span>{moment:%H:%M} UTC</span></time>'
    )


def _anchor(report: str) -> str:
    return f"report-{report}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")

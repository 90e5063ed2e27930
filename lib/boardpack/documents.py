"""The document of an assembled report: its header for both renderers, and what stands above all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import yaml

from boardpack.facts import ReportFacts
from boardpack.formats import day_name, period_name
from boardpack.frontpage import (
    draft_line,
    draft_mark,
    facts_list,
    period_of,
    warnings_of,
)
from boardpack.markup import escape_markdown
from boardpack.periods import parse_day
from boardpack.qmd import Report


def document(
    report: Report, facts: ReportFacts, title: str, lines: Sequence[str], quality: str
) -> str:
    """The text of ``report.qmd``, from the lines below its first page.

    ``title`` is Markdown; ``quality`` is the name of the page about the data, or "".
    """
    period = escape_markdown(period_name(period_of(facts), facts.locale))
    company = escape_markdown(facts.company)
    day = day_name(parse_day(facts.as_of), facts.locale) if facts.as_of else ""
    header: dict[str, Any] = {
        **report.header,
        "title": title,
        "subtitle": f"{company} · {period}",
        "pagetitle": f"{'DRAFT: ' if facts.is_draft else ''}{title}, {period} · {company}",
        "lang": facts.locale.replace("_", "-"),
        "company": company,
        "period-name": period,
        "as-of": facts.as_of,
        "as-of-name": escape_markdown(day) if day else "",
        "confidentiality": escape_markdown(facts.confidentiality),
        "revision": facts.revision,
        "release": facts.release,
        "run-id": facts.run_id,
        "filters": ["theme/filter.lua"],
        "format": _formats(report.header.get("format"), draft_line(facts)),
    }
    if facts.is_draft:
        header["draft"] = escape_markdown(draft_line(facts))
    text = yaml.safe_dump(header, allow_unicode=True, sort_keys=False, width=10_000)
    front = [*draft_mark(facts), *facts_list(facts), "", *warnings_of(facts, quality), ""]
    return "\n".join(("---", text.rstrip(), "---", "", *front, *lines, ""))


def _formats(written: object, draft: str) -> dict[str, Any]:
    """Quarto's options per format; the built-in renderer brings the same by itself."""
    own = written if isinstance(written, dict) else {}
    html: dict[str, Any] = {"css": "theme/report.css", "include-after-body": "theme/charts.html"}
    setup = '#import "theme/report.typ": *\n#show: report-parts\n'
    if draft:
        reason = json.dumps(draft, ensure_ascii=False)
        setup += f"#set page(background: bp-draft, header: bp-draft-head({reason}))\n"
    typst: dict[str, Any] = {"include-in-header": {"text": setup}}
    return {
        "html": {**_mapping(own.get("html")), **html},
        "typst": {**_mapping(own.get("typst")), **typst},
    }


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}

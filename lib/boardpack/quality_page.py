"""The page about the quality of a report's data: scores, what failed, every check, its history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any

from boardpack.brand import Brand
from boardpack.formats import day_name, member_name
from boardpack.gate_controls import controls
from boardpack.gate_results import CheckResult
from boardpack.gate_scores import (
    WEIGHTS,
    Scores,
    Standard,
    by_source,
    percent,
    scores,
    standards,
    trend,
)
from boardpack.kept_checks import KeptCheck, outcomes
from boardpack.periods import parse_day
from boardpack.quality import Quality
from boardpack.render.assets import page_head
from boardpack.sparklines import sparkline

#: Of how many days that were checked as of the page shows what was found.
SHOWN_DAYS = 24
#: What stands in the place of a value that nobody may see.
MASK = "•••"

_VERDICTS = {
    "publish": ("good", "Passed"),
    "banner": ("warn", "Passed with warnings"),
    "hold": ("bad", "Failed"),
}
_OUTCOMES = {
    "passed": ("good", "Passed"),
    "failed": ("bad", "Failed"),
    "errored": ("bad", "Could not be checked"),
    "skipped": ("none", "Skipped"),
}
_SEVERITIES = {"critical": "bad", "warning": "warn", "info": "none"}
_GRAVEST = ("critical", "warning", "info")


def quality_html(quality: Quality, brand: Brand) -> str:
    """The page itself: one file that needs no network and runs no script.

    All texts, those of the data among them, are escaped; of columns marked ``pii`` there is none.

    >>> from boardpack.brand import read_brand
    >>> page = quality_html(Quality("Ltd", "Report", "2025", "2025-12-31", "publish", ()),
    ...                     read_brand())
    >>> "Nothing was checked" in page
    True
    """
    sources = {result.source for result in quality.results}
    days = {
        day: own
        for day, checks in list(quality.kept.items())[-SHOWN_DAYS:]
        if day <= quality.as_of and (own := [c for c in checks if c.source in sources])
    }
    look = _Look(quality, days, outcomes(days), brand)
    badge, word = _VERDICTS.get(quality.verdict, ("none", quality.verdict))
    body = (
        [_scores(look), _standards(look), _failed(look), _sources(look), _controls(look),
         _checks(look)]
        if quality.results
        else ['<div class="empty"><p><strong>Nothing was checked.</strong></p></div>']
    )  # fmt: skip
    return _PAGE.format(
        company=escape(quality.company),
        title=escape(quality.title),
        head=page_head(
            brand, f"Data quality · {quality.title} · {quality.company}", "site.css", "quality.css"
        ),
        facts=escape(f"{quality.period}, as of {look.day(quality.as_of)}"),
        verdict=f'<span class="verdict {badge}">{escape(word)}</span>',
        note=f'<p class="note">{escape(quality.note)}</p>' if quality.note else "",
        body="\n".join(body),
    )


_PAGE = """{head}<body class="quality">
<a class="skip" href="#scores">Skip to the scores</a>
<header><div class="wrap">
<p class="company">{company}</p>
<h1>Data quality</h1>
<p class="summary">{title}, {facts}</p>
<p class="stand">{verdict}</p>
{note}</div></header>
<main class="wrap">
{body}
</main>
<footer><div class="wrap">A score is the share of what was looked at that is as expected, by rows.
A check that could not be made counts neither way, and a dimension without a check has no score.
</div></footer>
</body>
</html>
"""


@dataclass(frozen=True)
class _Look:
    """What every part of the page reads."""

    quality: Quality
    days: Mapping[str, Sequence[KeptCheck]]
    history: Mapping[str, list[tuple[str, KeptCheck]]]
    brand: Brand

    def day(self, text: str) -> str:
        return day_name(parse_day(text), self.quality.locale)

    def source(self, name: str) -> str:
        title = self.quality.titles.get(name, "")
        return escape(name) + (f'<span class="minor">{escape(title)}</span>' if title else "")


def _scores(look: _Look) -> str:
    quality = look.quality
    found = scores(quality.results, quality.weights)
    by_day = trend(look.days, quality.weights)
    cards = [_card("Overall", found.overall, by_day, None, "weighed by dimension", look)]
    for dimension, score in found.by_dimension.items():
        own = [r for r in quality.results if r.dimension == dimension and r.outcome != "skipped"]
        passed = sum(result.outcome == "passed" for result in own)
        told = f"{passed} of {len(own)} checks passed" if own else "no check"
        weight = f"weight {quality.weights.get(dimension, 0):g}"
        name = member_name(dimension)
        cards.append(_card(name, score, by_day, dimension, f"{told}, {weight}", look))
    return _section("scores", "Scores", f'<div class="scores">{"".join(cards)}</div>'
                    + _trend_table(by_day, look))  # fmt: skip


def _card(
    name: str, score: float | None, by_day: Mapping[str, Scores], dimension: str | None,
    told: str, look: _Look,
) -> str:  # fmt: skip
    figures = [_of(found, dimension) for found in by_day.values()]
    line = ""
    if sum(figure is not None for figure in figures) > 1:
        line = sparkline(figures, width=120, height=30, color=look.brand.colors["accent"])
        first, last = (percent(f) for f in _ends(figures))
        said = f"{name}: {first} at first, {last} now"
        line = line.replace("<svg ", f'<svg role="img" aria-label="{escape(said)}" ', 1)
    return (
        f'<div class="score"><p class="eyebrow">{escape(name)}</p>'
        f'<p class="figure">{percent(score) or "no score"}</p>{line}'
        f'<p class="minor">{escape(told)}</p></div>'
    )


def _trend_table(by_day: Mapping[str, Scores], look: _Look) -> str:
    if len(by_day) < 2:
        return ""
    names = [*WEIGHTS, "overall"]
    rows = [
        (escape(look.day(day)), [percent(found.to_dict()[name]) or "no score" for name in names])
        for day, found in reversed(list(by_day.items()))
    ]
    table = _table("Scores as of each day", ["As of", *map(member_name, names)], rows)
    return f"<details><summary>Scores of {len(by_day)} days</summary>{table}</details>"


def _standards(look: _Look) -> str:
    found = standards(look.quality.results, parse_day(look.quality.as_of))
    rows = [
        (escape(member_name(s.dimension)) + f'<span class="minor">{escape(s.sentence)}</span>',
         [_measured(s), _limit(s), _met(s.met)])
        for s in found
    ]  # fmt: skip
    columns = ["Standard", "Found", "Limit", "Met"]
    return _section("standards", "Standards", _table("The five standards", columns, rows))


def _measured(standard: Standard) -> str:
    if standard.value is None:
        return "not checked"
    if standard.unit == "percent":
        return percent(standard.value)
    return f"{standard.value:,.3g} {standard.unit}"


def _limit(standard: Standard) -> str:
    if standard.unit == "percent":
        return f"at least {standard.limit:g} %"
    return f"at most {standard.limit:g} {standard.unit}"


def _met(met: bool | None) -> str:
    if met is None:
        return '<span class="verdict none">Not told</span>'
    look, word = ("good", "Met") if met else ("bad", "Missed")
    return f'<span class="verdict {look}">{word}</span>'


def _failed(look: _Look) -> str:
    wrong = [r for r in look.quality.results if r.outcome in ("failed", "errored")]
    wrong.sort(key=lambda r: (r.outcome != "errored", _GRAVEST.index(r.severity), r.source))
    # Reasons that no check is behind: sums that do not agree, sources that vanished.
    told = {text for r in wrong for text in (r.sentence,)}
    others = [r for r in look.quality.reasons if not any(sentence in r for sentence in told)]
    if not wrong and not others:
        body = '<p class="well">Every check that was made passed.</p>'
    else:
        body = "".join(f'<p class="other">{escape(reason)}</p>' for reason in others)
        body += "".join(_failure(result, look) for result in wrong)
    return _section("failed", "What failed", body)


def _failure(result: CheckResult, look: _Look) -> str:
    facts = [
        ("Found", result.found),
        ("At stake", result.at_stake),
        ("Ask", result.owner),
        ("Since", _since(result, look)),
    ]
    listed = "".join(
        f"<div><dt>{name}</dt><dd>{escape(str(text))}</dd></div>" for name, text in facts if text
    )
    severity = f'<span class="verdict {_SEVERITIES[result.severity]}">{result.severity}</span>'
    return (
        f'<article class="failure" id="{escape(_anchor(result.id))}">'
        f'<p class="eyebrow">{severity} <span>{escape(result.source)}</span>'
        f" <span>{escape(member_name(result.dimension))}</span></p>"
        f"<h3>{escape(result.sentence)}</h3><dl>{listed}</dl>"
        f"{_sample(result, look)}{_strip(result.id, look)}</article>"
    )


def _since(result: CheckResult, look: _Look) -> str:
    """The first of the days in a row as of which it did not pass."""
    first = ""
    for day, kept in reversed(look.history.get(result.id, [])):
        if kept.outcome == "passed":
            break
        first = day
    return look.day(first) if first else ""


def _sample(result: CheckResult, look: _Look) -> str:
    """A few of the rows found, masked where a column is about a person."""
    if not result.sample:
        return ""
    private = look.quality.private.get(result.source, frozenset())
    hidden = [column for column in result.columns if column in private]
    columns = list(dict.fromkeys([*(name for row in result.sample for name in row), *hidden]))
    shown = [c for c in columns if c not in private] + [c for c in columns if c in private]
    rows = [
        [MASK if name in private else _cell(row.get(name)) for name in shown]
        for row in result.sample
    ]
    heads = "".join(f'<th scope="col" role="columnheader">{escape(name)}</th>' for name in shown)
    body = "".join(
        '<tr role="row">'
        + "".join(
            f'<td role="cell" data-label="{escape(name)}">{text}</td>'
            for name, text in zip(shown, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="all sample"><table role="table"><caption>For example</caption>'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table></div>'
    )


def _cell(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return escape(text if len(text) <= 80 else text[:79] + "…")


def _sources(look: _Look) -> str:
    quality = look.quality
    rows = []
    for source, found in by_source(quality.results, quality.weights).items():
        own = [r for r in quality.results if r.source == source and r.outcome != "skipped"]
        passed = sum(result.outcome == "passed" for result in own)
        cells = [percent(found.overall) or "no score"]
        cells += [percent(found.by_dimension[name]) or "–" for name in WEIGHTS]
        rows.append((look.source(source), [*cells, f"{passed} of {len(own)}"]))
    columns = ["Source", "Overall", *map(member_name, WEIGHTS), "Passed"]
    return _section("sources", "Sources", _table("Scores of each source", columns, rows))


def _controls(look: _Look) -> str:
    rows = []
    for dimension, of in controls(look.quality.results).items():
        for name, value in of.items():
            told = (
                "not checked" if value is None
                else _met(value) if isinstance(value, bool)
                else percent(value) if isinstance(value, float)
                else escape(str(value))
            )  # fmt: skip
            rows.append((escape(member_name(name)), [escape(member_name(dimension)), told]))
    columns = ["Control", "Dimension", "Found"]
    return _section("controls", "Controls", _table("The twelve controls", columns, rows))


def _checks(look: _Look) -> str:
    columns = ["Check", "Severity", "Result", "Rows", "Ask", "History"]
    parts = []
    ordered = sorted(look.quality.results, key=lambda result: result.source)
    for source, of in groupby(ordered, key=lambda result: result.source):
        own = list(of)
        rows = [(_check(result), _check_cells(result, look)) for result in own]
        failed = sum(result.outcome in ("failed", "errored") for result in own)
        told = f"{len(own)} checks" + (f", {failed} not passed" if failed else "")
        table = _table(f"Checks of {escape(source)}", columns, rows)
        name = f"<strong>{escape(source)}</strong> <span>{told}</span>"
        parts.append(f'<details class="source"><summary>{name}</summary>{table}</details>')
    return _section("checks", "Every check", "".join(parts))


def _check(result: CheckResult) -> str:
    belongs = " · ".join(member_name(text) for text in (result.dimension, result.control) if text)
    return (
        f'{escape(result.sentence)}<span class="minor">{escape(belongs)}</span>'
        f'<span class="minor"><code>{escape(result.id)}</code></span>'
    )


def _check_cells(result: CheckResult, look: _Look) -> list[str]:
    state, word = _OUTCOMES[result.outcome]
    rows = f"{result.unexpected:,} of {result.evaluated:,}" if result.evaluated else "–"
    return [
        escape(result.severity),
        f'<span class="verdict {state}">{word}</span>',
        rows,
        escape(result.owner) or "–",
        _strip(result.id, look) or "–",
    ]


def _strip(check: str, look: _Look) -> str:
    """A bar for each day that the check was made as of: high and dark where it did not pass."""
    known = look.history.get(check, [])
    if len(known) < 2:
        return ""
    good = "".join(f"M{5 * i} 8h4v4h-4z" for i, (_, c) in enumerate(known) if c.outcome == "passed")
    bad = "".join(f"M{5 * i} 0h4v12h-4z" for i, (_, c) in enumerate(known) if c.outcome != "passed")
    failed = [day for day, kept in known if kept.outcome != "passed"]
    said = f"passed on {len(known) - len(failed)} of {len(known)} days"
    if failed:
        said += f", last not on {look.day(failed[-1])}"
    return (
        f'<span class="strip"><svg width="{5 * len(known)}" height="12" aria-hidden="true">'
        f'<path class="ok" d="{good}"/><path class="no" d="{bad}"/></svg>'
        f"<span>{escape(said)}</span></span>"
    )


def _section(anchor: str, title: str, body: str) -> str:
    return (
        f'<section id="{anchor}" aria-labelledby="{anchor}-title">'
        f'<h2 id="{anchor}-title">{title}</h2>\n{body}\n</section>'
    )


def _table(caption: str, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A table whose cells are HTML and whose first column names the row."""
    heads = "".join(f'<th scope="col" role="columnheader">{escape(c)}</th>' for c in columns)
    body = "\n".join(
        f'<tr role="row"><th scope="row" role="rowheader">{first}</th>'
        + "".join(
            f'<td role="cell" data-label="{escape(column)}">{cell}</td>'
            for column, cell in zip(columns[1:], cells, strict=True)
        )
        + "</tr>"
        for first, cells in rows
    )
    return (
        f'<div class="all"><table role="table"><caption class="unseen">{caption}</caption>\n'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>\n'
        f'<tbody role="rowgroup">\n{body}\n</tbody></table></div>'
    )


def _of(found: Scores, dimension: str | None) -> float | None:
    return found.overall if dimension is None else found.by_dimension[dimension]


def _ends(figures: Sequence[float | None]) -> tuple[float, float]:
    known = [figure for figure in figures if figure is not None]
    return known[0], known[-1]


def _anchor(check: str) -> str:
    return "check-" + "".join(c if c.isalnum() or c in "_.-" else "-" for c in check)

"""Values written by hand, and what stands in the tables that verbs make of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from boardpack.blocks import Text
from boardpack.facts import KpiFacts, ReportFacts
from boardpack.objectives import Target
from boardpack.values import COLUMNS, Values
from values_fixture import report_facts

#: KPI -> period or (period, member) -> figure, or figure and denominator, or None
Figures = Mapping[str, Mapping[object, object]]


def by_hand(
    period: str, figures: Figures, units: Mapping[str, str], targets: Mapping[str, float] | None = None,
    lower: tuple[str, ...] = (), **report: object,
) -> Values:  # fmt: skip
    """Values of months; a KPI with a target has it in every month."""
    from boardpack.periods import Period

    rows = []
    for kpi, cells in figures.items():
        for key, found in cells.items():
            label, dims = key if isinstance(key, tuple) else (str(key), "")
            value, below = found if isinstance(found, tuple) else (found, None)
            at = Period.parse(label)
            status = "no_value" if value is None else "final"
            if below == "maturing":
                status, below = "maturing", None
            rows.append(
                (kpi, label, at.start, at.end, "month", dims, value, None, below, units[kpi],
                 status, "nobody was won" if value is None else "")
            )  # fmt: skip
    facts: dict[str, KpiFacts] = {}
    for kpi in figures:
        goal = (targets or {}).get(kpi)
        facts[kpi] = KpiFacts(
            kpi, kpi.replace("_", " ").capitalize(), "What it says.", units[kpi],
            "lower" if kpi in lower else "higher", additive=units[kpi] == "currency",
            targets={} if goal is None else {period: Target(goal, ">=")},
        )  # fmt: skip
    plain = {"not_available": {}, "verdict": "publish", "reasons": ()}
    about: ReportFacts = replace(
        report_facts(), period=period, as_of=Period.parse(period).last_day.isoformat(),
        **{**plain, **report},
    )  # fmt: skip
    return Values(pd.DataFrame(rows, columns=list(COLUMNS)), about, facts)


def cells(block: Text) -> list[list[str]]:
    """The table of a block as plain text, its head first."""
    lines = [line for line in block.markdown.splitlines() if line.startswith("|")]
    return [
        [_plain(cell) for cell in line.strip("|").split(" | ")]
        for line in lines
        if "---" not in line
    ]


def said(block: Text) -> list[str]:
    """The bullets of a block as plain text."""
    return [_plain(line[2:]) for line in block.markdown.splitlines() if line.startswith("- ")]


def _plain(text: str) -> str:
    before = ""
    while text != before:
        before, text = text, re.sub(r"\[((?:[^\[\]\\]|\\.)*)\]\{[^{}]*\}", r"\1", text)
    return re.sub(r"\\(.)", r"\1", text.replace("**", "")).replace("\u00a0", " ").strip()

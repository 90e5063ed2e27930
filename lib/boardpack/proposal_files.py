"""Files of proposed targets: written beside those before, in force only once somebody approves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from boardpack.files import replace_text
from boardpack.periods import Period
from boardpack.scorecards import Scorecard, age_at
from boardpack.target_proposals import Proposal
from boardpack.values import Values

_HEAD = """\
# Targets proposed for {ahead}, from the figures of {period} as of {as_of}.
# Nothing here is in force. To approve a proposal, copy its `change:` into the KPI's entry of the
# scorecard, where the old target stays for the periods before, and write down who did and when.
"""


def text_of(values: Values, card: Scorecard, proposals: Sequence[Proposal]) -> str:
    """The file as YAML: every proposal with what it follows from, and what would change.

    The same figures give the same text.
    """
    ahead = values.period.shift(1)
    entries = []
    for proposal in proposals:
        entry = proposal.as_dict()
        if proposal.action != "keep":
            entry["change"] = change(card, proposal, ahead)
        entries.append(entry)
    document = {
        "scorecard": card.id,
        "for": ahead.label,
        "from": values.period.label,
        "as_of": values.report.as_of,
        "approved_by": "",
        "approved_on": "",
        "proposals": entries,
    }
    head = _HEAD.format(ahead=ahead.label, period=values.period.label, as_of=values.report.as_of)
    body = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    return head + body


def change(card: Scorecard, proposal: Proposal, ahead: Period) -> dict[str, Any]:
    """What the KPI's entry of the scorecard would say: its targets so far, the new one from then.

    Without a start of the plan there are no months to tell them apart by, and the new one stands
    alone.
    """
    goal, proposed = card.goals.get(proposal.kpi), proposal.as_dict()["proposed"]
    new: dict[str, Any] = {"comparator": proposed["comparator"]}
    if card.start is None:
        return {**new, "value": proposed["value"]}
    months = ahead.within("month")
    month = f"month {age_at(card.start, months[0] if months else ahead, 'month')}"
    if goal is not None and goal.path:
        return {**new, "path": {**_in_months(goal.path), month: proposed["value"]}}
    before: dict[str, Any] = dict(_in_months(goal.steps or {})) if goal else {}
    if goal is not None and goal.value is not None:
        before = {"month 1": _whole(goal.value)}
    return {**new, "steps": {**before, month: proposed["value"]}}


def write(folder: Path, ahead: Period, text: str) -> tuple[Path, bool]:
    """Write a file of its own below ``folder`` and say which; what is there is never changed.

    ``2026-Q1.yml``, then ``2026-Q1-2.yml``. Where the newest says the same already it is named and
    nothing is written. `StorageError` when the folder cannot be written.
    """
    n, newest = 1, None
    while (path := folder / f"{ahead.label}{f'-{n}' if n > 1 else ''}.yml").exists():
        n, newest = n + 1, path
    if newest is not None and newest.read_text(encoding="utf-8") == text:
        return newest, False
    replace_text(path, text)
    return path, True


def _in_months(ages: dict[str, float]) -> dict[str, float]:
    return {name: _whole(value) for name, value in ages.items() if name.startswith("month ")}


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value

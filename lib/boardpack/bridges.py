"""The bridge of a balance: from its opening over what moved it to its closing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from boardpack import cautions, notation
from boardpack.blocks import Block, Chart, Plot, Role, Series, Shown
from boardpack.formats import DASH, MINUS, Formatter, number
from boardpack.markup import Line, numbers, plain
from boardpack.periods import Period
from boardpack.plots import (
    Board,
    Channel,
    category,
    in_currency,
    layer,
    lookup,
    named,
    nothing,
    raw,
    tips,
    wrapped,
)
from boardpack.theme import palette
from boardpack.values import Value, Values


@dataclass(frozen=True)
class _Step:
    """One bar of a bridge, from ``start`` to ``end``; a balance starts at nothing."""

    name: str
    start: float
    end: float
    text: str
    color: str
    #: the number that the text writes, and the same in full
    shown: Shown
    full: Shown
    effect: str
    role: Role
    #: what it is of the opening balance, in percent; none of a balance itself
    share: Shown | None = None
    is_open: bool = False


def bridge(
    values: Values,
    balance: str,
    movements: Sequence[str],
    *,
    opening: str = "",
) -> Block:
    """How a balance came from its opening to its closing figure: one bar a movement.

    A movement whose KPI is better when lower takes away, the others add. ``opening`` names the KPI
    of the opening balance; left out, it is the balance of the period before. What the movements
    leave unexplained gets a bar of its own, so that the picture always adds up. Empty without both
    balances.
    """
    formatter = Formatter(values)
    first = values.value(opening) if opening else values.value(balance, values.period.shift(-1))
    last = values.value(balance)
    if first.value is None or last.value is None:
        lacks = first if first.value is None and values.is_available(first.kpi) else last
        return nothing(values, [balance], lacks.reason)
    known = [kpi for kpi in movements if values.is_available(kpi)]
    steps = _steps(formatter, first, last, known)
    said = _bridge_message(formatter, first, last)
    return Chart(
        title=plain(said) + cautions.caption(values, [balance, *known]),
        alt=f"Bridge of {values.kpi(balance).name}: "
        + ", ".join(_told(step) for step in steps)
        + "."
        + in_currency(values, [balance]),
        spec=_bridge_spec(steps),
        columns=("Step", "Amount", "Of the opening", "Effect"),
        rows=tuple((step.name, step.full, step.share or DASH, step.effect) for step in steps),
        numbers=(
            *numbers(said),
            *(shown for step in steps for shown in (step.shown, step.share) if shown is not None),
        ),
        plot=_bridge_plot(values.kpi(balance).name, steps),
    )


def sign_of(values: Values, kpi: str) -> int:
    """Whether a movement adds to the balance or takes from it: 1 or -1."""
    return -1 if values.kpi(kpi).direction == "lower" else 1


def signed_amount(formatter: Formatter, kpi: str, amount: float) -> str:
    """An amount with its sign; nothing has none."""
    sign = "+" if amount > 0 else MINUS if amount < 0 else ""
    return sign + formatter.short(kpi, abs(amount))


def _steps(
    formatter: Formatter, first: Value, last: Value, movements: Sequence[str]
) -> list[_Step]:
    values, look = formatter.values, palette()
    assert first.value is not None
    assert last.value is not None
    level = first.value
    steps = [_balance(formatter, first, last.period.shift(-1))]
    for kpi in movements:
        value = values.value(kpi, last.period)
        if value.value is None:
            continue
        amount = sign_of(values, kpi) * value.value
        color = look.good if amount > 0 else look.bad if amount < 0 else look.muted
        text = signed_amount(formatter, kpi, amount)
        shown = number(value, formatter.short(kpi, abs(amount))).shown
        full = number(value, formatter.full(kpi, value.value)).shown
        steps.append(
            _Step(
                values.kpi(kpi).name, level, level + amount, text, color, shown, full,
                "adds" if amount > 0 else "takes away" if amount < 0 else "",
                "loss" if amount < 0 else "gain", _of_opening(formatter, first, value, amount),
            )
        )  # fmt: skip
        level += amount
    rest = last.value - level
    if formatter.full(last.kpi, level) != formatter.full(last.kpi, last.value):
        text = signed_amount(formatter, last.kpi, rest)
        shown = number(last, formatter.short(last.kpi, abs(rest)), "rest").shown
        full = number(last, formatter.full(last.kpi, rest), "rest").shown
        role: Role = "loss" if rest < 0 else "gain"
        effect = "is not explained"
        share = _of_opening(formatter, first, last, rest, "rest")
        steps.append(
            _Step(
                "Unexplained", level, last.value, text, look.warn, shown, full, effect, role, share
            )
        )
    return [*steps, _balance(formatter, last, last.period)]


def _balance(formatter: Formatter, value: Value, at: Period) -> _Step:
    amount = value.value or 0.0
    shown = number(value, formatter.short(value.kpi, amount)).shown
    full = number(value, formatter.full(value.kpi, amount)).shown
    effect = "closing" if at == value.period and at == formatter.values.period else "opening"
    return _Step(
        category(formatter, at), 0.0, amount, shown.text, palette().accent, shown, full, effect,
        "balance", is_open=value.is_open,
    )  # fmt: skip


def _of_opening(
    formatter: Formatter, first: Value, value: Value, amount: float, what: str = "share"
) -> Shown | None:
    """A movement in percent of the opening balance; None where that means nothing."""
    if not amount or not first.value or first.value < 0 or abs(amount) > 10 * first.value:
        return None
    points = 100 * amount / first.value
    sign = "+" if points > 0 else MINUS if points < 0 else ""
    return number(value, sign + formatter.percentage(abs(points)), what).shown


def _told(step: _Step) -> str:
    return f"{step.name} {step.text}" + (f" ({step.share.text})" if step.share else "")


def _bridge_plot(title: str, steps: Sequence[_Step]) -> Plot:
    """Balances and, with their sign, what moves them: a bar stands on what went before."""
    roles: tuple[Role, ...] = ("balance", "gain", "loss")
    names = ("Balance", "Gain", "Loss")
    return Plot(
        "bridge",
        tuple(step.name for step in steps),
        tuple(
            Series(
                name, role,
                tuple(step.end - step.start if step.role == role else None for step in steps),
                tuple(step.text if step.role == role else "" for step in steps),
            )
            for name, role in zip(names, roles, strict=True)
        ),
        title,
    )  # fmt: skip


def _bridge_message(formatter: Formatter, first: Value, last: Value) -> Line:
    assert first.value is not None
    assert last.value is not None
    name, figure = formatter.values.kpi(last.kpi).name, formatter.figure(last)
    net = last.value - first.value
    if not formatter.moved(last.kpi, last.value, first.value):
        return (f"{name} was unchanged at ", figure)
    verb = "added" if net > 0 else "took away"
    amount = number(last, formatter.short(last.kpi, abs(net)), "change")
    when = formatter.period(last.period)
    return (f"{when} {verb} ", amount, f": {name} closed at ", figure)


def _bridge_spec(steps: Sequence[_Step]) -> dict[str, Any]:
    look = palette()
    levels = [step.end for step in steps]
    spread = max(levels) - min(levels) or abs(levels[0]) * 0.1 or 1.0
    # Balances are far larger than what moves them: their bars are cut, and the cut is drawn.
    floor = min(levels) - 0.45 * spread
    cut = floor > 0.3 * max(levels)
    low = floor if cut else min(0.0, min(levels))
    high = max(levels) + 0.27 * (max(levels) - low)
    order = [f"{i}" for i in range(len(steps))]
    rows = [
        {
            "step": order[i],
            "from": low if step.role == "balance" and cut else step.start,
            "to": step.end,
            "top": max(step.start, step.end) if step.role != "balance" else max(step.end, 0.0),
            "text": step.text,
            "share": step.share.text if step.share else "",
            "color": step.color,
            "ink": look.ink if step.role == "balance" else step.color,
            "Step": step.name,
            "Amount": f"{step.text}  {step.share.text if step.share else ''}".rstrip(),
        }
        for i, step in enumerate(steps)
    ]
    board = Board("full", 190, 10, 10, bottom=44, top=8, whole=True)
    names = [wrapped(step.name, board.width / len(steps)) for step in steps]
    x = {
        "field": "step", "type": "ordinal", "sort": order,
        "scale": {"domain": order, "paddingInner": 0.35, "paddingOuter": 0.2},
        "axis": {
            "labelExpr": lookup(order, names), "labelColor": look.ink, "domain": True,
            "domainColor": look.muted,
        },
    }  # fmt: skip
    span = {"domain": [low, high], "zero": False, "nice": False}

    def y(field: str) -> Channel:
        return {"field": field, "type": "quantitative", "scale": span, "axis": None}

    links = [
        {"step": order[i], "next": order[i + 1], "level": steps[i].end}
        for i in range(len(steps) - 1)
    ]
    rule = {"type": "rule", "color": look.muted, "strokeWidth": 0.8}
    solid = [row for row, step in zip(rows, steps, strict=True) if not step.is_open]
    still = [row for row, step in zip(rows, steps, strict=True) if step.is_open]
    layers = [layer(links, rule, x=x, x2={"field": "next"}, y=y("level"))]
    for marked, mark in ((solid, {"type": "bar"}), (still, notation.bar("balance", is_open=True))):
        if marked:
            drawn = layer(marked, mark, x=x, y=y("from"), y2={"field": "to"})
            drawn["encoding"]["tooltip"] = tips("Step", "Amount")
            if marked is solid:
                drawn["encoding"]["color"] = raw()
            layers.append(drawn)
    share = {"type": "text", "dy": -7, "fontSize": 11}
    amount = {"type": "text", "fontWeight": 600}
    layers += [
        layer(rows, share, x=x, y=y("top"), text=named("share"), color=raw("ink")),
        layer(
            [row for row in rows if row["share"]], {**amount, "dy": -20},
            x=x, y=y("top"), text=named(), color=raw("ink"),
        ),
        layer(
            [row for row in rows if not row["share"]], {**amount, "dy": -8},
            x=x, y=y("top"), text=named(), color=raw("ink"),
        ),
    ]  # fmt: skip
    if cut:
        ends = [row for row, step in zip(rows, steps, strict=True) if step.role == "balance"]
        mark = {
            "type": "text", "text": "≈", "fontSize": 26, "fontWeight": 700, "color": look.paper,
            "baseline": "middle",
        }  # fmt: skip
        at = low + 0.09 * (high - low)
        datum = {"datum": at, "type": "quantitative", "scale": span, "axis": None}
        layers.append(layer(ends, mark, x=x, y=datum))
    return board.spec(layers)

"""The movements of a balance in many periods: gains above zero, losses below, and the net."""

from __future__ import annotations

from collections.abc import Sequence

from boardpack import cautions, notation
from boardpack.blocks import Block, Chart, Plot, Series, Shown
from boardpack.bridges import sign_of, signed_amount
from boardpack.formats import Formatter
from boardpack.markup import Line, Number, numbers, plain
from boardpack.periods import Period
from boardpack.plots import (
    Board,
    Channel,
    Label,
    Layer,
    Row,
    Scale,
    beside,
    category,
    cell,
    in_currency,
    layer,
    nothing,
    tips,
    x_axis,
)
from boardpack.theme import legible, palette
from boardpack.values import Values


def movements(values: Values, kpis: Sequence[str], last: int | None = None) -> Block:
    """What was added and what was lost in each period, one colour a movement, with the net of both.

    A movement whose KPI is better when lower is drawn below zero.
    """
    formatter = Formatter(values)
    known = [kpi for kpi in kpis if values.is_available(kpi)]
    periods = values.period.last(last or values.period.look_back)
    signed = {
        kpi: [sign_of(values, kpi) * (values.value(kpi, p).value or 0.0) for p in periods]
        for kpi in known
    }
    begins = next((i for i in range(len(periods)) if any(s[i] for s in signed.values())), None)
    if begins is None:
        return nothing(values, kpis, "nothing moved" if known else "")
    periods, signed = periods[begins:], {kpi: s[begins:] for kpi, s in signed.items()}
    bars, net = _stacks(formatter, periods, signed)
    extremes = [bar["value"] for bar in bars] + [bar["base"] for bar in bars]
    scale = Scale.fitting(formatter, known[0], extremes, zero=True)
    said = _net_message(formatter, known, periods[-1], net[-1])
    labels = [
        *(_movement_label(formatter, bar) for bar in bars if bar["period"] == periods[-1].label),
        Label(
            "net " + signed_amount(formatter, known[0], net[-1]),
            net[-1],
            palette().ink,
            True,
            numbers(said),
        ),
    ]
    board = Board("full", 210, scale.room, max(label.width for label in labels) + 30)
    x = x_axis(formatter, periods, board.width, edges=0.35)
    return Chart(
        title=plain(said) + cautions.caption(values, known),
        alt=f"Stacked bars of {', '.join(values.kpi(kpi).name for kpi in known)} from"
        f" {formatter.period(periods[0])} to {formatter.period(periods[-1])}. {plain(said)}."
        + in_currency(values, known),
        spec=board.spec(
            [
                *_stack_layers(bars, net, periods, x, scale),
                *beside(scale, labels, board.height, x, periods[-1].label, gap=26),
            ]
        ),
        columns=("Period", *(values.kpi(kpi).name for kpi in known), "Net"),
        rows=tuple(
            (
                formatter.period(period),
                *(cell(formatter, values.value(kpi, period)) for kpi in known),
                _net(formatter, known[0], period, formatter.full(known[0], net[i])).shown,
            )
            for i, period in enumerate(periods)
        ),
        numbers=(*numbers(said), *(shown for label in labels for shown in label.numbers)),
        plot=Plot(
            "stack",
            tuple(category(formatter, period) for period in periods),
            (
                *(
                    Series(
                        values.kpi(kpi).name,
                        "gain" if sign_of(values, kpi) > 0 else "loss",
                        tuple(amounts),
                    )
                    for kpi, amounts in signed.items()
                ),
                Series("Net", "balance", tuple(net)),
            ),
        ),
    )


def _net(formatter: Formatter, kpi: str, period: Period, text: str) -> Number:
    """What the movements of a period add up to, written in the unit of one of them."""
    return Number(Shown(kpi, period.label, "", text, "net"))


def _stacks(
    formatter: Formatter, periods: Sequence[Period], signed: dict[str, list[float]]
) -> tuple[list[Row], list[float]]:
    """Every bar, gains upwards from zero and losses downwards, and the net of each period."""
    values, look = formatter.values, palette()
    gains = [kpi for kpi in signed if sign_of(values, kpi) > 0]
    losses = [kpi for kpi in signed if sign_of(values, kpi) < 0]
    colors = _tones(look.good, gains) | _tones(look.bad, losses[::-1])
    bars, net = [], []
    for i, period in enumerate(periods):
        up = down = 0.0
        for kpi, amounts in signed.items():
            amount = amounts[i]
            base = up if amount >= 0 else down
            bars.append(
                {
                    "period": period.label,
                    "base": base,
                    "value": base + amount,
                    "kpi": kpi,
                    "color": colors[kpi],
                    "Period": formatter.period(period),
                    "Movement": values.kpi(kpi).name,
                    "Amount": signed_amount(formatter, kpi, amount),
                }
            )
            up, down = up + max(amount, 0.0), down + min(amount, 0.0)
        net.append(up + down)
    return bars, net


def _tones(color: str, kpis: Sequence[str]) -> dict[str, str]:
    """Shades of one colour, the first the strongest."""
    return dict(zip(kpis, palette().shades(color, len(kpis)), strict=True))


def _stack_layers(
    bars: list[Row], net: list[float], periods: Sequence[Period], x: Channel, scale: Scale
) -> list[Layer]:
    look = palette()
    stacked = notation.coloured(
        bars, {"type": "bar", "stroke": look.paper, "strokeWidth": 0.6},
        x=x, y=scale.y("base"), y2={"field": "value"},
    )  # fmt: skip
    stacked["encoding"]["tooltip"] = tips("Period", "Movement", "Amount")
    nets = [{"period": p.label, "value": total} for p, total in zip(periods, net, strict=True)]
    tick = {"type": "tick", "color": look.ink, "thickness": 2.5, "opacity": 1,
            "orient": "horizontal"}  # fmt: skip
    return [stacked, notation.rule(0, scale), layer(nets, tick, x=x, y=scale.y())]


def _movement_label(formatter: Formatter, bar: Row) -> Label:
    value = formatter.values.value(
        bar["kpi"], Period.parse(bar["period"], formatter.values.calendar)
    )
    figure = formatter.figure(value)
    text = f"{bar['Amount']} {bar['Movement']}"
    middle = (bar["base"] + bar["value"]) / 2
    look = palette()
    color = look.bad if sign_of(formatter.values, bar["kpi"]) < 0 else look.good
    return Label(text, middle, legible(color), numbers=numbers((figure,))).fitted("full")


def _net_message(formatter: Formatter, kpis: Sequence[str], period: Period, net: float) -> Line:
    when = formatter.period(period)
    amount = _net(formatter, kpis[0], period, formatter.short(kpis[0], abs(net)))
    if net == 0:
        return (f"Gains and losses of {when} cancelled out",)
    side = "outweighed losses by" if net > 0 else "fell short of losses by"
    return (f"Gains of {when} {side} ", amount)

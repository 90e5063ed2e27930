"""Composites: several figures weighed into one, with weights that a scorecard may set otherwise."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from boardpack.errors import UnknownNameError
from boardpack.yamlfile import Document, Key

#: What a formula calls the weighed mean of the measures and KPIs under ``weights:``.
NAME = "weighted"


def check_weights(
    kpi: str,
    weights: Mapping[str, float],
    of: Iterable[str],
    document: Document,
    key: Key,
) -> None:
    """Weights of what the KPI weighs (``of``), each once, none negative, that add up to 100."""
    known = list(of)
    if not known:
        raise document.error(f"KPI {kpi!r} weighs nothing, so it takes no weights.", key)
    for name in weights:
        if name not in known:
            raise UnknownNameError.near(
                f"part of {kpi}", name, known, file=document.path, line=document.line((*key, name))
            )
    if missing := [name for name in known if name not in weights]:
        raise document.error(f"weights of {kpi!r} say nothing of {', '.join(missing)}.", key)
    if negative := [name for name, weight in weights.items() if weight < 0]:
        raise document.error(f"the weight of {negative[0]!r} is negative.", (*key, negative[0]))
    total = math.fsum(weights.values())
    if not math.isclose(total, 100, abs_tol=1e-9):
        raise document.error(
            f"weights of {kpi!r} add up to {total:g}, not to 100.",
            key,
            hint=" + ".join(f"{weight:g} {name}" for name, weight in weights.items()),
        )


def written_out(formula: str, weights: Iterable[str]) -> str:
    """The formula with `NAME` as SQL, weights being names: ``mrr$weight`` of 0 to 1.

    >>> written_out("weighted / accounts", ["usage", "support"])
    '("usage" * "usage$weight" + "support" * "support$weight") / accounts'
    """
    parts = [f'"{name}" * "{name}$weight"' for name in weights]
    if not parts:
        return formula
    return re.sub(rf"\b{NAME}\b", lambda _: f"({' + '.join(parts)})", formula)

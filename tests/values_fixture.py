"""A small company's frozen values: 25 months with everything a page has to cope with."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pandas as pd

from boardpack.blocks import Text
from boardpack.facts import KpiFacts, ReportFacts
from boardpack.objectives import Target
from boardpack.periods import Period
from boardpack.values import COLUMNS, Values

PERIOD = "2025-12"
HOSTILE = "Odd <b>name</b> | *x* $y$ #z"

_SPAN = re.compile(r"\[((?:[^\[\]\\]|\\.)*)\]\{[.#]([\w-]+)[^}]*\}")

_MEMBERS = {"enterprise": 0.5, "mid_market": 0.3, "smb": 0.2}
_MOVEMENTS = ("new_mrr", "expansion_mrr", "reactivation_mrr", "contraction_mrr", "churned_mrr")


def _facts() -> dict[str, KpiFacts]:
    def kpi(
        id_: str, name: str, unit: str, direction: str = "higher", **more: object
    ) -> tuple[str, KpiFacts]:
        text = {"definition": f"What {name} says.", "formula": f"sum of {id_}", "owner": "CFO"}
        return id_, KpiFacts(
            id_,
            name,
            unit=unit,
            direction=direction,
            sources=("table_of_" + id_,),
            **{**text, **more},
        )

    def path(goal: float, comparator: str = ">=") -> dict[str, Target]:
        return {
            period.label: Target(goal * (1 - 0.02 * back), comparator)
            for back, period in enumerate(reversed(Period.parse(PERIOD).last(25)))
        }

    def flat(goal: float, comparator: str = ">=") -> dict[str, Target]:
        return {period.label: Target(goal, comparator) for period in Period.parse(PERIOD).last(25)}

    money = {"additive": True, "category": "revenue"}
    return dict(
        [
            kpi("mrr", "Monthly Recurring Revenue", "currency", **money, targets=path(2_900_000)),
            kpi("new_mrr", "New MRR", "currency", **money),
            kpi("expansion_mrr", "Expansion MRR", "currency", **money),
            kpi("reactivation_mrr", "Reactivation MRR", "currency", **money),
            kpi("contraction_mrr", "Contraction MRR", "currency", "lower", **money),
            kpi("churned_mrr", "Churned MRR", "currency", "lower", **money),
            kpi("gross_margin", "Gross margin", "percent", targets=flat(85)),
            kpi(
                "customer_churn_rate", "Customer churn rate", "percent", "lower",
                targets=flat(2, "<"), notes="Takes the narrower reading.",
            ),
            kpi("ltv_cac_ratio", "LTV:CAC ratio", "ratio", targets=flat(5, ">")),
            kpi("tickets_per_100_customers", "Tickets per 100 customers", "ratio", "lower"),
            kpi("nps", "Net promoter score", "score", targets=flat(70)),
            kpi("system_uptime", "System uptime", "percent", targets=flat(99.9)),
            kpi("api_response_time_p95", "API response time (p95)", "milliseconds", "lower"),
            kpi("runway", "Cash runway", "months"),
            kpi("page_load_time", "Page load time", "seconds", "lower"),
            kpi("session_duration", "Session duration", "minutes"),
            kpi("first_response_time", "First response time", "hours", "lower"),
            kpi("sales_cycle_length", "Sales cycle", "days", "lower"),
            kpi("mau", "Monthly active users", "count"),
            kpi("dashboards_per_user", "Dashboards per user", "ratio"),
            kpi("business_value_score", "Business value score", "score"),
            kpi("mabv", "Monthly Active Business Value", "score", targets=path(3_600_000)),
            kpi("website_visitors", "Website visitors", "count", additive=True),
            kpi("trial_signups", "Trial signups", "count", additive=True, targets=flat(500)),
            kpi("new_customers", "New customers", "count", additive=True),
            kpi("odd", HOSTILE, "count", definition=HOSTILE, formula=HOSTILE, owner=HOSTILE),
            kpi("backlog", "Ticket backlog", "count", "lower"),
        ]
    )  # fmt: skip


def _totals(i: int) -> dict[str, float | None]:
    """The figures of month ``i``, 0 to 24: a wave on a slope, the same in every run."""
    wave = math.sin(i * 1.7)
    mau = 9_000 + 240 * i + 300 * wave
    per_user, score = 6.2 + 0.05 * i, 31 + 0.2 * i + wave
    return {
        "new_mrr": 62_000 + 1_500 * i + 9_000 * wave,
        "expansion_mrr": 21_000 + 800 * i + 4_000 * math.cos(i),
        "reactivation_mrr": 3_000 + 500 * wave,
        "contraction_mrr": 8_000 + 200 * i - 1_500 * wave,
        "churned_mrr": 15_000 + 500 * i + 3_000 * wave,
        "gross_margin": 82 + 0.15 * i + 0.4 * wave,
        "customer_churn_rate": 2.4 - 0.02 * i + 0.2 * wave,
        "ltv_cac_ratio": 3.9 + 0.07 * i,
        "tickets_per_100_customers": 21 - 0.1 * i + wave,
        "nps": 52.4 + 3 * wave,
        "system_uptime": 99.93 + 0.03 * wave,
        "api_response_time_p95": 480 - 3 * i + 12 * wave,
        "runway": None if i == 24 else 20.0 + 0.5 * i,
        "mau": mau,
        "dashboards_per_user": per_user,
        "business_value_score": score,
        "mabv": mau * per_user * score,
        "website_visitors": 38_000 + 700 * i,
        "trial_signups": 380 + 6 * i + 20 * wave,
        "new_customers": 42 + i // 3,
        "odd": 1_234.0,
    }


def _frame() -> pd.DataFrame:
    rows: list[tuple[object, ...]] = []
    closing = 700_000.0
    facts = _facts()
    for i, period in enumerate(Period.parse(PERIOD).last(25)):
        totals = _totals(i)
        closing += sum(
            (totals[kpi] or 0) * (1 if facts[kpi].direction == "higher" else -1)
            for kpi in _MOVEMENTS
        )
        totals["mrr"] = closing
        for kpi, value in totals.items():
            members: dict[str, float | None] = {"": value}
            if facts[kpi].additive and value is not None:
                members |= {f"segment={m}": value * share for m, share in _MEMBERS.items()}
            elif kpi in ("nps", "customer_churn_rate") and value is not None:
                members |= {f"segment={m}": value * (0.7 + s) for m, s in _MEMBERS.items()}
            for dims, figure in members.items():
                missing = figure is None
                rows.append(
                    (
                        kpi, period.label, period.start, period.end, "month", dims, figure,
                        figure, None, facts[kpi].unit, "no_value" if missing else "final",
                        "the company burns no cash" if missing else "",
                    )
                )  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def report_facts() -> ReportFacts:
    """Page one of the small company."""
    return ReportFacts(
        company="DataInsight Pro",
        currency="USD",
        locale="en_US",
        zone="UTC",
        confidentiality="Board confidential",
        report="monthly",
        title="Monthly report",
        period=PERIOD,
        as_of="2025-12-31",
        grain="month",
        verdict="banner",
        reasons=("tickets: 3 of 1,204 rows have no category | see <checks>",),
        not_available={"backlog": "needs the source tickets, which is not connected"},
    )


def small_values() -> Values:
    """The frozen values, every period final."""
    return Values(_frame(), report_facts(), _facts())


def open_values() -> Values:
    """The same with the last month still open."""
    values = small_values()
    frame = values.frame.copy()
    is_open = (frame["period"] == PERIOD) & (frame["status"] == "final")
    frame.loc[is_open, "status"] = "provisional"
    report = replace(values.report, status="provisional", as_of="2025-12-20")
    return Values(frame, report, values.kpis)


def in_locale(values: Values, locale: str, currency: str) -> Values:
    """The same figures, written elsewhere."""
    return replace(values, report=replace(values.report, locale=locale, currency=currency))


def titles(block: Text) -> list[str]:
    """The messages above the tables of a block, as a reader sees them."""
    found = re.findall(r"^::: \{\.message\}\n(.*?)\n:::$", block.markdown, re.DOTALL | re.MULTILINE)
    return [bare(said) for said in found]


def bare(markdown: str) -> str:
    """Words of a block without their marks."""
    before = ""
    while before != markdown:
        before, markdown = markdown, _SPAN.sub(r"\1", markdown)
    markdown = re.sub(r"!\[\]\([^)]*\)\{[^}]*\}", "picture", markdown.replace("**", ""))
    return re.sub(r"\\(.)", r"\1", markdown).replace("\u00a0", " ").strip()

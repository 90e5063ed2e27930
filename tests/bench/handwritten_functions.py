"""By hand: growth against a year before, waits, weekly users, surveys, attribution, targets met."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

COMPANY = ("kpis_on_target_rate",)
CARD = Path(__file__).parents[2] / "lib" / "scorecards" / "datainsight_pro.yml"

_MONTHS = """months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
)"""


def _waits(firsts: str, seconds: int, name: str) -> str:
    """One more than the wait after which half have arrived, 0 where half never have."""
    return f"""
WITH firsts AS ({firsts}),
known AS (
  SELECT month, total, CASE WHEN total = 0 THEN segment END AS segment, got IS NOT NULL AS arrived,
         CASE WHEN got IS NULL THEN floor(epoch(TIMESTAMP '2026-01-01' - since) / {seconds})
              ELSE greatest(ceil(epoch(got - since) / {seconds}), 0) END AS waited
  FROM firsts CROSS JOIN (VALUES (0), (1)) AS t(total)
),
steps AS (
  SELECT month, total, segment, waited, count(CASE WHEN arrived THEN 1 END) AS arrived,
         sum(count(*)) OVER (PARTITION BY month, total, segment ORDER BY waited DESC) AS at_risk
  FROM known GROUP BY month, total, segment, waited
),
curve AS (
  SELECT *, product(1 - arrived / at_risk::DOUBLE)
              OVER (PARTITION BY month, total, segment ORDER BY waited) AS waiting
  FROM steps
)
SELECT month::DATE AS month, coalesce(segment, '(unknown)') AS segment, total,
       coalesce(min(CASE WHEN waiting <= 0.5 + 1e-12 THEN waited END) + 1, 0) AS {name}
FROM curve GROUP BY ALL
    """


_COHORT = """
SELECT date_trunc('month', u.created_at) AS month, a.segment, u.user_id, u.created_at AS since
FROM users AS u LEFT JOIN accounts AS a USING (account_id)
WHERE u.created_at >= TIMESTAMP '2024-12-01' AND u.created_at < TIMESTAMP '2026-01-01'
  AND NOT coalesce(a.is_internal OR u.is_internal, FALSE)
"""

STATEMENTS = {
    "customers a year before": f"""
WITH {_MONTHS},
points AS (
  SELECT month, segment,
         sum(amount) AS closing,
         sum(CASE WHEN effective_on < month - INTERVAL 12 MONTH THEN amount ELSE 0 END) AS closing_1m,
         sum(CASE WHEN effective_on < month - INTERVAL 13 MONTH THEN amount ELSE 0 END) AS closing_2m,
         sum(CASE WHEN effective_on < month - INTERVAL 14 MONTH THEN amount ELSE 0 END) AS closing_3m
  FROM months JOIN mrr_movements ON effective_on < month - INTERVAL 11 MONTH
  LEFT JOIN accounts USING (account_id)
  WHERE recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(is_internal, FALSE)
  GROUP BY month, segment, account_id
)
SELECT month::DATE AS month, coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total,
       sum(closing) AS past_mrr, count(CASE WHEN closing > 0 THEN 1 END) AS past_customers,
       count(CASE WHEN closing_1m > 0 AND closing <= 0 THEN 1 END)
         + count(CASE WHEN closing_2m > 0 AND closing_1m <= 0 THEN 1 END)
         + count(CASE WHEN closing_3m > 0 AND closing_2m <= 0 THEN 1 END) AS past_lost,
       count(CASE WHEN closing_1m > 0 THEN 1 END) + count(CASE WHEN closing_2m > 0 THEN 1 END)
         + count(CASE WHEN closing_3m > 0 THEN 1 END) AS past_at_start
FROM points GROUP BY GROUPING SETS ((month), (month, segment))
    """,
    "revenue a year before": f"""
WITH {_MONTHS}, spans AS (
  SELECT month::DATE AS month, (month - INTERVAL 12 MONTH)::DATE AS low,
         last_day(month - INTERVAL 12 MONTH) AS high
  FROM months
)
SELECT month, coalesce(a.segment, '(unknown)') AS segment, grouping(a.segment) AS total,
       sum(l.amount::DOUBLE / (service_end - service_start + 1)
           * (least(service_end, high) - greatest(service_start, low) + 1)) AS past_revenue
FROM spans JOIN invoice_lines AS l ON service_start <= high AND service_end >= low
LEFT JOIN invoices AS i USING (invoice_id) LEFT JOIN accounts AS a USING (account_id)
WHERE line_type <> 'tax' AND i.status <> 'void' AND l.recorded_at < TIMESTAMP '2026-01-01'
  AND NOT coalesce(is_internal, FALSE)
GROUP BY GROUPING SETS ((month), (month, a.segment))
    """,
    "cost a year before": """
SELECT (date_trunc('month', posted_on) + INTERVAL 12 MONTH)::DATE AS month,
       coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total, sum(amount) AS past_cogs
FROM gl_entries
WHERE pnl_line = 'cogs' AND posted_on >= DATE '2023-12-01' AND posted_on < DATE '2025-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01'
GROUP BY GROUPING SETS ((1), (1, segment))
    """,
    "sessions a month before": """
WITH days AS (
  SELECT DISTINCT user_id, account_id, started_at::DATE AS day
  FROM sessions
  WHERE started_at >= TIMESTAMP '2024-11-01' AND started_at < TIMESTAMP '2025-12-01'
    AND recorded_at < TIMESTAMP '2026-01-01'
)
SELECT (date_trunc('month', day) + INTERVAL 1 MONTH)::DATE AS month,
       coalesce(a.segment, '(unknown)') AS segment, grouping(a.segment) AS total,
       count(DISTINCT user_id) AS past_mau, count(*) AS past_user_days
FROM days LEFT JOIN accounts AS a USING (account_id) LEFT JOIN users AS u USING (user_id)
WHERE NOT coalesce(a.is_internal OR u.is_internal, FALSE)
GROUP BY GROUPING SETS ((1), (1, a.segment))
    """,
    "weekly users": """
WITH days AS (
  SELECT DISTINCT s.user_id, a.segment, started_at::DATE AS day
  FROM sessions AS s LEFT JOIN accounts AS a USING (account_id) LEFT JOIN users AS u USING (user_id)
  WHERE started_at >= TIMESTAMP '2024-11-25' AND started_at < TIMESTAMP '2026-01-01'
    AND recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(a.is_internal OR u.is_internal, FALSE)
),
counted AS (
  SELECT DISTINCT user_id, segment, day + i::INTEGER AS day FROM days, range(7) AS r(i)
)
SELECT date_trunc('month', day)::DATE AS month, coalesce(segment, '(unknown)') AS segment,
       grouping(segment) AS total, count(DISTINCT (user_id, day)) AS weekly,
       count(DISTINCT CASE WHEN day = last_day(day) THEN user_id END) AS wau
FROM counted
WHERE day >= DATE '2024-12-01' AND day < DATE '2026-01-01'
GROUP BY GROUPING SETS ((1), (1, segment))
    """,
    "contracts over two years": f"""
WITH {_MONTHS}
SELECT month::DATE AS month, coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total,
       avg(CASE WHEN signed_on >= month - INTERVAL 11 MONTH THEN acv END) AS deal_size,
       avg(CASE WHEN signed_on < month - INTERVAL 11 MONTH THEN acv END) AS past_deal_size
FROM months JOIN contracts ON signed_on < month + INTERVAL 1 MONTH
                          AND signed_on >= month - INTERVAL 23 MONTH
LEFT JOIN accounts USING (account_id)
WHERE contract_type = 'new' AND recorded_at < TIMESTAMP '2026-01-01'
  AND NOT coalesce(is_internal, FALSE)
GROUP BY GROUPING SETS ((month), (month, segment))
    """,
    "touches": f"""
WITH {_MONTHS},
placed AS (
  SELECT c.contract_id, c.acv, c.signed_on, a.segment, t.channel,
         row_number() OVER (PARTITION BY c.contract_id ORDER BY t.touched_at, t.touch_id) AS place,
         count(*) OVER (PARTITION BY c.contract_id) AS touches
  FROM contracts AS c LEFT JOIN accounts AS a USING (account_id)
  JOIN (SELECT opportunity_id, lead_id FROM leads WHERE recorded_at < TIMESTAMP '2026-01-01') AS l
    USING (opportunity_id)
  JOIN touchpoints AS t ON t.lead_id = l.lead_id AND t.touched_at::DATE <= c.signed_on
  WHERE c.contract_type = 'new' AND c.recorded_at < TIMESTAMP '2026-01-01'
    AND t.recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(a.is_internal, FALSE)
)
SELECT month::DATE AS month, coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total,
       sum(acv / touches::DOUBLE) AS by_all_touches,
       sum(CASE WHEN place = 1 THEN acv END) AS by_first_touch,
       sum(CASE WHEN place = touches THEN acv END) AS by_last_touch
FROM months JOIN placed ON signed_on < month + INTERVAL 1 MONTH
                       AND signed_on >= month - INTERVAL 11 MONTH
WHERE channel = 'content'
GROUP BY GROUPING SETS ((month), (month, segment))
    """,
    "surveys": f"""
WITH {_MONTHS}
SELECT month::DATE AS month, coalesce(a.segment, '(unknown)') AS segment, grouping(a.segment) AS total,
       count(CASE WHEN survey_type = 'pmf' THEN 1 END) AS fit_answers,
       count(CASE WHEN survey_type = 'pmf' AND score = 3 THEN 1 END) AS fit,
       count(CASE WHEN survey_type = 'ces' AND responded_at >= month THEN 1 END) AS effort_answers,
       sum(CASE WHEN survey_type = 'ces' AND responded_at >= month THEN score END) AS effort,
       count(CASE WHEN survey_type = 'csat' AND touchpoint = 'support' AND responded_at >= month
                  THEN 1 END) AS support_answers,
       count(CASE WHEN survey_type = 'csat' AND touchpoint = 'support' AND responded_at >= month
                   AND score >= 4 THEN 1 END) AS support_satisfied
FROM months
JOIN survey_responses ON responded_at < month + INTERVAL 1 MONTH
                     AND responded_at >= month + INTERVAL 1 MONTH - INTERVAL 90 DAY
LEFT JOIN accounts AS a USING (account_id) LEFT JOIN users AS u USING (user_id)
WHERE score IS NOT NULL AND recorded_at < TIMESTAMP '2026-01-01'
  AND survey_type IN ('pmf', 'ces', 'csat')
  AND NOT coalesce(a.is_internal OR u.is_internal, FALSE)
GROUP BY GROUPING SETS ((month), (month, a.segment))
    """,
    "invitations": """
SELECT date_trunc('month', sent_at)::DATE AS month, coalesce(a.segment, '(unknown)') AS segment,
       grouping(a.segment) AS total, count(*) AS invited, count(responded_at) AS responded
FROM survey_responses LEFT JOIN accounts AS a USING (account_id) LEFT JOIN users AS u USING (user_id)
WHERE sent_at >= TIMESTAMP '2024-12-01' AND sent_at < TIMESTAMP '2026-01-01'
  AND respondent_type <> 'employee' AND recorded_at < TIMESTAMP '2026-01-01'
  AND NOT coalesce(a.is_internal OR u.is_internal, FALSE)
GROUP BY GROUPING SETS ((1), (1, a.segment))
    """,
    "first values": _waits(
        f"""
  SELECT c.month, c.segment, c.since, min(e.occurred_at) AS got
  FROM ({_COHORT}) AS c
  LEFT JOIN (SELECT user_id, occurred_at FROM events
             WHERE event_name = 'value_event' AND recorded_at < TIMESTAMP '2026-01-01') AS e
    USING (user_id)
  GROUP BY c.month, c.segment, c.user_id, c.since""",
        3600,
        "hours_to_value",
    ),
    "first workflows": _waits(
        """
  SELECT date_trunc('month', a.created_at) AS month, a.segment, a.created_at AS since,
         min(o.created_at) AS got
  FROM accounts AS a
  LEFT JOIN (SELECT account_id, created_at FROM product_objects
             WHERE object_type = 'workflow' AND recorded_at < TIMESTAMP '2026-01-01') AS o
    USING (account_id)
  WHERE a.created_at >= TIMESTAMP '2024-12-01' AND a.created_at < TIMESTAMP '2026-01-01'
    AND NOT coalesce(a.is_internal, FALSE)
  GROUP BY a.account_id, a.segment, a.created_at""",
        86400,
        "days_to_workflow",
    ),
    "first outcomes": _waits(
        """
  SELECT date_trunc('month', a.created_at) AS month, a.segment, a.created_at AS since,
         min(o.completed_at) AS got
  FROM accounts AS a
  LEFT JOIN (SELECT account_id, completed_at FROM onboarding_steps
             WHERE step = 'first_value' AND recorded_at < TIMESTAMP '2026-01-01') AS o
    USING (account_id)
  WHERE a.created_at >= TIMESTAMP '2024-12-01' AND a.created_at < TIMESTAMP '2026-01-01'
    AND NOT coalesce(a.is_internal, FALSE)
  GROUP BY a.account_id, a.segment, a.created_at""",
        86400,
        "days_to_outcome",
    ),
    "cohorts": f"""
WITH {_MONTHS},
won AS (
  SELECT account_id, segment,
         date_trunc('month', min(CASE WHEN movement_type = 'new' THEN effective_on END)) AS won_in
  FROM mrr_movements LEFT JOIN accounts USING (account_id)
  WHERE recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(is_internal, FALSE)
  GROUP BY account_id, segment
),
cohorts AS (
  SELECT month, datediff('month', won_in, month) AS age, account_id, segment, won_in
  FROM months JOIN won ON datediff('month', won_in, month) IN (1, 3, 6, 12)
),
balances AS (
  SELECT c.month, c.age, c.segment, sum(amount) AS now,
         sum(CASE WHEN effective_on < won_in + INTERVAL 1 MONTH THEN amount ELSE 0 END) AS at_first
  FROM cohorts AS c JOIN mrr_movements AS m
    ON m.account_id = c.account_id AND m.effective_on < c.month + INTERVAL 1 MONTH
  WHERE recorded_at < TIMESTAMP '2026-01-01'
  GROUP BY c.month, c.age, c.segment, c.account_id, won_in
)
SELECT month::DATE AS month, coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total,
       {
        ", ".join(
            f"count(CASE WHEN age = {k} THEN 1 END) AS won_{k},"
            f" count(CASE WHEN age = {k} AND now > 0 THEN 1 END) AS kept_{k}"
            for k in (1, 3, 6, 12)
        )
    },
       sum(CASE WHEN age = 12 THEN now END) AS cohort_mrr,
       sum(CASE WHEN age = 12 THEN at_first END) AS cohort_first_mrr
FROM balances GROUP BY GROUPING SETS ((month), (month, segment))
    """,
    "power users": _waits(
        f"""
  WITH cohort AS ({_COHORT}),
  days AS (
    SELECT user_id, occurred_at::DATE AS day, max(occurred_at) AS last_at,
           list(DISTINCT CASE WHEN event_name LIKE 'dashboard%' THEN 'dashboards'
                              WHEN event_name LIKE 'workflow%' THEN 'workflows'
                              WHEN event_name IN ('data_source_connected', 'report_generated',
                                'collaboration_action', 'advanced_analytics_used', 'api_used')
                              THEN event_name END) AS features
    FROM events JOIN cohort USING (user_id)
    WHERE recorded_at < TIMESTAMP '2026-01-01' GROUP BY ALL
  ),
  ends AS (
    SELECT d.user_id, d.last_at
    FROM days AS d JOIN days AS o ON o.user_id = d.user_id AND o.day BETWEEN d.day - 29 AND d.day
    GROUP BY ALL HAVING count(*) >= 12 AND list_unique(flatten(list(o.features))) >= 3
  )
  SELECT c.month, c.segment, c.since, min(e.last_at) AS got
  FROM cohort AS c LEFT JOIN ends AS e USING (user_id)
  GROUP BY c.month, c.segment, c.user_id, c.since""",
        86400,
        "days_to_power",
    ),
}


def values(m: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """The KPIs that need no other."""
    k: dict[str, pd.Series[float]] = {}
    firsts = pd.to_datetime(m.index.get_level_values("month"))
    days, before = firsts.days_in_month, (firsts - pd.Timedelta(days=1)).days_in_month
    k["mau_growth_rate"] = _growth(m["mau"], m["past_mau"])
    k["dau_growth_rate"] = _growth(m["user_days"] / days, m["past_user_days"] / before)
    k["average_deal_size_growth"] = _growth(m["deal_size"], m["past_deal_size"])
    k["wau"] = m["wau"]
    k["wau_mau_ratio"] = 100 * m["weekly"] / days / m["mau"]
    k["content_marketing_roi"] = m["by_all_touches"] / m["content_spend"]
    k["content_marketing_roi_first_touch"] = m["by_first_touch"] / m["content_spend"]
    k["content_marketing_roi_last_touch"] = m["by_last_touch"] / m["content_spend"]
    k["pmf_score"] = 100 * m["fit"] / m["fit_answers"]
    k["customer_effort_score"] = m["effort"] / m["effort_answers"]
    k["support_csat"] = 100 * m["support_satisfied"] / m["support_answers"]
    k["survey_response_rate"] = 100 * m["responded"] / m["invited"]
    for kpi, wait in (
        ("time_to_first_value", "hours_to_value"),
        ("time_to_first_workflow", "days_to_workflow"),
        ("time_to_power_user", "days_to_power"),
        ("time_to_value", "days_to_outcome"),
    ):
        k[kpi] = (m[wait] - 1).where(m[wait] > 0)
    for months in (1, 3, 6, 12):
        name = "cohort_retention_rate" + ("" if months == 12 else f"_m{months}")
        k[name] = 100 * m[f"kept_{months}"] / m[f"won_{months}"]
    k["cohort_revenue_per_customer"] = m["cohort_mrr"] / m["won_12"]
    k["cohort_net_revenue_retention"] = 100 * m["cohort_mrr"] / m["cohort_first_mrr"]
    return k


def made_of(k: Mapping[str, pd.Series[float]], m: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """Those that rest on other KPIs: of a year before, of thresholds, of all that have a target."""
    margin = 100 * (m["past_revenue"] - m["past_cogs"]) / m["past_revenue"]
    months = np.minimum(60, m["past_at_start"] / m["past_lost"]).where(m["past_lost"] > 0, 60.0)
    past_ltv = m["past_mrr"] / m["past_customers"] * margin / 100 * months
    ratio, payback = k["ltv_cac_ratio"], k["cac_payback_period"]
    healthy = (ratio > 3).astype(float) + (payback < 18)
    judged = np.isfinite(ratio) & np.isfinite(payback)
    found = {
        "ltv_growth_rate": _growth(k["ltv"], past_ltv),
        "gross_margin_improvement": k["gross_margin"] - margin,
        "unit_economics_health": healthy.where(judged),
    }
    return {**found, "kpis_on_target_rate": _on_target({**k, **found})}


def _growth(now: pd.Series[float], before: pd.Series[float]) -> pd.Series[float]:
    return 100 * (now - before) / before.where(before > 0)


def _on_target(k: Mapping[str, pd.Series[float]]) -> pd.Series[float]:
    """Of the KPIs with a target in the month and a figure, the share whose figure meets it."""
    index = k["mrr"].index
    plan = [
        12 * (int(month[:4]) - 2023) + int(month[5:7]) for month in index.get_level_values("month")
    ]
    met, judged = np.zeros(len(index)), np.zeros(len(index))
    for kpi, goal in yaml.safe_load(CARD.read_text(encoding="utf-8"))["kpis"].items():
        if "comparator" not in goal or "month" not in goal.get("grains", ["month"]):
            continue
        points = goal.get("path") or goal.get("steps") or {}
        months = [int(name.removeprefix("month ")) for name in points]
        low = np.full(len(index), np.nan)
        high = low
        if "path" in goal:
            low = np.interp(plan, months, list(points.values()), left=np.nan)
        elif "steps" in goal:
            for first, value in zip(months, points.values(), strict=True):
                low = np.where(np.array(plan) >= first, value, low)
        elif isinstance(goal["value"], list):
            low, high = (np.full(len(index), edge) for edge in goal["value"])
        else:
            low = np.full(len(index), goal["value"])
        value = k[kpi].to_numpy(dtype=float)
        there = np.isfinite(value) & ~np.isnan(low)
        meets = {
            ">=": value >= low, ">": value > low, "<=": value <= low, "<": value < low,
            "between": (value >= low) & (value <= high),
        }[goal["comparator"]]  # fmt: skip
        met, judged = met + (meets & there), judged + there
    return pd.Series(100 * met / judged, index=index)

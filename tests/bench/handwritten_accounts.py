"""By hand: how revenue is spread over customers, contracts and products, and how they leave."""

from __future__ import annotations

import pandas as pd

COMPANY = ("customer_concentration", "revenue_concentration")

STATEMENTS = {
    "largest parts of MRR": """
WITH months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
),
balances AS (
  SELECT month, segment, account_id, sum(amount) AS balance
  FROM months JOIN mrr_movements ON effective_on < month + INTERVAL 1 MONTH
  LEFT JOIN accounts USING (account_id)
  WHERE recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(is_internal, FALSE)
  GROUP BY ALL
)
SELECT month::DATE AS month, '' AS segment, 1 AS total, max(balance) AS largest_customer,
       greatest(sum(CASE WHEN segment = 'enterprise' THEN balance END),
                sum(CASE WHEN segment = 'mid_market' THEN balance END),
                sum(CASE WHEN segment = 'smb' THEN balance END)) AS largest_segment
FROM balances
GROUP BY month
    """,
    "contracts in force": """
WITH months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
)
SELECT month::DATE AS month, coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total,
       sum(acv) AS acv_in_force, sum(term_months * acv) AS term_in_force,
       sum(CASE WHEN term_months > 12 THEN acv END) AS long_acv
FROM months
JOIN contracts ON start_date < month + INTERVAL 1 MONTH
              AND (ended_on IS NULL OR ended_on >= month + INTERVAL 1 MONTH)
LEFT JOIN accounts USING (account_id)
WHERE recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(is_internal, FALSE)
GROUP BY GROUPING SETS ((month), (month, segment))
    """,
    "subscriptions in force": """
WITH months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
),
products AS (
  SELECT month, segment, account_id,
         count(CASE WHEN is_addon THEN 1 END) + max(CASE WHEN is_addon THEN 0 ELSE 1 END) AS products
  FROM months
  JOIN subscriptions ON started_on < month + INTERVAL 1 MONTH
                    AND (ended_on IS NULL OR ended_on >= month + INTERVAL 1 MONTH)
  LEFT JOIN plans USING (plan_id) LEFT JOIN accounts USING (account_id)
  WHERE mrr > 0 AND NOT coalesce(is_internal, FALSE)
  GROUP BY ALL
)
SELECT month::DATE AS month, coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total,
       count(CASE WHEN products >= 2 THEN 1 END) AS with_several
FROM products
GROUP BY GROUPING SETS ((month), (month, segment))
    """,
    "losses by kind": """
WITH changes AS (
  SELECT account_id, segment, greatest(date_trunc('month', effective_on), DATE '2023-11-01') AS month,
         sum(amount) AS change, bool_or(movement_type = 'churn') AS churns,
         bool_or(churn_type = 'voluntary') AS by_choice,
         bool_or(churn_type = 'involuntary') AS by_force
  FROM mrr_movements LEFT JOIN accounts USING (account_id)
  WHERE effective_on < DATE '2026-01-01' AND recorded_at < TIMESTAMP '2026-01-01'
    AND NOT coalesce(is_internal, FALSE)
  GROUP BY ALL
),
panel AS (
  SELECT account_id, segment, month, coalesce(churns, FALSE) AS churns,
         coalesce(by_choice, FALSE) AS by_choice, coalesce(by_force, FALSE) AS by_force,
         sum(coalesce(change, 0)) OVER account AS closing
  FROM (SELECT DISTINCT account_id, segment FROM changes)
  CROSS JOIN (SELECT unnest(range(TIMESTAMP '2023-11-01', TIMESTAMP '2026-01-01',
                                  INTERVAL 1 MONTH))::DATE AS month)
  LEFT JOIN changes USING (account_id, segment, month)
  WINDOW account AS (PARTITION BY account_id ORDER BY month)
),
points AS (
  SELECT *, lag(closing) OVER account AS closing_1m, lag(closing, 12) OVER account AS year_ago
  FROM panel WINDOW account AS (PARTITION BY account_id ORDER BY month)
)
SELECT month, coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total,
       count(CASE WHEN churns THEN 1 END) AS churn_events,
       count(CASE WHEN closing_1m > 0 AND closing <= 0 AND by_choice THEN 1 END) AS lost_by_choice,
       count(CASE WHEN closing_1m > 0 AND closing <= 0 AND by_force THEN 1 END) AS lost_by_force,
       sum(CASE WHEN year_ago > 0 AND closing > 0 THEN closing END) AS mrr_of_the_kept,
       sum(CASE WHEN year_ago > 0 AND closing > 0 THEN year_ago END) AS mrr_of_the_kept_then
FROM points
WHERE month >= DATE '2024-12-01'
GROUP BY GROUPING SETS ((month), (month, segment))
    """,
}


def values(m: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """These KPIs of the measures of all statements."""
    return {
        "customer_concentration": 100 * m["largest_customer"] / m["mrr"],
        "revenue_concentration": 100 * m["largest_segment"] / m["mrr"],
        "average_contract_duration": m["term_in_force"] / m["acv_in_force"],
        "multi_year_contract_share": 100 * m["long_acv"] / m["acv_in_force"],
        "expansion_revenue": 12 * m["expansion_mrr"],
        "cross_sell_rate": 100 * m["with_several"] / m["customers"],
        "account_growth_rate": 100 * (m["mrr_of_the_kept"] / m["mrr_of_the_kept_then"] - 1),
        "churn_events": m["churn_events"],
        "voluntary_churn_rate": 100 * m["lost_by_choice"] / m["customers_1m"],
        "involuntary_churn_rate": 100 * m["lost_by_force"] / m["customers_1m"],
    }

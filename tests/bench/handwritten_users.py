"""By hand: who signs up, who comes again and who asks for help."""

from __future__ import annotations

import pandas as pd

COMPANY = ("website_conversion_rate",)

STATEMENTS = {
    "leads of visitors": """
SELECT date_trunc('month', created_at)::DATE AS month, '' AS segment, 1 AS total,
       count(DISTINCT visitor_id) AS visitors_asking
FROM (SELECT l.*, a.is_internal FROM leads AS l LEFT JOIN accounts AS a USING (account_id))
WHERE created_at >= TIMESTAMP '2024-12-01' AND created_at < TIMESTAMP '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(is_internal, FALSE)
GROUP BY 1
    """,
    "months of users": """
WITH came AS (
  SELECT DISTINCT user_id, account_id, date_trunc('month', started_at)::DATE AS month
  FROM sessions
  WHERE started_at >= TIMESTAMP '2024-11-01' AND started_at < TIMESTAMP '2026-01-01'
    AND recorded_at < TIMESTAMP '2026-01-01'
),
asked AS (
  SELECT DISTINCT user_id, date_trunc('month', created_at)::DATE AS month
  FROM tickets WHERE created_at < TIMESTAMP '2026-01-01' AND recorded_at < TIMESTAMP '2026-01-01'
),
months AS (
  SELECT user_id, account_id, month, 1 AS now, 0 AS before FROM came
  UNION ALL SELECT user_id, account_id, (month + INTERVAL 1 MONTH)::DATE, 0, 1 FROM came
),
both_months AS (
  SELECT user_id, account_id, month, max(now) AS now, max(before) AS before
  FROM months WHERE month BETWEEN DATE '2024-12-01' AND DATE '2025-12-01' GROUP BY ALL
)
SELECT b.month, coalesce(a.segment, '(unknown)') AS segment, grouping(a.segment) AS total,
       sum(before) AS users_before, count(CASE WHEN before = 1 AND now = 1 THEN 1 END) AS users_again,
       count(CASE WHEN now = 1 AND q.user_id IS NOT NULL THEN 1 END) AS users_asking
FROM both_months AS b LEFT JOIN asked AS q ON q.user_id = b.user_id AND q.month = b.month
LEFT JOIN accounts AS a ON a.account_id = b.account_id
LEFT JOIN users AS u ON u.user_id = b.user_id
WHERE NOT coalesce(a.is_internal OR u.is_internal, FALSE)
GROUP BY GROUPING SETS ((b.month), (b.month, a.segment))
    """,
    "users known before": """
WITH months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
),
came AS (
  SELECT month, user_id, account_id, max((started_at < month)::INTEGER) AS before,
         max((started_at >= month)::INTEGER) AS now
  FROM months JOIN sessions ON started_at >= month - INTERVAL 30 DAY
                           AND started_at < month + INTERVAL 1 MONTH
  WHERE recorded_at < TIMESTAMP '2026-01-01'
  GROUP BY ALL
)
SELECT month::DATE AS month, coalesce(a.segment, '(unknown)') AS segment,
       grouping(a.segment) AS total, count(CASE WHEN before = 1 AND now = 1 THEN 1 END) AS users_known
FROM came LEFT JOIN accounts AS a USING (account_id) LEFT JOIN users AS u USING (user_id)
WHERE NOT coalesce(a.is_internal OR u.is_internal, FALSE)
GROUP BY GROUPING SETS ((month), (month, a.segment))
    """,
    "first months of users": """
WITH found AS (
  SELECT DISTINCT user_id FROM events AS e JOIN users AS u USING (user_id)
  WHERE event_name = 'value_event' AND occurred_at < created_at + INTERVAL 30 DAY
    AND occurred_at < TIMESTAMP '2026-01-01' AND recorded_at < TIMESTAMP '2026-01-01'
),
came AS (
  SELECT user_id, max((started_at >= created_at + INTERVAL 24 HOUR
                       AND started_at < created_at + INTERVAL 48 HOUR)::INTEGER) AS d1,
         max((started_at >= created_at + INTERVAL 7 DAY
              AND started_at < created_at + INTERVAL 14 DAY)::INTEGER) AS d7,
         max((started_at >= created_at + INTERVAL 30 DAY
              AND started_at < created_at + INTERVAL 60 DAY)::INTEGER) AS d30,
         max((started_at >= created_at + INTERVAL 180 DAY
              AND started_at < created_at + INTERVAL 210 DAY)::INTEGER) AS m6
  FROM sessions JOIN users USING (user_id)
  WHERE started_at < TIMESTAMP '2026-01-01' AND recorded_at < TIMESTAMP '2026-01-01'
    AND created_at >= TIMESTAMP '2024-12-01'
  GROUP BY user_id
)
SELECT date_trunc('month', u.created_at)::DATE AS month, coalesce(a.segment, '(unknown)') AS segment,
       grouping(a.segment) AS total, sum(d1) AS came_d1, sum(d7) AS came_d7, sum(d30) AS came_d30,
       count(f.user_id) AS activated, sum(CASE WHEN f.user_id IS NOT NULL THEN m6 END) AS kept_m6
FROM users AS u LEFT JOIN came USING (user_id) LEFT JOIN found AS f ON f.user_id = u.user_id
LEFT JOIN accounts AS a ON a.account_id = u.account_id
WHERE u.created_at >= TIMESTAMP '2024-12-01' AND u.created_at < TIMESTAMP '2026-01-01'
  AND NOT coalesce(a.is_internal OR u.is_internal, FALSE)
GROUP BY GROUPING SETS ((1), (1, a.segment))
    """,
}


def values(m: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """These KPIs of the measures of all statements."""
    return {
        "new_users": m["new_users"],
        "registered_users": m["registered"],
        "conversion_rate": 100 * m["new_customers"] / m["trials"],
        "website_conversion_rate": 100 * m["visitors_asking"] / m["website_visitors"],
        "mau_retention_rate": 100 * m["users_again"] / m["users_before"],
        "engagement_frequency": m["user_days"] / m["mau"],
        "return_rate": 100 * m["users_known"] / m["mau"],
        "user_retention_d1": 100 * m["came_d1"] / m["new_users"],
        "user_retention_d7": 100 * m["came_d7"] / m["new_users"],
        "user_retention_d30": 100 * m["came_d30"] / m["new_users"],
        "user_retention_m6": 100 * m["kept_m6"] / m["activated"],
        "tickets_per_user": m["tickets"] / m["mau"],
        "ticket_user_rate": 100 * m["users_asking"] / m["active"],
    }

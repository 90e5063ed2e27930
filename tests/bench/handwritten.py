"""What an analyst would write instead: SQL by hand, one statement a table, and formulas in pandas.

It knows nothing of the catalogue and the planner, and is written for one company's 13 months. The
benchmark compares its figures with the engine's before it compares their cost.
"""

from __future__ import annotations

import duckdb
import handwritten_accounts
import handwritten_economics
import handwritten_functions
import handwritten_reliability
import handwritten_tables
import handwritten_users
import numpy as np
import pandas as pd

#: The rest by subject, each with its STATEMENTS, values() and COMPANY.
PARTS = (
    handwritten_accounts, handwritten_economics, handwritten_functions, handwritten_reliability,
    handwritten_tables, handwritten_users,
)  # fmt: skip
BOUNDS = (25, 50, 100, 200, 500, 1000, 2000, 3000, 5000, 10000)
#: KPIs of tables that no segment can be read from: in total only.
COMPANY = (
    "website_visitors", "burn_rate", "cash_balance", "opening_cash", "financing_inflows", "runway",
    "system_uptime", "error_rate", "api_response_time_p95", "api_availability", "page_load_time",
    "query_execution_time", "api_calls", "api_usage_growth", "mttr", "security_incidents",
    "data_breaches", "operating_expenses", "ebitda_margin", "profit_margin", "rule_of_40",
    "magic_number", "rnd_efficiency", "burn_vs_budget",
    "organic_traffic_share", "signup_conversion_rate", "funnel_conversion_rate",
    *(kpi for part in PARTS for kpi in part.COMPANY),
)  # fmt: skip


#: The SQL by table: the months 2024-12 to 2025-12, in total and by segment, as known at their end.
STATEMENTS = {
    "mrr_movements": """
WITH changes AS (
  SELECT account_id, segment, greatest(date_trunc('month', effective_on), DATE '2023-12-01') AS month,
         sum(amount) AS change,
         sum(CASE WHEN movement_type = 'new' THEN amount ELSE 0 END) AS new,
         sum(CASE WHEN movement_type = 'expansion' THEN amount ELSE 0 END) AS expansion,
         sum(CASE WHEN movement_type = 'contraction' THEN -amount ELSE 0 END) AS contraction,
         sum(CASE WHEN movement_type = 'churn' THEN -amount ELSE 0 END) AS churned,
         sum(CASE WHEN movement_type = 'reactivation' THEN amount ELSE 0 END) AS reactivated,
         max(CASE WHEN movement_type = 'new' THEN 1 ELSE 0 END) AS is_new,
         max(CASE WHEN expansion_type = 'upsell' THEN 1 ELSE 0 END) AS is_upsold,
         max(CASE WHEN expansion_type = 'cross_sell' THEN 1 ELSE 0 END) AS is_cross_sold,
         max(CASE WHEN movement_type = 'new' AND referral_id IS NOT NULL THEN 1 ELSE 0 END) AS referred
  FROM mrr_movements LEFT JOIN accounts USING (account_id)
  WHERE effective_on < DATE '2026-01-01' AND recorded_at < TIMESTAMP '2026-01-01'
    AND NOT coalesce(is_internal, FALSE)
  GROUP BY ALL
),
months AS (
  SELECT unnest(range(TIMESTAMP '2023-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH))::DATE AS month
),
panel AS (
  SELECT account_id, segment, month, new, expansion, contraction, churned, reactivated, is_new,
         referred, sum(coalesce(change, 0)) OVER account AS closing,
         max(is_new) OVER (account ROWS 2 PRECEDING) AS new_3m,
         sum(new) OVER (account ROWS 2 PRECEDING) AS added_3m,
         sum(expansion) OVER (account ROWS 2 PRECEDING) AS expansion_3m,
         sum(reactivated) OVER (account ROWS 2 PRECEDING) AS reactivated_3m,
         max(is_upsold) OVER (account ROWS 11 PRECEDING) AS upsold_12m,
         max(is_cross_sold) OVER (account ROWS 11 PRECEDING) AS cross_sold_12m
  FROM (SELECT DISTINCT account_id, segment FROM changes)
  CROSS JOIN months LEFT JOIN changes USING (account_id, segment, month)
  WINDOW account AS (PARTITION BY account_id ORDER BY month)
),
points AS (
  SELECT *,
         coalesce(lag(closing) OVER account, 0) AS closing_1m,
         coalesce(lag(closing, 2) OVER account, 0) AS closing_2m,
         coalesce(lag(closing, 3) OVER account, 0) AS closing_3m,
         coalesce(lag(closing, 12) OVER account, 0) AS closing_12m
  FROM panel
  WINDOW account AS (PARTITION BY account_id ORDER BY month)
)
SELECT month, coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total,
       sum(closing) AS mrr, sum(closing_1m) AS opening_mrr, sum(new) AS new_mrr,
       sum(expansion) AS expansion_mrr, sum(contraction) AS contraction_mrr,
       sum(churned) AS churned_mrr, sum(reactivated) AS reactivation_mrr,
       sum(is_new) AS new_customers, sum(new_3m) AS won_3m, sum(added_3m) AS added_3m,
       sum(expansion_3m) AS expansion_3m, sum(reactivated_3m) AS reactivated_3m,
       sum(closing_3m) AS mrr_3m, sum(closing_12m) AS mrr_12m,
       count(CASE WHEN closing_12m > 0 THEN 1 END) AS customers_12m,
       count(CASE WHEN closing_12m > 0 AND closing > 0 THEN 1 END) AS customers_kept,
       count(CASE WHEN closing_12m > 0 AND upsold_12m > 0 THEN 1 END) AS upsold,
       count(CASE WHEN closing_12m > 0 AND cross_sold_12m > 0 THEN 1 END) AS cross_sold,
       sum(referred) AS referred,
       count(CASE WHEN closing > 0 THEN 1 END) AS customers,
       count(CASE WHEN closing_1m > 0 THEN 1 END) AS customers_1m,
       count(CASE WHEN closing_1m > 0 AND closing <= 0 THEN 1 END) AS lost,
       count(CASE WHEN (closing_1m > 0 OR is_new = 1) AND closing <= 0 THEN 1 END) AS gone,
       count(CASE WHEN closing_1m <= 0 AND coalesce(is_new, 0) = 0 AND closing > 0 THEN 1 END)
         AS returned,
       sum(CASE WHEN closing_12m > 0 THEN closing END) AS retained,
       sum(CASE WHEN closing_12m > 0 THEN least(closing, closing_12m) END) AS kept,
       sum(CASE WHEN closing_12m > 0 THEN closing_12m END) AS starting,
       count(CASE WHEN closing_1m > 0 AND closing <= 0 THEN 1 END)
         + count(CASE WHEN closing_2m > 0 AND closing_1m <= 0 THEN 1 END)
         + count(CASE WHEN closing_3m > 0 AND closing_2m <= 0 THEN 1 END) AS lost_3m,
       count(CASE WHEN closing_1m > 0 THEN 1 END) + count(CASE WHEN closing_2m > 0 THEN 1 END)
         + count(CASE WHEN closing_3m > 0 THEN 1 END) AS customers_3m
FROM points
WHERE month >= DATE '2024-12-01'
GROUP BY GROUPING SETS ((month), (month, segment))
    """,
    "sessions": """
WITH days AS (
  SELECT DISTINCT user_id, account_id, started_at::DATE AS day
  FROM sessions
  WHERE started_at >= TIMESTAMP '2024-12-01' AND started_at < TIMESTAMP '2026-01-01'
    AND recorded_at < TIMESTAMP '2026-01-01'
),
users_by_month AS (
  SELECT user_id, account_id, date_trunc('month', day) AS month, count(*) AS days
  FROM days GROUP BY ALL
)
SELECT month, coalesce(a.segment, '(unknown)') AS segment, grouping(a.segment) AS total,
       count(DISTINCT user_id) AS mau, sum(days) AS user_days
FROM users_by_month LEFT JOIN accounts AS a USING (account_id) LEFT JOIN users AS u USING (user_id)
WHERE NOT coalesce(a.is_internal OR u.is_internal, FALSE)
GROUP BY GROUPING SETS ((month), (month, a.segment))
    """,
    "session lengths": """
SELECT date_trunc('month', started_at)::DATE AS month, coalesce(a.segment, '(unknown)') AS segment,
       grouping(a.segment) AS total, count(*) AS ended,
       sum(least(datediff('microsecond', started_at, ended_at) / 6e7, 480)) AS minutes
FROM sessions AS s LEFT JOIN accounts AS a USING (account_id) LEFT JOIN users AS u USING (user_id)
WHERE started_at >= TIMESTAMP '2024-12-01' AND started_at < TIMESTAMP '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01' AND ended_at IS NOT NULL
  AND NOT coalesce(a.is_internal OR u.is_internal, FALSE)
GROUP BY GROUPING SETS ((1), (1, a.segment))
    """,
    "events and objects": """
WITH monthly AS (
  SELECT user_id, account_id, date_trunc('month', occurred_at) AS month,
         count(CASE WHEN event_name <> 'session_start' THEN 1 END) AS actions,
         max(CASE WHEN event_name = 'dashboard_created' THEN 1 ELSE 0 END) AS creates,
         max(CASE WHEN event_name = 'dashboard_viewed' THEN 1 ELSE 0 END) AS views,
         max(CASE WHEN event_name IN ('dashboard_created', 'dashboard_viewed') THEN 1 ELSE 0 END) AS dashboards,
         max(CASE WHEN event_name = 'data_source_connected' THEN 1 ELSE 0 END) AS sources,
         max(CASE WHEN event_name = 'report_generated' THEN 1 ELSE 0 END) AS reports,
         max(CASE WHEN event_name = 'collaboration_action' THEN 1 ELSE 0 END) AS collaborates,
         max(CASE WHEN event_name = 'advanced_analytics_used' THEN 1 ELSE 0 END) AS analytics,
         max(CASE WHEN event_name = 'api_used' THEN 1 ELSE 0 END) AS api,
         max(CASE WHEN event_name IN ('workflow_created', 'workflow_run') THEN 1 ELSE 0 END) AS workflows,
         max(CASE WHEN event_name = 'template_used' THEN 1 ELSE 0 END) AS templates
  FROM events
  WHERE occurred_at >= TIMESTAMP '2024-12-01' AND occurred_at < TIMESTAMP '2026-01-01'
    AND recorded_at < TIMESTAMP '2026-01-01'
  GROUP BY ALL
),
known AS (
  SELECT *, 10 * creates + 15 * sources + 8 * reports + 12 * collaborates + 20 * analytics + 5 * api AS points,
         dashboards + sources + reports + collaborates + analytics + api + workflows AS core
  FROM monthly
),
in_place AS (
  SELECT k.user_id, k.account_id, k.month, count(*) AS built
  FROM known AS k JOIN product_objects AS o
    ON o.created_by_user_id = k.user_id AND o.account_id = k.account_id
   AND o.created_at < k.month + INTERVAL 1 MONTH
   AND (o.archived_at IS NULL OR o.archived_at >= k.month + INTERVAL 1 MONTH)
  WHERE object_type = 'dashboard' AND o.recorded_at < TIMESTAMP '2026-01-01'
  GROUP BY ALL
)
SELECT month::DATE AS month, coalesce(a.segment, '(unknown)') AS segment, grouping(a.segment) AS total,
       count(*) AS active, sum(built) AS dashboards, sum(points) AS points, sum(actions) AS actions,
       sum(views) AS viewers, sum(core + templates) AS features_used,
       count(CASE WHEN core >= 3 THEN 1 END) AS broad
FROM known LEFT JOIN in_place USING (user_id, account_id, month)
LEFT JOIN accounts AS a USING (account_id) LEFT JOIN users AS u USING (user_id)
WHERE NOT coalesce(a.is_internal OR u.is_internal, FALSE)
GROUP BY GROUPING SETS ((month), (month, a.segment))
    """,
    "users": """
WITH months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
),
first_dashboards AS (
  SELECT created_by_user_id AS user_id, min(created_at) AS first_at
  FROM product_objects
  WHERE object_type = 'dashboard' AND created_at < TIMESTAMP '2026-01-01'
    AND recorded_at < TIMESTAMP '2026-01-01'
  GROUP BY 1
)
SELECT month::DATE AS month, coalesce(a.segment, '(unknown)') AS segment, grouping(a.segment) AS total,
       count(CASE WHEN deactivated_at IS NULL OR deactivated_at >= month + INTERVAL 1 MONTH THEN 1 END)
         AS registered,
       count(CASE WHEN u.created_at >= month THEN 1 END) AS new_users,
       count(CASE WHEN u.created_at >= month AND first_at <= u.created_at + INTERVAL 2 DAY THEN 1 END)
         AS quick_users
FROM months JOIN users AS u ON u.created_at < month + INTERVAL 1 MONTH
LEFT JOIN accounts AS a USING (account_id) LEFT JOIN first_dashboards USING (user_id)
WHERE NOT coalesce(a.is_internal OR u.is_internal, FALSE)
GROUP BY GROUPING SETS ((month), (month, a.segment))
    """,
    "web_visits": """
SELECT date_trunc('month', visited_at)::DATE AS month, '' AS segment, 1 AS total,
       count(DISTINCT visitor_id) AS website_visitors, count(*) AS visits,
       count(CASE WHEN channel = 'organic_search' THEN 1 END) AS organic_visits
FROM web_visits
WHERE visited_at >= TIMESTAMP '2024-12-01' AND visited_at < TIMESTAMP '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01'
GROUP BY 1
    """,
    "trials": """
SELECT date_trunc('month', started_at)::DATE AS month, coalesce(segment, '(unknown)') AS segment,
       grouping(segment) AS total, count(*) AS trials,
       count(DISTINCT visitor_id) AS signed_up,
       count(DISTINCT CASE WHEN converted_at <= ends_at + INTERVAL 30 DAY
                            AND converted_at < TIMESTAMP '2026-01-01' THEN visitor_id END) AS bought,
       count(CASE WHEN converted_at <= ends_at + INTERVAL 30 DAY
                   AND converted_at < TIMESTAMP '2026-01-01' THEN 1 END) AS converted
FROM trials LEFT JOIN accounts USING (account_id)
WHERE started_at >= TIMESTAMP '2024-12-01' AND started_at < TIMESTAMP '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(is_internal, FALSE)
GROUP BY GROUPING SETS ((1), (1, segment))
    """,
    "survey_responses": """
WITH months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
)
SELECT month::DATE AS month, coalesce(a.segment, '(unknown)') AS segment, grouping(a.segment) AS total,
       count(score) AS answers,
       count(CASE WHEN score >= 9 THEN 1 END) AS promoters,
       count(CASE WHEN score <= 6 THEN 1 END) AS detractors
FROM months
JOIN survey_responses ON responded_at < month + INTERVAL 1 MONTH
                     AND responded_at >= month + INTERVAL 1 MONTH - INTERVAL 90 DAY
LEFT JOIN accounts AS a USING (account_id) LEFT JOIN users AS u USING (user_id)
WHERE survey_type = 'nps' AND touchpoint = 'relationship' AND recorded_at < TIMESTAMP '2026-01-01'
  AND NOT coalesce(a.is_internal OR u.is_internal, FALSE)
GROUP BY GROUPING SETS ((month), (month, a.segment))
    """,
    "satisfaction": """
SELECT date_trunc('month', responded_at)::DATE AS month, coalesce(a.segment, '(unknown)') AS segment,
       grouping(a.segment) AS total, count(*) AS csat_answers, sum(score) AS csat_points,
       count(CASE WHEN score >= 4 THEN 1 END) AS satisfied
FROM survey_responses LEFT JOIN accounts AS a USING (account_id) LEFT JOIN users AS u USING (user_id)
WHERE survey_type = 'csat' AND score IS NOT NULL AND recorded_at < TIMESTAMP '2026-01-01'
  AND responded_at >= TIMESTAMP '2024-12-01' AND responded_at < TIMESTAMP '2026-01-01'
  AND NOT coalesce(a.is_internal OR u.is_internal, FALSE)
GROUP BY GROUPING SETS ((1), (1, a.segment))
    """,
    "answered tickets": """
SELECT date_trunc('month', first_response_at)::DATE AS month,
       coalesce(a.segment, '(unknown)') AS segment, grouping(a.segment) AS total,
       count(*) AS answered,
       sum(datediff('microsecond', t.created_at, first_response_at) / 3.6e9) AS hours_to_answer
FROM tickets AS t LEFT JOIN accounts AS a USING (account_id) LEFT JOIN users AS u USING (user_id)
WHERE first_response_at >= TIMESTAMP '2024-12-01' AND first_response_at < TIMESTAMP '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(a.is_internal OR u.is_internal, FALSE)
GROUP BY GROUPING SETS ((1), (1, a.segment))
    """,
    "solved tickets": """
SELECT date_trunc('month', resolved_at)::DATE AS month, coalesce(a.segment, '(unknown)') AS segment,
       grouping(a.segment) AS total, count(*) AS solved,
       count(CASE WHEN agent_replies = 1 AND coalesce(reopened_at > resolved_at + INTERVAL 7 DAY, TRUE)
                  THEN 1 END) AS solved_at_once,
       median(datediff('microsecond', t.created_at, resolved_at) / 3.6e9) AS hours_to_solve
FROM tickets AS t LEFT JOIN accounts AS a USING (account_id) LEFT JOIN users AS u USING (user_id)
WHERE resolved_at >= TIMESTAMP '2024-12-01' AND resolved_at < TIMESTAMP '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(a.is_internal OR u.is_internal, FALSE)
GROUP BY GROUPING SETS ((1), (1, a.segment))
    """,
    "incidents": """
WITH months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
)
SELECT month::DATE AS month, '' AS segment, 1 AS total,
       count(CASE WHEN started_at >= month AND started_at < month + INTERVAL 1 MONTH
                   AND incident_type IN ('security', 'data_breach') THEN 1 END) AS security_incidents,
       count(CASE WHEN started_at >= month AND started_at < month + INTERVAL 1 MONTH
                   AND (incident_type = 'data_breach' OR customer_data_exposed) THEN 1 END)
         AS data_breaches,
       avg(CASE WHEN incident_type = 'outage' AND resolved_at >= month
                 AND resolved_at < month + INTERVAL 1 MONTH
                THEN datediff('microsecond', started_at, resolved_at) / 6e7 END) AS mttr
FROM months LEFT JOIN incidents ON recorded_at < TIMESTAMP '2026-01-01'
GROUP BY month
    """,
    "budgets": """
SELECT month, '' AS segment, 1 AS total, sum(amount) AS burn_budget
FROM budgets
WHERE line = 'net_burn' AND month >= DATE '2024-12-01' AND month < DATE '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01'
GROUP BY 1
    """,
    "tickets": """
SELECT date_trunc('month', t.created_at)::DATE AS month, coalesce(a.segment, '(unknown)') AS segment,
       grouping(a.segment) AS total, count(*) AS tickets
FROM tickets AS t LEFT JOIN accounts AS a USING (account_id) LEFT JOIN users AS u USING (user_id)
WHERE t.created_at >= TIMESTAMP '2024-12-01' AND t.created_at < TIMESTAMP '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(a.is_internal OR u.is_internal, FALSE)
GROUP BY GROUPING SETS ((1), (1, a.segment))
    """,
    "gl_entries": """
WITH months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
)
SELECT month::DATE AS month, coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total,
       sum(CASE WHEN pnl_line = 'cogs' AND posted_on >= month THEN amount END) AS cogs,
       sum(CASE WHEN pnl_line = 'marketing' AND posted_on >= month THEN amount END) AS marketing,
       sum(CASE WHEN pnl_line IN ('sales', 'marketing', 'r_and_d', 'g_and_a') AND posted_on >= month
                THEN amount END) AS opex,
       sum(CASE WHEN pnl_line <> 'revenue' AND posted_on >= month THEN amount END) AS all_cost,
       sum(CASE WHEN pnl_line IN ('sales', 'marketing') AND posted_on >= month - INTERVAL 2 MONTH
                THEN amount END) AS acquisition_3m,
       sum(CASE WHEN pnl_line IN ('sales', 'marketing') AND posted_on >= month - INTERVAL 5 MONTH
                 AND posted_on < month - INTERVAL 2 MONTH THEN amount END) AS acquisition_before,
       sum(CASE WHEN pnl_line IN ('cogs', 'sales', 'marketing', 'r_and_d', 'g_and_a')
                 AND posted_on >= month - INTERVAL 11 MONTH THEN amount END) AS cost_12m,
       sum(CASE WHEN pnl_line = 'r_and_d' AND posted_on < month - INTERVAL 11 MONTH THEN amount END)
         AS development_before
FROM months
JOIN gl_entries ON posted_on < month + INTERVAL 1 MONTH AND posted_on >= month - INTERVAL 23 MONTH
WHERE recorded_at < TIMESTAMP '2026-01-01'
GROUP BY GROUPING SETS ((month), (month, segment))
    """,
    "cash_balances": """
WITH months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
)
SELECT month::DATE AS month, '' AS segment, 1 AS total,
       sum(CASE WHEN month_end >= month THEN operating_payments - customer_receipts END) AS burn,
       sum(CASE WHEN month_end >= month THEN closing_balance END) AS cash,
       sum(CASE WHEN month_end >= month THEN financing_inflows END) AS financing,
       sum(operating_payments - customer_receipts) AS burn_3m
FROM months
JOIN cash_balances ON month_end < month + INTERVAL 1 MONTH AND month_end >= month - INTERVAL 2 MONTH
WHERE recorded_at < TIMESTAMP '2026-01-01'
GROUP BY month
    """,
    "request_metrics": """
SELECT date_trunc('month', bucket_start)::DATE AS month, '' AS segment, 1 AS total,
       sum(CASE WHEN surface <> 'edge_probe' THEN errors_5xx + coalesce(timeouts, 0) END) AS failed,
       sum(CASE WHEN surface <> 'edge_probe' THEN requests END) AS requests,
       sum(CASE WHEN surface = 'api' THEN requests END) AS api_requests,
       sum(CASE WHEN surface = 'page' THEN requests END) AS page_requests,
       sum(CASE WHEN surface = 'page' THEN duration_ms_sum END) AS page_ms,
       sum(CASE WHEN surface = 'query' THEN requests END) AS query_requests,
       sum(CASE WHEN surface = 'query' THEN duration_ms_sum END) AS query_ms,
       sum(CASE WHEN surface = 'api' THEN le_25 END) AS le_25,
       sum(CASE WHEN surface = 'api' THEN le_50 END) AS le_50,
       sum(CASE WHEN surface = 'api' THEN le_100 END) AS le_100,
       sum(CASE WHEN surface = 'api' THEN le_200 END) AS le_200,
       sum(CASE WHEN surface = 'api' THEN le_500 END) AS le_500,
       sum(CASE WHEN surface = 'api' THEN le_1000 END) AS le_1000,
       sum(CASE WHEN surface = 'api' THEN le_2000 END) AS le_2000,
       sum(CASE WHEN surface = 'api' THEN le_3000 END) AS le_3000,
       sum(CASE WHEN surface = 'api' THEN le_5000 END) AS le_5000,
       sum(CASE WHEN surface = 'api' THEN le_10000 END) AS le_10000
FROM request_metrics
WHERE bucket_start >= TIMESTAMP '2024-12-01' AND bucket_start < TIMESTAMP '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01'
GROUP BY 1
    """,
    "API calls a month before": """
SELECT (date_trunc('month', bucket_start) + INTERVAL 1 MONTH)::DATE AS month, '' AS segment, 1 AS total,
       sum(requests) AS api_requests_before
FROM request_metrics
WHERE surface = 'api' AND bucket_start >= TIMESTAMP '2024-11-01'
  AND bucket_start < TIMESTAMP '2025-12-01' AND recorded_at < TIMESTAMP '2026-01-01'
GROUP BY 1
    """,
    "service_uptime_hourly": """
SELECT date_trunc('month', hour)::DATE AS month, '' AS segment, 1 AS total,
       sum(CASE WHEN service = 'app' THEN total_minutes - unplanned_down_minutes
                                          - coalesce(planned_down_minutes, 0) END) AS up_minutes,
       sum(CASE WHEN service = 'app' THEN total_minutes END) AS total_minutes,
       sum(CASE WHEN service = 'api' THEN total_minutes - unplanned_down_minutes
                                          - coalesce(planned_down_minutes, 0) END) AS api_up_minutes,
       sum(CASE WHEN service = 'api' THEN total_minutes END) AS api_total_minutes
FROM service_uptime_hourly
WHERE hour >= TIMESTAMP '2024-12-01' AND hour < TIMESTAMP '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01'
GROUP BY 1
    """,
    "invoice_lines": """
WITH months AS (
  SELECT month::DATE AS month, last_day(month) AS high, last_day(month) - 29 AS recent,
         (month - INTERVAL 1 MONTH)::DATE AS before, (month - INTERVAL 11 MONTH)::DATE AS year,
         (month - INTERVAL 23 MONTH)::DATE AS two_years
  FROM (SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month)
)
SELECT month, coalesce(a.segment, '(unknown)') AS segment, grouping(a.segment) AS total,
       sum(a_day * greatest(least(service_end, high) - greatest(service_start, month) + 1, 0)) AS revenue,
       sum(a_day * greatest(least(service_end, month - 1) - greatest(service_start, before) + 1, 0))
         AS revenue_before,
       sum(a_day * greatest(least(service_end, high) - greatest(service_start, recent) + 1, 0))
         AS revenue_30d,
       sum(a_day * greatest(least(service_end, high) - greatest(service_start, year) + 1, 0))
         AS revenue_12m,
       sum(a_day * greatest(least(service_end, year - 1) - greatest(service_start, two_years) + 1, 0))
         AS revenue_year_before
FROM months
JOIN (SELECT *, amount::DOUBLE / (service_end - service_start + 1) AS a_day FROM invoice_lines) AS l
  ON service_start <= high AND service_end >= two_years
LEFT JOIN invoices AS i USING (invoice_id) LEFT JOIN accounts AS a USING (account_id)
WHERE line_type <> 'tax' AND i.status <> 'void' AND service_start < DATE '2026-01-01'
  AND l.recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(is_internal, FALSE)
GROUP BY GROUPING SETS ((month), (month, a.segment))
    """,
    "payments": """
SELECT date_trunc('month', attempted_at)::DATE AS month, coalesce(a.segment, '(unknown)') AS segment,
       grouping(a.segment) AS total, sum(p.amount) AS paid, count(DISTINCT p.invoice_id) AS orders
FROM payments AS p
LEFT JOIN invoices AS i ON i.invoice_id = p.invoice_id AND i.recorded_at < TIMESTAMP '2026-01-01'
LEFT JOIN accounts AS a USING (account_id)
WHERE p.status = 'succeeded' AND attempted_at >= TIMESTAMP '2024-12-01'
  AND attempted_at < TIMESTAMP '2026-01-01' AND p.recorded_at < TIMESTAMP '2026-01-01'
  AND NOT coalesce(is_internal, FALSE)
GROUP BY GROUPING SETS ((1), (1, a.segment))
    """,
    "invoices": """
WITH bought AS (
  SELECT account_id, segment, date_trunc('month', issued_on) AS month, count(*) AS n,
         min(date_trunc('month', issued_on)) OVER (PARTITION BY account_id) AS first_month
  FROM invoices LEFT JOIN accounts USING (account_id)
  WHERE status = 'paid' AND paid_on < DATE '2026-01-01' AND issued_on < DATE '2026-01-01' AND recorded_at < TIMESTAMP '2026-01-01'
    AND NOT coalesce(is_internal, FALSE)
  GROUP BY account_id, segment, month
)
SELECT month, coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total,
       sum(n) AS purchases, count(*) AS buying,
       count(CASE WHEN first_month = month THEN 1 END) AS first_time
FROM bought
WHERE month >= DATE '2024-12-01'
GROUP BY GROUPING SETS ((month), (month, segment))
    """,
    "contracts": """
WITH months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
)
SELECT month::DATE AS month, coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total,
       sum(CASE WHEN contract_type <> 'renewal' AND signed_on >= month THEN acv END) AS bookings,
       sum(CASE WHEN contract_type = 'new' AND signed_on >= month THEN acv END) AS new_acv,
       count(CASE WHEN contract_type = 'new' AND signed_on >= month THEN 1 END) AS new_contracts,
       sum(CASE WHEN contract_type = 'new' AND signed_on < month
                 AND signed_on >= month - INTERVAL 1 MONTH THEN acv END) AS new_acv_before
FROM months
JOIN contracts ON signed_on < month + INTERVAL 1 MONTH AND signed_on >= month - INTERVAL 11 MONTH
LEFT JOIN accounts USING (account_id)
WHERE recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(is_internal, FALSE)
GROUP BY GROUPING SETS ((month), (month, segment))
    """,
    "opportunities": """
WITH months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
),
decided AS (
  SELECT month, o.segment, outcome = 'won' AS won, o.qualified_at IS NOT NULL AS qualified, amount,
         closed_at >= month AS now, coalesce(is_head_to_head, FALSE) AS head_to_head,
         owner_id IS NOT NULL AS assisted, epoch(closed_at - o.created_at) / 86400 AS days,
         loss_reason = 'competitor' OR (loss_reason IN ('price', 'feature_gap')
           AND primary_competitor_id IS NOT NULL) AS to_competitor
  FROM months
  JOIN opportunities AS o ON closed_at < month + INTERVAL 1 MONTH
                         AND closed_at >= month + INTERVAL 1 MONTH - INTERVAL 90 DAY
  LEFT JOIN accounts USING (account_id)
  WHERE outcome IN ('won', 'lost') AND recorded_at < TIMESTAMP '2026-01-01'
    AND NOT coalesce(is_internal, FALSE)
)
SELECT month::DATE AS month, coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total,
       count(CASE WHEN now AND won THEN 1 END) AS deals_won,
       count(CASE WHEN now AND qualified AND won THEN 1 END) AS qualified_won,
       count(CASE WHEN now AND qualified THEN 1 END) AS qualified_decided,
       count(CASE WHEN now AND head_to_head AND won THEN 1 END) AS matches_won,
       count(CASE WHEN now AND head_to_head THEN 1 END) AS matches,
       count(CASE WHEN now AND NOT won AND to_competitor THEN 1 END) AS lost_to_competitor,
       count(CASE WHEN now AND NOT won THEN 1 END) AS deals_lost,
       sum(CASE WHEN now AND won AND assisted THEN amount END) AS won_by_sellers,
       median(CASE WHEN now AND won THEN days END) AS cycle,
       count(CASE WHEN qualified AND won THEN 1 END) AS qualified_won_90,
       count(CASE WHEN qualified THEN 1 END) AS qualified_decided_90,
       median(CASE WHEN qualified AND won THEN days END) AS cycle_90
FROM decided
GROUP BY GROUPING SETS ((month), (month, segment))
    """,
    "opportunity_stage_history": """
WITH months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
),
stays AS (
  SELECT month, o.segment, h.opportunity_id,
         sum(CASE WHEN is_open THEN h.amount END) AS pipeline,
         sum(CASE WHEN is_open AND stage_order >= 2 THEN h.amount END) AS qualified_pipeline,
         sum(CASE WHEN is_open AND budget_cut_flag THEN h.amount END) AS cut_pipeline,
         count(CASE WHEN entered_at >= month AND stage_order_before IS NOT NULL THEN 1 END) AS stays_ended,
         count(CASE WHEN entered_at >= month AND is_forward THEN 1 END) AS stays_forward,
         max(CASE WHEN entered_at >= month AND is_forward THEN h.amount END) AS moved
  FROM (SELECT month, h.*, h.stage <> 'closed'
                 AND (exited_at IS NULL OR exited_at >= month + INTERVAL 1 MONTH) AS is_open,
               stage_order > stage_order_before AND (h.stage <> 'closed' OR outcome = 'won') AS is_forward
        FROM months
        JOIN opportunity_stage_history AS h ON entered_at < month + INTERVAL 1 MONTH
        LEFT JOIN (SELECT opportunity_id, outcome FROM opportunities) USING (opportunity_id)) AS h
  LEFT JOIN opportunities AS o ON o.opportunity_id = h.opportunity_id
                              AND o.recorded_at < TIMESTAMP '2026-01-01'
  LEFT JOIN accounts USING (account_id)
  WHERE h.recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(is_internal, FALSE)
    AND (entered_at >= month OR is_open)
  GROUP BY ALL
)
SELECT month::DATE AS month, coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total,
       sum(pipeline) AS pipeline, sum(qualified_pipeline) AS qualified_pipeline,
       sum(cut_pipeline) AS cut_pipeline, sum(moved) AS moved, sum(stays_ended) AS stays_ended,
       sum(stays_forward) AS stays_forward
FROM stays
GROUP BY GROUPING SETS ((month), (month, segment))
    """,
    "quotas": """
WITH months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH))::DATE AS month
)
SELECT month, coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total,
       sum(quota_value::DOUBLE
           * greatest(0, least(period_end, last_day(month)) - greatest(period_start, month) + 1)
           / (period_end - period_start + 1)) AS quota,
       sum(quota_value::DOUBLE
           * (least(period_end, last_day(month))
              - greatest(period_start, (month - INTERVAL 2 MONTH)::DATE) + 1)
           / (period_end - period_start + 1)) AS quota_3m
FROM months
JOIN quotas ON period_start <= last_day(month) AND period_end >= (month - INTERVAL 2 MONTH)::DATE
WHERE quota_kind = 'bookings'
GROUP BY GROUPING SETS ((month), (month, segment))
    """,
    "leads": """
WITH steps AS (
  SELECT lead_id, account_id, opportunity_id, segment, mql_at, sql_at,
         unnest(['lead', 'mql', 'sql']) AS step, unnest([created_at, mql_at, sql_at]) AS happened_at
  FROM leads WHERE recorded_at < TIMESTAMP '2026-01-01'
)
SELECT date_trunc('month', happened_at)::DATE AS month, coalesce(s.segment, '(unknown)') AS segment,
       grouping(s.segment) AS total, count(CASE WHEN step = 'lead' THEN 1 END) AS leads,
       count(CASE WHEN step = 'mql' THEN 1 END) AS mqls,
       count(CASE WHEN step = 'sql' THEN 1 END) AS sqls,
       count(CASE WHEN step = 'mql' AND sql_at <= mql_at + INTERVAL 60 DAY
                   AND sql_at < TIMESTAMP '2026-01-01' THEN 1 END) AS accepted,
       count(CASE WHEN step = 'mql' AND o.created_at <= mql_at + INTERVAL 90 DAY THEN 1 END) AS dealt,
       count(CASE WHEN step = 'sql' AND outcome = 'won' AND closed_at <= sql_at + INTERVAL 180 DAY
                  THEN 1 END) AS sqls_won
FROM steps AS s
LEFT JOIN opportunities AS o ON o.opportunity_id = s.opportunity_id
                            AND o.recorded_at < TIMESTAMP '2026-01-01'
LEFT JOIN accounts AS a ON a.account_id = s.account_id
WHERE happened_at >= TIMESTAMP '2024-12-01' AND happened_at < TIMESTAMP '2026-01-01'
  AND NOT coalesce(is_internal, FALSE)
GROUP BY GROUPING SETS ((1), (1, s.segment))
    """,
    "marketing_spend": """
WITH months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
)
SELECT month::DATE AS month, coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total,
       sum(CASE WHEN spend_on >= month THEN amount END) AS spend,
       sum(CASE WHEN spend_type = 'content' THEN amount END) AS content_spend
FROM months
JOIN marketing_spend ON spend_on < month + INTERVAL 1 MONTH AND spend_on >= month - INTERVAL 11 MONTH
WHERE recorded_at < TIMESTAMP '2026-01-01'
GROUP BY GROUPING SETS ((month), (month, segment))
    """,
    **{name: statement for part in PARTS for name, statement in part.STATEMENTS.items()},
}


def measures(con: duckdb.DuckDBPyConnection) -> list[pd.DataFrame]:
    """Send the statements; each gives one row a month and cell, one column a measure."""
    return [con.execute(statement).df() for statement in STATEMENTS.values()]


def values(pieces: list[pd.DataFrame]) -> pd.DataFrame:
    """The KPIs: one row a month (its first day, as text) and cell, one column a KPI."""
    m: pd.DataFrame | None = None
    for piece in pieces:
        month = pd.to_datetime(piece["month"]).dt.strftime("%Y-%m-%d")
        dims = np.where(piece["total"] == 1, "", "segment=" + piece["segment"])
        keyed = (
            piece.drop(columns=["month", "segment", "total"])
            .astype(float)
            .set_index(pd.MultiIndex.from_arrays([month, dims], names=["month", "dims"]))
        )
        m = keyed if m is None else m.join(keyed, how="outer")
    assert m is not None
    m = m.fillna(0.0)
    days = pd.to_datetime(m.index.get_level_values("month")).days_in_month
    k: dict[str, pd.Series[float]] = {}
    for name in (
        "mrr", "opening_mrr", "new_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr",
        "reactivation_mrr", "new_customers", "mau", "website_visitors", "purchases",
        "bookings", "leads",
    ):  # fmt: skip
        k[name] = m[name]
    k["arr"] = 12 * m["mrr"]
    k["mrr_growth_rate"] = 100 * (m["mrr"] - m["opening_mrr"]) / m["opening_mrr"]
    k["net_revenue_retention"] = 100 * m["retained"] / m["starting"]
    k["gross_revenue_retention"] = 100 * m["kept"] / m["starting"]
    k["total_revenue"] = m["revenue"]
    k["total_customers"] = m["customers"]
    k["opening_customers"] = m["customers_1m"]
    k["lost_customers"] = m["gone"]
    k["reactivated_customers"] = m["returned"]
    k["customer_churn_rate"] = 100 * m["lost"] / m["customers_1m"]
    k["arpa"] = m["mrr"] / m["customers"]
    k["gross_margin"] = 100 * (m["revenue"] - m["cogs"]) / m["revenue"]
    k["cac"] = m["acquisition_3m"] / m["won_3m"]
    months = np.minimum(60, m["customers_3m"] / m["lost_3m"]).where(m["lost_3m"] > 0, 60.0)
    k["ltv"] = k["arpa"] * k["gross_margin"] / 100 * months
    k["ltv_cac_ratio"] = k["ltv"] / k["cac"]
    k["burn_rate"] = m["burn"]
    k["cash_balance"] = m["cash"]
    k["opening_cash"] = m["cash"] + m["burn"] - m["financing"]
    k["financing_inflows"] = m["financing"]
    k["runway"] = (3 * m["cash"] / m["burn_3m"]).where(m["burn_3m"] > 0)
    k["dau"] = m["user_days"] / days
    k["dau_mau_ratio"] = 100 * (m["user_days"] / days) / m["mau"]
    k["dashboards_per_user"] = m["dashboards"] / m["active"]
    k["business_value_score"] = m["points"] / m["active"]
    k["mabv"] = m["mau"] * k["dashboards_per_user"] * k["business_value_score"]
    k["trial_signups"] = m["trials"]
    k["trial_to_paid_conversion"] = 100 * m["converted"] / m["trials"]
    k["nps"] = 100 * (m["promoters"] - m["detractors"]) / m["answers"]
    k["support_ticket_volume"] = m["tickets"]
    mean = (m["customers_1m"] + m["customers"]) / 2
    k["tickets_per_100_customers"] = 100 * m["tickets"] / mean
    k["system_uptime"] = 100 * m["up_minutes"] / m["total_minutes"]
    k["error_rate"] = 100 * m["failed"] / m["requests"]
    k["api_response_time_p95"] = m.apply(_percentile, axis=1)
    k["average_order_value"] = m["paid"] / m["orders"]
    k["purchasing_customers"] = m["buying"]
    k["first_time_buyers"] = m["first_time"]
    k["dashboard_views"] = m["viewers"]
    k["mau_rate"] = 100 * m["mau"] / m["registered"]
    k["session_duration"] = m["minutes"] / m["ended"]
    k["user_engagement"] = m["actions"] / m["mau"]
    k["feature_adoption_rate"] = 100 * m["features_used"] / (8 * m["active"])
    k["core_feature_adoption_rate"] = 100 * m["broad"] / m["active"]
    k["first_dashboard_created_rate"] = 100 * m["quick_users"] / m["new_users"]
    k["customer_churn_rate_annual"] = 100 - 100 * m["customers_kept"] / m["customers_12m"]
    k["customer_retention_rate"] = 100 * m["customers_kept"] / m["customers_12m"]
    k["upsell_rate"] = 100 * m["upsold"] / m["customers_12m"]
    k["cross_sell_rate_12m"] = 100 * m["cross_sold"] / m["customers_12m"]
    k["arr_growth_rate_yoy"] = 100 * (m["mrr"] - m["mrr_12m"]) / m["mrr_12m"]
    gained = m["added_3m"] + m["expansion_3m"] + m["reactivated_3m"]
    k["expansion_revenue_share"] = 100 * m["expansion_3m"] / gained
    k["revenue_churn_rate"] = 100 * m["churned_mrr"] / m["opening_mrr"]
    k["revenue_growth_rate"] = 100 * (m["revenue"] - m["revenue_before"]) / m["revenue_before"]
    k["revenue_run_rate"] = 365 * m["revenue_30d"] / 30
    k["csat"] = 100 * m["satisfied"] / m["csat_answers"]
    k["csat_mean"] = m["csat_points"] / m["csat_answers"]
    k["first_response_time"] = m["hours_to_answer"] / m["answered"]
    k["first_contact_resolution_rate"] = 100 * m["solved_at_once"] / m["solved"]
    k["resolution_time"] = m["hours_to_solve"].where(m["solved"] > 0)
    k["cac_payback_period"] = m["acquisition_3m"] / (m["added_3m"] * k["gross_margin"] / 100)
    k["marketing_efficiency"] = m["new_mrr"] / m["marketing"]
    k["operating_expenses"] = m["opex"]
    k["ebitda_margin"] = 100 * (m["revenue"] - m["cogs"] - m["opex"]) / m["revenue"]
    k["profit_margin"] = 100 * (m["revenue"] - m["all_cost"]) / m["revenue"]
    growth = m["revenue_12m"] / m["revenue_year_before"] - 1
    k["rule_of_40"] = 100 * growth + 100 * (m["revenue_12m"] - m["cost_12m"]) / m["revenue_12m"]
    k["magic_number"] = 12 * (m["mrr"] - m["mrr_3m"]) / m["acquisition_before"]
    gross_profit = 12 * (m["mrr"] - m["mrr_12m"]) * k["gross_margin"] / 100
    k["rnd_efficiency"] = gross_profit / m["development_before"]
    k["burn_vs_budget"] = 100 * (m["burn"] - m["burn_budget"]) / m["burn_budget"]
    k["api_availability"] = 100 * m["api_up_minutes"] / m["api_total_minutes"]
    k["page_load_time"] = m["page_ms"] / 1000 / m["page_requests"]
    k["query_execution_time"] = m["query_ms"] / 1000 / m["query_requests"]
    k["api_calls"] = m["api_requests"]
    before = m["api_requests_before"]
    k["api_usage_growth"] = 100 * (m["api_requests"] - before) / before
    for name in ("mttr", "security_incidents", "data_breaches"):
        k[name] = m[name]
    k["returning_buyer_share"] = 100 * (m["buying"] - m["first_time"]) / m["buying"]
    k["purchases_per_customer"] = m["purchases"] / m["buying"]
    k["bookings_growth_rate"] = 100 * (m["new_acv"] - m["new_acv_before"]) / m["new_acv_before"]
    k["average_contract_value"] = m["new_acv"] / m["new_contracts"]
    k["pipeline_value"] = m["pipeline"]
    k["pipeline_budget_cut_share"] = 100 * m["cut_pipeline"] / m["pipeline"]
    k["pipeline_coverage"] = m["pipeline"] / m["quota_3m"]
    won = m["qualified_won_90"] / m["qualified_decided_90"]
    k["pipeline_velocity"] = m["qualified_pipeline"] * won * 30 / m["cycle_90"]
    k["pipeline_progression"] = m["moved"]
    k["opportunity_progression_rate"] = 100 * m["stays_forward"] / m["stays_ended"]
    k["win_rate"] = 100 * m["qualified_won"] / m["qualified_decided"]
    k["sales_cycle_length"] = m["cycle"].where(m["deals_won"] > 0)
    k["quota_attainment"] = 100 * m["won_by_sellers"] / m["quota"]
    k["competitive_win_rate"] = 100 * m["matches_won"] / m["matches"]
    k["competitive_wins"] = m["matches_won"]
    k["competitive_loss_rate"] = 100 * m["lost_to_competitor"] / m["deals_lost"]
    k["marketing_qualified_leads"] = m["mqls"]
    k["sales_qualified_leads"] = m["sqls"]
    k["mql_to_sql_conversion"] = 100 * m["accepted"] / m["mqls"]
    k["pipeline_quality_score"] = 100 * m["dealt"] / m["mqls"]
    k["sql_to_customer_conversion"] = 100 * m["sqls_won"] / m["sqls"]
    k["signup_conversion_rate"] = 100 * m["signed_up"] / m["website_visitors"]
    k["funnel_conversion_rate"] = 100 * m["bought"] / m["website_visitors"]
    k["organic_traffic_share"] = 100 * m["organic_visits"] / m["visits"]
    k["marketing_spend"] = m["spend"]
    k["cost_per_lead"] = m["spend"] / m["mqls"]
    k["customer_growth_rate"] = 100 * (m["customers"] - m["customers_1m"]) / m["customers_1m"]
    k["organic_growth_rate"] = 100 * m["referred"] / m["new_customers"]
    for part in PARTS:
        k |= part.values(m)
    k |= handwritten_functions.made_of(k, m)
    return pd.DataFrame(k).replace([np.inf, -np.inf], np.nan)


def _percentile(row: pd.Series[float]) -> float:
    rank, low, below = 0.95 * row["api_requests"], 0.0, 0.0
    if not rank:
        return float("nan")
    for bound in BOUNDS:
        reached = row[f"le_{bound}"]
        if reached >= rank:
            return float(low + (bound - low) * (rank - below) / (reached - below))
        low, below = bound, reached
    return float("nan")


#: KPIs that their golden SQL alone says by hand: what these cost is not compared.
LEFT_OUT = frozenset((
    "administration_expenses", "administration_expenses_budget", "cohort_retention_rate_m0",
    "cohort_revenue_per_customer_m0", "cohort_revenue_per_customer_m1",
    "cohort_revenue_per_customer_m3", "cohort_revenue_per_customer_m6",
    "cohort_revenue_per_survivor", "cohort_revenue_per_survivor_m0",
    "cohort_revenue_per_survivor_m1", "cohort_revenue_per_survivor_m3",
    "cohort_revenue_per_survivor_m6", "cost_of_goods_sold", "cost_of_goods_sold_budget",
    "customer_continents", "depreciation_amortisation", "depreciation_budget",
    "development_expenses", "development_expenses_budget", "ebitda", "ebitda_budget",
    "feature_use_by_w1", "feature_use_by_w12", "feature_use_by_w24", "feature_use_by_w4",
    "feature_use_by_w52", "feature_use_w1", "feature_use_w12", "feature_use_w24", "feature_use_w4",
    "feature_use_w52", "goal_progress", "gross_profit", "gross_profit_budget", "headcount",
    "implementation_on_time_rate", "income_tax", "initiatives_on_track_rate", "insights_found",
    "interest_budget", "interest_expense", "market_share", "marketing_expenses",
    "marketing_expenses_budget", "milestone_achievement_rate", "net_profit", "net_profit_budget",
    "new_entrant_share", "operating_continents", "operating_expenses_budget", "operating_profit",
    "operating_profit_budget", "quota_attainment_share", "revenue_budget", "sales_activity",
    "sales_expenses", "sales_expenses_budget", "switching_success_rate", "tam_change", "tax_budget",
))  # fmt: skip


def differences(own: pd.DataFrame, engine: pd.DataFrame, tolerance: float = 1e-9) -> list[str]:
    """Cells in which the two do not agree, relative to their size; both must have the same cells."""
    cells = own.index.to_frame(index=False)
    found = []
    seen = set()
    for row in engine.itertuples(index=False):
        key = (str(row.period_start), row.dims)
        seen.add((row.kpi, *key))
        mine = own[row.kpi].get(key, np.nan) if row.kpi in own else None
        if mine is None:
            found.append(f"{row.kpi}: not written by hand")
        elif np.isnan(mine) != np.isnan(row.value) or (
            abs(mine - row.value) > tolerance * max(abs(mine), abs(row.value))
        ):
            found.append(f"{row.kpi} {' '.join(key)}: by hand {mine}, engine {row.value}")
    for kpi in own:
        for month, dims in cells.itertuples(index=False):
            written = not (dims and kpi in COMPANY)
            # Another table's unknown member is in this KPI's row by the join alone.
            if dims == "segment=(unknown)" and not np.nan_to_num(own[kpi][month, dims]):
                continue
            if written and (kpi, month, dims) not in seen:
                found.append(f"{kpi} {month} {dims}: the engine has no such cell")
    return found

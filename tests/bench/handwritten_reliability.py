"""By hand: how the service ran beyond uptime and the 95th percentile, and what was paid."""

from __future__ import annotations

import numpy as np
import pandas as pd

COMPANY = (
    "downtime_minutes", "api_response_time_avg", "api_response_time_p99", "error_response_time",
    "error_rate_4xx", "error_rate_5xx", "timeout_rate", "application_error_rate",
    "validation_error_rate", "mtbf", "global_latency", "revenue_system_failures",
)  # fmt: skip

STATEMENTS = {
    "requests and their errors": """
SELECT date_trunc('month', bucket_start)::DATE AS month, '' AS segment, 1 AS total,
       sum(CASE WHEN surface = 'api' THEN duration_ms_sum END) AS api_ms,
       sum(CASE WHEN surface = 'api' THEN errors_5xx END) AS api_5xx,
       sum(CASE WHEN surface = 'api' THEN error_duration_ms_sum END) AS api_5xx_ms,
       sum(CASE WHEN surface <> 'edge_probe' THEN errors_4xx END) AS errors_4xx,
       sum(CASE WHEN surface <> 'edge_probe' THEN errors_5xx END) AS errors_5xx,
       sum(CASE WHEN surface <> 'edge_probe' THEN timeouts END) AS timeouts,
       sum(CASE WHEN surface <> 'edge_probe' THEN application_errors END) AS application_errors,
       sum(CASE WHEN surface <> 'edge_probe' THEN validation_errors END) AS validation_errors
FROM request_metrics
WHERE bucket_start >= TIMESTAMP '2024-12-01' AND bucket_start < TIMESTAMP '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01'
GROUP BY 1
    """,
    "edge probes": """
WITH probes AS (
  SELECT date_trunc('month', bucket_start)::DATE AS month, region, sum(requests) / 2.0 AS rank,
         unnest([25, 50, 100, 200, 500, 1000, 2000, 3000, 5000, 10000]) AS bound,
         unnest([sum(le_25), sum(le_50), sum(le_100), sum(le_200), sum(le_500), sum(le_1000),
                 sum(le_2000), sum(le_3000), sum(le_5000), sum(le_10000)])::DOUBLE AS reached
  FROM request_metrics
  WHERE surface = 'edge_probe' AND bucket_start >= TIMESTAMP '2024-12-01'
    AND bucket_start < TIMESTAMP '2026-01-01' AND recorded_at < TIMESTAMP '2026-01-01'
  GROUP BY 1, region
),
steps AS (
  SELECT *, bound - lag(bound, 1, 0) OVER low AS width, reached - lag(reached, 1, 0) OVER low AS more
  FROM probes WINDOW low AS (PARTITION BY month, region ORDER BY bound)
)
SELECT month, '' AS segment, 1 AS total,
       max(bound - width * (reached - rank) / more) AS slowest_median
FROM steps WHERE reached >= rank AND reached - more < rank
GROUP BY month
    """,
    "hours of operation": """
WITH months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
)
SELECT month::DATE AS month, '' AS segment, 1 AS total,
       sum(total_minutes - unplanned_down_minutes - coalesce(planned_down_minutes, 0)) AS up_90d,
       sum(CASE WHEN hour >= month THEN unplanned_down_minutes + coalesce(planned_down_minutes, 0)
                                        + coalesce(degraded_minutes, 0) END) AS troubled_minutes
FROM months
JOIN service_uptime_hourly ON hour < month + INTERVAL 1 MONTH
                          AND hour >= month + INTERVAL 1 MONTH - INTERVAL 90 DAY
WHERE recorded_at < TIMESTAMP '2026-01-01'
GROUP BY month
    """,
    "outages and failures of billing": """
WITH months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
)
SELECT month::DATE AS month, '' AS segment, 1 AS total,
       count(CASE WHEN incident_type = 'outage' THEN 1 END) AS outages_90d,
       count(CASE WHEN incident_type = 'revenue_system' AND started_at >= month THEN 1 END)
         AS billing_failures
FROM months
JOIN incidents ON started_at < month + INTERVAL 1 MONTH
              AND started_at >= month + INTERVAL 1 MONTH - INTERVAL 90 DAY
WHERE recorded_at < TIMESTAMP '2026-01-01'
GROUP BY month
    """,
    "attempts to pay": """
SELECT date_trunc('month', attempted_at)::DATE AS month, coalesce(a.segment, '(unknown)') AS segment,
       grouping(a.segment) AS total, count(*) AS attempts,
       count(CASE WHEN p.status = 'failed' THEN 1 END) AS failed_attempts
FROM payments AS p
LEFT JOIN invoices AS i ON i.invoice_id = p.invoice_id AND i.recorded_at < TIMESTAMP '2026-01-01'
LEFT JOIN accounts AS a USING (account_id)
WHERE attempted_at >= TIMESTAMP '2024-12-01' AND attempted_at < TIMESTAMP '2026-01-01'
  AND p.recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(is_internal, FALSE)
GROUP BY GROUPING SETS ((1), (1, a.segment))
    """,
    "invoices by payment": """
SELECT date_trunc('month', paid_on)::DATE AS month, coalesce(segment, '(unknown)') AS segment,
       grouping(segment) AS total, count(*) AS paid_invoices
FROM invoices LEFT JOIN accounts USING (account_id)
WHERE status = 'paid' AND paid_on >= DATE '2024-12-01' AND paid_on < DATE '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(is_internal, FALSE)
GROUP BY GROUPING SETS ((1), (1, segment))
    """,
}


def values(m: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """These KPIs of the measures of all statements."""
    k = {
        "downtime_minutes": m["troubled_minutes"],
        "api_response_time_avg": m["api_ms"] / m["api_requests"],
        "api_response_time_p99": m.apply(_percentile, axis=1),
        "error_response_time": m["api_5xx_ms"] / m["api_5xx"],
        "mtbf": m["up_90d"] / 60 / np.maximum(m["outages_90d"], 1),
        "global_latency": m["slowest_median"],
        "revenue_system_failures": m["billing_failures"],
        "transaction_volume": m["attempts"],
        "transaction_error_rate": 100 * m["failed_attempts"] / m["attempts"],
        "purchase_frequency": 2 * m["paid_invoices"] / (m["customers_1m"] + m["customers"]),
    }
    for kpi, column in (
        ("error_rate_4xx", "errors_4xx"), ("error_rate_5xx", "errors_5xx"),
        ("timeout_rate", "timeouts"), ("application_error_rate", "application_errors"),
        ("validation_error_rate", "validation_errors"),
    ):  # fmt: skip
        k[kpi] = 100 * m[column] / m["requests"]
    return k


def _percentile(row: pd.Series[float]) -> float:
    bounds = [0, 25, 50, 100, 200, 500, 1000, 2000, 3000, 5000, 10000]
    reached = [0.0, *(row[f"le_{bound}"] for bound in bounds[1:])]
    rank = 0.99 * row["api_requests"]
    return float(np.interp(rank, reached, bounds)) if 0 < rank <= reached[-1] else float("nan")

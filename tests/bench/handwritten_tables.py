"""The SQL by hand of machines, workflows and AI, delivery, data jobs, customer success and market.

As in `handwritten`: the months 2024-12 to 2025-12, in total and by segment where a table knows one,
as known at their end; one statement a table, and the formulas in pandas.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

#: KPIs of tables that no segment can be read from: in total only.
COMPANY = (
    "cpu_usage", "memory_usage", "disk_usage", "network_throughput", "cache_hit_rate",
    "storage_efficiency", "peak_concurrent_users", "average_concurrent_users",
    "peak_user_capacity", "capacity_utilisation", "scalability_headroom", "data_processing_volume",
    "data_volume_growth_rate", "data_latency", "ai_requests_total", "ai_processing_volume",
    "ai_cost_per_transaction", "ai_response_quality", "ai_accuracy", "bug_resolution_time",
    "development_cycle_time", "roadmap_on_time_rate", "enterprise_readiness", "feature_velocity",
    "engineering_productivity", "team_capacity_utilisation", "code_quality_score",
    "technical_debt_ratio", "architecture_health", "data_pipeline_success_rate",
    "data_processing_time", "data_freshness", "data_timeliness", "data_completeness",
    "reporting_deadline_compliance", "email_open_rate", "email_click_rate", "click_to_open_rate",
    "email_conversion_rate", "aided_brand_awareness", "unaided_brand_awareness", "share_of_voice",
    "market_position_rank", "analyst_recognition", "thought_leadership_output",
    "technology_commoditisation", "action_item_completion_rate", "recommendation_adoption_rate",
    "recommendations_delivered", "quick_win_completion_rate", "analysis_completion_time",
    "process_improvements", "efficiency_gains", "revenue_impact", "data_quality_score",
    "data_accuracy", "data_coverage", "required_fields_filled", "data_accuracy_rules", "data_consistency", "data_auditability",
)  # fmt: skip

_MONTHS = """
months AS (
  SELECT unnest(range(TIMESTAMP '2024-12-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH)) AS month
)"""
_ALL = "'x' AS segment, 1 AS total"

#: What checks found last by each month's end; a result stands until the next one.
_LATEST = f"""
WITH {_MONTHS}
SELECT month::DATE AS month, {_ALL}, {{}}
FROM own.dq_results JOIN months
  ON run_at < month + INTERVAL 1 MONTH
 AND (superseded_at IS NULL OR superseded_at >= month + INTERVAL 1 MONTH)
GROUP BY 1
"""
_DIMENSIONS = ("accuracy", "completeness", "timeliness", "consistency", "auditability")

STATEMENTS = {
    "dq_results": _LATEST.format(
        ", ".join(
            f"sum(evaluated) FILTER (dimension = '{d}') AS {d}_rows,"
            f" sum(unexpected) FILTER (dimension = '{d}') AS {d}_faults,"
            f" max(weight) FILTER (dimension = '{d}') AS {d}_weight,"
            f" count(*) FILTER (dimension = '{d}') AS {d}_checks,"
            f" count(*) FILTER (dimension = '{d}' AND success) AS {d}_passed"
            for d in _DIMENSIONS
        )
    ),
    "source_reconciliations": f"""
SELECT period_start AS month, {_ALL}, count(*) AS control_totals,
       count(*) FILTER (abs(warehouse_value - source_value) <= 0.005 * abs(source_value))
         AS totals_agreed
FROM source_reconciliations
WHERE period_start >= DATE '2024-12-01' AND period_start < DATE '2026-01-01'
  AND drawn_at < TIMESTAMP '2026-01-01'
GROUP BY 1
    """,
    "kpi_registry": f"""
WITH {_MONTHS}
SELECT month::DATE AS month, {_ALL}, count(*) AS definitions,
       count(*) FILTER (lineage_documented AND definition_fields_filled = definition_fields_total)
         AS full_definitions
FROM own.kpi_registry JOIN months
  ON valid_from < month + INTERVAL 1 MONTH
 AND (valid_to IS NULL OR valid_to >= month + INTERVAL 1 MONTH)
GROUP BY 1
    """,
    "infra_metrics_hourly": f"""
SELECT date_trunc('month', hour)::DATE AS month, {_ALL}, count(*) AS host_hours,
       sum(cpu_pct) AS cpu, sum(memory_pct) AS memory, sum(disk_pct) AS disk,
       sum(network_mbps) AS network, sum(cache_hits) AS hits, sum(cache_misses) AS misses,
       sum(storage_live_gb) AS live, sum(storage_provisioned_gb) AS provisioned,
       max(concurrent_sessions_peak) AS peak, sum(concurrent_sessions_avg) AS open_sessions,
       count(concurrent_sessions_avg) AS app_hours,
       max(CASE WHEN hour >= date_trunc('month', hour) + INTERVAL 1 MONTH - INTERVAL 30 DAY
                THEN concurrent_sessions_peak END) AS own_peak_30d
FROM infra_metrics_hourly
WHERE hour >= TIMESTAMP '2024-12-01' AND hour < TIMESTAMP '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01'
GROUP BY 1
    """,
    # February has not 30 days.
    "peak of the days before February": f"""
SELECT DATE '2025-02-01' AS month, {_ALL}, max(concurrent_sessions_peak) AS earlier_peak
FROM infra_metrics_hourly
WHERE hour >= TIMESTAMP '2025-01-30' AND hour < TIMESTAMP '2025-02-01'
  AND recorded_at < TIMESTAMP '2026-01-01'
    """,
    "load_tests": f"""
WITH {_MONTHS}
SELECT month::DATE AS month, {_ALL}, arg_max(max_concurrent_users_ok, run_on) AS capacity
FROM months JOIN load_tests ON run_on < month + INTERVAL 1 MONTH
GROUP BY 1
    """,
    "data_volume_daily": f"""
WITH volumes AS (
  SELECT date_trunc('month', day) AS month, sum(bytes) / 1e9 AS gigabytes, sum(records) AS records,
         sum(latency_seconds_sum) AS waited
  FROM data_volume_daily
  WHERE day >= DATE '2024-11-01' AND day < DATE '2026-01-01' AND recorded_at < TIMESTAMP '2026-01-01'
  GROUP BY 1
)
SELECT month::DATE AS month, {_ALL}, gigabytes, records, waited,
       lag(gigabytes) OVER (ORDER BY month) AS gigabytes_before
FROM volumes QUALIFY gigabytes_before IS NOT NULL
    """,
    "workflow_runs": """
SELECT date_trunc('month', started_at)::DATE AS month, coalesce(a.segment, '(unknown)') AS segment,
       grouping(a.segment) AS total, count(*) AS runs
FROM workflow_runs LEFT JOIN accounts AS a USING (account_id)
WHERE started_at >= TIMESTAMP '2024-12-01' AND started_at < TIMESTAMP '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(is_internal, FALSE)
GROUP BY GROUPING SETS ((1), (1, a.segment))
    """,
    "workflows": f"""
WITH {_MONTHS}
SELECT month::DATE AS month, coalesce(a.segment, '(unknown)') AS segment,
       grouping(a.segment) AS total,
       count(CASE WHEN o.created_at >= month THEN 1 END) AS workflows_built,
       count(CASE WHEN o.created_at >= month THEN template_id END) AS workflows_from_template,
       count(CASE WHEN archived_at IS NULL OR archived_at >= month + INTERVAL 1 MONTH THEN 1 END)
         AS workflows_in_place,
       count(CASE WHEN (archived_at IS NULL OR archived_at >= month + INTERVAL 1 MONTH)
                   AND ai_node_count >= 1 THEN 1 END) AS workflows_with_ai
FROM months JOIN product_objects AS o ON o.created_at < month + INTERVAL 1 MONTH
LEFT JOIN accounts AS a USING (account_id) LEFT JOIN users AS u ON u.user_id = created_by_user_id
WHERE object_type = 'workflow' AND recorded_at < TIMESTAMP '2026-01-01'
  AND NOT coalesce(a.is_internal OR u.is_internal, FALSE)
GROUP BY GROUPING SETS ((month), (month, a.segment))
    """,
    "ai_usage_hourly": f"""
SELECT date_trunc('month', hour)::DATE AS month, {_ALL}, sum(requests) AS ai_requests,
       max(peak_requests_per_minute) AS ai_peak, sum(cost) AS ai_cost, sum(rated) AS rated,
       sum(rated_positive) AS liked, sum(evaluated) AS graded, sum(correct) AS right_answers
FROM ai_usage_hourly
WHERE hour >= TIMESTAMP '2024-12-01' AND hour < TIMESTAMP '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01'
GROUP BY 1
    """,
    "work_items": f"""
WITH {_MONTHS}
SELECT month::DATE AS month, {_ALL},
       count(CASE WHEN item_type = 'bug' AND date_trunc('month', resolved_at) = month THEN 1 END)
         AS bugs_fixed,
       sum(CASE WHEN item_type = 'bug' AND date_trunc('month', resolved_at) = month
                THEN epoch(resolved_at - created_at) / 3600 END) AS hours_to_fix,
       median(CASE WHEN item_type = 'feature' AND date_trunc('month', released_at) = month
                   THEN epoch(released_at - concept_at) / 86400 END) AS cycle_days,
       count(CASE WHEN is_roadmap AND date_trunc('month', released_at) = month
                   AND released_at::DATE <= planned_release_on THEN 1 END) AS roadmap_on_time,
       count(CASE WHEN is_roadmap AND (date_trunc('month', released_at) = month
                                       OR (date_trunc('month', planned_release_on) = month
                                           AND coalesce(released_at >= month, TRUE)))
                  THEN 1 END) AS roadmap_expected,
       count(CASE WHEN is_enterprise_feature AND is_roadmap THEN 1 END) AS enterprise_planned,
       count(CASE WHEN is_enterprise_feature AND is_roadmap
                   AND released_at < month + INTERVAL 1 MONTH THEN 1 END) AS enterprise_released
FROM months JOIN work_items ON created_at < month + INTERVAL 1 MONTH
WHERE recorded_at < TIMESTAMP '2026-01-01'
GROUP BY 1
    """,
    "features that customers asked for": f"""
WITH {_MONTHS}
SELECT month::DATE AS month, coalesce(a.segment, '(unknown)') AS segment,
       grouping(a.segment) AS total, count(*) AS requests_of_customers,
       count(CASE WHEN released_at <= i.created_at + INTERVAL 183 DAY THEN 1 END)
         AS requests_delivered
FROM months JOIN work_items AS i
  ON i.created_at < month - INTERVAL 5 MONTH AND i.created_at >= month - INTERVAL 11 MONTH
LEFT JOIN accounts AS a ON a.account_id = requested_by_account_id
WHERE requested_by_account_id IS NOT NULL AND item_type = 'feature'
  AND recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(a.is_internal, FALSE)
GROUP BY GROUPING SETS ((month), (month, a.segment))
    """,
    "sprints": f"""
SELECT date_trunc('month', end_on)::DATE AS month, {_ALL}, count(*) AS sprints,
       sum(completed_points) AS points_done, sum(committed_points) AS points_promised,
       sum(capacity_points) AS points_possible, sum(engineers) AS engineers
FROM sprints WHERE end_on >= DATE '2024-12-01' AND end_on < DATE '2026-01-01'
GROUP BY 1
    """,
    "code_quality_scans": f"""
WITH {_MONTHS},
newest AS (
  SELECT month, s.* FROM months JOIN code_quality_scans AS s ON scanned_on < month + INTERVAL 1 MONTH
  QUALIFY row_number() OVER (PARTITION BY month, repository ORDER BY scanned_on DESC) = 1
)
SELECT month::DATE AS month, {_ALL}, sum(quality_score::DOUBLE * lines_of_code) AS graded_lines,
       sum(lines_of_code) AS lines, sum(debt_minutes) AS debt,
       sum(development_minutes) AS development_effort, sum(modules) AS modules,
       sum(greatest(0, modules - architecture_violations)) AS sound_modules
FROM newest GROUP BY 1
    """,
    "job_runs by schedule": f"""
SELECT date_trunc('month', scheduled_for)::DATE AS month, {_ALL}, count(*) AS jobs,
       count(CASE WHEN status = 'succeeded' THEN 1 END) AS jobs_succeeded,
       sum(CASE WHEN job_kind = 'ingest' THEN rows_loaded END) AS rows_loaded,
       sum(CASE WHEN job_kind = 'ingest' THEN rows_expected END) AS rows_expected,
       count(CASE WHEN job_kind = 'report' THEN 1 END) AS reports,
       count(CASE WHEN job_kind = 'report' AND status = 'succeeded' AND finished_at <= due_at
                  THEN 1 END) AS reports_in_time
FROM job_runs
WHERE scheduled_for >= TIMESTAMP '2024-12-01' AND scheduled_for < TIMESTAMP '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01'
GROUP BY 1
    """,
    "job_runs by their end": f"""
WITH runs AS (
  SELECT *, date_trunc('month', finished_at)::DATE AS month, epoch(finished_at) AS ended,
         epoch(replaced_at) AS replaced, epoch(source_max_ts) AS newest,
         job_kind = 'ingest' AND replaced_at < TIMESTAMP '2026-01-01' AS is_load
  FROM job_runs
  WHERE status = 'succeeded' AND finished_at >= TIMESTAMP '2024-12-01'
    AND finished_at < TIMESTAMP '2026-01-01' AND recorded_at < TIMESTAMP '2026-01-01'
)
SELECT month, {_ALL}, count(CASE WHEN job_kind = 'full_analysis' THEN 1 END) AS analyses,
       sum(CASE WHEN job_kind = 'full_analysis' THEN epoch(finished_at - started_at) / 3600 END)
         AS hours_analysing,
       sum(CASE WHEN is_load THEN replaced - ended END) AS load_seconds,
       sum(CASE WHEN is_load THEN (replaced - ended) * ((ended + replaced) / 2 - newest) END)
         AS aged_seconds,
       sum(CASE WHEN is_load THEN least(replaced - ended, 3600 * limit_hours) END)
         AS seconds_within_limit
FROM runs GROUP BY 1
    """,
    "engagements": f"""
WITH counted AS (
  SELECT date_trunc('month', kickoff_on)::DATE AS month, engagement_id,
         count(CASE WHEN item_type = 'recommendation'
                     AND delivered_at < kickoff_on + INTERVAL 31 DAY THEN 1 END) AS early,
         count(CASE WHEN item_type = 'quick_win' THEN 1 END) AS quick,
         count(CASE WHEN item_type = 'quick_win' AND completed_at < kickoff_on + INTERVAL 91 DAY
                    THEN 1 END) AS quick_done
  FROM engagements LEFT JOIN (
    SELECT * FROM action_items WHERE recorded_at < TIMESTAMP '2026-01-01') USING (engagement_id)
  WHERE kickoff_on >= DATE '2024-12-01' AND kickoff_on < DATE '2026-01-01'
  GROUP BY ALL
)
SELECT month, {_ALL}, count(*) AS engagements, sum(early) AS early_recommendations,
       sum(quick) AS quick_wins, sum(quick_done) AS quick_wins_done
FROM counted GROUP BY 1
    """,
    "first analyses": f"""
WITH first_ones AS (
  SELECT engagement_id, min(scheduled_for) AS scheduled_for,
         epoch(min(finished_at) - any_value(data_received_at)) / 3600 AS hours
  FROM job_runs JOIN engagements USING (engagement_id)
  WHERE job_kind = 'full_analysis' AND status = 'succeeded' AND recorded_at < TIMESTAMP '2026-01-01'
  GROUP BY 1
)
SELECT date_trunc('month', scheduled_for)::DATE AS month, {_ALL}, median(hours) AS analysis_hours
FROM first_ones WHERE scheduled_for >= TIMESTAMP '2024-12-01' GROUP BY 1
    """,
    "action_items": f"""
WITH {_MONTHS}
SELECT month::DATE AS month, {_ALL},
       count(CASE WHEN date_trunc('month', due_on) = month THEN 1 END) AS due,
       count(CASE WHEN date_trunc('month', due_on) = month AND completed_at::DATE <= due_on THEN 1 END)
         AS done_in_time,
       count(CASE WHEN item_type = 'recommendation' THEN 1 END) AS recommended,
       count(CASE WHEN item_type = 'recommendation' AND adopted_at < month + INTERVAL 1 MONTH
                  THEN 1 END) AS recommended_adopted,
       count(CASE WHEN item_type = 'process_improvement' AND completed_at < month + INTERVAL 1 MONTH
                  THEN 1 END) AS improvements,
       sum(CASE WHEN completed_at < month + INTERVAL 1 MONTH THEN baseline_hours END) AS hours_before,
       sum(CASE WHEN completed_at < month + INTERVAL 1 MONTH THEN current_hours END) AS hours_after,
       sum(CASE WHEN completed_at < month + INTERVAL 1 MONTH THEN revenue_impact END) AS credited
FROM months JOIN action_items ON delivered_at < month + INTERVAL 1 MONTH
WHERE recorded_at < TIMESTAMP '2026-01-01'
GROUP BY 1
    """,
    "account_health_daily": f"""
WITH {_MONTHS}
SELECT month::DATE AS month, coalesce(a.segment, '(unknown)') AS segment,
       grouping(a.segment) AS total, count(*) AS scored, sum(0.4 * usage_score::DOUBLE + 0.25 * engagement_score + 0.2 * support_score
           + 0.15 * payment_score) AS health,
       count(CASE WHEN band = 'green' THEN 1 END) AS green,
       count(CASE WHEN band = 'yellow' THEN 1 END) AS yellow,
       count(CASE WHEN band = 'red' OR churn_probability > 0.7 THEN 1 END) AS at_risk,
       count(band_before) AS scored_before,
       count(CASE WHEN band <> 'green' AND band_before = 'green'
                    OR band = 'red' AND band_before = 'yellow' THEN 1 END) AS worse,
       count(CASE WHEN expansion_ready THEN 1 END) AS ready
FROM months JOIN account_health_daily
  ON as_of < month + INTERVAL 1 MONTH AND as_of >= month + INTERVAL 1 MONTH - INTERVAL 7 DAY
LEFT JOIN accounts AS a USING (account_id)
WHERE recorded_at < TIMESTAMP '2026-01-01' AND NOT coalesce(is_internal, FALSE)
GROUP BY GROUPING SETS ((month), (month, a.segment))
    """,
    "onboarding by account": """
WITH made AS (
  SELECT date_trunc('month', a.created_at)::DATE AS month, segment,
         count(step) > 0 AND bool_and(coalesce(completed_at <= a.created_at + INTERVAL 720 HOUR
                                               AND completed_at < TIMESTAMP '2026-01-01', FALSE))
           AS finished
  FROM accounts AS a LEFT JOIN (
    SELECT * FROM onboarding_steps
    WHERE is_required AND recorded_at < TIMESTAMP '2026-01-01') USING (account_id)
  WHERE a.created_at >= TIMESTAMP '2024-12-01' AND a.created_at < TIMESTAMP '2026-01-01'
    AND NOT coalesce(is_internal, FALSE)
  GROUP BY account_id, a.created_at, segment
)
SELECT month, coalesce(segment, '(unknown)') AS segment, grouping(segment) AS total,
       count(*) AS accounts_made, count(CASE WHEN finished THEN 1 END) AS accounts_finished
FROM made GROUP BY GROUPING SETS ((month), (month, segment))
    """,
    "account setups": """
SELECT date_trunc('month', completed_at)::DATE AS month, coalesce(a.segment, '(unknown)') AS segment,
       grouping(a.segment) AS total, median(epoch(completed_at - a.created_at)) / 86400 AS setup_days
FROM onboarding_steps LEFT JOIN accounts AS a USING (account_id)
WHERE step = 'account_setup' AND completed_at >= TIMESTAMP '2024-12-01'
  AND completed_at < TIMESTAMP '2026-01-01' AND recorded_at < TIMESTAMP '2026-01-01'
  AND NOT coalesce(is_internal, FALSE)
GROUP BY GROUPING SETS ((1), (1, a.segment))
    """,
    "email_sends": f"""
SELECT date_trunc('month', sent_at)::DATE AS month, {_ALL}, sum(delivered) AS mails,
       sum(unique_opens) AS mails_opened, sum(unique_clicks) AS mails_clicked,
       sum(conversions) AS mails_converted
FROM email_sends
WHERE sent_at >= TIMESTAMP '2024-12-01' AND sent_at < TIMESTAMP '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01'
GROUP BY 1
    """,
    "manual_inputs": f"""
WITH {_MONTHS},
known AS (
  SELECT month, i.*, value::DOUBLE / 100 * sample_size AS said_yes,
         verified_at < month + INTERVAL 1 MONTH
           AND coalesce(replaced_at >= month + INTERVAL 1 MONTH, TRUE) AS stands
  FROM months JOIN manual_inputs AS i ON status = 'verified' AND verified_at < TIMESTAMP '2026-01-01'
)
SELECT month::DATE AS month, {_ALL},
       sum(CASE WHEN stands AND kpi_id = 'aided_brand_awareness' THEN said_yes END) AS aided,
       sum(CASE WHEN stands AND kpi_id = 'aided_brand_awareness' THEN sample_size END) AS aided_of,
       sum(CASE WHEN stands AND kpi_id = 'unaided_brand_awareness' THEN said_yes END) AS unaided,
       sum(CASE WHEN stands AND kpi_id = 'unaided_brand_awareness' THEN sample_size END) AS unaided_of,
       sum(CASE WHEN stands AND kpi_id = 'share_of_voice' THEN said_yes END) AS mentions,
       sum(CASE WHEN stands AND kpi_id = 'share_of_voice' THEN sample_size END) AS mentions_of,
       avg(CASE WHEN stands AND kpi_id = 'market_position_rank' THEN value END) AS market_rank,
       count(DISTINCT CASE WHEN kpi_id = 'analyst_recognition' AND value >= 1
                            AND period_start < month + INTERVAL 1 MONTH
                            AND period_start >= month - INTERVAL 17 MONTH THEN dimension END)
         AS leading_firms,
       count(CASE WHEN kpi_id = 'thought_leadership_output'
                   AND date_trunc('month', period_start) = month THEN 1 END) AS published,
       median(CASE WHEN kpi_id = 'technology_commoditisation'
                    AND verified_at < month + INTERVAL 1 MONTH
                    AND verified_at >= month - INTERVAL 2 MONTH THEN value END) AS commodity
FROM known GROUP BY 1
    """,
}


def values(m: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """The KPIs from the measures: one row a month and cell."""
    k: dict[str, pd.Series[float]] = {}
    k["cpu_usage"] = m["cpu"] / m["host_hours"]
    k["memory_usage"] = m["memory"] / m["host_hours"]
    k["disk_usage"] = m["disk"] / m["host_hours"]
    k["network_throughput"] = m["network"] / m["host_hours"]
    k["cache_hit_rate"] = 100 * m["hits"] / (m["hits"] + m["misses"])
    k["storage_efficiency"] = 100 * m["live"] / m["provisioned"]
    k["peak_concurrent_users"] = m["peak"]
    k["average_concurrent_users"] = m["open_sessions"] / m["app_hours"]
    k["peak_user_capacity"] = m["capacity"]
    k["capacity_utilisation"] = 100 * k["average_concurrent_users"] / m["capacity"]
    k["scalability_headroom"] = m["capacity"] / m[["own_peak_30d", "earlier_peak"]].max(axis=1)
    k["data_processing_volume"] = m["gigabytes"]
    grown = m["gigabytes"] - m["gigabytes_before"]
    k["data_volume_growth_rate"] = 100 * grown / m["gigabytes_before"]
    k["data_latency"] = m["waited"] / m["records"]
    k["workflow_executions"] = m["runs"]
    k["template_usage_rate"] = 100 * m["workflows_from_template"] / m["workflows_built"]
    k["custom_workflow_share"] = 100 - k["template_usage_rate"]
    k["ai_usage_rate"] = 100 * m["workflows_with_ai"] / m["workflows_in_place"]
    k["ai_requests_total"] = m["ai_requests"]
    k["ai_processing_volume"] = m["ai_peak"]
    k["ai_cost_per_transaction"] = m["ai_cost"] / m["ai_requests"]
    k["ai_response_quality"] = 100 * m["liked"] / m["rated"]
    k["ai_accuracy"] = 100 * m["right_answers"] / m["graded"]
    k["bug_resolution_time"] = m["hours_to_fix"] / m["bugs_fixed"]
    k["development_cycle_time"] = m["cycle_days"]
    k["roadmap_on_time_rate"] = 100 * m["roadmap_on_time"] / m["roadmap_expected"]
    asked = m["requests_of_customers"]
    k["customer_requests_delivered_rate"] = 100 * m["requests_delivered"] / asked
    k["enterprise_readiness"] = 100 * m["enterprise_released"] / m["enterprise_planned"]
    k["feature_velocity"] = m["points_done"] / m["sprints"]
    k["engineering_productivity"] = m["points_done"] / m["engineers"]
    k["team_capacity_utilisation"] = 100 * m["points_promised"] / m["points_possible"]
    k["code_quality_score"] = m["graded_lines"] / m["lines"]
    k["technical_debt_ratio"] = 100 * m["debt"] / m["development_effort"]
    k["architecture_health"] = 100 * m["sound_modules"] / m["modules"]
    k["data_pipeline_success_rate"] = 100 * m["jobs_succeeded"] / m["jobs"]
    fields = 100 * (1 - m["completeness_faults"] / m["completeness_rows"])
    k["required_fields_filled"] = fields
    k["data_coverage"] = 100 * m["rows_loaded"] / m["rows_expected"]
    k["data_completeness"] = np.fmin(k["data_coverage"], fields)
    there = {d: m[f"{d}_weight"].where(m[f"{d}_rows"] > 0, 0) for d in _DIMENSIONS}
    scores = {d: 1 - (m[f"{d}_faults"] / m[f"{d}_rows"]).fillna(0) for d in _DIMENSIONS}
    weighted = sum(there[d] * scores[d] for d in _DIMENSIONS)
    k["data_quality_score"] = 100 * weighted / sum(there.values())
    k["data_accuracy"] = 100 * m["totals_agreed"] / m["control_totals"]
    k["data_accuracy_rules"] = 100 * m["accuracy_passed"] / m["accuracy_checks"]
    k["data_consistency"] = 100 * m["consistency_passed"] / m["consistency_checks"]
    k["data_auditability"] = 100 * m["full_definitions"] / m["definitions"]
    k["reporting_deadline_compliance"] = 100 * m["reports_in_time"] / m["reports"]
    k["data_processing_time"] = m["hours_analysing"] / m["analyses"]
    k["data_freshness"] = m["aged_seconds"] / m["load_seconds"] / 60
    k["data_timeliness"] = 100 * m["seconds_within_limit"] / m["load_seconds"]
    k["recommendations_delivered"] = m["early_recommendations"] / m["engagements"]
    k["quick_win_completion_rate"] = 100 * m["quick_wins_done"] / m["quick_wins"]
    k["analysis_completion_time"] = m["analysis_hours"]
    k["action_item_completion_rate"] = 100 * m["done_in_time"] / m["due"]
    k["recommendation_adoption_rate"] = 100 * m["recommended_adopted"] / m["recommended"]
    k["process_improvements"] = m["improvements"]
    k["efficiency_gains"] = 100 * (m["hours_before"] - m["hours_after"]) / m["hours_before"]
    k["revenue_impact"] = m["credited"]
    k["customer_health_score"] = m["health"] / m["scored"]
    k["health_band_share"] = 100 * m["green"] / m["scored"]
    k["at_risk_customer_rate_yellow"] = 100 * m["yellow"] / m["scored"]
    k["at_risk_customer_rate"] = 100 * m["at_risk"] / m["scored"]
    k["health_degradation_rate"] = 100 * m["worse"] / m["scored_before"]
    k["expansion_ready_accounts"] = m["ready"]
    k["onboarding_completion_rate"] = 100 * m["accounts_finished"] / m["accounts_made"]
    k["account_setup_time"] = m["setup_days"].where(m["setup_days"] > 0)
    k["email_open_rate"] = 100 * m["mails_opened"] / m["mails"]
    k["email_click_rate"] = 100 * m["mails_clicked"] / m["mails"]
    k["click_to_open_rate"] = 100 * m["mails_clicked"] / m["mails_opened"]
    k["email_conversion_rate"] = 100 * m["mails_converted"] / m["mails"]
    k["aided_brand_awareness"] = 100 * m["aided"] / m["aided_of"]
    k["unaided_brand_awareness"] = 100 * m["unaided"] / m["unaided_of"]
    k["share_of_voice"] = 100 * m["mentions"] / m["mentions_of"]
    k["market_position_rank"] = m["market_rank"]
    k["analyst_recognition"] = m["leading_firms"]
    k["thought_leadership_output"] = m["published"]
    k["technology_commoditisation"] = m["commodity"]
    return k

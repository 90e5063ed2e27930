"""The demo company's machines, jobs, work, onboarding, health and market agree with all the rest."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

#: What is meant, and SQL for the rows that break it.
RULES = {
    "concurrent sessions are those of the sessions": """
        WITH edges AS (
          SELECT moment, sum(step) AS step FROM (
            SELECT started_at AS moment, 1 AS step FROM sessions
            UNION ALL SELECT ended_at, -1 FROM sessions) GROUP BY moment),
        swept AS (SELECT date_trunc('hour', moment) AS hour,
                         sum(step) OVER (ORDER BY moment) AS open FROM edges),
        peaks AS (SELECT hour, max(open) AS peak FROM swept GROUP BY hour)
        SELECT hour, peak, concurrent_sessions_peak FROM infra_metrics_hourly
        LEFT JOIN peaks USING (hour)
        WHERE host_group = 'app' AND concurrent_sessions_peak < coalesce(peak, 0)""",
    "an hour's peak is reached in it or left over from the hour before": """
        SELECT a.hour FROM infra_metrics_hourly AS a
        ANTI JOIN sessions AS s ON s.started_at < a.hour + INTERVAL 1 HOUR AND s.ended_at >= a.hour
        WHERE host_group = 'app' AND concurrent_sessions_peak > 0""",
    "mean concurrency adds up to the time spent in sessions": """
        SELECT day, spent, counted FROM (
          SELECT started_at::DATE AS day, sum(epoch(ended_at - started_at)) / 3600 AS spent
          FROM sessions GROUP BY ALL)
        JOIN (SELECT hour::DATE AS day, sum(concurrent_sessions_avg) AS counted
              FROM infra_metrics_hourly GROUP BY ALL) USING (day)
        WHERE abs(spent - counted) > 0.12""",
    "only the cache has look-ups, only the application sessions": """
        SELECT * FROM infra_metrics_hourly
        WHERE (cache_hits IS NOT NULL) <> (host_group = 'cache')
           OR (cache_misses IS NOT NULL) <> (host_group = 'cache')
           OR (concurrent_sessions_peak IS NOT NULL) <> (host_group = 'app')""",
    "hosts are used between nothing and wholly, and live data fit": """
        SELECT * FROM infra_metrics_hourly
        WHERE greatest(cpu_pct, memory_pct, disk_pct) > 100
           OR least(cpu_pct, memory_pct, disk_pct, network_mbps, cache_hits, cache_misses) < 0
           OR storage_live_gb > storage_provisioned_gb""",
    "every hour of three years has every host group and every node type, every day its sources": """
        SELECT 'hosts' FROM infra_metrics_hourly GROUP BY hour HAVING count(*) <> 3
        UNION ALL SELECT 'models' FROM ai_usage_hourly GROUP BY hour HAVING count(*) <> 4
        UNION ALL SELECT 'volumes' FROM data_volume_daily GROUP BY day HAVING count(*) <> 4
        UNION ALL SELECT 'hours' FROM (SELECT count(DISTINCT hour) AS n FROM ai_usage_hourly)
          WHERE n <> 1096 * 24""",
    "a test carries what production had, and stands until the next": """
        SELECT * FROM (SELECT *, lead(run_on) OVER (ORDER BY run_on) AS next_on FROM load_tests)
        WHERE superseded_on IS DISTINCT FROM next_on
           OR max_concurrent_users_ok < baseline_peak_users""",
    "a workflow runs while it is there, in its own account": """
        SELECT run_id FROM workflow_runs AS r LEFT JOIN product_objects AS o USING (object_id)
        WHERE o.object_type IS DISTINCT FROM 'workflow' OR o.account_id <> r.account_id
           OR started_at < created_at OR started_at > archived_at OR finished_at < started_at""",
    "no more answers are liked than rated, or right than graded": """
        SELECT * FROM ai_usage_hourly
        WHERE rated_positive > rated OR rated > requests OR correct > evaluated
           OR least(requests, rated_positive, correct, cost) < 0
           OR (requests > 0) <> (peak_requests_per_minute > 0)""",
    "no run crosses midnight, and only a skipped one has no end": """
        SELECT * FROM job_runs WHERE (finished_at IS NULL) <> (status = 'skipped')
          OR finished_at < started_at OR started_at < scheduled_for
          OR finished_at::DATE <> scheduled_for::DATE""",
    "a load is replaced by the end of the dataset's next successful load": """
        SELECT * FROM (
          SELECT *, lead(finished_at) OVER (PARTITION BY dataset ORDER BY finished_at) AS next_end
          FROM job_runs WHERE job_kind = 'ingest' AND status = 'succeeded')
        WHERE replaced_at IS DISTINCT FROM next_end OR source_max_ts > finished_at
           OR rows_loaded > rows_expected
        UNION ALL BY NAME
        SELECT * FROM job_runs WHERE (job_kind <> 'ingest' OR status <> 'succeeded')
          AND (replaced_at IS NOT NULL OR rows_expected IS NOT NULL OR rows_loaded IS NOT NULL)""",
    "no events were loaded while Europe was down": """
        SELECT * FROM job_runs JOIN incidents AS n
          ON incident_type = 'outage' AND region = 'europe' AND resolved_at - n.started_at
             > INTERVAL 5 HOUR AND scheduled_for >= n.started_at AND scheduled_for < resolved_at
        WHERE dataset = 'product_events' AND status = 'succeeded'""",
    "every engagement is with a customer, and has one first analysis after its data": """
        SELECT e.engagement_id FROM engagements AS e LEFT JOIN job_runs AS r
          ON r.engagement_id = e.engagement_id
        WHERE r.job_kind IS DISTINCT FROM 'full_analysis' AND kickoff_on < DATE '2025-12-15'
           OR r.scheduled_for < data_received_at
        UNION ALL
        SELECT e.engagement_id FROM engagements AS e JOIN mrr_movements AS m
          ON m.account_id = e.account_id AND effective_on <= kickoff_on
        GROUP BY ALL HAVING sum(amount) <= 0""",
    "what was advised in an engagement came after its kick-off": """
        SELECT action_id FROM action_items AS i LEFT JOIN engagements AS e USING (engagement_id)
        WHERE delivered_at::DATE <= kickoff_on OR (source = 'analysis') <> (i.engagement_id IS NOT NULL)
           OR (item_type = 'recommendation' AND i.engagement_id IS NULL)
           OR adopted_at < delivered_at OR completed_at < delivered_at
           OR (item_type = 'recommendation' AND completed_at IS NOT NULL AND adopted_at IS NULL)
           OR (revenue_impact IS NOT NULL AND (i.engagement_id IS NULL OR completed_at IS NULL))
           OR (current_hours IS NOT NULL) <> (item_type = 'process_improvement'
                                              AND completed_at IS NOT NULL)""",
    "a sprint finished the points of the items resolved in it, by its team": """
        SELECT s.sprint_id FROM sprints AS s LEFT JOIN work_items AS i USING (sprint_id)
        GROUP BY s.sprint_id, start_on, end_on, completed_points, capacity_points
        HAVING completed_points <> coalesce(sum(story_points), 0) OR capacity_points < completed_points
            OR coalesce(min(resolved_at)::DATE < start_on, false)
            OR coalesce(max(resolved_at)::DATE > end_on, false)""",
    "an item comes of an idea, is resolved and then released": """
        SELECT * FROM work_items WHERE concept_at > created_at OR resolved_at < created_at
          OR released_at < resolved_at OR (released_at IS NOT NULL AND resolved_at IS NULL)
          OR (concept_at IS NOT NULL) <> (item_type = 'feature')
          OR (severity IS NOT NULL) <> (item_type = 'bug')
          OR (planned_release_on IS NOT NULL) <> is_roadmap OR is_enterprise_feature > is_roadmap""",
    "who asks for a feature is a customer then": """
        SELECT item_id FROM work_items AS i LEFT JOIN mrr_movements AS m
          ON m.account_id = i.requested_by_account_id AND effective_on <= created_at::DATE
        WHERE requested_by_account_id IS NOT NULL GROUP BY item_id HAVING coalesce(sum(amount), 0) <= 0""",
    "each scan stands until the repository's next one": """
        SELECT * FROM (
          SELECT *, lead(scanned_on) OVER (PARTITION BY repository ORDER BY scanned_on) AS next_on
          FROM code_quality_scans)
        WHERE superseded_on IS DISTINCT FROM next_on OR quality_score NOT BETWEEN 0 AND 10
           OR architecture_violations > modules OR debt_minutes > development_minutes""",
    "a step begins when the account is there and ends after it began": """
        SELECT s.account_id, step FROM onboarding_steps AS s JOIN accounts AS a USING (account_id)
        WHERE started_at < created_at OR completed_at < started_at
           OR (completed_at IS NOT NULL AND started_at IS NULL)""",
    "every account has each step once, training by user": """
        SELECT account_id FROM accounts LEFT JOIN onboarding_steps AS s USING (account_id)
        GROUP BY account_id
        HAVING count(CASE WHEN user_id = 'account' AND step <> 'training' THEN 1 END) <> 6
            OR count(DISTINCT CASE WHEN user_id = 'account' THEN step END) <> 6
        UNION ALL
        SELECT user_id FROM onboarding_steps AS s ANTI JOIN users AS u
          ON u.user_id = s.user_id AND u.account_id = s.account_id WHERE step = 'training'""",
    "setup is complete only after a connection, and that after the account's setup": """
        SELECT account_id FROM (
          SELECT account_id, max(CASE WHEN step = 'account_setup' THEN completed_at END) AS a,
                 max(CASE WHEN step = 'first_connection' THEN completed_at END) AS c,
                 max(CASE WHEN step = 'setup_complete' THEN completed_at END) AS d
          FROM onboarding_steps GROUP BY account_id)
        WHERE (c IS NOT NULL AND coalesce(a > c, true)) OR (d IS NOT NULL AND coalesce(c > d, true))""",
    "every Sunday, whoever is a customer is scored, and nobody else": """
        SELECT as_of, account_id FROM (
          SELECT day::DATE AS as_of, account_id, true AS is_customer FROM mrr_movements AS m
          JOIN range(TIMESTAMP '2023-01-01', TIMESTAMP '2026-01-01', INTERVAL 7 DAY) AS r(day)
            ON effective_on <= day
          GROUP BY ALL HAVING sum(amount) > 0)
        FULL JOIN account_health_daily USING (as_of, account_id)
        WHERE is_customer IS NULL OR band IS NULL""",
    "health is the weighted sum of its parts, and its band that of the score": """
        SELECT * FROM account_health_daily
        WHERE abs(health_score - (0.40 * usage_score + 0.25 * engagement_score
                                  + 0.20 * support_score + 0.15 * payment_score)) > 0.005001
           OR band <> CASE WHEN health_score >= 70 THEN 'green' WHEN health_score >= 40
                           THEN 'yellow' ELSE 'red' END
           OR (risk_level = 'HIGH') <> (churn_probability > 0.7)
           OR (expansion_ready AND band <> 'green')""",
    "the band before is that of four weeks before, of an unbroken customer": """
        SELECT h.account_id, h.as_of FROM account_health_daily AS h
        LEFT JOIN account_health_daily AS b
          ON b.account_id = h.account_id AND b.as_of = h.as_of - 28
        WHERE h.band_before IS NOT NULL AND h.band_before IS DISTINCT FROM b.band""",
    "who has an overdue invoice has not the full score for payment": """
        SELECT h.account_id, as_of FROM account_health_daily AS h JOIN invoices AS i
          ON i.account_id = h.account_id AND due_on < as_of AND as_of < due_on + 120
         AND (paid_on IS NULL OR paid_on > as_of) AND status <> 'void'
        WHERE payment_score = 100""",
    "of mails fewer are opened than delivered, clicked than opened, acted on than clicked": """
        SELECT * FROM email_sends WHERE delivered <= unique_opens OR unique_opens <= unique_clicks
          OR unique_clicks < conversions OR conversions < 0""",
    "a value is entered, verified by another and then replaced": """
        SELECT * FROM manual_inputs WHERE verified_by = entered_by OR verified_at < entered_at
          OR replaced_at < verified_at OR (verified_at IS NULL) <> (status = 'rejected')
          OR (verified_by IS NULL) <> (verified_at IS NULL)
          OR (status = 'verified' AND period_type <> 'event' AND verified_at::DATE < period_start)""",
    "of a quarterly study one value stands at a time": """
        SELECT a.input_id FROM manual_inputs AS a JOIN manual_inputs AS b
          USING (kpi_id, dimension, status, period_type)
        WHERE status = 'verified' AND period_type = 'quarter' AND a.verified_at < b.verified_at
          AND coalesce(a.replaced_at > b.verified_at, true)""",
    "what is done has its day, is reported so and no more after it": """
        SELECT initiative_id, reported_on FROM (
          SELECT *, lead(reported_on) OVER (PARTITION BY initiative_id ORDER BY reported_on) AS next
          FROM initiatives)
        WHERE (status = 'done') <> (completed_on IS NOT NULL) OR completed_on > reported_on
           OR (status = 'done') <> (progress_pct = 100) OR (status = 'done' AND next IS NOT NULL)""",
    "work does not come undone": """
        SELECT initiative_id FROM (
          SELECT *, lag(progress_pct) OVER (PARTITION BY initiative_id ORDER BY reported_on) AS before
          FROM initiatives) WHERE progress_pct < before""",
    "the first use of a feature is that of its first event, a week's that of the week": """
        SELECT f.user_id, f.feature FROM user_features AS f
        LEFT JOIN (SELECT user_id, feature_name AS feature, min(occurred_at) AS first,
                          min(occurred_at) FILTER (occurred_at >= u.created_at + INTERVAL 77 DAY
                            AND occurred_at < u.created_at + INTERVAL 84 DAY) AS in_12
                   FROM events JOIN features USING (feature_id) JOIN users AS u USING (user_id)
                   GROUP BY ALL) AS e USING (user_id, feature)
        WHERE f.first_used_at IS DISTINCT FROM e.first OR f.used_in_week_12 IS DISTINCT FROM e.in_12
        UNION ALL SELECT user_id, NULL FROM user_features GROUP BY user_id HAVING count(*) <> 6""",
    "competitors together sell less than all do, and none before it was seen": """
        SELECT quarter FROM market_estimates GROUP BY quarter, segment, region
        HAVING sum(CASE party WHEN 'total' THEN annual_value ELSE -annual_value END) <= 0
        UNION ALL SELECT quarter FROM market_estimates JOIN competitors ON competitor_id = party
        WHERE quarter < first_seen_on""",
    "an insight is about a client's work that has begun": """
        SELECT insight_id FROM insights JOIN engagements USING (engagement_id)
        WHERE kickoff_on > detected_at::DATE""",
    "whoever owns, sells, looks after, finds or enters something is employed": """
        SELECT owner_id, 'deals' FROM opportunities LEFT JOIN employees ON employee_id = owner_id
        WHERE owner_id IS NOT NULL AND NOT coalesce(hired_on <= created_at::DATE
          AND left_on IS NULL AND department = 'sales', false)
        UNION ALL SELECT employee_id, 'quotas' FROM quotas LEFT JOIN employees USING (employee_id)
        WHERE NOT coalesce(hired_on <= period_start AND left_on IS NULL AND is_quota_carrying, false)
        UNION ALL SELECT csm_id, 'customers' FROM accounts LEFT JOIN employees ON employee_id = csm_id
        WHERE csm_id IS NOT NULL AND NOT coalesce(role = 'customer_success_manager'
          AND left_on IS NULL, false)
        UNION ALL SELECT owner, about FROM (
          SELECT owner_id AS owner, 'initiatives' AS about, reported_on AS day FROM initiatives
          UNION ALL SELECT owner_id, 'actions', delivered_at::DATE FROM action_items
          UNION ALL SELECT found_by, 'insights', detected_at::DATE FROM insights
          UNION ALL SELECT entered_by, 'inputs', entered_at::DATE FROM manual_inputs
          UNION ALL SELECT verified_by, 'inputs', verified_at::DATE FROM manual_inputs
          UNION ALL SELECT manager_id, 'projects', agreed_on FROM projects)
        LEFT JOIN employees ON employee_id = owner
        WHERE owner IS NOT NULL AND NOT coalesce(hired_on <= day AND left_on IS NULL, false)""",
    "everyone but one reports to somebody who is there, and no line is a circle": """
        SELECT e.employee_id FROM employees AS e LEFT JOIN employees AS m
          ON m.employee_id = e.manager_id AND m.hired_on <= greatest(e.hired_on, DATE '2023-01-01')
          AND m.left_on IS NULL
        WHERE m.employee_id IS NULL AND e.role <> 'chief_executive_officer'
        UNION ALL SELECT 'no top' WHERE (SELECT count(*) FROM employees WHERE manager_id IS NULL) <> 1
        UNION ALL (WITH RECURSIVE line AS (
            SELECT employee_id, manager_id, 0 AS steps FROM employees
            UNION ALL SELECT l.employee_id, m.manager_id, steps + 1
            FROM line AS l JOIN employees AS m ON m.employee_id = l.manager_id WHERE steps < 9)
          SELECT employee_id FROM line WHERE steps > 4)""",
    "those who carry a quota are those who have one, and two people have two names": """
        SELECT employee_id FROM employees
        WHERE is_quota_carrying <> (employee_id IN (SELECT employee_id FROM quotas))
           OR left_on <= hired_on
        UNION ALL SELECT full_name FROM employees GROUP BY full_name HAVING count(*) > 1""",
    "a seller's steps lie on working days between the beginning and the end of a deal": """
        SELECT activity_id FROM sales_activities AS s JOIN employees USING (employee_id)
        LEFT JOIN opportunities AS o USING (opportunity_id)
        WHERE department <> 'sales' OR occurred_at::DATE < hired_on
           OR occurred_at < o.created_at OR occurred_at > o.closed_at
           OR isodow(occurred_at) > 5
           OR (opportunity_id IS NULL AND role <> 'sdr')
           OR (role <> 'sdr' AND employee_id <> owner_id)""",
    "a project is as its days say, and goes on no longer than its customer stays": """
        SELECT project_id FROM projects
        WHERE status <> CASE WHEN cancelled_on IS NOT NULL THEN 'cancelled'
                             WHEN actual_end IS NOT NULL THEN 'completed'
                             WHEN actual_start IS NOT NULL THEN 'active' ELSE 'planned' END
           OR planned_end < agreed_on OR actual_start < agreed_on OR actual_end < actual_start
           OR cancelled_on < agreed_on OR isodow(planned_end) > 5 OR isodow(actual_end) > 5
           OR (cancelled_on IS NOT NULL AND actual_end IS NOT NULL)
        UNION ALL SELECT project_id FROM projects JOIN (
          SELECT account_id, min(effective_on) AS since,
                 min(effective_on) FILTER (movement_type = 'churn') AS until
          FROM mrr_movements GROUP BY account_id) USING (account_id)
        WHERE agreed_on <> since OR (status IN ('active', 'planned') AND until IS NOT NULL)
           OR actual_end >= until""",
    "every customer won by a seller is set up once, and data are moved for those who switch": """
        SELECT account_id FROM projects JOIN accounts USING (account_id)
        GROUP BY account_id, project_type, sales_motion, switched_from_competitor_id
        HAVING count(*) > 1 OR CASE project_type WHEN 'migration'
          THEN switched_from_competitor_id IS NULL ELSE sales_motion = 'self_service' END""",
    "no more are asked how they like to work here than are employed": """
        SELECT day FROM (SELECT sent_at::DATE AS day, count(*) AS asked FROM survey_responses
                         WHERE survey_type = 'employee' GROUP BY day)
        WHERE asked > (SELECT count(*) FROM employees
                       WHERE hired_on <= day AND (left_on IS NULL OR left_on > day))""",
    "the last day, week or fortnight is there": """
        SELECT 1 WHERE (SELECT max(hour)::DATE FROM infra_metrics_hourly) <> DATE '2025-12-31'
            OR (SELECT max(hour)::DATE FROM ai_usage_hourly) <> DATE '2025-12-31'
            OR (SELECT max(day) FROM data_volume_daily) <> DATE '2025-12-31'
            OR (SELECT max(scheduled_for)::DATE FROM job_runs) <> DATE '2025-12-31'
            OR (SELECT max(created_at)::DATE FROM work_items) <> DATE '2025-12-31'
            OR (SELECT max(started_at)::DATE FROM workflow_runs) < DATE '2025-12-30'
            OR (SELECT max(as_of) FROM account_health_daily) <> DATE '2025-12-28'
            OR (SELECT max(reported_on) FROM initiatives) <> DATE '2025-12-31'
            OR (SELECT max(occurred_at)::DATE FROM sales_activities) <> DATE '2025-12-31'
            OR (SELECT max(agreed_on) FROM projects) < DATE '2025-12-26'
            OR (SELECT max(end_on) FROM sprints) <> DATE '2025-12-28'""",
}  # fmt: skip


@pytest.fixture
def con(demo_warehouse: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(demo_warehouse), read_only=True)


@pytest.mark.parametrize("rule", RULES)
def test_no_row_breaks_a_rule(con: duckdb.DuckDBPyConnection, rule: str) -> None:
    with con:
        assert con.execute(RULES[rule]).fetchmany(3) == []

WITH known AS (
  SELECT DISTINCT e.user_id,
         CASE WHEN e.event_name IN ('workflow_created', 'workflow_run') THEN 'workflows'
              WHEN e.event_name IN ('dashboard_created', 'dashboard_viewed') THEN 'dashboards'
              WHEN e.event_name IN ('data_source_connected', 'report_generated', 'collaboration_action',
                                    'advanced_analytics_used', 'api_used') THEN e.event_name END AS feature
  FROM events AS e JOIN users AS u USING (user_id) JOIN accounts AS a ON a.account_id = e.account_id
  WHERE e.recorded_at < $as_of_end AND e.occurred_at < $end
    AND e.occurred_at >= CASE WHEN $end - $start < 28 THEN CAST($end AS DATE) - INTERVAL 30 DAY
                               ELSE CAST($end AS DATE) - INTERVAL 1 MONTH END
    AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
used AS (SELECT user_id, count(feature) AS features FROM known GROUP BY user_id)
SELECT 100 * avg(CASE WHEN features > 2 THEN 1 ELSE 0 END) AS value,
       count(*) FILTER (features > 2) AS numerator, count(*) AS denominator
FROM used

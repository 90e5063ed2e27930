WITH known AS (
  SELECT e.user_id, e.event_name,
         e.occurred_at >= CASE WHEN $end - $start < 28 THEN CAST($end AS DATE) - INTERVAL 30 DAY
                               ELSE CAST($end AS DATE) - INTERVAL 1 MONTH END AS in_month
  FROM events AS e JOIN users AS u USING (user_id) JOIN accounts AS a ON a.account_id = e.account_id
  WHERE e.occurred_at < $end AND e.recorded_at < $as_of_end AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT avg(points) AS value, coalesce(sum(points), 0) AS numerator, count(*) AS denominator
FROM (
  SELECT user_id, coalesce(sum(points), 0) AS points
  FROM (SELECT DISTINCT user_id, event_name FROM known WHERE in_month)
  LEFT JOIN (VALUES ('dashboard_created', 10), ('data_source_connected', 15), ('report_generated', 8),
                    ('collaboration_action', 12), ('advanced_analytics_used', 20), ('api_used', 5)
            ) AS worth(event_name, points) USING (event_name)
  GROUP BY user_id
)

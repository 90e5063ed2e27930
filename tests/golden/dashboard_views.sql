SELECT count(*) AS value
FROM users AS u JOIN accounts AS a USING (account_id)
WHERE EXISTS (
    SELECT 1 FROM events AS e
    WHERE e.user_id = u.user_id AND e.event_name = 'dashboard_viewed' AND e.recorded_at < $as_of_end
      AND e.occurred_at < $end
      AND e.occurred_at >= CASE WHEN $end - $start < 28 THEN CAST($end AS DATE) - INTERVAL 30 DAY
                               ELSE CAST($end AS DATE) - INTERVAL 1 MONTH END)
  AND NOT coalesce(u.is_internal, FALSE)
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))

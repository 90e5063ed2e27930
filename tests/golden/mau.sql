SELECT count(*) AS value
FROM users AS u JOIN accounts AS a USING (account_id)
WHERE EXISTS (
    SELECT 1 FROM sessions AS s
    WHERE s.user_id = u.user_id AND s.recorded_at < $as_of_end AND s.started_at < $end
      AND s.started_at >= CASE WHEN $end - $start < 28 THEN CAST($end AS DATE) - INTERVAL 30 DAY
                               ELSE CAST($end AS DATE) - INTERVAL 1 MONTH END)
  AND NOT coalesce(u.is_internal, FALSE)
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))

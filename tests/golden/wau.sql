SELECT count(DISTINCT s.user_id) AS value
FROM sessions AS s JOIN users AS u USING (user_id) JOIN accounts AS a ON a.account_id = s.account_id
WHERE s.started_at >= CAST($end AS DATE) - INTERVAL 7 DAY AND s.started_at < $end
  AND s.recorded_at < $as_of_end
  AND NOT coalesce(u.is_internal, FALSE)
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))

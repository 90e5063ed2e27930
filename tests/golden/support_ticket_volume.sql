SELECT count(*) AS value
FROM accounts AS a JOIN tickets AS t USING (account_id)
WHERE t.created_at >= $start AND t.created_at < $end AND t.recorded_at < $as_of_end
  AND NOT EXISTS (SELECT 1 FROM users AS u WHERE u.user_id = t.user_id AND u.is_internal)
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))

SELECT count(*) AS value
FROM accounts AS a, trials AS t
WHERE t.account_id = a.account_id
  AND t.started_at >= $start AND t.started_at < $end AND t.recorded_at < $as_of_end
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))

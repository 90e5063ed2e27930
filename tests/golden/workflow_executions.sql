SELECT count(*) AS value
FROM workflow_runs AS r JOIN accounts AS a USING (account_id)
WHERE r.started_at >= $start AND r.started_at < $end AND r.recorded_at < $as_of_end
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))

SELECT count(*) AS value
FROM leads AS l LEFT JOIN accounts AS a USING (account_id)
WHERE l.mql_at >= $start AND l.mql_at < least(CAST($end AS TIMESTAMP), $as_of_end)
  AND l.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (l.segment, l.region))

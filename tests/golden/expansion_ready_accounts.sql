SELECT count(*) FILTER (expansion_ready) AS value
FROM account_health_daily AS h JOIN accounts AS a USING (account_id)
WHERE h.as_of >= CAST($end AS DATE) - 7 AND h.as_of < $end AND h.recorded_at < $as_of_end
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))

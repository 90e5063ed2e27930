WITH open AS (
  SELECT count(*) AS deals, avg(h.amount) AS mean
  FROM opportunity_stage_history AS h
  JOIN opportunities AS o USING (opportunity_id) LEFT JOIN accounts AS a USING (account_id)
  WHERE h.stage IN ('qualified', 'demo', 'proposal', 'negotiation')
    AND h.entered_at < $end AND h.recorded_at < $as_of_end
    AND (h.exited_at IS NULL OR h.exited_at >= least(CAST($end AS TIMESTAMP), $as_of_end))
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (o.segment, o.region))
),
decided AS (
  SELECT avg((o.outcome = 'won')::INTEGER) AS win_rate,
         median(epoch(o.closed_at - o.created_at) / 86400) FILTER (o.outcome = 'won') AS days
  FROM opportunities AS o LEFT JOIN accounts AS a USING (account_id)
  WHERE o.qualified_at IS NOT NULL AND o.closed_at < least(CAST($end AS TIMESTAMP), $as_of_end)
    AND o.closed_at >= CAST($end AS DATE) - INTERVAL 90 DAY AND o.recorded_at < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (o.segment, o.region))
)
SELECT deals * coalesce(mean, 0) * win_rate / days * 30 AS value
FROM open, decided

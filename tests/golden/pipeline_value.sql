-- The stays that have begun and, as far as is known, not ended at the end of the period.
SELECT coalesce(sum(h.amount), 0) AS value
FROM opportunity_stage_history AS h
JOIN opportunities AS o USING (opportunity_id) LEFT JOIN accounts AS a USING (account_id)
WHERE h.stage <> 'closed' AND h.entered_at < $end AND h.recorded_at < $as_of_end
  AND (h.exited_at IS NULL OR h.exited_at >= least(CAST($end AS TIMESTAMP), $as_of_end))
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (o.segment, o.region))

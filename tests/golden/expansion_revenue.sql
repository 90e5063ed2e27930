SELECT 12 * coalesce(sum(m.amount), 0) AS value
FROM mrr_movements AS m JOIN accounts AS a USING (account_id)
WHERE m.movement_type = 'expansion' AND m.effective_on >= $start AND m.effective_on < $end
  AND m.recorded_at < $as_of_end
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))

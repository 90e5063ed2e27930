SELECT coalesce(sum(-m.amount), 0) AS value
FROM accounts AS a JOIN mrr_movements AS m USING (account_id)
WHERE m.movement_type = 'contraction'
  AND m.effective_on >= $start AND m.effective_on < $end AND m.recorded_at < $as_of_end
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))

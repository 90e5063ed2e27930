SELECT count(*) AS value
FROM accounts AS a
WHERE EXISTS (
    SELECT 1 FROM mrr_movements AS m
    WHERE m.account_id = a.account_id AND m.movement_type = 'churn' AND m.recorded_at < $as_of_end
      AND m.effective_on >= $start AND m.effective_on < $end
      AND ($cell IS NULL OR $cell IN (a.segment, a.region, m.churn_type)))
  AND NOT coalesce(a.is_internal, FALSE)

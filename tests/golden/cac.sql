WITH spent AS (
  SELECT coalesce(sum(g.amount), 0) AS cost
  FROM gl_entries AS g
  WHERE g.pnl_line IN ('marketing', 'sales') AND g.recorded_at < $as_of_end
    AND g.posted_on >= CAST($end AS DATE) - INTERVAL 3 MONTH AND g.posted_on < $end
    AND ($cell IS NULL OR coalesce(g.segment, '(unknown)') = $cell)
),
won AS (
  SELECT count(*) AS customers
  FROM accounts AS a
  WHERE EXISTS (
      SELECT 1 FROM mrr_movements AS m
      WHERE m.account_id = a.account_id AND m.movement_type = 'new' AND m.recorded_at < $as_of_end
        AND m.effective_on >= CAST($end AS DATE) - INTERVAL 3 MONTH AND m.effective_on < $end)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT cost::DOUBLE / nullif(customers, 0) AS value, cost AS numerator, customers AS denominator
FROM spent, won

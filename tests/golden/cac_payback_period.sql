-- What a customer cost, over the margin of what a new customer brings a month.
WITH won AS (
  SELECT count(*) AS customers, sum(m.amount)::DOUBLE AS added
  FROM mrr_movements AS m JOIN accounts AS a USING (account_id)
  WHERE m.movement_type = 'new' AND m.recorded_at < $as_of_end AND m.effective_on < $end
    AND m.effective_on >= CAST($end AS DATE) - INTERVAL 3 MONTH
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
spent AS (
  SELECT coalesce(sum(g.amount), 0) AS cost
  FROM gl_entries AS g
  WHERE g.pnl_line IN ('marketing', 'sales') AND g.recorded_at < $as_of_end
    AND g.posted_on >= CAST($end AS DATE) - INTERVAL 3 MONTH AND g.posted_on < $end
    AND ($cell IS NULL OR coalesce(g.segment, '(unknown)') = $cell)
)
SELECT cost / customers / (added / customers * margin.value / 100) AS value,
       cost AS numerator, coalesce(added, 0) * margin.value / 100 AS denominator
FROM ({gross_margin}) AS margin, won, spent

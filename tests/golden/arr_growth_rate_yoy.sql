WITH balances AS (
  SELECT coalesce(sum(m.amount), 0) AS now,
         coalesce(sum(m.amount) FILTER (m.effective_on < CAST($end AS DATE) - INTERVAL 12 MONTH), 0)
           AS before
  FROM mrr_movements AS m JOIN accounts AS a USING (account_id)
  WHERE m.effective_on < $end AND m.recorded_at < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT 100 * (now - before)::DOUBLE / nullif(before, 0) AS value,
       now - before AS numerator, before AS denominator
FROM balances

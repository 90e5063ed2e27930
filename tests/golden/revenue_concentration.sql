WITH parts AS (
  SELECT a.segment, sum(m.amount) AS part
  FROM mrr_movements AS m JOIN accounts AS a USING (account_id)
  WHERE m.effective_on < $end AND m.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE)
  GROUP BY a.segment
)
SELECT 100 * max(part)::DOUBLE / nullif(sum(part), 0) AS value, max(part) AS numerator,
       sum(part) AS denominator
FROM parts

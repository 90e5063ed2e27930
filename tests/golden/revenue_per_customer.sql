WITH balances AS (
  SELECT sum(m.amount) FILTER (m.effective_on < $start) AS before, sum(m.amount) AS after
  FROM mrr_movements AS m JOIN accounts AS a USING (account_id)
  WHERE m.effective_on < $end AND m.recorded_at < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
  GROUP BY m.account_id
),
customers AS (
  SELECT (count(*) FILTER (before > 0) + count(*) FILTER (after > 0)) / 2.0 AS mean FROM balances
)
SELECT r.value / nullif(mean::DOUBLE, 0) AS value, r.value AS numerator, mean AS denominator
FROM ({total_revenue}) AS r, customers

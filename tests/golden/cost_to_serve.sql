-- The cost of the period over the sum of its months' mean customers.
WITH points AS (
  SELECT unnest(generate_series(CAST($start AS TIMESTAMP), CAST($end AS TIMESTAMP), INTERVAL 1 MONTH)) AS point
),
customers AS (
  SELECT point,
         (SELECT count(*) FROM (
            SELECT m.account_id
            FROM mrr_movements AS m JOIN accounts AS a USING (account_id)
            WHERE m.effective_on < point AND m.recorded_at < $as_of_end
              AND NOT coalesce(a.is_internal, FALSE)
              AND ($cell IS NULL OR $cell IN (a.segment, a.region))
            GROUP BY m.account_id HAVING sum(m.amount) > 0)) AS n
  FROM points
),
months AS (
  SELECT sum(CASE WHEN point IN ($start, $end) THEN n / 2.0 ELSE n END) AS mean FROM customers
),
cost AS (
  SELECT coalesce(sum(g.amount), 0) AS amount
  FROM gl_entries AS g
  WHERE (g.pnl_line = 'cogs' OR g.is_direct_customer_cost) AND g.recorded_at < $as_of_end
    AND g.posted_on >= $start AND g.posted_on < $end
    AND ($cell IS NULL OR coalesce(g.segment, '(unknown)') = $cell)
)
SELECT amount::DOUBLE / nullif(mean, 0)::DOUBLE AS value, amount AS numerator, mean AS denominator
FROM cost, months

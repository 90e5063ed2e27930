-- The tickets of the period over the sum of its months' mean customers.
WITH points AS (
  SELECT unnest(generate_series(CAST($start AS TIMESTAMP), CAST($end AS TIMESTAMP), INTERVAL 1 MONTH)) AS point
),
customers AS (
  SELECT point, count(*) FILTER (balance > 0) AS n
  FROM points LEFT JOIN (
    SELECT p.point, m.account_id, sum(m.amount) AS balance
    FROM points AS p
    JOIN mrr_movements AS m ON m.effective_on < p.point
    JOIN accounts AS a USING (account_id)
    WHERE m.recorded_at < $as_of_end
      AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
    GROUP BY p.point, m.account_id
  ) USING (point)
  GROUP BY point
),
months AS (
  SELECT (n + lead(n) OVER (ORDER BY point)) / 2.0 AS mean FROM customers
)
SELECT 100 * t.value / nullif(sum(mean)::DOUBLE, 0) AS value, t.value AS numerator, sum(mean) AS denominator
FROM months, ({support_ticket_volume}) AS t
GROUP BY t.value

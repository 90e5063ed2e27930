-- Month by month of the period; a day or week looks at the month that ends with it.
WITH ends AS (
  SELECT unnest(CASE WHEN $end - $start < 28 THEN [CAST($end AS TIMESTAMP)]
                     ELSE generate_series($start + INTERVAL 1 MONTH, CAST($end AS TIMESTAMP), INTERVAL 1 MONTH)
                END) AS month_end
),
customers AS (
  SELECT e.month_end, m.account_id, sum(m.amount) AS after,
         bool_or(m.churn_type = 'voluntary' AND m.effective_on >= e.month_end - INTERVAL 1 MONTH) AS so
  FROM ends AS e
  JOIN mrr_movements AS m ON m.effective_on < e.month_end
  JOIN accounts AS a USING (account_id)
  WHERE m.recorded_at < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
  GROUP BY e.month_end, m.account_id
  HAVING sum(CASE WHEN m.effective_on < e.month_end - INTERVAL 1 MONTH THEN m.amount END) > 0
)
SELECT 100.0 * count(*) FILTER (after <= 0 AND so) / nullif(count(*), 0) AS value,
       count(*) FILTER (after <= 0 AND so) AS numerator, count(*) AS denominator
FROM customers

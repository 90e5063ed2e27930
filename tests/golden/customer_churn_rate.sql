-- Month by month of the period; a day or week looks at the month that ends with it.
WITH ends AS (
  SELECT unnest(CASE WHEN $end - $start < 28 THEN [CAST($end AS TIMESTAMP)]
                     ELSE generate_series($start + INTERVAL 1 MONTH, CAST($end AS TIMESTAMP), INTERVAL 1 MONTH)
                END) AS month_end
),
balances AS (
  SELECT e.month_end, m.account_id,
         sum(m.amount) FILTER (m.effective_on < e.month_end - INTERVAL 1 MONTH) AS before,
         sum(m.amount) AS after
  FROM ends AS e
  JOIN mrr_movements AS m ON m.effective_on < e.month_end
  JOIN accounts AS a USING (account_id)
  WHERE m.recorded_at < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
  GROUP BY e.month_end, m.account_id
)
SELECT 100 * avg(CASE WHEN after > 0 THEN 0 ELSE 1 END) AS value,
       count(*) FILTER (after <= 0) AS numerator, count(*) AS denominator
FROM balances
WHERE before > 0

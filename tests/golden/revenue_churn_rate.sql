-- Month by month of the period; a day or week is taken as it is.
WITH starts AS (
  SELECT unnest(CASE WHEN $end - $start < 28 THEN [CAST($start AS TIMESTAMP)]
                     ELSE range(CAST($start AS TIMESTAMP), CAST($end AS TIMESTAMP), INTERVAL 1 MONTH)
                END) AS first
),
sums AS (
  SELECT s.first,
         sum(m.amount) FILTER (m.effective_on < s.first) AS opening,
         -sum(m.amount) FILTER (m.movement_type = 'churn' AND m.effective_on >= s.first) AS lost
  FROM starts AS s
  JOIN mrr_movements AS m
    ON m.effective_on < CASE WHEN $end - $start < 28 THEN CAST($end AS TIMESTAMP)
                             ELSE s.first + INTERVAL 1 MONTH END
  JOIN accounts AS a USING (account_id)
  WHERE m.recorded_at < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
  GROUP BY s.first
)
SELECT 100 * coalesce(sum(lost), 0)::DOUBLE / nullif(sum(opening), 0) AS value,
       coalesce(sum(lost), 0) AS numerator, coalesce(sum(opening), 0) AS denominator
FROM sums

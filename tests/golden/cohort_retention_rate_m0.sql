WITH cohort AS (
  SELECT m.account_id, sum(m.amount) FILTER (m.effective_on < $end) AS now
  FROM mrr_movements AS m JOIN accounts AS a USING (account_id)
  WHERE m.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE)
    AND ($cell IS NULL OR $cell IN (a.segment, a.region))
  GROUP BY m.account_id
  HAVING date_trunc('month', min(m.effective_on) FILTER (m.movement_type = 'new'))
         = CAST($start AS DATE)
)
SELECT 100 * avg(CASE WHEN now > 0 THEN 1 ELSE 0 END) AS value,
       count(CASE WHEN now > 0 THEN 1 END) AS numerator, count(*) AS denominator
FROM cohort

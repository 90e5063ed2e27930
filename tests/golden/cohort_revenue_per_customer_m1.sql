WITH cohort AS (
  SELECT m.account_id, sum(m.amount) FILTER (m.effective_on < $end) AS now
  FROM mrr_movements AS m JOIN accounts AS a USING (account_id)
  WHERE m.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE)
    AND ($cell IS NULL OR $cell IN (a.segment, a.region))
  GROUP BY m.account_id
  HAVING date_trunc('month', min(m.effective_on) FILTER (m.movement_type = 'new'))
         = CAST($start AS DATE) - INTERVAL 1 MONTH
)
SELECT avg(now) AS value, coalesce(sum(now), 0) AS numerator, count(*) AS denominator
FROM cohort

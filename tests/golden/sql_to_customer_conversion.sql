WITH cohort AS (
  SELECT EXISTS (SELECT 1 FROM opportunities AS o
                 WHERE o.opportunity_id = l.opportunity_id AND o.outcome = 'won'
                   AND o.closed_at < $as_of_end AND o.recorded_at < $as_of_end
                   AND o.closed_at - l.sql_at <= INTERVAL 180 DAY) AS won
  FROM leads AS l LEFT JOIN accounts AS a USING (account_id)
  WHERE l.sql_at >= $start AND l.sql_at < least(CAST($end AS TIMESTAMP), $as_of_end)
    AND l.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (l.segment, l.region))
)
SELECT 100 * avg(won::INTEGER) AS value, count(*) FILTER (won) AS numerator, count(*) AS denominator
FROM cohort

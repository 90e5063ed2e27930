WITH cohort AS (
  SELECT EXISTS (SELECT 1 FROM opportunities AS o
                 WHERE o.opportunity_id = l.opportunity_id AND o.created_at < $as_of_end
                   AND o.recorded_at < $as_of_end
                   AND o.created_at - l.mql_at <= INTERVAL 90 DAY) AS dealt
  FROM leads AS l LEFT JOIN accounts AS a USING (account_id)
  WHERE l.mql_at >= $start AND l.mql_at < least(CAST($end AS TIMESTAMP), $as_of_end)
    AND l.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (l.segment, l.region))
)
SELECT 100 * avg(dealt::INTEGER) AS value, count(*) FILTER (dealt) AS numerator,
       count(*) AS denominator
FROM cohort

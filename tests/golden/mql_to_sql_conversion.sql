WITH cohort AS (
  SELECT coalesce(date_diff('second', l.mql_at, l.sql_at) <= 60 * 86400 AND l.sql_at < $as_of_end,
                  FALSE) AS accepted
  FROM leads AS l LEFT JOIN accounts AS a USING (account_id)
  WHERE l.mql_at >= $start AND l.mql_at < least(CAST($end AS TIMESTAMP), $as_of_end)
    AND l.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (l.segment, l.region))
)
SELECT 100 * avg(accepted::INTEGER) AS value, count(*) FILTER (accepted) AS numerator,
       count(*) AS denominator
FROM cohort

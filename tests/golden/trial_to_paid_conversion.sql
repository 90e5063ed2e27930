WITH cohort AS (
  SELECT coalesce(date_diff('second', t.ends_at, t.converted_at) <= 30 * 86400
                  AND t.converted_at < $as_of_end, FALSE) AS converted
  FROM trials AS t JOIN accounts AS a USING (account_id)
  WHERE t.started_at >= $start AND t.started_at < $end AND t.recorded_at < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT 100 * avg(converted::INTEGER) AS value,
       count(*) FILTER (converted) AS numerator, count(*) AS denominator
FROM cohort

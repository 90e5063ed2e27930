WITH active AS (
  SELECT EXISTS (
           SELECT 1 FROM sessions AS b
           WHERE b.user_id = u.user_id AND b.recorded_at < $as_of_end AND b.started_at < $start
             AND b.started_at >= CAST($start AS DATE) - INTERVAL 30 DAY) AS known
  FROM users AS u JOIN accounts AS a USING (account_id)
  WHERE EXISTS (
      SELECT 1 FROM sessions AS s
      WHERE s.user_id = u.user_id AND s.recorded_at < $as_of_end
        AND s.started_at >= $start AND s.started_at < $end)
    AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT 100.0 * count(*) FILTER (known) / nullif(count(*), 0) AS value,
       count(*) FILTER (known) AS numerator, count(*) AS denominator
FROM active

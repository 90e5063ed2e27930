-- Each new user, and whether any session of theirs lies in those days.
WITH made AS (
  SELECT EXISTS (
           SELECT 1 FROM sessions AS s
           WHERE s.user_id = u.user_id AND s.started_at >= u.created_at + INTERVAL 1 DAY
             AND s.started_at < u.created_at + INTERVAL 2 DAY
             AND s.started_at < $as_of_end AND s.recorded_at < $as_of_end) AS again
  FROM users AS u JOIN accounts AS a USING (account_id)
  WHERE u.created_at >= $start AND u.created_at < least($end, $as_of_end)
    AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT 100.0 * count(*) FILTER (again) / nullif(count(*), 0) AS value,
       count(*) FILTER (again) AS numerator, count(*) AS denominator
FROM made

-- Each new user who found value soon enough, and whether they came half a year later.
WITH activated AS (
  SELECT u.user_id, u.created_at,
         EXISTS (
           SELECT 1 FROM sessions AS s
           WHERE s.user_id = u.user_id AND s.started_at >= u.created_at + INTERVAL 180 DAY
             AND s.started_at < u.created_at + INTERVAL 210 DAY
             AND s.started_at < $as_of_end AND s.recorded_at < $as_of_end) AS kept
  FROM users AS u JOIN accounts AS a USING (account_id)
  WHERE u.created_at >= $start AND u.created_at < least($end, $as_of_end)
    AND EXISTS (
      SELECT 1 FROM events AS e
      WHERE e.user_id = u.user_id AND e.event_name = 'value_event'
        AND e.occurred_at < u.created_at + INTERVAL 30 DAY
        AND e.occurred_at < $as_of_end AND e.recorded_at < $as_of_end)
    AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT 100.0 * count(*) FILTER (kept) / nullif(count(*), 0) AS value,
       count(*) FILTER (kept) AS numerator, count(*) AS denominator
FROM activated

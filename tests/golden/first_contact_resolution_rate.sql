SELECT 100 * avg(CASE WHEN at_once THEN 1 ELSE 0 END) AS value,
       count(*) FILTER (at_once) AS numerator, count(*) AS denominator
FROM (
  SELECT t.agent_replies = 1
         AND coalesce(t.reopened_at > t.resolved_at + INTERVAL 7 DAY OR t.reopened_at >= $as_of_end, TRUE)
           AS at_once
  FROM tickets AS t JOIN accounts AS a USING (account_id) LEFT JOIN users AS u USING (user_id)
  WHERE t.resolved_at >= $start AND t.resolved_at < least($end, $as_of_end)
    AND t.recorded_at < $as_of_end AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)

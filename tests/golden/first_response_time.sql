SELECT avg(seconds) / 3600 AS value, coalesce(sum(seconds), 0) / 3600 AS numerator, count(*) AS denominator
FROM (
  SELECT epoch(t.first_response_at) - epoch(t.created_at) AS seconds
  FROM tickets AS t JOIN accounts AS a USING (account_id) LEFT JOIN users AS u USING (user_id)
  WHERE t.first_response_at >= $start AND t.first_response_at < least($end, $as_of_end)
    AND t.recorded_at < $as_of_end AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)

SELECT avg(least(epoch(s.ended_at - s.started_at), 28800)) / 60 AS value,
       coalesce(sum(least(epoch(s.ended_at - s.started_at), 28800)), 0) / 60 AS numerator,
       count(*) AS denominator
FROM sessions AS s JOIN users AS u USING (user_id) JOIN accounts AS a ON a.account_id = s.account_id
WHERE s.ended_at IS NOT NULL AND s.started_at >= $start AND s.started_at < $end
  AND s.recorded_at < $as_of_end AND NOT coalesce(u.is_internal, FALSE)
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))

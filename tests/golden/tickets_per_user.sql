WITH active AS (
  SELECT count(*) AS n
  FROM users AS u JOIN accounts AS a USING (account_id)
  WHERE EXISTS (
      SELECT 1 FROM sessions AS s
      WHERE s.user_id = u.user_id AND s.recorded_at < $as_of_end
        AND s.started_at >= $start AND s.started_at < $end)
    AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT t.value / nullif(n, 0) AS value, t.value AS numerator, n AS denominator
FROM ({support_ticket_volume}) AS t, active

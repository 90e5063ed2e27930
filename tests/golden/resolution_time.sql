-- The middle one, or the mean of the two in the middle.
WITH solved AS (
  SELECT epoch(t.resolved_at) - epoch(t.created_at) AS seconds
  FROM tickets AS t JOIN accounts AS a USING (account_id) LEFT JOIN users AS u USING (user_id)
  WHERE t.resolved_at >= $start AND t.resolved_at < least($end, $as_of_end)
    AND t.recorded_at < $as_of_end AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
ranked AS (
  SELECT seconds, row_number() OVER (ORDER BY seconds) AS place, count(*) OVER () AS n FROM solved
)
SELECT avg(seconds) / 3600 AS value
FROM ranked
WHERE place IN ((n + 1) // 2, n // 2 + 1)

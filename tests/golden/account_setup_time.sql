-- The one in the middle, or the mean of the two in the middle.
WITH set_up AS (
  SELECT epoch(s.completed_at) - epoch(a.created_at) AS seconds
  FROM onboarding_steps AS s JOIN accounts AS a USING (account_id)
  WHERE step = 'account_setup' AND s.completed_at >= $start
    AND s.completed_at < least($end, $as_of_end) AND s.recorded_at < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
ranked AS (
  SELECT seconds, row_number() OVER (ORDER BY seconds) AS place, count(*) OVER () AS n FROM set_up
)
SELECT avg(seconds) / 86400 AS value
FROM ranked
WHERE place IN ((n + 1) // 2, n // 2 + 1)

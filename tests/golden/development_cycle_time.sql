-- The one in the middle, or the mean of the two in the middle.
WITH released AS (
  SELECT epoch(released_at) - epoch(concept_at) AS seconds
  FROM work_items AS i LEFT JOIN sprints AS s USING (sprint_id)
  WHERE item_type = 'feature' AND released_at >= $start AND released_at < least($end, $as_of_end)
    AND recorded_at < $as_of_end AND ($cell IS NULL OR team = $cell)
),
ranked AS (
  SELECT seconds, row_number() OVER (ORDER BY seconds) AS place, count(*) OVER () AS n FROM released
)
SELECT avg(seconds) / 86400 AS value
FROM ranked
WHERE place IN ((n + 1) // 2, n // 2 + 1)

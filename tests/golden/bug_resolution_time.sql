SELECT avg((epoch(resolved_at) - epoch(i.created_at)) / 3600) AS value,
       coalesce(sum((epoch(resolved_at) - epoch(i.created_at)) / 3600), 0) AS numerator, count(*) AS denominator
FROM work_items AS i LEFT JOIN sprints AS s USING (sprint_id)
WHERE item_type = 'bug' AND resolved_at >= $start AND resolved_at < least($end, $as_of_end)
  AND recorded_at < $as_of_end AND ($cell IS NULL OR $cell IN (team, severity))

SELECT coalesce(sum(revenue_impact), 0) AS value
FROM action_items
WHERE completed_at < least($end, $as_of_end) AND recorded_at < $as_of_end
  AND ($cell IS NULL OR engagement_id = $cell)
  AND engagement_id IS NOT NULL

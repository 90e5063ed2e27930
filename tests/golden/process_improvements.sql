SELECT count(*) FILTER (item_type = 'process_improvement') AS value
FROM action_items
WHERE completed_at < least($end, $as_of_end) AND recorded_at < $as_of_end
  AND ($cell IS NULL OR engagement_id = $cell)

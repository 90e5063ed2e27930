SELECT 100 - 100 * sum(current_hours)::DOUBLE / sum(baseline_hours) AS value,
       sum(baseline_hours - current_hours) AS numerator, sum(baseline_hours) AS denominator
FROM action_items
WHERE completed_at < least($end, $as_of_end) AND recorded_at < $as_of_end
  AND ($cell IS NULL OR engagement_id = $cell)
  AND item_type = 'process_improvement'

SELECT 100 - 100 * sum(current_hours)::DOUBLE / sum(baseline_hours) AS value,
       coalesce(sum(baseline_hours - current_hours), 0) AS numerator, coalesce(sum(baseline_hours), 0) AS denominator
FROM action_items
WHERE completed_at < least($end, $as_of_end) AND recorded_at < $as_of_end
  AND ($cell IS NULL OR engagement_id = $cell)
  AND item_type = 'process_improvement'

SELECT 100 * (sum(committed_points)::DOUBLE / sum(capacity_points)) AS value,
       coalesce(sum(committed_points), 0) AS numerator, coalesce(sum(capacity_points), 0) AS denominator
FROM sprints
WHERE end_on >= $start AND end_on < least($end, CAST($as_of_end AS DATE))
  AND ($cell IS NULL OR team = $cell)

SELECT 100 * (sum(committed_points)::DOUBLE / sum(capacity_points)) AS value,
       sum(committed_points) AS numerator, sum(capacity_points) AS denominator
FROM sprints
WHERE end_on >= $start AND end_on < least($end, CAST($as_of_end AS DATE))
  AND ($cell IS NULL OR team = $cell)

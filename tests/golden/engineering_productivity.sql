SELECT sum(completed_points)::DOUBLE / sum(engineers) AS value, coalesce(sum(completed_points), 0) AS numerator,
       coalesce(sum(engineers), 0) AS denominator
FROM sprints
WHERE end_on >= $start AND end_on < least($end, CAST($as_of_end AS DATE))
  AND ($cell IS NULL OR team = $cell)

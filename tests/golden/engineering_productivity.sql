SELECT sum(completed_points)::DOUBLE / sum(engineers) AS value, sum(completed_points) AS numerator,
       sum(engineers) AS denominator
FROM sprints
WHERE end_on >= $start AND end_on < least($end, CAST($as_of_end AS DATE))
  AND ($cell IS NULL OR team = $cell)

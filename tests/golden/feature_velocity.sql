SELECT avg(completed_points) AS value, coalesce(sum(completed_points), 0) AS numerator, count(*) AS denominator
FROM sprints
WHERE end_on >= $start AND end_on < least($end, CAST($as_of_end AS DATE))
  AND ($cell IS NULL OR team = $cell)

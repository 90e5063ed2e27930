WITH milestones AS (
  SELECT initiative_id, due_on,
         min(completed_on) FILTER (completed_on < CAST($as_of_end AS DATE)) AS reached_on
  FROM initiatives
  WHERE initiative_type = 'milestone' AND recorded_at < $as_of_end
    AND reported_on < CAST($as_of_end AS DATE) AND ($cell IS NULL OR owner_id = $cell)
  GROUP BY initiative_id, due_on
)
SELECT 100 * avg(coalesce(reached_on <= due_on, FALSE)::INT) AS value,
       count(*) FILTER (reached_on <= due_on) AS numerator, count(*) AS denominator
FROM milestones
WHERE due_on >= $start AND due_on < least($end, CAST($as_of_end AS DATE))

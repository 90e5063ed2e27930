WITH told AS (
  SELECT initiative_id, bool_or(status LIKE 'ahead%' OR status LIKE 'on%') AS good,
         bool_or(status <> 'done') AS still_open
  FROM initiatives
  WHERE reported_on < least($end, CAST($as_of_end AS DATE))
    AND reported_on >= date_trunc('month', CAST($end AS DATE) - 1)
    AND recorded_at < $as_of_end AND initiative_type <> 'milestone'
    AND ($cell IS NULL OR owner_id = $cell)
  GROUP BY initiative_id
)
SELECT 100.0 * count(*) FILTER (good) / nullif(count(*) FILTER (still_open), 0) AS value,
       count(*) FILTER (good) AS numerator, count(*) FILTER (still_open) AS denominator
FROM told

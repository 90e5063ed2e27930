WITH due AS (
  SELECT coalesce(completed_at < $as_of_end AND completed_at < due_on + INTERVAL 1 DAY, FALSE)
           AS in_time
  FROM action_items
  WHERE due_on >= $start AND due_on < least($end, CAST($as_of_end AS DATE))
    AND recorded_at < $as_of_end AND ($cell IS NULL OR $cell IN (owner_id, source, item_type))
)
SELECT 100 * avg(in_time::INT) AS value, count(*) FILTER (in_time) AS numerator,
       count(*) AS denominator
FROM due

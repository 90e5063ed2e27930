WITH items AS (
  SELECT item_id, planned_release_on AS planned,
         CASE WHEN released_at < $as_of_end THEN CAST(released_at AS DATE) END AS released
  FROM work_items AS i LEFT JOIN sprints AS s USING (sprint_id)
  LEFT JOIN accounts AS a ON a.account_id = i.requested_by_account_id
  WHERE is_roadmap AND i.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE)
    AND i.created_at < $end AND ($cell IS NULL OR team = $cell)
),
expected AS (
  SELECT released >= $start AND released < $end AND released <= planned AS on_time
  FROM items
  WHERE (released >= $start AND released < $end)
     OR (planned >= $start AND planned < least($end, CAST($as_of_end AS DATE))
         AND (released IS NULL OR released >= $start))
)
SELECT 100 * avg(CASE WHEN on_time THEN 1 ELSE 0 END) AS value,
       count(*) FILTER (on_time) AS numerator, count(*) AS denominator
FROM expected

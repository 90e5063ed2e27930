WITH planned AS (
  SELECT coalesce(released_at < least($end, $as_of_end), FALSE) AS released
  FROM work_items
  WHERE is_enterprise_feature AND is_roadmap AND created_at < least($end, $as_of_end)
    AND recorded_at < $as_of_end
)
SELECT 100 * avg(released::INT) AS value, count(*) FILTER (released) AS numerator,
       count(*) AS denominator
FROM planned

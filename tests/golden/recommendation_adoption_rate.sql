WITH delivered AS (
  SELECT coalesce(adopted_at < least($end, $as_of_end), FALSE) AS adopted
  FROM action_items
  WHERE item_type = 'recommendation' AND delivered_at < $end AND recorded_at < $as_of_end
    AND ($cell IS NULL OR engagement_id = $cell)
)
SELECT 100 * avg(adopted::INT) AS value, count(*) FILTER (adopted) AS numerator,
       count(*) AS denominator
FROM delivered

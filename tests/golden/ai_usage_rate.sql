-- Every workflow that is there when the period, or the as-of if it is earlier, ends.
WITH in_place AS (
  SELECT o.ai_node_count >= 1 AS has_ai
  FROM product_objects AS o JOIN accounts AS a USING (account_id)
  JOIN users AS u ON u.user_id = o.created_by_user_id
  WHERE o.object_type = 'workflow' AND o.created_at < least($end, $as_of_end)
    AND (o.archived_at IS NULL OR o.archived_at >= least($end, $as_of_end))
    AND o.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE)
    AND NOT coalesce(u.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT 100 * avg(has_ai::INT) AS value, count(*) FILTER (has_ai) AS numerator,
       count(*) AS denominator
FROM in_place

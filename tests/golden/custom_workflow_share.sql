WITH built AS (
  SELECT o.template_id IS NOT NULL AS from_template
  FROM product_objects AS o JOIN accounts AS a USING (account_id)
  JOIN users AS u ON u.user_id = o.created_by_user_id
  WHERE o.object_type = 'workflow' AND o.created_at >= $start AND o.created_at < $end
    AND o.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE)
    AND NOT coalesce(u.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT 100 - 100 * avg(from_template::INT) AS value, count(*) FILTER (NOT from_template) AS numerator,
       count(*) AS denominator
FROM built

-- Each new user, and whether any dashboard of theirs came soon enough.
WITH made AS (
  SELECT EXISTS (
           SELECT 1 FROM product_objects AS o
           WHERE o.created_by_user_id = u.user_id AND o.object_type = 'dashboard'
             AND o.created_at <= u.created_at + INTERVAL 48 HOUR
             AND o.created_at < $as_of_end AND o.recorded_at < $as_of_end) AS quick
  FROM users AS u JOIN accounts AS a USING (account_id)
  WHERE u.created_at >= $start AND u.created_at < least($end, $as_of_end)
    AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT 100 * avg(CASE WHEN quick THEN 1 ELSE 0 END) AS value,
       count(*) FILTER (quick) AS numerator, count(*) AS denominator
FROM made

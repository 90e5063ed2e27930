-- Every user with an event in the month, and one by one what of theirs is still in place.
WITH active AS (
  SELECT u.user_id
  FROM users AS u JOIN accounts AS a USING (account_id)
  WHERE EXISTS (
      SELECT 1 FROM events AS e
      WHERE e.user_id = u.user_id AND e.recorded_at < $as_of_end AND e.occurred_at < $end
        AND e.occurred_at >= CASE WHEN $end - $start < 28 THEN CAST($end AS DATE) - INTERVAL 30 DAY
                               ELSE CAST($end AS DATE) - INTERVAL 1 MONTH END)
    AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
built AS (
  SELECT active.user_id,
         (SELECT count(*) FROM product_objects AS o
          WHERE o.created_by_user_id = active.user_id AND o.object_type = 'dashboard'
            AND o.created_at < $end AND o.recorded_at < $as_of_end
            AND coalesce(o.archived_at >= least($end, $as_of_end), TRUE)) AS dashboards
  FROM active
)
SELECT avg(dashboards) AS value, coalesce(sum(dashboards), 0) AS numerator, count(*) AS denominator
FROM built

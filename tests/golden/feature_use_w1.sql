-- Each pair of a new user and a feature, and whether an event of it lies in those days.
WITH pairs AS (
  SELECT EXISTS (
           SELECT 1 FROM events AS e JOIN features AS n USING (feature_id)
           WHERE e.user_id = f.user_id AND n.feature_name = f.feature
             AND e.occurred_at >= f.created_at + INTERVAL 0 DAY AND e.occurred_at < f.created_at + INTERVAL 7 DAY
             AND e.occurred_at < $as_of_end) AS used
  FROM user_features AS f JOIN users AS u USING (user_id) JOIN accounts AS a ON a.account_id = u.account_id
  WHERE u.created_at >= $start AND u.created_at < least($end, $as_of_end)
    AND NOT coalesce(u.is_internal, FALSE) AND NOT coalesce(a.is_internal, FALSE)
    AND ($cell IS NULL OR $cell IN (a.segment, a.region, f.feature))
)
SELECT 100.0 * count(*) FILTER (used) / nullif(count(*), 0) AS value,
       count(*) FILTER (used) AS numerator, count(*) AS denominator
FROM pairs

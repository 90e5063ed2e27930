WITH known AS (
  SELECT e.user_id, e.event_name,
         e.occurred_at >= CASE WHEN $end - $start < 28 THEN CAST($end AS DATE) - INTERVAL 30 DAY
                               ELSE CAST($end AS DATE) - INTERVAL 1 MONTH END AS in_month
  FROM events AS e JOIN users AS u USING (user_id) JOIN accounts AS a ON a.account_id = e.account_id
  WHERE e.occurred_at < $end AND e.recorded_at < $as_of_end AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
active AS (SELECT DISTINCT user_id FROM known WHERE in_month)
SELECT avg(built) AS value, coalesce(sum(built), 0) AS numerator, count(*) AS denominator
FROM (
  SELECT count(known.user_id) AS built
  FROM active LEFT JOIN known
    ON known.user_id = active.user_id AND known.event_name = 'dashboard_created'
  GROUP BY active.user_id
)

WITH acted AS (
  SELECT count(*) AS actions
  FROM events AS e JOIN users AS u USING (user_id) JOIN accounts AS a ON a.account_id = e.account_id
  WHERE e.event_name NOT IN ('session_start') AND e.recorded_at < $as_of_end AND e.occurred_at < $end
    AND e.occurred_at >= CASE WHEN $end - $start < 28 THEN CAST($end AS DATE) - INTERVAL 30 DAY
                               ELSE CAST($end AS DATE) - INTERVAL 1 MONTH END
    AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT actions / nullif(mau.value, 0) AS value, actions AS numerator, mau.value AS denominator
FROM acted, ({mau}) AS mau

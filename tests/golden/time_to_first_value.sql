-- The curve by hand: at each wait, who arrives of those who have waited so long.
WITH cohort AS (
  SELECT u.user_id, u.created_at AS since
  FROM users AS u JOIN accounts AS a USING (account_id)
  WHERE u.created_at >= $start AND u.created_at < least(CAST($end AS TIMESTAMP), $as_of_end)
    AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
firsts AS (
  SELECT any_value(c.since) AS since, min(e.occurred_at) AS got
  FROM cohort AS c LEFT JOIN events AS e ON e.user_id = c.user_id AND e.event_name = 'value_event'
    AND e.occurred_at < $as_of_end AND e.recorded_at < $as_of_end
  GROUP BY c.user_id
),
known AS (
  SELECT got IS NOT NULL AS arrived,
         CASE WHEN got IS NULL THEN floor(epoch($as_of_end - since) / 3600)
              ELSE greatest(ceil(epoch(got - since) / 3600), 0) END AS waited
  FROM firsts
),
curve AS (
  SELECT waited, product(1 - arrived / at_risk::DOUBLE) OVER (ORDER BY waited) AS left_over
  FROM (SELECT waited, count(*) FILTER (arrived) AS arrived,
               (SELECT count(*) FROM known AS k WHERE k.waited >= known.waited) AS at_risk
        FROM known GROUP BY waited)
)
SELECT min(waited) AS value FROM curve WHERE left_over <= 0.5 + 1e-12

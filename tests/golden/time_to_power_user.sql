-- Every active day of a user is taken as the end of 30 days, and these are counted anew.
WITH cohort AS (
  SELECT u.user_id, u.created_at AS since
  FROM users AS u JOIN accounts AS a USING (account_id)
  WHERE u.created_at >= $start AND u.created_at < least(CAST($end AS TIMESTAMP), $as_of_end)
    AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
days AS (
  SELECT e.user_id, CAST(e.occurred_at AS DATE) AS day, max(e.occurred_at) AS last_at,
         list(DISTINCT CASE WHEN event_name LIKE 'dashboard%' THEN 'dashboards'
                            WHEN event_name LIKE 'workflow%' THEN 'workflows'
                            WHEN event_name IN ('data_source_connected', 'report_generated',
                              'collaboration_action', 'advanced_analytics_used', 'api_used')
                            THEN event_name END) AS features
  FROM events AS e JOIN cohort USING (user_id)
  WHERE e.occurred_at < $as_of_end AND e.recorded_at < $as_of_end
  GROUP BY ALL
),
ends AS (
  SELECT d.user_id, d.last_at
  FROM days AS d JOIN days AS o ON o.user_id = d.user_id AND o.day BETWEEN d.day - 29 AND d.day
  GROUP BY ALL
  HAVING count(*) >= 12 AND list_unique(flatten(list(o.features))) >= 3
),
firsts AS (
  SELECT any_value(c.since) AS since, min(e.last_at) AS got
  FROM cohort AS c LEFT JOIN ends AS e USING (user_id) GROUP BY c.user_id
),
known AS (
  SELECT got IS NOT NULL AS arrived,
         CASE WHEN got IS NULL THEN floor(epoch($as_of_end - since) / 86400)
              ELSE greatest(ceil(epoch(got - since) / 86400), 0) END AS waited
  FROM firsts
),
curve AS (
  SELECT waited, product(1 - arrived / at_risk::DOUBLE) OVER (ORDER BY waited) AS left_over
  FROM (SELECT waited, count(*) FILTER (arrived) AS arrived,
               (SELECT count(*) FROM known AS k WHERE k.waited >= known.waited) AS at_risk
        FROM known GROUP BY waited)
)
SELECT min(waited) AS value FROM curve WHERE left_over <= 0.5 + 1e-12

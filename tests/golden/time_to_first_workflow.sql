WITH firsts AS (
  SELECT any_value(a.created_at) AS since, min(o.created_at) AS got
  FROM accounts AS a LEFT JOIN product_objects AS o ON o.account_id = a.account_id
    AND o.object_type = 'workflow' AND o.created_at < $as_of_end AND o.recorded_at < $as_of_end
  WHERE a.created_at >= $start AND a.created_at < least(CAST($end AS TIMESTAMP), $as_of_end)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
  GROUP BY a.account_id
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

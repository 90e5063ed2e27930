WITH known AS (
  SELECT m.account_id, m.movement_type, m.effective_on AS day
  FROM mrr_movements AS m
  WHERE m.recorded_at < $as_of_end AND m.effective_on < least($end, $as_of_end)
),
came AS (
  SELECT a.account_id, min(k.day) AS since
  FROM accounts AS a JOIN known AS k USING (account_id)
  WHERE k.movement_type = 'new' AND a.switched_from_competitor_id IS NOT NULL
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
  GROUP BY a.account_id
),
judged AS (
  SELECT c.account_id,
         (SELECT sum(m.amount) FROM mrr_movements AS m
          WHERE m.account_id = c.account_id AND m.recorded_at < $as_of_end
            AND m.effective_on <= c.since + 90) > 0 AS stayed,
         EXISTS (SELECT 1 FROM projects AS p
                 WHERE p.account_id = c.account_id AND p.project_type = 'migration'
                   AND p.recorded_at < $as_of_end AND p.actual_end < least($end, $as_of_end)) AS moved
  FROM came AS c
  WHERE c.since >= CAST($end AS DATE) - 455 AND c.since < CAST($end AS DATE) - 90
)
SELECT 100.0 * count(*) FILTER (stayed AND moved) / nullif(count(*), 0) AS value,
       count(*) FILTER (stayed AND moved) AS numerator, count(*) AS denominator
FROM judged

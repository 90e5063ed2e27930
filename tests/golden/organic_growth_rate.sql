WITH won AS (
  SELECT a.account_id, a.referral_id IS NOT NULL AS referred
  FROM accounts AS a
  WHERE EXISTS (
      SELECT 1 FROM mrr_movements AS m
      WHERE m.account_id = a.account_id AND m.movement_type = 'new' AND m.recorded_at < $as_of_end
        AND m.effective_on >= $start AND m.effective_on < $end)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT 100 * avg(referred::INTEGER) AS value, count(*) FILTER (referred) AS numerator,
       count(*) AS denominator
FROM won

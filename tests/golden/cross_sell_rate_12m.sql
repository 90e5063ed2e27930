WITH customers AS (
  SELECT a.account_id,
         (SELECT coalesce(sum(m.amount), 0) FROM mrr_movements AS m
          WHERE m.account_id = a.account_id AND m.recorded_at < $as_of_end
            AND m.effective_on < $end) > 0 AS is_there
  FROM accounts AS a
  WHERE (SELECT sum(m.amount) FROM mrr_movements AS m
         WHERE m.account_id = a.account_id AND m.recorded_at < $as_of_end
           AND m.effective_on < CAST($end AS DATE) - INTERVAL 12 MONTH) > 0
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT 100 * avg(CASE WHEN bought.account_id IS NULL THEN 0 ELSE 1 END) AS value,
       count(bought.account_id) AS numerator, count(*) AS denominator
FROM customers LEFT JOIN (
  SELECT DISTINCT account_id FROM mrr_movements
  WHERE expansion_type = 'cross_sell' AND recorded_at < $as_of_end AND effective_on < $end
    AND effective_on >= CAST($end AS DATE) - INTERVAL 12 MONTH
) AS bought USING (account_id)

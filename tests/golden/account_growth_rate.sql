-- Every account's MRR at the two days, looked up one account at a time.
WITH pairs AS (
  SELECT (SELECT sum(m.amount) FROM mrr_movements AS m
          WHERE m.account_id = a.account_id AND m.recorded_at < $as_of_end
            AND m.effective_on < CAST($end AS DATE) - INTERVAL 12 MONTH) AS balance_then,
         (SELECT sum(m.amount) FROM mrr_movements AS m
          WHERE m.account_id = a.account_id AND m.recorded_at < $as_of_end
            AND m.effective_on < $end) AS balance
  FROM accounts AS a
  WHERE NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT 100 * (avg(balance) / avg(balance_then) - 1) AS value,
       coalesce(sum(balance - balance_then), 0) AS numerator,
       coalesce(sum(balance_then), 0) AS denominator
FROM pairs
WHERE balance_then > 0 AND balance > 0

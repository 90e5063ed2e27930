WITH balances AS (
  SELECT m.account_id, sum(m.amount) AS balance
  FROM mrr_movements AS m JOIN accounts AS a USING (account_id)
  WHERE m.effective_on < $end AND m.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE)
  GROUP BY m.account_id
)
SELECT 100 * max(balance)::DOUBLE / nullif(sum(balance), 0) AS value,
       max(balance) AS numerator,
       coalesce(sum(balance), 0) AS denominator
FROM balances

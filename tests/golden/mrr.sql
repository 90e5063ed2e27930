-- Each account's last running balance before the period's end, added up.
WITH running AS (
  SELECT account_id, effective_on,
         sum(amount) OVER (PARTITION BY account_id ORDER BY effective_on) AS balance
  FROM mrr_movements
  WHERE recorded_at < $as_of_end
),
closing AS (
  SELECT account_id, arg_max(balance, effective_on) AS balance
  FROM running WHERE effective_on < $end GROUP BY account_id
)
SELECT coalesce(sum(balance), 0) AS value
FROM closing JOIN accounts AS a USING (account_id)
WHERE NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))

-- The mean of the last three months' burn; no figure where cash grew.
WITH latest AS (
  SELECT closing_balance, operating_payments - customer_receipts AS burned,
         row_number() OVER (ORDER BY month_end DESC) AS back
  FROM cash_balances
  WHERE month_end < $end AND recorded_at < $as_of_end
)
SELECT CASE WHEN avg(burned) > 0 THEN max(closing_balance) FILTER (back = 1) / avg(burned) END AS value
FROM latest
WHERE back <= 3

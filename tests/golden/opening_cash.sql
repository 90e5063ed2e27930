SELECT arg_min(opening_balance, month_end) AS value
FROM cash_balances
WHERE month_end >= $start AND month_end < $end AND recorded_at < $as_of_end

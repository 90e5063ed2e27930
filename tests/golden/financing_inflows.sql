SELECT sum(financing_inflows) AS value
FROM cash_balances
WHERE month_end >= $start AND month_end < $end AND recorded_at < $as_of_end

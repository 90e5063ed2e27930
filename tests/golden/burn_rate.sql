-- What cash went down by, with financing put back.
SELECT sum(opening_balance + financing_inflows - closing_balance) AS value
FROM cash_balances
WHERE month_end >= $start AND month_end < $end AND recorded_at < $as_of_end

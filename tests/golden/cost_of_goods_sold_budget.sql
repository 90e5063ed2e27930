SELECT sum(amount) AS value
FROM budgets
WHERE line = 'cogs' AND month >= $start AND month < $end AND month < $as_of_end AND recorded_at < $as_of_end

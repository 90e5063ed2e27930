SELECT sum(amount) AS value
FROM budgets
WHERE line IN ('sales', 'marketing', 'r_and_d', 'g_and_a')
  AND month >= $start AND month < $end AND month < $as_of_end AND recorded_at < $as_of_end

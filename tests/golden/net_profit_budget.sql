SELECT sum(CASE WHEN line = 'revenue' THEN amount ELSE -amount END) AS value
FROM budgets
WHERE line IN ('revenue', 'cogs', 'sales', 'marketing', 'r_and_d', 'g_and_a', 'depreciation_amortisation', 'interest', 'tax')
  AND month >= $start AND month < $end AND month < $as_of_end AND recorded_at < $as_of_end

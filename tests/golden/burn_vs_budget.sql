WITH plan AS (
  SELECT sum(amount) AS budget
  FROM budgets
  WHERE line = 'net_burn' AND month >= $start AND month < $end AND recorded_at < $as_of_end
)
SELECT 100 * (burn.value / budget - 1) AS value, burn.value - budget AS numerator, budget AS denominator
FROM ({burn_rate}) AS burn, plan

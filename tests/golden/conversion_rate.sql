SELECT 100 * c.value / nullif(t.value, 0) AS value, c.value AS numerator, t.value AS denominator
FROM ({new_customers}) AS c, ({trial_signups}) AS t

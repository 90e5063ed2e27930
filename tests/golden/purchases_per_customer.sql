SELECT p.value::DOUBLE / nullif(c.value, 0) AS value, p.value AS numerator, c.value AS denominator
FROM ({purchases}) AS p, ({purchasing_customers}) AS c

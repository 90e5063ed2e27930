WITH spend AS ({marketing_spend}), qualified AS ({marketing_qualified_leads})
SELECT s.value / nullif(q.value, 0) AS value, s.value AS numerator, q.value AS denominator
FROM spend AS s, qualified AS q

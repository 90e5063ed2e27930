WITH won AS ({new_mrr}), spend AS ({marketing_spend})
SELECT w.value / nullif(s.value, 0) AS value, w.value AS numerator, s.value AS denominator
FROM won AS w, spend AS s

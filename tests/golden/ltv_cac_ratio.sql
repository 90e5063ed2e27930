SELECT ltv.value / nullif(cac.value, 0) AS value, ltv.value AS numerator, cac.value AS denominator
FROM ({ltv}) AS ltv, ({cac}) AS cac

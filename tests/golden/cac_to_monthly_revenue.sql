SELECT cac.value / nullif(arpa.value, 0) AS value, cac.value AS numerator, arpa.value AS denominator
FROM ({cac}) AS cac, ({arpa}) AS arpa

SELECT mrr.value / nullif(mau.value, 0) AS value, mrr.value AS numerator, mau.value AS denominator
FROM ({mrr}) AS mrr, ({mau}) AS mau

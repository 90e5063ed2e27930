SELECT CAST(ratio.value > 3 AS INTEGER) + CAST(payback.value < 18 AS INTEGER) AS value
FROM ({ltv_cac_ratio}) AS ratio, ({cac_payback_period}) AS payback

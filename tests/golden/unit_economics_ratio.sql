SELECT (arpa.value - service.value) * lifespan.value / nullif(cac.value, 0) AS value,
       (arpa.value - service.value) * lifespan.value AS numerator, cac.value AS denominator
FROM ({arpa}) AS arpa, ({cost_to_serve}) AS service, ({customer_lifespan}) AS lifespan, ({cac}) AS cac

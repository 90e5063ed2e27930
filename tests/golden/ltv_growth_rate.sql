SELECT CASE WHEN before.value > 0 THEN 100 * (now.value - before.value) / before.value END AS value,
       now.value - before.value AS numerator, CASE WHEN before.value > 0 THEN before.value END AS denominator
FROM ({ltv}) AS now, ({ltv a year ago}) AS before

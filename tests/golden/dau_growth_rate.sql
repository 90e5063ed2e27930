SELECT 100 * (now.value / nullif(greatest(before.value, 0), 0) - 1) AS value,
       now.value - before.value AS numerator, nullif(greatest(before.value, 0), 0) AS denominator
FROM ({dau}) AS now, ({dau before}) AS before

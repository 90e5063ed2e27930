-- The placeholder has a row for each KPI with a target: its figure, how they are compared, the target.
WITH judged AS (
  SELECT CASE comparator WHEN '>=' THEN value >= low WHEN '>' THEN value > low
                         WHEN '<=' THEN value <= low WHEN '<' THEN value < low
                         ELSE value BETWEEN low AND high END AS met
  FROM (VALUES {targets}) AS t(value, comparator, low, high)
  WHERE value IS NOT NULL
)
SELECT 100 * avg(CAST(met AS INTEGER)) AS value, count(*) FILTER (met) AS numerator,
       count(*) AS denominator
FROM judged

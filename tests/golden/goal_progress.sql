-- The placeholder has a row for each KPI with a target: its figure, how they are compared, the target.
-- Where lower is better, or within a range, what counts is how the nearer end compares.
WITH ends AS (
  SELECT value, CASE WHEN high IS NOT NULL AND value > low THEN high ELSE low END AS goal,
         comparator IN ('<', '<=') OR (high IS NOT NULL AND value > low) AS is_limit
  FROM (VALUES {targets}) AS t(value, comparator, low, high)
  WHERE value IS NOT NULL
),
reached AS (
  SELECT CASE WHEN value = goal OR (value < goal) = is_limit THEN 1
              WHEN CASE WHEN is_limit THEN value ELSE goal END <= 0
              THEN CASE WHEN goal = 0 THEN 0 ELSE greatest(0, 1 - abs(value - goal) / abs(goal)) END
              WHEN is_limit THEN greatest(0, goal / value) ELSE greatest(0, value / goal) END AS part
  FROM ends
)
SELECT 100 * avg(part) AS value, sum(part) AS numerator, count(*) AS denominator
FROM reached

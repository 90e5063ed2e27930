WITH latest AS (
  SELECT * FROM dq_results
  WHERE run_at < least($end, $as_of_end)
    AND ($cell IS NULL OR dataset = $cell OR dimension = $cell)
    AND (superseded_at IS NULL OR superseded_at >= least($end, $as_of_end))
),
scores AS (
  SELECT dimension, any_value(weight)::DOUBLE AS weight, 1 - sum(unexpected)::DOUBLE / sum(evaluated) AS score
  FROM latest GROUP BY dimension HAVING sum(evaluated) > 0
)
SELECT 100 * sum(weight * score) / sum(weight) AS value, coalesce(sum(weight * score), 0) AS numerator,
       coalesce(sum(weight), 0) AS denominator
FROM scores

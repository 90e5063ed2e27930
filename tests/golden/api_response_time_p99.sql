-- One row a bound of the merged histogram; the first whose count reaches 99 % holds the percentile.
WITH merged AS (
  SELECT 0.99 * sum(requests) AS rank,
         [sum(le_25), sum(le_50), sum(le_100), sum(le_200), sum(le_500),
          sum(le_1000), sum(le_2000), sum(le_3000), sum(le_5000), sum(le_10000)] AS counts
  FROM request_metrics
  WHERE surface = 'api' AND bucket_start >= $start AND bucket_start < $end
    AND recorded_at < $as_of_end
    AND ($cell IS NULL OR region = $cell)
),
bounds AS (
  SELECT rank, unnest([25, 50, 100, 200, 500, 1000, 2000, 3000, 5000, 10000]) AS bound,
         unnest(counts) AS reached
  FROM merged
),
steps AS (
  SELECT rank, bound, reached,
         lag(bound, 1, 0) OVER (ORDER BY bound) AS lower,
         lag(reached, 1, 0) OVER (ORDER BY bound) AS before
  FROM bounds
)
SELECT (SELECT lower + (bound - lower) * (rank - before)::DOUBLE / (reached - before)
        FROM steps WHERE reached >= rank ORDER BY bound LIMIT 1) AS value

-- The merged histogram of each region; the bound at which half of its probes are reached.
WITH merged AS (
  SELECT region, 0.5 * sum(requests) AS rank,
         [sum(le_25), sum(le_50), sum(le_100), sum(le_200), sum(le_500),
          sum(le_1000), sum(le_2000), sum(le_3000), sum(le_5000), sum(le_10000)] AS counts
  FROM request_metrics
  WHERE surface = 'edge_probe' AND bucket_start >= $start AND bucket_start < $end
    AND recorded_at < $as_of_end AND ($cell IS NULL OR region = $cell)
  GROUP BY region
),
bounds AS (
  SELECT region, rank, unnest([25, 50, 100, 200, 500, 1000, 2000, 3000, 5000, 10000]) AS bound,
         unnest(counts) AS reached
  FROM merged
),
steps AS (
  SELECT *, lag(bound, 1, 0) OVER (PARTITION BY region ORDER BY bound) AS lower,
         lag(reached, 1, 0) OVER (PARTITION BY region ORDER BY bound) AS before
  FROM bounds
),
medians AS (
  SELECT region, arg_min(lower + (bound - lower) * (rank - before)::DOUBLE / (reached - before), bound)
           AS median
  FROM steps WHERE reached >= rank AND reached > before GROUP BY region
)
SELECT max(median) AS value FROM medians

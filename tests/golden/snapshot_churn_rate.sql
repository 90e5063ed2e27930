-- Who left in any snapshot of the period has left.
WITH customers AS (
  SELECT s.customer_id, bool_or(s.churned) AS has_left
  FROM customer_snapshots AS s
  WHERE s.snapshot_on >= $start AND s.snapshot_on < least($end, CAST($as_of_end AS DATE))
    AND ($cell IS NULL OR $cell IN (s.segment, s.region))
  GROUP BY s.customer_id
)
SELECT 100 * avg(has_left::INT) AS value,
       count(*) FILTER (has_left) AS numerator, count(has_left) AS denominator
FROM customers

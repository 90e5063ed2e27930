SELECT count(DISTINCT s.customer_id) AS value
FROM customer_snapshots AS s
WHERE s.snapshot_on >= $start AND s.snapshot_on < least($end, CAST($as_of_end AS DATE))
  AND ($cell IS NULL OR $cell IN (s.segment, s.region))

SELECT avg(s.tenure_months) AS value, coalesce(sum(s.tenure_months), 0) AS numerator,
       count(s.tenure_months) AS denominator
FROM customer_snapshots AS s
WHERE s.snapshot_on >= $start AND s.snapshot_on < least($end, CAST($as_of_end AS DATE))
  AND ($cell IS NULL OR $cell IN (s.segment, s.region))

WITH asked AS (
  SELECT coalesce(released_at < $as_of_end
                  AND epoch(released_at) - epoch(i.created_at) <= 183 * 86400, FALSE) AS delivered
  FROM work_items AS i JOIN accounts AS a ON a.account_id = i.requested_by_account_id
  WHERE item_type = 'feature' AND i.created_at >= CAST($end AS DATE) - INTERVAL 12 MONTH
    AND i.created_at < CAST($end AS DATE) - INTERVAL 6 MONTH AND i.recorded_at < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT 100 * avg(delivered::INT) AS value, count(*) FILTER (delivered) AS numerator,
       count(*) AS denominator
FROM asked

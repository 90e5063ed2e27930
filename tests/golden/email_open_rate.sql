SELECT 100 * (sum(unique_opens)::DOUBLE / sum(delivered)) AS value, sum(unique_opens) AS numerator,
       sum(delivered) AS denominator
FROM email_sends
WHERE sent_at >= $start AND sent_at < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR campaign_id = $cell)

SELECT 100 * (sum(unique_clicks)::DOUBLE / sum(delivered)) AS value, coalesce(sum(unique_clicks), 0) AS numerator,
       coalesce(sum(delivered), 0) AS denominator
FROM email_sends
WHERE sent_at >= $start AND sent_at < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR campaign_id = $cell)

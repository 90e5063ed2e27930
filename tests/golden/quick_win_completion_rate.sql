WITH given AS (
  SELECT coalesce(completed_at < $as_of_end AND completed_at < kickoff_on + INTERVAL 91 DAY, FALSE)
           AS done
  FROM action_items JOIN engagements USING (engagement_id)
  WHERE item_type = 'quick_win' AND kickoff_on >= $start
    AND kickoff_on < least($end, CAST($as_of_end AS DATE)) AND delivered_at < $as_of_end
    AND recorded_at < $as_of_end AND ($cell IS NULL OR engagement_id = $cell)
)
SELECT 100 * avg(done::INT) AS value, count(*) FILTER (done) AS numerator, count(*) AS denominator
FROM given

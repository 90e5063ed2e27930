WITH begun AS (
  SELECT e.engagement_id, count(i.action_id) AS items
  FROM engagements AS e LEFT JOIN action_items AS i
    ON i.engagement_id = e.engagement_id AND item_type = 'recommendation'
   AND i.delivered_at < e.kickoff_on + INTERVAL 31 DAY AND i.delivered_at < $as_of_end
   AND i.recorded_at < $as_of_end
  WHERE kickoff_on >= $start AND kickoff_on < least($end, CAST($as_of_end AS DATE))
    AND ($cell IS NULL OR e.engagement_id = $cell)
  GROUP BY e.engagement_id
)
SELECT avg(items) AS value, coalesce(sum(items), 0) AS numerator, count(*) AS denominator FROM begun

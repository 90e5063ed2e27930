SELECT count(*) AS value
FROM (
  SELECT visitor_id FROM web_visits
  WHERE visited_at >= $start AND visited_at < $end AND recorded_at < $as_of_end
  GROUP BY visitor_id
)

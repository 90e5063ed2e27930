SELECT 100 * avg((v.channel = 'organic_search')::INTEGER) AS value,
       count(*) FILTER (v.channel = 'organic_search') AS numerator, count(*) AS denominator
FROM web_visits AS v
WHERE v.visited_at >= $start AND v.visited_at < $end AND v.recorded_at < $as_of_end

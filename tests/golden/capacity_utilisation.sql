SELECT 100 * mean.value / capacity.value AS value, mean.value AS numerator, capacity.value AS denominator
FROM ({average_concurrent_users}) AS mean, ({peak_user_capacity}) AS capacity

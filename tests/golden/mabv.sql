SELECT mau.value * per_user.value * score.value AS value
FROM ({mau}) AS mau, ({dashboards_per_user}) AS per_user, ({business_value_score}) AS score

SELECT r.value - c.value AS value FROM ({total_revenue}) AS r, ({cost_of_goods_sold}) AS c

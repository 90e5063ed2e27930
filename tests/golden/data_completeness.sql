SELECT least(loads.value, fields.value) AS value
FROM ({data_coverage}) AS loads, ({required_fields_filled}) AS fields

-- What the loads that stood on a day say of all their rows; the first that says it holds for all.
SELECT
    arg_min(roles, load) AS roles,
    arg_min(zero_amount, load) AS zero_amount,
    arg_min(currency, load) FILTER (WHERE currency IS NOT NULL) AS currency
FROM ({loads}) AS loads
WHERE kind = 'rows' AND loaded_on <= $as_of

-- What the customers come to. Sums are of whole hundred-millionths, so that no order of rows and
-- no number of threads can change a digit of them.
SELECT
    count(*) AS customers,
    sum(CAST(p_alive AS DECIMAL(38, 8))) AS active,
    sum(CAST(expected_purchases AS DECIMAL(38, 8))) AS expected_purchases,
    sum(CAST(residual_clv AS DECIMAL(38, 8))) AS residual_clv,
    sum(CAST(value_at_risk AS DECIMAL(38, 8))) AS value_at_risk
FROM customers

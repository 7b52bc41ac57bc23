-- The occasions, for people.
SELECT
    customer_id,
    date,
    CAST(amount AS DOUBLE) AS amount,
    CAST(rows AS BIGINT) AS rows
FROM occasions
ORDER BY customer_id, date

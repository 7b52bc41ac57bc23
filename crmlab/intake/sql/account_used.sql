-- What the occasions, and with them every figure, are made of.
SELECT
    CAST(coalesce(sum(rows), 0) AS BIGINT) AS records,
    coalesce(sum(money), 0) AS money,
    min(date) AS first_date,
    max(date) AS last_date
FROM used

-- What the occasions, and with them every figure, are made of.
SELECT
    coalesce(sum(rows), 0) AS records,
    coalesce(sum(amount), 0) AS money,
    count(DISTINCT customer_id) AS customers,
    count(*) AS occasions,
    min(date) AS first_date,
    max(date) AS last_date
FROM occasions

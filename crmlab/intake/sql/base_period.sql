-- The days and customers of a base's rows.
SELECT
    min(date) AS first_date,
    max(date) AS last_date,
    count(DISTINCT customer_id) AS customers
FROM base.rows
WHERE known_until IS NULL

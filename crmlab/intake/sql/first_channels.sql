-- The channel of each customer's first purchase: of several on that day, the dearest one's.
WITH sold AS (
    SELECT
        used.customer_id,
        used.date,
        used.money,
        used.record,
        records.channel
    FROM used
    JOIN records ON used.record = records.record
    WHERE records.amount >= 0
)

SELECT
    customer_id,
    first(channel ORDER BY money DESC, record) FILTER (WHERE channel IS NOT NULL) AS channel
FROM (
    SELECT *
    FROM sold
    QUALIFY date = min(date) OVER (PARTITION BY customer_id)
) AS first_day
GROUP BY customer_id
ORDER BY customer_id

-- The channel of each customer's first day: of several, that in which most was spent and kept.
WITH first_day AS (
    SELECT
        used.customer_id,
        used.money,
        used.record,
        records.channel
    FROM used
    JOIN records ON used.record = records.record
    QUALIFY used.date = min(used.date) OVER (PARTITION BY used.customer_id)
),

spent AS (
    SELECT
        customer_id,
        channel,
        sum(money) AS money,
        min(record) AS record
    FROM first_day
    GROUP BY customer_id, channel
)

SELECT
    customer_id,
    first(channel ORDER BY money DESC, record) FILTER (WHERE channel IS NOT NULL) AS channel
FROM spent
GROUP BY customer_id
ORDER BY customer_id

-- A summary that was made elsewhere, in the types that the other statements expect.
SELECT
    {customer_id} AS customer_id,
    CAST(frequency AS BIGINT) AS frequency,
    CAST(recency AS DOUBLE) AS recency,
    CAST("T" AS DOUBLE) AS "T",
    CAST({spend_frequency} AS BIGINT) AS spend_frequency,
    CAST(monetary_value AS DOUBLE) AS monetary_value{others}
FROM {source}

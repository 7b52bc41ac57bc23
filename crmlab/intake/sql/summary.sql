-- One row a customer, as crmlab.schema.SUMMARY describes it.
SELECT
    customer_id,
    CAST(occasions - 1 AS BIGINT) AS frequency,
    date_diff('day', first_date, last_date) / CAST($days_per_unit AS DOUBLE) AS recency,
    date_diff('day', first_date, $observation_end) / CAST($days_per_unit AS DOUBLE) AS T,
    CAST(paid_occasions - (CASE WHEN first_value > 0 THEN 1 ELSE 0 END) AS BIGINT)
        AS spend_frequency,
    -- Occasions of zero spend add nothing to the sum, so only the count needs to leave them out.
    CAST(total_value - first_value AS DOUBLE)
        / nullif(paid_occasions - (CASE WHEN first_value > 0 THEN 1 ELSE 0 END), 0)
        AS monetary_value,
    CAST(first_value AS DOUBLE) AS first_value,
    first_date,
    last_date,
    CAST(total_value AS DOUBLE) AS total_value,
    CAST(log_gaps AS DOUBLE) - (occasions - 1) * ln(CAST($days_per_unit AS DOUBLE)) AS log_gaps
FROM histories
ORDER BY customer_id

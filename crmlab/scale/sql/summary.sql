-- One row a customer, as crmlab.schema.SUMMARY describes it (but for log_gaps).
SELECT
    customer_id,
    CAST(occasions - 1 AS BIGINT) AS frequency,
    (last_day - first_day) / CAST({days_per_unit} AS DOUBLE) AS recency,
    ({end_day} - first_day) / CAST({days_per_unit} AS DOUBLE) AS "T",
    CAST(paid_occasions - CASE WHEN first_units > 0 THEN 1 ELSE 0 END AS BIGINT)
        AS spend_frequency,
    -- Occasions of zero spend add nothing to the sum, so only the count needs to leave them out.
    CAST(total_units - first_units AS DOUBLE) / CAST({units} AS DOUBLE)
        / nullif(paid_occasions - CASE WHEN first_units > 0 THEN 1 ELSE 0 END, 0)
        AS monetary_value,
    CAST(first_units AS DOUBLE) / CAST({units} AS DOUBLE) AS first_value,
    DATE '1900-01-01' + first_day AS first_date,
    DATE '1900-01-01' + last_day AS last_date,
    CAST(total_units AS DOUBLE) / CAST({units} AS DOUBLE) AS total_value
FROM histories

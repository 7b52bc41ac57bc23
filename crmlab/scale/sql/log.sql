-- A log in whole days from 1900-01-01 on and whole units of money ({units} make 1).
SELECT
    {customer_id} AS customer_id,
    date_diff('day', DATE '1900-01-01', CAST({date} AS DATE)) AS day,
    CAST(floor(CAST({amount} AS DOUBLE) * {units} + 0.5) AS BIGINT) AS units
FROM {source}
WHERE CAST({date} AS DATE) <= DATE '{observation_end}'
